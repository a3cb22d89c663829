//! The administrators of organizations. Each is a member of the organization.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, Timestamp};

/// Makes a member an administrator; `false` if it is one, or no member.
pub async fn insert(tx: &mut WriteTx, organization: &str, account: &AccountId, now: Timestamp) -> Result<bool, Fault> {
    let added = execute!(
        tx,
        "INSERT INTO organization_administrators (organization_id, account_id, created_at)
         SELECT managed_by, id, $3 FROM accounts WHERE id = $2 AND managed_by = $1
             ON CONFLICT (organization_id, account_id) DO NOTHING",
        organization,
        &account.0,
        now.0
    );
    Ok(added == 1)
}

/// Removes an administrator, who remains a member; `false` if it is none.
pub async fn delete(tx: &mut WriteTx, organization: &str, account: &AccountId) -> Result<bool, Fault> {
    let removed = execute!(
        tx,
        "DELETE FROM organization_administrators WHERE organization_id = $1 AND account_id = $2",
        organization,
        &account.0
    );
    Ok(removed == 1)
}

/// An administrator.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Administrator {
    /// The account's id.
    pub id: String,
    /// Its address.
    pub email: String,
    /// When it was deactivated.
    pub disabled_at: Option<i64>,
}

/// Lists the administrators of an organization in order of address, at most 100.
pub async fn of_organization(conn: &mut ReadConn, organization: &str) -> Result<Vec<Administrator>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT g.account_id AS id, (SELECT a.email FROM accounts a WHERE a.id = g.account_id) AS email,
                    (SELECT a.disabled_at FROM accounts a WHERE a.id = g.account_id) AS disabled_at
               FROM organization_administrators g WHERE g.organization_id = $1 ORDER BY email LIMIT 100",
        )
        .bind(organization)
        .fetch_all(conn)
        .await?
    }))
}
