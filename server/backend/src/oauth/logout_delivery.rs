//! Tells products that a session has ended (OpenID Connect Back-Channel Logout 1.0), in the background.

use super::{Client, subjects};
use crate::store::logout_notices::{self, LogoutNotice};
use crate::{Backend, Fault, random};
use account::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// Pause between two looks for due notices.
const PAUSE: Duration = Duration::from_millis(500);
/// Maximum number of notices that a product gets at the same time.
const AT_ONCE: i64 = 8;
/// The time after which another server may deliver a claimed notice.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
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
        let mut conn = self.0.parts.db.read().await?;
        let due = logout_notices::due(&mut conn, client, self.0.now(), AT_ONCE).await?;
        drop(conn);
        let mut deliveries = JoinSet::new();
        for notice in due {
            let now = self.0.now();
            if logout_notices::claim(&self.0.parts.db, &notice, now.plus_seconds(CLAIM_S), now).await? {
                let (delivery, client) = (Self(self.0.clone()), client.to_owned());
                deliveries.spawn(async move { delivery.deliver(&client, notice).await });
            }
        }
        let mut handled = 0;
        while let Some(delivered) = deliveries.join_next().await {
            if let Ok(delivered) = delivered {
                delivered?;
            }
            handled += 1;
        }
        Ok(handled)
    }

    async fn deliver(&self, client: &str, notice: LogoutNotice) -> Result<(), Fault> {
        let db = &self.0.parts.db;
        let Some(registered) = self.0.clients().find(client) else {
            return Ok(());
        };
        let Err(failure) = self.send(&registered, &notice).await? else {
            self.0.metrics().client_event(client, "logout_sent");
            return logout_notices::delete(db, &notice.id).await;
        };
        self.0.metrics().client_event(client, "logout_failed");
        let now = self.0.now();
        let first = notice.tried_at.unwrap_or(now.0);
        if now.0 - first >= GIVE_UP_MS {
            tracing::error!(
                client,
                failure,
                "a product was not told of an ended session in a day; it is given up"
            );
            return logout_notices::delete(db, &notice.id).await;
        }
        tracing::warn!(
            client,
            failure,
            "a product could not be told of an ended session; it will be tried again"
        );
        // As long as it has failed so far.
        let wait_ms = (now.0 - first).clamp(BETWEEN_MS.0, BETWEEN_MS.1);
        logout_notices::postpone(db, &notice.id, now.plus_ms(wait_ms)).await
    }

    /// Posts a logout token. The inner error is for the log.
    async fn send(&self, client: &Client, notice: &LogoutNotice) -> Result<Result<(), &'static str>, Fault> {
        let Some(uri) = &client.backchannel_logout_uri else {
            return Ok(Ok(()));
        };
        let token = self.token(client, notice, self.0.now()).await?;
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

    async fn token(&self, client: &Client, notice: &LogoutNotice, now: Timestamp) -> Result<String, Fault> {
        let key = self.0.signing_key_for(client).await?;
        let mut conn = self.0.parts.db.read().await?;
        // None after the account was deleted; then the session's id suffices.
        let sub = subjects::known_subject(&mut conn, client, &notice.account_id).await?;
        drop(conn);
        let iat = now.0 / 1_000;
        let claims = LogoutToken {
            iss: &self.0.settings().origin,
            aud: &client.id,
            sub: sub.as_deref(),
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
