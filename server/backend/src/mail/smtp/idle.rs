//! Connections that wait for the next e-mail.

use super::conversation::Conversation;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Connections that are kept, as many as the outbox worker sends e-mails at once.
const MOST: usize = 16;
/// How long one waits. Mailer servers end those that say nothing after minutes, and count how many one client has.
const LONGEST: Duration = Duration::from_secs(60);

/// Connections, the one that was used last on top. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    connections: Vec<(Conversation, Instant)>,
    /// Whether a task ends those that wait for too long.
    is_watched: bool,
}

impl Idle {
    /// One that still stands.
    pub(super) async fn take(&self) -> Option<Conversation> {
        loop {
            let (mut conversation, _) = self.state().connections.pop()?;
            if conversation.stands().await {
                return Some(conversation);
            }
        }
    }

    /// Keeps one for the next e-mail. Wants a Tokio runtime.
    pub(super) fn keep(&self, conversation: Conversation) {
        let mut state = self.state();
        if state.connections.len() < MOST {
            state.connections.push((conversation, Instant::now()));
        }
        if !std::mem::replace(&mut state.is_watched, true) {
            tokio::spawn(self.clone().watch());
        }
    }

    /// Ends unused connections, until none is left.
    async fn watch(self) {
        while let Some(since) = self.oldest() {
            sleep(LONGEST.saturating_sub(since.elapsed())).await;
            for conversation in self.stale() {
                conversation.quit().await;
            }
        }
    }

    /// Since when the oldest one waits. Without one nobody watches any more.
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
