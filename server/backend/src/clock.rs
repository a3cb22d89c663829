use account::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// The system clock, made monotonic until the next start. Attack: setting the clock back, by hand or over the network, revives
/// expired codes, flows and sessions.
#[derive(Debug, Default)]
pub struct SystemClock(Mutex<Option<Anchor>>);

/// A time, and the monotonic clock's reading at that time.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    at: Timestamp,
    ticked: Instant,
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only reader of the system clock")]
    fn now(&self) -> Timestamp {
        let mut anchor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that readings are processed in order.
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
    /// Returns the time at a later monotonic reading, unless the clock is set.
    fn shown(self, ticked: Instant) -> Timestamp {
        let passed = ticked.saturating_duration_since(self.ticked);
        self.at.plus_ms(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock for tests.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Creates a clock that shows `start`.
    #[must_use]
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Advances by `ms` milliseconds, or goes back if negative.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Advances by `minutes` minutes.
    pub fn advance_minutes(&self, minutes: i64) {
        self.advance_ms(minutes * 60_000);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
