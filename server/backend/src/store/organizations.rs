//! Organizations, their domains and administrators.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{Membership, Organization, Timestamp};

/// Creates an organization, or changes the contact of the one with this name; returns it.
pub async fn ensure(tx: &mut WriteTx, organization: &Organization, now: Timestamp) -> Result<Membership, Fault> {
    let (id, provider) = on!(tx, |conn| {
        sqlx::query_as(
            "INSERT INTO organizations (id, name, administrator_name, administrator_email, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO UPDATE SET administrator_name = excluded.administrator_name,
                                              administrator_email = excluded.administrator_email
             RETURNING id, provider",
        )
        .bind(crate::random::id())
        .bind(&organization.name)
        .bind(&organization.administrator_name)
        .bind(&organization.administrator_email)
        .bind(now.0)
        .fetch_one(conn)
        .await?
    });
    Ok(Membership {
        id,
        organization: organization.clone(),
        provider,
    })
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    administrator_name: String,
    administrator_email: String,
    provider: Option<String>,
}

impl From<Row> for Membership {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            organization: Organization {
                name: row.name,
                administrator_name: row.administrator_name,
                administrator_email: row.administrator_email,
            },
            provider: row.provider,
        }
    }
}

/// Finds the organization that has verified a domain.
pub async fn of_domain(conn: &mut ReadConn, domain: &str) -> Result<Option<Membership>, Fault> {
    let row: Option<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT o.id, o.name, o.administrator_name, o.administrator_email, o.provider
               FROM organization_domains d JOIN organizations o ON o.id = d.organization_id
              WHERE d.domain = $1 AND d.verified_at IS NOT NULL",
        )
        .bind(domain)
        .fetch_optional(conn)
        .await?
    });
    Ok(row.map(Membership::from))
}

/// Returns whether a provider belongs to an organization.
pub async fn owns_provider(conn: &mut ReadConn, provider: &str) -> Result<bool, Fault> {
    let found: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar("SELECT CAST(1 AS BIGINT) FROM organizations WHERE provider = $1 LIMIT 1")
            .bind(provider)
            .fetch_optional(conn)
            .await?
    });
    Ok(found.is_some())
}

/// Sets the provider of the configuration through which members sign in.
pub async fn set_provider(tx: &mut WriteTx, id: &str, provider: Option<&str>) -> Result<(), Fault> {
    execute!(tx, "UPDATE organizations SET provider = $2 WHERE id = $1", id, provider);
    Ok(())
}

/// Claims a domain with the text that proves it in the DNS; `false` if it is claimed already.
pub async fn add_domain(tx: &mut WriteTx, id: &str, domain: &str, proof: &str, now: Timestamp) -> Result<bool, Fault> {
    let added = execute!(
        tx,
        "INSERT INTO organization_domains (organization_id, domain, proof, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, domain) DO NOTHING",
        id,
        domain,
        proof,
        now.0
    );
    Ok(added == 1)
}

/// Marks a claimed domain as verified; `false` if it is not claimed, or another organization has verified it.
pub async fn verify_domain(tx: &mut WriteTx, id: &str, domain: &str, now: Timestamp) -> Result<bool, Fault> {
    let verified = execute!(
        tx,
        "UPDATE organization_domains SET verified_at = $3 WHERE organization_id = $1 AND domain = $2 AND NOT EXISTS
            (SELECT 1 FROM organization_domains WHERE domain = $2 AND verified_at IS NOT NULL AND organization_id <> $1)",
        id,
        domain,
        now.0
    );
    Ok(verified == 1)
}
