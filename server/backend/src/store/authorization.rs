//! Authorization requests, authorization codes and access tokens of clients.

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, Timestamp};

/// A valid request whose user has to sign in first.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuthorizationRequest {
    /// Its id, part of the address after sign-in.
    pub id: String,
    /// The client's id.
    pub client_id: String,
    /// The address to which the browser returns.
    pub redirect_uri: String,
    /// The granted scopes, separated by spaces.
    pub scope: String,
    /// Returned unchanged to the client.
    pub state: Option<String>,
    /// Repeated in the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge (method S256).
    pub challenge: String,
    /// The user must have proven who they are after this time.
    pub authenticated_after: Option<i64>,
    /// 1 if the user must be asked, even if they agreed before.
    pub asks_consent: i64,
    /// The subject that the client expects.
    pub subject: Option<String>,
    /// The number of factors that the client asks for.
    pub factors: i64,
    /// Expiry time.
    pub ends_at: i64,
}

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuthorizationCode {
    /// The digest of the code.
    pub digest: String,
    /// The session that it was issued in.
    pub session_id: String,
    /// The client's id.
    pub client_id: String,
    /// The address to which the browser returned.
    pub redirect_uri: String,
    /// The granted scopes, separated by spaces.
    pub scope: String,
    /// Repeated in the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge (method S256).
    pub challenge: String,
    /// Expiry time.
    pub expires_at: i64,
    /// The time of its first use.
    pub used_at: Option<i64>,
    /// The time until which its tokens can live.
    pub ends_at: i64,
}

/// The refresh tokens of a code: only the current one is valid.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Family {
    /// The code.
    #[sqlx(flatten)]
    pub code: AuthorizationCode,
    /// The number of the current refresh token.
    pub refreshes: i64,
    /// The time when it replaced the one before.
    pub refreshed_at: Option<i64>,
}

/// A signed-in user, as clients see them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Subject {
    /// The session's id.
    pub session_id: String,
    /// The account's id.
    pub account_id: String,
    /// The time when the user last proved who they are.
    pub authenticated_at: i64,
    /// How they did: names of [`Method`](account::Method), separated by spaces.
    pub methods: String,
    /// The account's address.
    pub email: String,
    /// The user's name.
    pub name: String,
    /// The name by which the user wants to be called; empty if that is the name.
    pub preferred_name: String,
    /// The time when address or names were last changed, or of the account's creation.
    pub updated_at: i64,
    /// The session's expiry time.
    pub ends_at: i64,
    /// The id of the organization that manages the account.
    pub organization_id: Option<String>,
    /// Its name.
    pub organization: Option<String>,
    /// The time of deactivation. Not a condition in SQL: without statistics, PostgreSQL expects one row in 200 and scans the table.
    pub disabled_at: Option<i64>,
}

/// What an access token grants.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Access {
    /// The client's id.
    pub client_id: String,
    /// The token's expiry time.
    pub expires_at: i64,
    /// The granted scopes, separated by spaces.
    pub scope: String,
    /// The user.
    #[sqlx(flatten)]
    pub subject: Subject,
}

/// Stores a request.
pub async fn insert_request(tx: &mut WriteTx, request: &AuthorizationRequest) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO authorization_requests (id, client_id, redirect_uri, scope, state, nonce, challenge,
                                                 authenticated_after, asks_consent, subject, factors, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &request.id,
        &request.client_id,
        &request.redirect_uri,
        &request.scope,
        &request.state,
        &request.nonce,
        &request.challenge,
        request.authenticated_after,
        request.asks_consent,
        &request.subject,
        request.factors,
        request.ends_at
    );
    Ok(())
}

/// Finds a waiting request.
pub async fn find_request(
    conn: &mut ReadConn,
    id: &str,
    now: Timestamp,
) -> Result<Option<AuthorizationRequest>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, client_id, redirect_uri, scope, state, nonce, challenge, authenticated_after, asks_consent, subject,
                    factors, ends_at
               FROM authorization_requests WHERE id = $1 AND ends_at > $2",
        )
        .bind(id)
        .bind(now.0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Stores the query of a request that a client has sent itself.
pub async fn insert_pushed(
    tx: &mut WriteTx,
    id: &str,
    client: &str,
    query: &str,
    ends_at: Timestamp,
) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO pushed_requests (id, client_id, query, ends_at) VALUES ($1, $2, $3, $4)",
        id,
        client,
        query,
        ends_at.0
    );
    Ok(())
}

/// Finds the query of such a request.
pub async fn find_pushed(conn: &mut ReadConn, id: &str, client: &str, now: Timestamp) -> Result<Option<String>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT query FROM pushed_requests WHERE id = $1 AND client_id = $2 AND ends_at > $3")
            .bind(id)
            .bind(client)
            .bind(now.0)
            .fetch_optional(conn)
            .await?
    }))
}

/// Notes that the user has agreed to a request.
pub async fn note_consent(tx: &mut WriteTx, id: &str) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE authorization_requests SET asks_consent = 0 WHERE id = $1",
        id
    );
    Ok(())
}

/// Stores a code.
pub async fn insert_code(tx: &mut WriteTx, code: &AuthorizationCode) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO authorization_codes (digest, session_id, client_id, redirect_uri, scope, nonce, challenge, expires_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &code.digest,
        &code.session_id,
        &code.client_id,
        &code.redirect_uri,
        &code.scope,
        &code.nonce,
        &code.challenge,
        code.expires_at,
        code.ends_at
    );
    Ok(())
}

/// Finds a code, used or not.
pub async fn find_code(conn: &mut ReadConn, digest: &str) -> Result<Option<AuthorizationCode>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT digest, session_id, client_id, redirect_uri, scope, nonce, challenge, expires_at, used_at, ends_at
               FROM authorization_codes WHERE digest = $1",
        )
        .bind(digest)
        .fetch_optional(conn)
        .await?
    }))
}

/// Marks a code as used; `false` if it was used before, or is gone. Attack: two requests with one code at the same time.
pub async fn use_code(tx: &mut WriteTx, digest: &str, now: Timestamp) -> Result<bool, Fault> {
    let used = execute!(
        tx,
        "UPDATE authorization_codes SET used_at = $2 WHERE digest = $1 AND used_at IS NULL",
        digest,
        now.0
    );
    Ok(used == 1)
}

/// Gives a code refresh tokens under a key of the service, until `ends_at`.
pub async fn begin_family(
    tx: &mut WriteTx,
    digest: &str,
    (family, key_id): (&str, &str),
    ends_at: i64,
) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE authorization_codes SET family_digest = $2, refresh_key = $3, ends_at = $4 WHERE digest = $1",
        digest,
        family,
        key_id,
        ends_at
    );
    Ok(())
}

/// Finds the code of refresh tokens.
pub async fn find_family(conn: &mut ReadConn, family: &str) -> Result<Option<Family>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT digest, session_id, client_id, redirect_uri, scope, nonce, challenge, expires_at, used_at, ends_at,
                    refreshes, refreshed_at
               FROM authorization_codes WHERE family_digest = $1",
        )
        .bind(family)
        .fetch_optional(conn)
        .await?
    }))
}

/// Replaces the current refresh token by the next one; `false` if it is not the current one any more. Attack: two requests with
/// one refresh token at the same time.
pub async fn replace_refresh_token(
    tx: &mut WriteTx,
    digest: &str,
    number: i64,
    key_id: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let replaced = execute!(
        tx,
        "UPDATE authorization_codes SET refreshes = refreshes + 1, refreshed_at = $3, refresh_key = $4
          WHERE digest = $1 AND refreshes = $2",
        digest,
        number,
        now.0,
        key_id
    );
    Ok(replaced == 1)
}

/// Counts the refresh tokens that were issued under a key of the service and are not deleted yet.
pub async fn count_refresh_tokens(conn: &mut ReadConn, key_id: &str) -> Result<i64, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT count(*) FROM authorization_codes WHERE refresh_key = $1")
            .bind(key_id)
            .fetch_one(conn)
            .await?
    }))
}

/// Deletes an access token.
pub async fn revoke_token(tx: &mut WriteTx, digest: &str) -> Result<(), Fault> {
    execute!(tx, "DELETE FROM access_tokens WHERE digest = $1", digest);
    Ok(())
}

/// Deletes what an account has given to a client, in all sessions.
pub async fn revoke_client(tx: &mut WriteTx, account: &AccountId, client: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "DELETE FROM authorization_codes
          WHERE client_id = $2 AND session_id IN (SELECT id FROM sessions WHERE account_id = $1)",
        &account.0,
        client
    );
    Ok(())
}

/// Deletes a code and what it gave.
pub async fn revoke_code(tx: &mut WriteTx, digest: &str) -> Result<(), Fault> {
    execute!(tx, "DELETE FROM authorization_codes WHERE digest = $1", digest);
    Ok(())
}

/// Stores an access token.
pub async fn insert_token(tx: &mut WriteTx, digest: &str, code: &str, expires_at: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO access_tokens (digest, code_digest, expires_at) VALUES ($1, $2, $3)",
        digest,
        code,
        expires_at.0
    );
    Ok(())
}

/// Finds the user of a live session.
pub async fn find_subject(
    conn: &mut ReadConn,
    session: &str,
    idle_ms: i64,
    now: Timestamp,
) -> Result<Option<Subject>, Fault> {
    let found: Option<Subject> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT s.id AS session_id, s.account_id, s.authenticated_at, s.methods, a.email, a.name, a.preferred_name,
                    COALESCE(a.updated_at, a.created_at) AS updated_at, s.ends_at, a.disabled_at,
                    a.managed_by AS organization_id, o.name AS organization
               FROM sessions s JOIN accounts a ON a.id = s.account_id LEFT JOIN organizations o ON o.id = a.managed_by
              WHERE s.id = $1 AND s.ends_at > $2 AND s.last_seen_at > $3",
        )
        .bind(session)
        .bind(now.0)
        .bind(now.plus_ms(-idle_ms).0)
        .fetch_optional(conn)
        .await?
    });
    Ok(found.filter(|subject| subject.disabled_at.is_none()))
}

/// Finds what a live access token grants.
pub async fn find_access(
    conn: &mut ReadConn,
    digest: &str,
    idle_ms: i64,
    now: Timestamp,
) -> Result<Option<Access>, Fault> {
    let found: Option<Access> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT c.client_id, t.expires_at, c.scope,
                    s.id AS session_id, s.account_id, s.authenticated_at, s.methods, a.email, a.name, a.preferred_name,
                    COALESCE(a.updated_at, a.created_at) AS updated_at, s.ends_at, a.disabled_at,
                    a.managed_by AS organization_id, o.name AS organization
               FROM access_tokens t JOIN authorization_codes c ON c.digest = t.code_digest
               JOIN sessions s ON s.id = c.session_id JOIN accounts a ON a.id = s.account_id
               LEFT JOIN organizations o ON o.id = a.managed_by
              WHERE t.digest = $1 AND t.expires_at > $2 AND s.ends_at > $2 AND s.last_seen_at > $3",
        )
        .bind(digest)
        .bind(now.0)
        .bind(now.plus_ms(-idle_ms).0)
        .fetch_optional(conn)
        .await?
    });
    Ok(found.filter(|access| access.subject.disabled_at.is_none()))
}

/// Deletes requests, codes and tokens that ended before `now`, at most [`BATCH`](super::BATCH) of each per call.
pub async fn prune(tx: &mut WriteTx, now: Timestamp) -> Result<u64, Fault> {
    let requests = execute!(
        tx,
        "DELETE FROM authorization_requests WHERE id IN
            (SELECT id FROM authorization_requests WHERE ends_at < $1 LIMIT 200)",
        now.0
    );
    let pushed = execute!(
        tx,
        "DELETE FROM pushed_requests WHERE id IN (SELECT id FROM pushed_requests WHERE ends_at < $1 LIMIT 200)",
        now.0
    );
    let codes = execute!(
        tx,
        "DELETE FROM authorization_codes WHERE digest IN
            (SELECT digest FROM authorization_codes WHERE ends_at < $1 LIMIT 200)",
        now.0
    );
    let tokens = execute!(
        tx,
        "DELETE FROM access_tokens WHERE digest IN
            (SELECT digest FROM access_tokens WHERE expires_at < $1 LIMIT 200)",
        now.0
    );
    Ok(requests + pushed + codes + tokens)
}
