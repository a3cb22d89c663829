//! What a page of a flow hears when the flow goes on elsewhere.

use super::step_up::Standing;
use crate::{Backend, BrowserTokens, Fault};
use account::Purpose;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How long one wait lasts at most.
const WAIT: Duration = Duration::from_secs(15);
/// How often the database is asked, for moves on another server: no page knows less than the others for longer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Backend {
    /// Waits until the browser's flow stands at another version than `seen`, at most 15 s; gives the version it has then,
    /// 0 for none that can still go on. Called with `None`, it answers at once. A move on this server is heard at once, on another within 2 s.
    /// Below 0: the flow has just gone on with another token, which this browser gets or has got with another answer.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn flow_version(&self, purpose: Purpose, held: &BrowserTokens, seen: Option<i64>) -> Result<i64, Fault> {
        if held.flow(purpose).is_none() {
            return Ok(0);
        }
        // Listen first, look then: a move in between is not missed.
        let mut transition = self.flows_moved.subscribe();
        let until = tokio::time::Instant::now() + WAIT;
        loop {
            let mut conn = self.parts.db.read().await?;
            let found = self.look_up_flow(&mut conn, purpose, held).await?;
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

    /// Says that a flow transition, after the commit. Nobody listening is fine.
    pub(crate) fn flow_moved(&self, id: &str) {
        let _ = self.flows_moved.send(id.to_owned());
    }
}
