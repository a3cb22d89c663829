//! Clients of the OpenID provider that commands add.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use crate::oauth::{ClientOptions, ClientSettings};
use account::Timestamp;

/// A client of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredClient {
    /// Its configuration, without the secret.
    pub settings: ClientSettings,
    /// The digest of the secret; `None` for a public client.
    pub secret_digest: Option<String>,
    /// The digest of the secret before, and the time until which it is also accepted.
    pub previous: Option<(String, Timestamp)>,
    /// The time when it was added.
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    redirect_uris: String,
    post_logout_redirect_uris: String,
    backchannel_logout_uri: Option<String>,
    third_party: i64,
    secret_digest: Option<String>,
    previous_digest: Option<String>,
    previous_until: Option<i64>,
    created_at: i64,
    options: Option<String>,
}

impl Row {
    /// Reads the client. Attack: options that this server cannot read, such as a newer server's, are left out, and with them the keys or
    /// the pairwise subjects of the client.
    fn client(self) -> Option<StoredClient> {
        let row = self;
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let options = match &row.options {
            None => ClientOptions::default(),
            Some(text) => serde_json::from_str(text).ok()?,
        };
        Some(StoredClient {
            settings: ClientSettings {
                redirect_uris: lines(&row.redirect_uris),
                post_logout_redirect_uris: lines(&row.post_logout_redirect_uris),
                id: row.id,
                name: row.name,
                client_secret: None,
                third_party: row.third_party == 1,
                backchannel_logout_uri: row.backchannel_logout_uri,
                options,
            },
            secret_digest: row.secret_digest,
            previous: row.previous_digest.zip(row.previous_until.map(Timestamp)),
            created_at: Timestamp(row.created_at),
        })
    }
}

/// Returns a number that differs after each change of a client.
pub async fn version(conn: &mut ReadConn) -> Result<i64, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT version FROM client_changes WHERE id = 1")
            .fetch_one(conn)
            .await?
    }))
}

/// Notes that a client has changed. Changes wait for each other here, so that each gets a version of its own.
pub async fn note_change(tx: &mut WriteTx) -> Result<(), Fault> {
    execute!(tx, "UPDATE client_changes SET version = version + 1 WHERE id = 1");
    Ok(())
}

/// Lists the clients in order of their ids. There are few: operators add them.
pub async fn all(conn: &mut ReadConn) -> Result<Vec<StoredClient>, Fault> {
    let rows: Vec<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, name, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, third_party, secret_digest,
                    previous_digest, previous_until, created_at, options
               FROM clients WHERE id > '' ORDER BY id",
        )
        .fetch_all(conn)
        .await?
    });
    let read = rows.into_iter().filter_map(|row| {
        let id = row.id.clone();
        let client = row.client();
        if client.is_none() {
            tracing::error!(
                client = id,
                "a client is not used, because this version cannot read its options"
            );
        }
        client
    });
    Ok(read.collect())
}

/// Adds a client; `false` if there is one with its id.
pub async fn insert(tx: &mut WriteTx, client: &StoredClient) -> Result<bool, Fault> {
    let settings = &client.settings;
    let inserted = execute!(
        tx,
        "INSERT INTO clients (id, name, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, third_party,
                              secret_digest, created_at, options)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
        &settings.id,
        &settings.name,
        settings.redirect_uris.join("\n"),
        settings.post_logout_redirect_uris.join("\n"),
        &settings.backchannel_logout_uri,
        i64::from(settings.third_party),
        &client.secret_digest,
        client.created_at.0,
        serde_json::to_string(&settings.options).unwrap_or_default()
    );
    Ok(inserted == 1)
}

/// Replaces the secret, and accepts the one before until `until`; `false` if the client has none, or there is no such client.
pub async fn replace_secret(tx: &mut WriteTx, id: &str, digest: &str, until: Timestamp) -> Result<bool, Fault> {
    let replaced = execute!(
        tx,
        "UPDATE clients SET previous_digest = secret_digest, previous_until = $3, secret_digest = $2
          WHERE id = $1 AND secret_digest IS NOT NULL",
        id,
        digest,
        until.0
    );
    Ok(replaced == 1)
}

/// Deletes a client; `false` if there is none.
pub async fn delete(tx: &mut WriteTx, id: &str) -> Result<bool, Fault> {
    Ok(execute!(tx, "DELETE FROM clients WHERE id = $1", id) == 1)
}

/// Deletes all requests, codes, tokens and notices of a client. Reads whole tables, so what its accounts have is deleted before, by
/// index.
pub async fn forget(tx: &mut WriteTx, id: &str) -> Result<(), Fault> {
    execute!(tx, "DELETE FROM authorization_requests WHERE client_id = $1", id);
    execute!(tx, "DELETE FROM pushed_requests WHERE client_id = $1", id);
    execute!(tx, "DELETE FROM authorization_codes WHERE client_id = $1", id);
    execute!(tx, "DELETE FROM logout_notices WHERE client_id = $1", id);
    Ok(())
}
