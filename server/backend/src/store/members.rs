//! The members of organizations, for their administrators.

use super::ReadConn;
use super::conn::on;
use crate::Fault;
use account::{AccountId, Activity, ActivityKind, MemberEvent, Timestamp};

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Member {
    /// The account's id.
    pub id: String,
    /// Its address.
    pub email: String,
    /// Its owner's name.
    pub name: String,
    /// When it was deactivated.
    pub disabled_at: Option<i64>,
    /// The time of its last sign-in.
    pub last_sign_in: Option<i64>,
    /// Whether it is an administrator.
    pub administrator: bool,
}

/// Lists members in order of address, after the given one, whose address begins with `prefix`. Reads only the entries of this
/// organization in the index; a range of addresses would depend on the database's collation.
pub async fn page(
    conn: &mut ReadConn,
    organization: &str,
    prefix: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Member>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT a.id, a.email, a.name, a.disabled_at,
                    (SELECT e.at FROM events e WHERE e.account_id = a.id AND e.kind IN ('signed_in', 'provider_signed_in')
                        AND e.kind NOT IN ('wrong_password', 'wrong_code', 'reset_asked')
                      ORDER BY e.at DESC LIMIT 1) AS last_sign_in,
                    (SELECT MIN(g.organization_id) FROM organization_administrators g
                      WHERE g.account_id = a.id) IS NOT NULL AS administrator
               FROM accounts a
              WHERE a.managed_by = $1 AND a.email > $3 AND substr(a.email, 1, length(CAST($2 AS TEXT))) = $2
              ORDER BY a.email LIMIT $4",
        )
        .bind(organization)
        .bind(prefix)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?
    }))
}

/// Returns up to `limit` ids of members, in order, after the given one.
pub async fn ids(
    conn: &mut ReadConn,
    organization: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<(AccountId, String)>, Fault> {
    let rows: Vec<(String, String)> = on!(conn, |conn| {
        sqlx::query_as("SELECT id, email FROM accounts WHERE managed_by = $1 AND email > $2 ORDER BY email LIMIT $3")
            .bind(organization)
            .bind(after)
            .bind(limit)
            .fetch_all(conn)
            .await?
    });
    Ok(rows.into_iter().map(|(id, email)| (AccountId(id), email)).collect())
}

/// Counts the members of an organization.
pub async fn count(conn: &mut ReadConn, organization: &str) -> Result<i64, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT count(*) FROM accounts WHERE managed_by = $1")
            .bind(organization)
            .fetch_one(conn)
            .await?
    }))
}

/// Returns whether a member of the organization has an address at the domain.
pub async fn any_at(conn: &mut ReadConn, organization: &str, domain: &str) -> Result<bool, Fault> {
    let found: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT CAST(1 AS BIGINT) FROM accounts WHERE managed_by = $1 AND email LIKE '%@' || $2 LIMIT 1",
        )
        .bind(organization)
        .bind(domain)
        .fetch_optional(conn)
        .await?
    });
    Ok(found.is_some())
}

/// The security events of members since they joined, newest first, each with the addresses of the member and of the administrator who acted; of former members, only
/// their removal. Without attempts by others, changes of the provider, which every member has, and kinds from later releases.
pub async fn events(conn: &mut ReadConn, organization: &str, limit: i64) -> Result<Vec<MemberEvent>, Fault> {
    #[derive(sqlx::FromRow)]
    struct Row {
        email: String,
        acted_by: Option<String>,
        kind: String,
        at: i64,
        browser: String,
        client: String,
    }
    // The organization is checked again: other events of former members are not shown.
    let rows: Vec<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT a.email, b.email AS acted_by, recent.kind, recent.at, recent.browser, recent.client
               FROM (SELECT account_id, acted_by, kind, at, id, browser, client FROM events
                      WHERE organization_id = $1 AND kind NOT IN ('wrong_password', 'wrong_code', 'reset_asked')
                        AND kind <> 'organization_provider_changed'
                      ORDER BY at DESC, id DESC LIMIT $2) AS recent
               JOIN accounts a ON a.id = recent.account_id
               LEFT JOIN accounts b ON b.id = recent.acted_by
              WHERE a.managed_by = $1 OR recent.kind = 'member_removed' ORDER BY recent.at DESC, recent.id DESC",
        )
        .bind(organization)
        .bind(limit)
        .fetch_all(conn)
        .await?
    });
    let events = rows.into_iter().filter_map(|row| {
        let activity = Activity {
            kind: ActivityKind::read(&row.kind)?,
            at: Timestamp(row.at),
            browser: row.browser,
            client: row.client,
        };
        Some(MemberEvent {
            email: row.email,
            by: row.acted_by,
            activity,
        })
    });
    Ok(events.collect())
}
