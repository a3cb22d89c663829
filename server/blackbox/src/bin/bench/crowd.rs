//! Accounts of the benchmark, and their concurrent requests.

use blackbox::Fault;
use blackbox::http::Connection;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Concurrent connections.
pub const CONNECTIONS: usize = 16;
/// Accounts that sign in.
pub const SIGNERS: usize = 40;
/// Accounts that request a reset, once per round. They have no password, because creating one costs a hash.
pub const FORGETFUL: usize = 200;
/// The password of every account.
pub const PASSWORD: &str = "nine quiet kettles under the stairs";

pub fn signer(index: usize) -> String {
    format!("signer{}@example.com", index % SIGNERS)
}

pub fn forgetful(index: usize) -> String {
    format!("forgetful{index}@example.com")
}

/// The outcome of one measurement.
pub struct Done {
    pub count: usize,
    pub seconds: f64,
    /// Latency of each request in ms, ascending.
    pub latencies: Vec<f64>,
}

impl Done {
    pub fn a_second(&self) -> f64 {
        self.count as f64 / self.seconds
    }

    /// Returns a percentile of the latencies, in ms.
    pub fn percentile(&self, hundredths: usize) -> f64 {
        percentile(&self.latencies, hundredths)
    }
}

/// Returns a percentile of ascending latencies.
pub fn percentile(latencies: &[f64], hundredths: usize) -> f64 {
    let at = (latencies.len() * hundredths).div_ceil(100).saturating_sub(1);
    latencies.get(at).copied().unwrap_or_default()
}

pub fn sorted(mut latencies: Vec<f64>) -> Vec<f64> {
    latencies.sort_by(f64::total_cmp);
    latencies
}

/// Sends up to `count` requests over all connections for at most `most`. Stops at the first fault.
pub fn ask(
    port: u16,
    count: usize,
    most: Duration,
    once: impl Fn(&mut Connection, usize) -> Result<(), Fault> + Sync,
) -> Result<Done, Fault> {
    let next = AtomicUsize::new(0);
    let fault = Mutex::new(None);
    let all = Mutex::new(Vec::with_capacity(count));
    let connections = (0..CONNECTIONS)
        .map(|_| Connection::open(port))
        .collect::<Result<Vec<_>, _>>()?;
    let together = Barrier::new(CONNECTIONS + 1);
    let began = std::thread::scope(|scope| {
        for mut connection in connections {
            let (next, fault, all, together, once) = (&next, &fault, &all, &together, &once);
            scope.spawn(move || {
                together.wait();
                let until = Instant::now() + most;
                let mut own = Vec::new();
                while Instant::now() < until && lock(fault).is_none() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let began = Instant::now();
                    if let Err(wrong) = once(&mut connection, index) {
                        lock(fault).get_or_insert(wrong);
                        break;
                    }
                    own.push(began.elapsed().as_secs_f64() * 1_000.0);
                }
                lock(all).extend(own);
            });
        }
        together.wait();
        Instant::now()
    });
    let seconds = began.elapsed().as_secs_f64();
    if let Some(fault) = lock(&fault).take() {
        return Err(fault);
    }
    let latencies = sorted(std::mem::take(&mut *lock(&all)));
    Ok(Done {
        count: latencies.len(),
        seconds,
        latencies,
    })
}

/// Runs `once` for every index on `threads` threads. Stops at the first fault.
pub fn hurry(threads: usize, count: usize, once: impl Fn(usize) -> Result<(), Fault> + Sync) -> Result<(), Fault> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let fault = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    if let Err(wrong) = once(index) {
                        failed.store(true, Ordering::Relaxed);
                        lock(&fault).get_or_insert(wrong);
                    }
                }
            });
        }
    });
    lock(&fault).take().map_or(Ok(()), Err)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
