//! Accounts at OpenID providers. An identity is an issuer and a subject, never an address.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};
use sqlx::QueryBuilder;

/// An account at a provider.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Identity {
    /// The row's id, in the form that disconnects it.
    pub id: String,
    /// The account here.
    pub account_id: String,
    /// The provider's issuer URL.
    pub issuer: String,
    /// The provider's id of the user; `None` until the first sign-in of an account that an operator has added.
    pub subject: Option<String>,
    /// The address at the provider when it was last used.
    pub email: String,
    /// The time when it was connected.
    pub linked_at: i64,
    /// The time of the last sign-in with it.
    pub last_used_at: Option<i64>,
}

/// Connects an identity to an account; `false` if it belongs to an account already.
pub async fn insert(tx: &mut WriteTx, identity: &Identity) -> Result<bool, Fault> {
    let inserted = execute!(
        tx,
        "INSERT INTO identities (id, account_id, issuer, subject, email, linked_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, subject) DO NOTHING",
        &identity.id,
        &identity.account_id,
        &identity.issuer,
        &identity.subject,
        &identity.email,
        identity.linked_at,
        identity.last_used_at
    );
    Ok(inserted == 1)
}

/// Connects up to 4,000 identities, without those that belong to an account already.
pub async fn insert_all(tx: &mut WriteTx, identities: &[Identity]) -> Result<(), Fault> {
    if identities.is_empty() {
        return Ok(());
    }
    on!(tx, |conn| {
        QueryBuilder::new("INSERT INTO identities (id, account_id, issuer, subject, email, linked_at, last_used_at) ")
            .push_values(identities, |mut row, identity| {
                row.push_bind(&identity.id)
                    .push_bind(&identity.account_id)
                    .push_bind(&identity.issuer)
                    .push_bind(&identity.subject)
                    .push_bind(&identity.email)
                    .push_bind(identity.linked_at)
                    .push_bind(identity.last_used_at);
            })
            .push(" ON CONFLICT (issuer, subject) DO NOTHING")
            .build()
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Finds an identity.
pub async fn find(conn: &mut ReadConn, issuer: &str, subject: &str) -> Result<Option<Identity>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, account_id, issuer, subject, email, linked_at, last_used_at FROM identities
              WHERE issuer = $1 AND subject = $2",
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(conn)
        .await?
    }))
}

/// Finds the account that an operator has added for this address at the provider, before its first sign-in.
pub async fn find_declared(conn: &mut ReadConn, issuer: &str, email: &EmailAddress) -> Result<Option<Identity>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, account_id, issuer, subject, email, linked_at, last_used_at FROM identities
              WHERE email = $2 AND subject IS NULL AND issuer = $1 ORDER BY linked_at LIMIT 1",
        )
        .bind(issuer)
        .bind(email.as_str())
        .fetch_optional(conn)
        .await?
    }))
}

/// Lists the identities of an account, oldest first.
pub async fn of_account(conn: &mut ReadConn, account: &AccountId) -> Result<Vec<Identity>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, account_id, issuer, subject, email, linked_at, last_used_at FROM identities
              WHERE account_id = $1 ORDER BY linked_at, id LIMIT 20",
        )
        .bind(&account.0)
        .fetch_all(conn)
        .await?
    }))
}

/// Records a sign-in with an identity, and its subject at the first one. `false` if it is gone or has another subject.
pub async fn used(
    tx: &mut WriteTx,
    id: &str,
    subject: &str,
    email: Option<&EmailAddress>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let updated = execute!(
        tx,
        "UPDATE identities SET subject = $2, email = COALESCE($3, email), last_used_at = $4
          WHERE id = $1 AND (subject IS NULL OR subject = $2)",
        id,
        subject,
        email.map(EmailAddress::as_str),
        now.0
    );
    Ok(updated == 1)
}

/// Disconnects an identity from its account; `false` if it has none with this id.
pub async fn delete(tx: &mut WriteTx, account: &AccountId, id: &str) -> Result<bool, Fault> {
    let deleted = execute!(
        tx,
        "DELETE FROM identities WHERE id = $1 AND account_id = $2",
        id,
        &account.0
    );
    Ok(deleted == 1)
}

/// Disconnects all accounts at providers from an account and returns their number.
pub async fn delete_all(tx: &mut WriteTx, account: &AccountId) -> Result<u64, Fault> {
    Ok(execute!(tx, "DELETE FROM identities WHERE account_id = $1", &account.0))
}

/// Disconnects an account's identities at one provider.
pub async fn delete_of_issuer(tx: &mut WriteTx, account: &AccountId, issuer: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "DELETE FROM identities WHERE account_id = $1 AND issuer = $2",
        &account.0,
        issuer
    );
    Ok(())
}

/// Disconnects all identities at one provider from the members of an organization.
pub async fn delete_of_members(tx: &mut WriteTx, organization: &str, issuer: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "DELETE FROM identities WHERE issuer = $2 AND account_id IN (SELECT id FROM accounts WHERE managed_by = $1)",
        organization,
        issuer
    );
    Ok(())
}

/// Returns whether a response of a provider has been recorded.
pub async fn is_redeemed(conn: &mut ReadConn, state_digest: &str) -> Result<bool, Fault> {
    let found: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar("SELECT ends_at FROM provider_responses WHERE state_digest = $1")
            .bind(state_digest)
            .fetch_optional(conn)
            .await?
    });
    Ok(found.is_some())
}

/// Records a response of a provider, once. Attack: a copied response begins a second session.
pub async fn redeem(tx: &mut WriteTx, state_digest: &str, ends_at: Timestamp) -> Result<bool, Fault> {
    let inserted = execute!(
        tx,
        "INSERT INTO provider_responses (state_digest, ends_at) VALUES ($1, $2) ON CONFLICT (state_digest) DO NOTHING",
        state_digest,
        ends_at.0
    );
    Ok(inserted == 1)
}

/// Forgets responses that ended before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM provider_responses WHERE state_digest IN
            (SELECT state_digest FROM provider_responses WHERE ends_at < $1 LIMIT 200)",
        before.0
    ))
}
