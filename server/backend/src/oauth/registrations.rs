//! Operator actions on the clients of the database: adding, showing, replacing the secret, removing.

use super::{ClientSettings, InvalidClient};
use crate::accounts::operator;
use crate::store::clients::{self, StoredClient};
use crate::store::events::{self, Actor};
use crate::store::{authorization, connected_products, logout_notices, pairwise_subjects, sessions};
use crate::{Backend, Error, Fault, random, retried};
use account::{ActivityKind, Secret, Timestamp};

/// Management of the clients of the database for operators. Servers learn of changes by [`Backend::refresh_clients`].
#[derive(Clone, Copy)]
pub struct ClientRegistrations<'a>(&'a Backend);

/// The result of adding a client.
#[derive(Debug)]
pub enum NewClient {
    /// It was added. Its secret is not stored; `None` for a public client.
    Added(Option<Secret>),
    /// These fields are invalid.
    Invalid(Vec<InvalidClient>),
    /// The database has a client with this id.
    Taken,
}

/// The result of replacing a secret.
#[derive(Debug)]
pub enum NewSecret {
    /// The new secret, which is not stored, and the time until which the one before is also accepted.
    Replaced(Secret, Timestamp),
    /// The client is public.
    Public,
    /// The client proves itself by its keys.
    Keys,
    /// The database has no client with this id.
    Unknown,
}

/// A client of the database, without secrets.
#[derive(Debug, Clone)]
pub struct ClientDetails {
    /// Its configuration.
    pub settings: ClientSettings,
    /// Whether it has a secret.
    pub is_confidential: bool,
    /// The time until which the secret before is also accepted, if it is.
    pub previous_until: Option<Timestamp>,
    /// The time when it was added.
    pub created_at: Timestamp,
}

impl Backend {
    /// Opens management of the clients of the database.
    #[must_use]
    pub const fn client_registrations(&self) -> ClientRegistrations<'_> {
        ClientRegistrations(self)
    }
}

impl ClientRegistrations<'_> {
    /// Adds a client, with a new secret unless it is public.
    ///
    /// # Errors
    /// A database fault.
    pub async fn add(self, settings: &ClientSettings, public: bool) -> Result<NewClient, Error> {
        let id = &settings.id;
        let mut invalid = settings.invalid_fields(&[]);
        if self.0.clients().is_configured(id) {
            invalid.push(InvalidClient {
                name: "id",
                text: "is the identifier of a client of the configuration",
            });
        }
        if !invalid.is_empty() {
            return Ok(NewClient::Invalid(invalid));
        }
        if self.find(id).await?.is_some() {
            return Ok(NewClient::Taken);
        }
        // Attack: a product takes over the id of a removed one, with the consent and the tokens that users gave to that one.
        self.forget(id).await?;
        retried(async || {
            let has_keys = settings.options.jwks.is_some();
            let secret = (!public && !has_keys).then(random::token);
            // One that is known to no one, for a client with keys. Attack: a server that cannot read the keys takes it for a public client.
            let unknown = has_keys.then(random::token);
            let client = StoredClient {
                settings: settings.clone(),
                secret_digest: secret.as_ref().or(unknown.as_ref()).map(random::digest),
                previous: None,
                created_at: self.0.now(),
            };
            let mut tx = self.0.parts.db.begin().await?;
            if !clients::insert(&mut tx, &client).await? {
                return Ok(NewClient::Taken);
            }
            clients::note_change(&mut tx).await?;
            tx.commit().await?;
            Ok(NewClient::Added(secret))
        })
        .await
    }

    /// Lists the clients in order of their ids.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn list(self) -> Result<Vec<ClientDetails>, Fault> {
        let now = self.0.now();
        let rows = clients::all(&mut self.0.parts.db.read().await?).await?.into_iter();
        let details = rows.map(|row| ClientDetails {
            is_confidential: row.secret_digest.is_some(),
            previous_until: row.previous.map(|(_, until)| until).filter(|until| now.0 < until.0),
            created_at: row.created_at,
            settings: row.settings,
        });
        Ok(details.collect())
    }

    /// Finds a client by its id.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn find(self, id: &str) -> Result<Option<ClientDetails>, Fault> {
        let all = self.list().await?.into_iter();
        Ok(all.into_iter().find(|client| client.settings.id == id))
    }

    /// Counts the users of a client, also of the configuration file, and returns the time when it last got tokens.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn usage(self, id: &str) -> Result<(i64, Option<Timestamp>), Fault> {
        let (users, used_at) = connected_products::usage(&mut self.0.parts.db.read().await?, id).await?;
        Ok((users, used_at.map(Timestamp)))
    }

    /// Replaces the secret. For `overlap_s` seconds, the one before is also accepted; the one before that no more.
    ///
    /// # Errors
    /// A database fault.
    pub async fn rotate(self, id: &str, overlap_s: i64) -> Result<NewSecret, Error> {
        let Some(client) = self.find(id).await? else {
            return Ok(NewSecret::Unknown);
        };
        if !client.is_confidential {
            return Ok(NewSecret::Public);
        }
        if client.settings.options.jwks.is_some() {
            return Ok(NewSecret::Keys);
        }
        retried(async || {
            let (secret, until) = (random::token(), self.0.now().plus_seconds(overlap_s));
            let mut tx = self.0.parts.db.begin().await?;
            if !clients::replace_secret(&mut tx, id, &random::digest(&secret), until).await? {
                return Ok(NewSecret::Unknown);
            }
            clients::note_change(&mut tx).await?;
            tx.commit().await?;
            Ok(NewSecret::Replaced(secret, until))
        })
        .await
    }

    /// Removes a client and what it was given: codes and tokens, waiting requests, connections to accounts, notices. Returns the
    /// number of its accounts; `None` if there is no such client. An interrupted removal is continued by the next.
    ///
    /// # Errors
    /// A database fault.
    pub async fn remove(self, id: &str) -> Result<Option<u64>, Error> {
        // First, so that servers soon issue nothing more.
        let deleted = retried(async || {
            let mut tx = self.0.parts.db.begin().await?;
            let deleted = clients::delete(&mut tx, id).await?;
            clients::note_change(&mut tx).await?;
            tx.commit().await?;
            Ok(deleted)
        });
        let deleted = deleted.await?;
        if self.0.clients().is_configured(id) {
            return Ok(deleted.then_some(0));
        }
        let accounts = self.forget(id).await?;
        Ok((deleted || accounts > 0).then_some(accounts))
    }

    /// Deletes what a client was given. Each step is a short transaction, so that a client with many users does not stop the
    /// service.
    async fn forget(self, id: &str) -> Result<u64, Error> {
        let mut forgotten = 0;
        loop {
            match retried(async || Ok(self.forget_some(id).await?)).await? {
                0 => break,
                some => forgotten += some,
            }
        }
        let rest = async || {
            let mut tx = self.0.parts.db.begin().await?;
            clients::forget(&mut tx, id).await?;
            let subjects = pairwise_subjects::forget(&mut tx, id).await?;
            tx.commit().await?;
            Ok(subjects)
        };
        while retried(rest).await? > 0 {}
        Ok(forgotten)
    }

    /// Deletes what some accounts have given to a client. Returns their number.
    async fn forget_some(self, id: &str) -> Result<u64, Fault> {
        let mut tx = self.0.parts.db.begin().await?;
        let accounts = connected_products::accounts_of(&mut tx, id).await?;
        for account in &accounts {
            // In the order of the token endpoint.
            sessions::lock_all_for_update(&mut tx, account).await?;
            connected_products::delete(&mut tx, account, id).await?;
            authorization::revoke_client(&mut tx, account, id).await?;
            logout_notices::forget(&mut tx, account, id).await?;
        }
        let kind = ActivityKind::ProductDisconnected;
        events::append_all(&mut tx, &accounts, kind, Actor::Operator, &operator(), self.0.now()).await?;
        tx.commit().await?;
        Ok(accounts.len() as u64)
    }
}
