//! Invitations to organizations.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Invitation {
    /// Its id in forms.
    pub id: String,
    /// The organization's id.
    pub organization_id: String,
    /// The organization's name.
    pub organization: String,
    /// The invited address.
    pub email: String,
    /// When it was sent.
    pub created_at: i64,
    /// When it ends.
    pub ends_at: i64,
}

/// Invites an address, or invites it again.
pub async fn insert(
    tx: &mut WriteTx,
    organization: &str,
    email: &EmailAddress,
    by: &AccountId,
    now: Timestamp,
    ends_at: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "INSERT INTO organization_invitations (id, organization_id, email, invited_by, created_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (organization_id, email) DO UPDATE SET invited_by = excluded.invited_by,
                                                                created_at = excluded.created_at, ends_at = excluded.ends_at",
        crate::random::id(),
        organization,
        email.as_str(),
        &by.0,
        now.0,
        ends_at.0
    );
    Ok(())
}

/// Lists the open invitations of an organization, newest first, at most 100. Without those of members who joined in another way.
pub async fn of_organization(
    conn: &mut ReadConn,
    organization: &str,
    now: Timestamp,
) -> Result<Vec<Invitation>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT i.id, i.organization_id, o.name AS organization, i.email, i.created_at, i.ends_at
               FROM organization_invitations i JOIN organizations o ON o.id = i.organization_id
              WHERE i.organization_id = $1 AND i.ends_at > $2
                AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.email = i.email AND a.managed_by = $1)
              ORDER BY i.created_at DESC, i.id LIMIT 100",
        )
        .bind(organization)
        .bind(now.0)
        .fetch_all(conn)
        .await?
    }))
}

/// Lists the open invitations of an address, oldest first, at most 10.
pub async fn of_address(conn: &mut ReadConn, email: &EmailAddress, now: Timestamp) -> Result<Vec<Invitation>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT i.id, i.organization_id, o.name AS organization, i.email, i.created_at, i.ends_at
               FROM organization_invitations i JOIN organizations o ON o.id = i.organization_id
              WHERE i.email = $1 AND i.ends_at > $2 ORDER BY i.created_at, i.id LIMIT 10",
        )
        .bind(email.as_str())
        .bind(now.0)
        .fetch_all(conn)
        .await?
    }))
}

/// Withdraws an invitation of an organization; `false` if there is none.
pub async fn withdraw(tx: &mut WriteTx, organization: &str, id: &str) -> Result<bool, Fault> {
    let withdrawn = execute!(
        tx,
        "DELETE FROM organization_invitations WHERE id = $1 AND organization_id = $2",
        id,
        organization
    );
    Ok(withdrawn == 1)
}

/// Accepts or declines an invitation of an address, which ends it; `false` if it is not open.
pub async fn close(tx: &mut WriteTx, email: &EmailAddress, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let closed = execute!(
        tx,
        "DELETE FROM organization_invitations WHERE id = $1 AND email = $2 AND ends_at > $3",
        id,
        email.as_str(),
        now.0
    );
    Ok(closed == 1)
}

/// Deletes invitations that ended before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM organization_invitations WHERE id IN
            (SELECT id FROM organization_invitations WHERE ends_at < $1 LIMIT 200)",
        before.0
    ))
}
