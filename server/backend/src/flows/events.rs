//! Notifies the pages of a flow when it advances elsewhere, for example in another tab.

use super::request::BrowserRequest;
use super::step_up::Standing;
use crate::{Backend, Fault};
use account::Purpose;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// The maximum length of one wait.
const WAIT: Duration = Duration::from_secs(15);
/// How often the database is polled for changes made by other servers.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl BrowserRequest<'_> {
    /// Waits up to 15 s until the browser's flow has a version other than `seen`, and returns that version, or 0 if no flow can
    /// continue. With `None` it returns at once. Changes on this server are noticed at once, those on other servers within 2 s. A
    /// negative value means that the flow has just continued under another token, which this browser receives or has received
    /// with another answer.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
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
    /// Publishes, after the commit, that a flow has changed. It is fine if no page is waiting.
    pub(crate) fn flow_moved(&self, id: &str) {
        let _ = self.flows_moved.send(id.to_owned());
    }
}
