//! Idle connections for the next e-mail.

use super::conversation::Conversation;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Maximum number of idle connections: the number of concurrent deliveries.
const MOST: usize = 16;
/// Maximum idle time. Mail servers close silent connections after minutes and limit connections per client.
const LONGEST: Duration = Duration::from_secs(60);

/// Idle connections, most recently used on top. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    connections: Vec<(Conversation, Instant)>,
    /// Whether a task is closing connections that are idle for too long.
    is_watched: bool,
}

impl Idle {
    /// Takes a working connection.
    pub(super) async fn take(&self) -> Option<Conversation> {
        loop {
            let (mut conversation, _) = self.state().connections.pop()?;
            if conversation.stands().await {
                return Some(conversation);
            }
        }
    }

    /// Keeps a connection for the next e-mail. Requires a Tokio runtime.
    pub(super) fn keep(&self, conversation: Conversation) {
        let mut state = self.state();
        if state.connections.len() < MOST {
            state.connections.push((conversation, Instant::now()));
        }
        if !std::mem::replace(&mut state.is_watched, true) {
            tokio::spawn(self.clone().watch());
        }
    }

    /// Closes expired connections until none are left.
    async fn watch(self) {
        while let Some(since) = self.oldest() {
            sleep(LONGEST.saturating_sub(since.elapsed())).await;
            for conversation in self.stale() {
                conversation.quit().await;
            }
        }
    }

    /// Returns when the oldest connection became idle. If there is none, the watch ends.
    fn oldest(&self) -> Option<Instant> {
        let mut state = self.state();
        let oldest = state.connections.first().map(|(_, since)| *since);
        state.is_watched = oldest.is_some();
        oldest
    }

    fn stale(&self) -> Vec<Conversation> {
        let mut state = self.state();
        let fresh = |(_, since): &(Conversation, Instant)| since.elapsed() < LONGEST;
        let stale = state.connections.partition_point(|connection| !fresh(connection));
        state
            .connections
            .drain(..stale)
            .map(|(conversation, _)| conversation)
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
