//! Dedicated hashing threads: one per core, each with its own engine and memory.

use super::{EngineChoice, engine::Engine};
use crate::Fault;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce(&mut Engine) + Send>;

/// Niceness of the threads (see `nice(2)`), so that pages don't wait for hashes to finish.
const NICER: i32 = 5;

/// The threads. They end when the last sender is dropped.
pub(super) struct Threads(mpsc::Sender<Work>);

impl Threads {
    /// Starts `count` threads.
    pub(super) fn start(count: usize, choice: EngineChoice) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 1..=count {
            let receiver = receiver.clone();
            std::thread::Builder::new()
                .name(format!("hashing {number}"))
                .spawn(move || work(&receiver, choice))?;
        }
        Ok(Self(sender))
    }

    /// Runs the work on the next free thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (sender, receiver) = oneshot::channel();
        let work = move |engine: &mut Engine| {
            // The requester may be gone.
            let _ = sender.send(work(engine));
        };
        let fault = |what: &str| Fault::Hashing(what.to_owned());
        self.0.send(Box::new(work)).map_err(|_| fault("stopped"))?;
        receiver.await.map_err(|_| fault("panicked"))
    }
}

fn work(receiver: &Mutex<mpsc::Receiver<Work>>, choice: EngineChoice) {
    be_nicer();
    let mut engine = Engine::new(choice);
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        if catch_unwind(AssertUnwindSafe(|| work(&mut engine))).is_err() {
            // A panic may have left sensitive data in memory.
            engine = Engine::new(choice);
        }
    }
}

/// Lowers this thread's priority: on Linux, `setpriority(2)` accepts a thread id. Failures are harmless.
fn be_nicer() {
    let this = Some(rustix::thread::gettid());
    if let Ok(nice) = rustix::process::getpriority_process(this) {
        let _ = rustix::process::setpriority_process(this, nice + NICER);
    }
}
