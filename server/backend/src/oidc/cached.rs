//! A document of a provider, kept in memory.

use super::ProviderError;
use crate::Clock;
use account::Timestamp;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The age up to which a document is used without fetching it again.
pub(super) const FRESH_MS: i64 = 3_600_000;
/// The age up to which a document is used while it cannot be fetched.
const STALE_MS: i64 = 24 * 3_600_000;
/// The minimum time between two fetches while there is a document.
pub(super) const PAUSE_MS: i64 = 60_000;
/// The minimum time between two fetches while there is none.
const FIRST_PAUSE_MS: i64 = 5_000;

/// A document. Concurrent requests share one fetch, and its failure.
pub(super) struct Cached<T>(Mutex<State<T>>);

struct State<T> {
    document: Option<(Arc<T>, Timestamp)>,
    failed: Option<(ProviderError, Timestamp)>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Mutex::new(State {
            document: None,
            failed: None,
        }))
    }
}

impl<T> Cached<T> {
    /// Returns the document if it is younger than `fresh_ms`, otherwise the result of `fetch`. After a failed fetch, returns the
    /// earlier document for a day.
    pub async fn get(
        &self,
        clock: &dyn Clock,
        fresh_ms: i64,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<Arc<T>, ProviderError> {
        let mut state = self.0.lock().await;
        let now = clock.now();
        let is_within = |at: Timestamp, ms: i64| now < at.plus_ms(ms);
        if let Some((document, at)) = &state.document
            && is_within(*at, fresh_ms)
        {
            return Ok(document.clone());
        }
        let kept = state.document.clone().filter(|(_, at)| is_within(*at, STALE_MS));
        let kept = kept.map(|(document, _)| document);
        let pause = if kept.is_some() { PAUSE_MS } else { FIRST_PAUSE_MS };
        let error = match state.failed {
            Some((error, at)) if is_within(at, pause) => error,
            _ => match fetch.await {
                Ok(document) => {
                    let document = Arc::new(document);
                    state.document = Some((document.clone(), clock.now()));
                    state.failed = None;
                    return Ok(document);
                }
                Err(error) => {
                    if kept.is_some() {
                        tracing::warn!(%error, "a provider's document could not be fetched; the earlier one is used");
                    }
                    state.failed = Some((error, clock.now()));
                    error
                }
            },
        };
        kept.ok_or(error)
    }
}
