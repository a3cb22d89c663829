//! Delivers e-mails from the outbox to the mail server, in the background.

mod pace;

use crate::store::outbox::{self, Claimed};
use crate::store::preferences;
use crate::{Backend, Fault, Mailer, TRACE, random, render};
use account::{EmailAddress, TimeFormat};
use rand::RngExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

/// Maximum number of concurrent deliveries.
const AT_ONCE: usize = 16;
/// Number of free permits for which a claim waits briefly.
const ENOUGH: u32 = 8;
const MOMENT: Duration = Duration::from_millis(20);
/// Maximum pause of an idle worker. Another server may have queued an e-mail, or a retry may be due.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of attempts to store a result, one pause apart.
const REMEMBER_TRIES: usize = 45;

/// Claims, renders and sends e-mails. Retries with backoff and jitter until an e-mail is stale; erases the content of sent ones.
#[derive(Clone)]
pub struct OutboxWorker {
    backend: Backend,
    mail: Mailer,
    permits: Arc<Semaphore>,
    /// E-mails that were sent but not yet marked as sent.
    left: Arc<Mutex<Vec<String>>>,
    /// Held while marking them.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether the last query failed, so that an outage is logged once.
    away: Arc<AtomicBool>,
}

impl OutboxWorker {
    /// Creates an outbox worker. Several may run at once, on several servers.
    #[must_use]
    pub fn new(backend: Backend, mail: Mailer) -> Self {
        Self {
            backend,
            mail,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            left: Arc::default(),
            turn: Arc::default(),
            away: Arc::default(),
        }
    }

    /// Runs until the future is dropped. The next worker retries e-mails that were being sent.
    pub async fn run(self) {
        let mut some_wait = false;
        loop {
            let free = self.free_hands().await;
            let begun = self.dispatch(free, some_wait).await.len();
            // If every free permit got an e-mail, there may be more. Otherwise wait for one queued by this server, or
            // for the pause.
            some_wait = begun == free || timeout(PAUSE, self.backend.emails_written.notified()).await.is_ok();
        }
    }

    /// Waits for a permit, then briefly for half of them, so that one claim covers many e-mails. Slow deliveries keep
    /// only their own permits.
    async fn free_hands(&self) -> usize {
        drop(self.permits.acquire().await);
        // After a timeout, the free permits are enough.
        drop(timeout(MOMENT, self.permits.acquire_many(ENOUGH)).await);
        self.permits.available_permits()
    }

    /// Sends the due e-mails once and returns the number handled. For tests and tools.
    pub async fn round(&self) -> usize {
        let mut handled = 0;
        for message in self.dispatch(self.permits.available_permits(), false).await {
            handled += usize::from(message.await.is_ok());
        }
        handled
    }

    /// Claims an e-mail for each free permit and starts sending. Queries first, unless e-mails are known to be waiting, because
    /// usually there are none and a query writes nothing.
    async fn dispatch(&self, free: usize, some_wait: bool) -> Vec<JoinHandle<()>> {
        let mut claimed = match self.claim(free, some_wait).await {
            Ok(claimed) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("e-mail delivery works again");
                }
                claimed
            }
            Err(fault) => {
                if !self.away.swap(true, Ordering::Relaxed) {
                    tracing::error!(%fault, "e-mail delivery is not possible: the queue cannot be read");
                }
                return Vec::new();
            }
        };
        // Oldest first, so that after two requests the newer e-mail is on top.
        claimed.sort_by_key(|message| message.written_at);
        claimed.into_iter().map(|message| self.begin(message)).collect()
    }

    async fn claim(&self, free: usize, some_wait: bool) -> Result<Vec<Claimed>, Fault> {
        let (parts, now) = (&self.backend.parts, self.backend.now());
        if free == 0 || !(some_wait || outbox::are_due(&parts.db, now).await?) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(free).unwrap_or(1);
        outbox::claim(&parts.db, &parts.keys, now, limit).await
    }

    /// Runs in its own task, so that acceptance by the mail server is recorded even if the outbox worker is stopped.
    fn begin(&self, message: Claimed) -> JoinHandle<()> {
        let outbox_worker = self.clone();
        let permit = self.permits.clone().try_acquire_owned();
        tokio::spawn(async move {
            outbox_worker.deliver(message).await;
            drop(permit);
        })
    }

    async fn deliver(&self, claimed: Claimed) {
        let now = self.backend.now();
        let Claimed {
            id,
            to,
            language,
            message,
            attempts,
            written_at,
        } = claimed;
        let stale_at = pace::stale_at(&message, written_at);
        if now >= stale_at {
            tracing::warn!(email = id, attempts, "an e-mail was dropped: it is too old");
            return self.remember(id, Outcome::Failed).await;
        }
        let times = self.times_of(&to).await;
        let rendered = render(&self.backend.settings(), &language, &times, &message);
        let span = tracing::debug_span!(target: TRACE, "send e-mail", attempts, result = tracing::field::Empty);
        let sent = self
            .mail
            .send(&id, &to, &rendered, now.0)
            .instrument(span.clone())
            .await;
        let result = sent.as_ref().err().map_or("taken", |error| error.kind);
        span.record("result", result);
        self.backend.metrics().email_tried(result);
        let outcome = match sent {
            Ok(()) => Outcome::Sent,
            Err(error) => {
                let jitter = random::generator().random_range(80..=120);
                let next = pace::next_try(&message, attempts, self.backend.now(), stale_at, jitter);
                let outcome = match next {
                    Some(at) if !error.permanent => Outcome::Again(at, error.reason()),
                    _ => Outcome::Failed,
                };
                let again = matches!(outcome, Outcome::Again(..));
                tracing::warn!(email = id, attempts, again, %error, "an e-mail was not sent");
                outcome
            }
        };
        self.remember(id, outcome).await;
    }

    /// Returns how the owner of an address reads times. Without the database, UTC is better than no e-mail.
    async fn times_of(&self, to: &EmailAddress) -> TimeFormat {
        let found = async {
            let mut conn = self.backend.parts.db.read().await?;
            preferences::find_by_email(&mut conn, to).await
        };
        found.await.map(|found| found.times).unwrap_or_default()
    }

    /// Records the result of a delivery. The lock's holder records all waiting ones, so that under load one commit covers many.
    async fn remember(&self, id: String, outcome: Outcome) {
        if !matches!(outcome, Outcome::Sent) {
            return self.write_down(&[id], outcome).await;
        }
        self.left().push(id);
        let _turn = self.turn.lock().await;
        let ids = std::mem::take(&mut *self.left());
        if !ids.is_empty() {
            self.write_down(&ids, Outcome::Sent).await;
        }
    }

    /// Retries while the database is unavailable, because a sent e-mail that isn't marked is sent again.
    async fn write_down(&self, ids: &[String], outcome: Outcome) {
        let (db, metrics) = (&self.backend.parts.db, self.backend.metrics());
        for left in (0..REMEMBER_TRIES).rev() {
            let now = self.backend.now();
            let done = match &outcome {
                Outcome::Sent => outbox::mark_sent(db, ids, now).await,
                Outcome::Again(at, why) => outbox::retry_at(db, &ids[0], *at, why).await,
                Outcome::Failed => outbox::mark_failed(db, &ids[0], now).await,
            };
            match done {
                Ok(()) => {
                    match outcome {
                        Outcome::Sent => ids.iter().for_each(|_| metrics.email_done("sent")),
                        Outcome::Failed => metrics.email_done("failed"),
                        Outcome::Again(..) => {}
                    }
                    return;
                }
                Err(fault) if left == 0 => {
                    tracing::error!(email = ids[0], emails = ids.len(), %fault, "the outcome of e-mails was not stored");
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn left(&self) -> MutexGuard<'_, Vec<String>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of a delivery attempt.
enum Outcome {
    Sent,
    /// Time of the next attempt, and the reason.
    Again(account::Timestamp, String),
    Failed,
}

#[cfg(test)]
mod tests;
