//! Tells products that a session has ended (OpenID Connect Back-Channel Logout 1.0), in the background.

use super::Client;
use crate::oidc::SigningKey;
use crate::store::logout_notices::{self, LogoutNotice};
use crate::{Backend, Fault, random};
use account::Timestamp;
use futures::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// Pause between two looks for due notices.
const PAUSE: Duration = Duration::from_millis(500);
/// Maximum number of notices that a product gets at the same time.
const AT_ONCE: usize = 8;
/// Maximum number of notices that are claimed together, because a write for each would take longer than the request.
const CLAIMED: i64 = 32;
/// The time after which another server may deliver a claimed notice. More than four timeouts, one after the other.
const CLAIM_S: i64 = 30;
/// The time after which a notice is given up.
const GIVE_UP_MS: i64 = 24 * 60 * 60 * 1_000;
/// The shortest and the longest time between two attempts.
const BETWEEN_MS: (i64, i64) = (2_000, 60 * 60 * 1_000);

/// The claims of a logout token (§2.4).
#[derive(Serialize)]
struct LogoutToken<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    sid: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    events: serde_json::Value,
}

/// Delivers the notices. Several may run at once, on several servers.
pub struct LogoutDelivery(Backend);

impl LogoutDelivery {
    /// Creates a delivery.
    #[must_use]
    pub const fn new(backend: Backend) -> Self {
        Self(backend)
    }

    /// Runs until the future is dropped. Each product has a task of its own, so that one that does not answer
    /// delays no other.
    pub async fn run(self) {
        // Aborts the tasks when it is dropped.
        let mut tasks = JoinSet::new();
        let mut of_clients = HashMap::<String, AbortHandle>::new();
        loop {
            of_clients.retain(|_, task| !task.is_finished());
            for client in self.0.clients().told_of_logout() {
                of_clients
                    .entry(client)
                    .or_insert_with_key(|client| tasks.spawn(Self(self.0.clone()).run_for(client.clone())));
            }
            while tasks.try_join_next().is_some() {}
            sleep(PAUSE).await;
        }
    }

    /// Delivers the notices of one product until it is removed.
    async fn run_for(self, client: String) {
        let is_told = || {
            let found = self.0.clients().find(&client);
            found.is_some_and(|client| client.backchannel_logout_uri.is_some())
        };
        while is_told() {
            match self.round(&client).await {
                Ok(0) => sleep(PAUSE).await,
                Ok(_) => {}
                Err(fault) => {
                    tracing::warn!(%fault, client, "products cannot be told of ended sessions");
                    sleep(10 * PAUSE).await;
                }
            }
        }
    }

    /// Delivers due notices to all products, once. For tests and tools.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn deliver_due(&self) -> Result<usize, Fault> {
        let mut handled = 0;
        for client in self.0.clients().told_of_logout() {
            handled += self.round(&client).await?;
        }
        Ok(handled)
    }

    /// Delivers some due notices to a product and returns their number.
    async fn round(&self, client: &str) -> Result<usize, Fault> {
        let (db, now) = (&self.0.parts.db, self.0.now());
        let mut conn = db.read().await?;
        let are_due = logout_notices::are_due(&mut conn, client, now).await?;
        drop(conn);
        let Some(registered) = self.0.clients().find(client).filter(|_| are_due) else {
            return Ok(0);
        };
        let key = self.0.signing_key_for(&registered).await?;
        let until = now.plus_seconds(CLAIM_S);
        let notices = logout_notices::claim(db, client, until, now, CLAIMED).await?;
        let (mut finished, mut failed, mut fault) = (Vec::new(), Vec::new(), None);
        let deliveries = notices
            .into_iter()
            .map(|notice| self.deliver(&registered, &key, notice));
        let mut deliveries = stream::iter(deliveries).buffer_unordered(AT_ONCE);
        while let Some(delivered) = deliveries.next().await {
            match delivered {
                Ok((id, true)) => finished.push(id),
                Ok((id, false)) => failed.push(id),
                // Another server, or this one, delivers it later.
                Err(error) => fault = Some(error),
            }
        }
        if !finished.is_empty() {
            logout_notices::delete(db, &finished).await?;
        }
        if !failed.is_empty() {
            logout_notices::postpone(db, &failed, BETWEEN_MS, self.0.now()).await?;
        }
        fault.map_or(Ok(finished.len() + failed.len()), Err)
    }

    /// Delivers a notice; returns its id, and whether it is finished: delivered or given up.
    async fn deliver(&self, client: &Client, key: &SigningKey, notice: LogoutNotice) -> Result<(String, bool), Fault> {
        let Err(failure) = self.send(client, key, &notice).await? else {
            self.0.metrics().client_event(&client.id, "logout_sent");
            return Ok((notice.id, true));
        };
        self.0.metrics().client_event(&client.id, "logout_failed");
        let is_over = self.0.now().0 - notice.tried_at >= GIVE_UP_MS;
        if is_over {
            self.0.metrics().client_event(&client.id, "logout_given_up");
            tracing::error!(
                client = client.id,
                failure,
                "a product was not told of an ended session in a day; it is given up"
            );
        } else {
            tracing::warn!(
                client = client.id,
                failure,
                "a product could not be told of an ended session; it will be tried again"
            );
        }
        Ok((notice.id, is_over))
    }

    /// Posts a logout token. The inner error is for the log.
    async fn send(
        &self,
        client: &Client,
        key: &SigningKey,
        notice: &LogoutNotice,
    ) -> Result<Result<(), &'static str>, Fault> {
        let Some(uri) = &client.backchannel_logout_uri else {
            return Ok(Ok(()));
        };
        let token = self.token(client, key, notice, self.0.now())?;
        let sent = self
            .0
            .clients()
            .http()
            .post(uri)
            .form(&[("logout_token", token)])
            .send()
            .await;
        // The body is not read. Attack: an endless response.
        Ok(match sent {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) if response.status().is_redirection() => Err("it redirected the request"),
            Ok(_) => Err("it refused the request"),
            Err(error) if error.is_timeout() => Err("it did not answer in time"),
            Err(_) => Err("it cannot be reached"),
        })
    }

    fn token(&self, client: &Client, key: &SigningKey, notice: &LogoutNotice, now: Timestamp) -> Result<String, Fault> {
        let iat = now.0 / 1_000;
        let claims = LogoutToken {
            iss: &self.0.settings().origin,
            aud: &client.id,
            sub: &notice.subject,
            sid: &notice.sid,
            iat,
            exp: iat + 120,
            jti: random::id(),
            events: json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
        };
        key.sign_as("logout+jwt", &claims)
            .map_err(|_| Fault::Corrupt { what: "logout token" })
    }
}
