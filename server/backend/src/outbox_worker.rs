//! Carries e-mails from the database to the mail server, in the background.

mod pace;

use crate::store::outbox::{self, Claimed};
use crate::{Backend, Fault, Mailer, TRACE, random, render};
use rand::RngExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

/// E-mails that are sent at the same time.
const AT_ONCE: usize = 16;
/// Of those so many are worth a claim, within a moment.
const ENOUGH: u32 = 8;
const MOMENT: Duration = Duration::from_millis(20);
/// How long an outbox worker with nothing to do waits at most before it looks again: another server may have written an e-mail, or
/// the time of another try may have come.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the database is asked to remember what became of an e-mail, a pause apart.
const REMEMBER_TRIES: usize = 45;

/// Claims, renders, sends; tries again with backoff and jitter until an e-mail is stale; blanks what it has sent.
#[derive(Clone)]
pub struct OutboxWorker {
    backend: Backend,
    mail: Mailer,
    permits: Arc<Semaphore>,
    /// E-mails that have left, and are not written down as such yet.
    left: Arc<Mutex<Vec<String>>>,
    /// The turn to write them down.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether the database failed last time, so that it is said once.
    away: Arc<AtomicBool>,
}

impl OutboxWorker {
    /// An outbox worker; several may run at once, on several servers.
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

    /// Runs until the future is dropped; e-mails that are being sent then are tried again by the next one.
    pub async fn run(self) {
        let mut some_wait = false;
        loop {
            let free = self.free_hands().await;
            let begun = self.dispatch(free, some_wait).await.len();
            // Where every free permit got an e-mail there may be more. Else one may be written here, or elsewhere and be seen later.
            some_wait = begun == free || timeout(PAUSE, self.backend.emails_written.notified()).await.is_ok();
        }
    }

    /// Waits for a permit, and a moment for half of them: where they come free one after the other, one claim does for many. A slow
    /// mail server holds up its own e-mails only: the other permits go on.
    async fn free_hands(&self) -> usize {
        drop(self.permits.acquire().await);
        // It fails when it is late, and the permits that are free are as good.
        drop(timeout(MOMENT, self.permits.acquire_many(ENOUGH)).await);
        self.permits.available_permits()
    }

    /// Sends what is due now, once; gives how many e-mails it handled. For tests and for tools.
    pub async fn round(&self) -> usize {
        let mut handled = 0;
        for message in self.dispatch(self.permits.available_permits(), false).await {
            handled += usize::from(message.await.is_ok());
        }
        handled
    }

    /// Claims as many e-mails as there are free permits, and begins to send them. Where it is not known that some wait it looks
    /// first: mostly there is nothing, and a look is no write.
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
        // Somebody who asked twice reads the second mail on top.
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

    /// A task of its own: what has been told to the mail server must be remembered, also when the outbox worker is told to stop.
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
        let rendered = render(&self.backend.settings(), &language, &message);
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

    /// Writes down what became of an e-mail. One that has left waits for its turn: whoever has that writes it down for all who
    /// wait, so that in a flood one commit does for many e-mails.
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

    /// While the database is away it asks again: an e-mail that has left and is not marked would leave once more.
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

/// What became of an e-mail.
enum Outcome {
    Sent,
    /// When, and why.
    Again(account::Timestamp, String),
    Failed,
}

#[cfg(test)]
mod tests;
