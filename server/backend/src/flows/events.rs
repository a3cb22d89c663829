//! Notifies the pages of a flow when it advances elsewhere, such as in another tab.

use super::request::BrowserRequest;
use super::step_up::Standing;
use crate::{Backend, Fault};
use account::Purpose;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// Maximum duration of one wait.
const WAIT: Duration = Duration::from_secs(15);
/// Interval at which the database is polled for changes by other servers.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl BrowserRequest<'_> {
    /// Waits up to 15 s until the version of the browser's flow differs from `seen` and returns it, or 0 if no flow can continue.
    /// Returns at once if `seen` is `None`. Changes on this server are seen at once, those on others within 2 s. A negative
    /// version means that the flow has just continued under a new token, which another response delivers to this browser.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn flow_version(self, purpose: Purpose, seen: Option<i64>) -> Result<i64, Fault> {
        if self.tokens.flow(purpose).is_none() {
            return Ok(0);
        }
        // Subscribe before the first check, so that no change in between is missed.
        let mut transition = self.backend.flows_moved.subscribe();
        let until = tokio::time::Instant::now() + WAIT;
        loop {
            let mut conn = self.read().await?;
            let found = self.look_up_flow(&mut conn, purpose).await?;
            drop(conn);
            let (id, version) = match found {
                Some((flow, Standing::Current)) => (flow.id, flow.version),
                Some((flow, Standing::JustReplaced)) => (flow.id, -flow.version),
                Some((flow, Standing::Replaced)) => (flow.id, 0),
                None => (String::new(), 0),
            };
            if seen != Some(version) || tokio::time::Instant::now() >= until {
                return Ok(version);
            }
            let heard = async {
                loop {
                    match transition.recv().await {
                        Ok(transition) if transition != id => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => return,
                        Err(RecvError::Closed) => return std::future::pending().await,
                    }
                }
            };
            let _ = tokio::time::timeout(LOOK_EVERY, heard).await;
        }
    }
}

impl Backend {
    /// Publishes a change of a flow, after the commit.
    pub(crate) fn flow_moved(&self, id: &str) {
        let _ = self.flows_moved.send(id.to_owned());
    }
}
