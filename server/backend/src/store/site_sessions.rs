//! Sessions at sites behind a reverse proxy.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, Timestamp};

/// The user of a session at a site.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SiteUser {
    /// The client that stands for the site.
    pub client_id: String,
    /// The id of the session of this service.
    pub session_id: String,
    /// The time when that session was last used.
    pub last_seen_at: i64,
    /// The account's id.
    pub account_id: String,
    /// The account's address.
    pub email: String,
    /// The user's name.
    pub name: String,
    /// The time of deactivation. Not a condition in SQL: without statistics, PostgreSQL expects one row in 200 and scans the table.
    pub disabled_at: Option<i64>,
    /// The name of the organization that manages the account.
    pub organization: Option<String>,
}

/// Stores a session at a site, and deletes those of the same browser that it replaces. One that is younger than a minute stays, because
/// two tabs may sign in at once.
pub async fn insert(
    tx: &mut WriteTx,
    digest: &str,
    (session, client): (&str, &str),
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "DELETE FROM site_sessions WHERE session_id = $1 AND client_id = $2 AND created_at < $3",
        session,
        client,
        now.plus_ms(-60_000).0
    );
    execute!(
        tx,
        "INSERT INTO site_sessions (digest, session_id, client_id, created_at) VALUES ($1, $2, $3, $4)",
        digest,
        session,
        client,
        now.0
    );
    Ok(())
}

/// Finds the user of a session at a site.
pub async fn find(conn: &mut ReadConn, digest: &str, idle_ms: i64, now: Timestamp) -> Result<Option<SiteUser>, Fault> {
    let found: Option<SiteUser> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT t.client_id, t.session_id, s.last_seen_at, s.account_id, a.email, a.name, a.disabled_at, o.name AS organization
               FROM site_sessions t JOIN sessions s ON s.id = t.session_id JOIN accounts a ON a.id = s.account_id
               LEFT JOIN organizations o ON o.id = a.managed_by
              WHERE t.digest = $1 AND s.ends_at > $2 AND s.last_seen_at > $3",
        )
        .bind(digest)
        .bind(now.0)
        .bind(now.plus_ms(-idle_ms).0)
        .fetch_optional(conn)
        .await?
    });
    Ok(found.filter(|user| user.disabled_at.is_none()))
}

/// Deletes all sessions of an account at a site.
pub async fn delete(tx: &mut WriteTx, account: &AccountId, client: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "DELETE FROM site_sessions
          WHERE client_id = $2 AND session_id IN (SELECT id FROM sessions WHERE account_id = $1)",
        &account.0,
        client
    );
    Ok(())
}
