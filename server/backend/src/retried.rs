//! Units of work that the database asks to do once more.

use crate::{Error, Fault, random};
use rand::RngExt;
use std::time::Duration;
use tokio::time::sleep;

/// How often in all.
const TRIES: u32 = 8;

/// Does a unit of work, and does it again from its beginning where the database put it back because of others that ran beside
/// it (SQLSTATE 40001, as databases that are strict or distributed do, and 40P01). Nothing of it was kept then. Any other
/// fault is none of this, least of all a commit of which nobody knows whether it happened.
///
/// # Errors
/// Those of the unit; the conflict itself after eight tries.
pub async fn retried<T, F>(unit: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for tried in 1..TRIES {
        match unit().await {
            Err(Error::Fault(Fault::Conflict(_))) => {
                // Longer each time, and not for all alike, so that those who met do not meet again.
                let most_ms = 5_u64 << tried;
                let pause_ms = random::generator().random_range(1..=most_ms);
                sleep(Duration::from_millis(pause_ms)).await;
            }
            outcome => return outcome,
        }
    }
    unit().await
}
