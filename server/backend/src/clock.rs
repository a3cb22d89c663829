use account::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The time, asked for in one place.
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Timestamp;
}

/// The system's clock, but that it never goes back. Attack: a clock that is set back, by hand or over the network, brings codes,
/// flows and sessions back to life whose time was over. The service then goes on by the time that passes, and reads the
/// system's clock anew at its next start.
#[derive(Debug, Default)]
pub struct SystemClock(Mutex<Option<Anchor>>);

/// A moment, and the tick of the clock that nobody can set at which it was read.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    at: Timestamp,
    ticked: Instant,
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only reader of the system clock")]
    fn now(&self) -> Timestamp {
        let mut anchor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: what was read earlier must not be judged later.
        let ticked = Instant::now();
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let told = Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let by_itself = anchor.map_or(told, |anchor| anchor.shown(ticked));
        if told >= by_itself {
            *anchor = Some(Anchor { at: told, ticked });
        }
        told.max(by_itself)
    }
}

impl Anchor {
    /// What the time is at a later tick, if nobody sets the clock.
    fn shown(self, ticked: Instant) -> Timestamp {
        let passed = ticked.saturating_duration_since(self.ticked);
        self.at.plus_ms(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that tests set.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Stands at `start`.
    #[must_use]
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Goes on by `ms` milliseconds; back, when negative.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Goes on by `minutes` minutes.
    pub fn advance_minutes(&self, minutes: i64) {
        self.advance_ms(minutes * 60_000);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
