//! Retries of units of work that the database rolled back.

use crate::{Error, Fault, random};
use rand::RngExt;
use std::time::Duration;
use tokio::time::sleep;

/// Maximum number of attempts.
const TRIES: u32 = 8;

/// Runs a unit of work and repeats it if the database rolled it back because of concurrent ones (SQLSTATE 40001, 40P01), in
/// which case nothing was committed. Other faults are not retried, especially not a commit with unknown outcome.
///
/// # Errors
/// The unit's errors; the conflict itself after eight attempts.
pub async fn retried<T, F>(unit: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for tried in 1..TRIES {
        match unit().await {
            Err(Error::Fault(Fault::Conflict(_))) => {
                // Random and increasing, so that conflicting units don't collide again.
                let most_ms = 5_u64 << tried;
                let pause_ms = random::generator().random_range(1..=most_ms);
                sleep(Duration::from_millis(pause_ms)).await;
            }
            outcome => return outcome,
        }
    }
    unit().await
}
