//! Retries of units of work that the database rolled back.

use crate::{Error, Fault, random};
use rand::RngExt;
use std::time::Duration;
use tokio::time::sleep;

/// The total number of attempts.
const TRIES: u32 = 8;

/// Runs a unit of work, and repeats it from its beginning if the database rolled it back because of concurrent ones (SQLSTATE
/// 40001 from serializable or distributed databases, and 40P01). Nothing was committed in that case. Other faults are not
/// retried, in particular not a commit with unknown outcome.
///
/// # Errors
/// Those of the unit; the conflict itself after eight attempts.
pub async fn retried<T, F>(unit: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for tried in 1..TRIES {
        match unit().await {
            Err(Error::Fault(Fault::Conflict(_))) => {
                // Increasing and random, so that conflicting units do not meet again.
                let most_ms = 5_u64 << tried;
                let pause_ms = random::generator().random_range(1..=most_ms);
                sleep(Duration::from_millis(pause_ms)).await;
            }
            outcome => return outcome,
        }
    }
    unit().await
}
