//! Far more concurrent sign-ins than hash permits, while a visitor opens pages.

use crate::crowd;
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar};
use blackbox::program::Running;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Concurrent sign-ins, repeated.
pub const AT_ONCE: usize = 256;
const LASTS: Duration = Duration::from_secs(6);
/// Interval between two page requests.
const EVERY: Duration = Duration::from_millis(20);
/// Pause between the storm and the page requests after it.
const REST: Duration = Duration::from_secs(5);
/// Page requests after the storm.
const AFTERWARDS: usize = 100;

#[derive(Default)]
pub struct Storm {
    /// Passwords checked per second.
    pub a_second: f64,
    /// The longest response time of a password in ms, for a check or a 503.
    pub longest_ms: f64,
    /// The number of passwords per thousand that got 503 with `Retry-After`.
    pub told_later: f64,
    /// Failed connections and unexpected responses.
    pub broken: f64,
    /// 99th percentile of the page during the storm, in ms.
    pub page_p99_ms: f64,
    /// The same, five seconds after the storm.
    pub page_p99_after_ms: f64,
}

pub fn rage(running: &Running) -> Result<Storm, Fault> {
    let port = running.port();
    let (over, judged, later, broken) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let longest = Mutex::new(0.0_f64);
    let together = Barrier::new(AT_ONCE + 1);
    let mut pages = Vec::new();
    std::thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let (over, judged, later, broken, longest, together) =
                (&over, &judged, &later, &broken, &longest, &together);
            scope.spawn(move || {
                together.wait();
                let mut client = Client::new(number);
                let mut own_longest = 0.0_f64;
                while !over.load(Ordering::Relaxed) {
                    let (outcome, ms) = client.sign_in(port);
                    own_longest = own_longest.max(ms);
                    let count = match outcome {
                        Outcome::Judged => judged,
                        Outcome::Later(_) => later,
                        Outcome::Broken => broken,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    if let Outcome::Later(wait) = outcome {
                        rest(wait, over);
                    }
                }
                let mut longest = longest.lock().unwrap_or_else(PoisonError::into_inner);
                *longest = longest.max(own_longest);
            });
        }
        together.wait();
        let began = Instant::now();
        while began.elapsed() < LASTS {
            match page(port) {
                Ok(ms) => pages.push(ms),
                Err(_) => drop(broken.fetch_add(1, Ordering::Relaxed)),
            }
            sleep(EVERY);
        }
        over.store(true, Ordering::Relaxed);
    });
    sleep(REST);
    let afterwards = (0..AFTERWARDS).map(|_| page(port)).collect::<Result<Vec<_>, _>>()?;
    let (judged, later) = (judged.into_inner() as f64, later.into_inner() as f64);
    Ok(Storm {
        a_second: judged / LASTS.as_secs_f64(),
        longest_ms: longest.into_inner().unwrap_or_else(PoisonError::into_inner),
        told_later: later * 1_000.0 / (judged + later).max(1.0),
        broken: broken.into_inner() as f64,
        page_p99_ms: p99(pages),
        page_p99_after_ms: p99(afterwards),
    })
}

/// Waits for `wait`, or until the storm is over.
fn rest(wait: Duration, over: &AtomicBool) {
    const STEP: Duration = Duration::from_millis(100);
    let began = Instant::now();
    while began.elapsed() < wait && !over.load(Ordering::Relaxed) {
        sleep(STEP.min(wait));
    }
}

enum Outcome {
    Judged,
    /// The wait in `Retry-After`, after which the client sends the same form again.
    Later(Duration),
    Broken,
}

/// A client that signs in repeatedly.
struct Client {
    email: String,
    connection: Option<Connection>,
    /// The sign-in at its password step.
    begun: Option<Jar>,
}

impl Client {
    fn new(number: usize) -> Self {
        Self {
            email: crowd::signer(number),
            connection: None,
            begun: None,
        }
    }

    /// Continues the sign-in up to the mailed code; returns the outcome and the longest response time in ms.
    fn sign_in(&mut self, port: u16) -> (Outcome, f64) {
        let Some(mut connection) = self.connection.take().or_else(|| Connection::open(port).ok()) else {
            return (Outcome::Broken, 0.0);
        };
        let mut longest = 0.0_f64;
        let mut send = |step: &str, field: (&str, &str), jar: &mut Jar, expected: &str| {
            let began = Instant::now();
            let answer = connection.form(&format!("/api/sign_in/{step}"), &[field], jar);
            longest = longest.max(began.elapsed().as_secs_f64() * 1_000.0);
            match answer {
                Ok(answer) if answer.status == 200 && answer.says(expected) => Outcome::Judged,
                Ok(answer) => later(&answer).map_or(Outcome::Broken, Outcome::Later),
                Err(_) => Outcome::Broken,
            }
        };
        let mut jar = self.begun.take();
        let mut outcome = Outcome::Judged;
        if jar.is_none() {
            let mut new = Jar::default();
            outcome = send("begin", ("email", &self.email), &mut new, "EnterPassword");
            jar = matches!(outcome, Outcome::Judged).then_some(new);
        }
        if let Some(mut jar) = jar {
            outcome = send("password", ("password", crowd::PASSWORD), &mut jar, "EnterCode");
            self.begun = matches!(outcome, Outcome::Later(_)).then_some(jar);
        }
        if !matches!(outcome, Outcome::Broken) {
            self.connection = Some(connection);
        }
        (outcome, longest)
    }
}

/// Returns the wait, if the answer is a 503.
fn later(answer: &Answer) -> Option<Duration> {
    let seconds = answer.header("retry-after").parse().ok()?;
    (answer.status == 503).then(|| Duration::from_secs(seconds))
}

/// Opens the page on a new connection, like a new visitor; returns the time in ms.
fn page(port: u16) -> Result<f64, Fault> {
    let began = Instant::now();
    let answer = Connection::open(port)?.page("/signin", true)?;
    match answer.status {
        200 => Ok(began.elapsed().as_secs_f64() * 1_000.0),
        _ => Err(answer.unexpected("GET /signin")),
    }
}

fn p99(ms: Vec<f64>) -> f64 {
    crowd::percentile(&crowd::sorted(ms), 99)
}
