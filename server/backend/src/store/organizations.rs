//! Organizations, their domains and administrators.

use super::conn::{execute, on};
use super::{Conn, ReadConn, WriteTx};
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

/// Returns whether an organization has verified a domain.
pub async fn has_verified(conn: &mut ReadConn, id: &str, domain: &str) -> Result<bool, Fault> {
    Ok(of_domain(conn, domain).await?.is_some_and(|of| of.id == id))
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

/// Returns the provider of an organization.
pub async fn provider_of(conn: &mut ReadConn, id: &str) -> Result<Option<String>, Fault> {
    let found: Option<Option<String>> = on!(conn, |conn| {
        sqlx::query_scalar("SELECT provider FROM organizations WHERE id = $1")
            .bind(id)
            .fetch_optional(conn)
            .await?
    });
    Ok(found.flatten())
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

/// Creates an organization; `None` if there is one with this name.
pub async fn insert(
    tx: &mut WriteTx,
    organization: &Organization,
    now: Timestamp,
) -> Result<Option<Membership>, Fault> {
    let id = crate::random::id();
    let inserted = execute!(
        tx,
        "INSERT INTO organizations (id, name, administrator_name, administrator_email, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING",
        &id,
        &organization.name,
        &organization.administrator_name,
        &organization.administrator_email,
        now.0
    );
    Ok((inserted == 1).then(|| Membership {
        id,
        organization: organization.clone(),
        provider: None,
    }))
}

/// Finds an organization by name.
pub async fn find_by_name(conn: &mut ReadConn, name: &str) -> Result<Option<Membership>, Fault> {
    let row: Option<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, name, administrator_name, administrator_email, provider FROM organizations WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(conn)
        .await?
    });
    Ok(row.map(Membership::from))
}

/// Lists organizations in order of name, after the given one.
pub async fn list(conn: &mut ReadConn, after: &str, limit: i64) -> Result<Vec<Membership>, Fault> {
    let rows: Vec<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, name, administrator_name, administrator_email, provider FROM organizations
              WHERE name > $1 ORDER BY name LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?
    });
    Ok(rows.into_iter().map(Membership::from).collect())
}

/// Locks an organization until the transaction ends, so that its last two administrators cannot remove each other.
pub async fn lock_for_update(tx: &mut WriteTx, id: &str) -> Result<(), Fault> {
    // SQLite needs no row lock, because it has a single writer.
    if let Conn::Postgres(conn) = &mut tx.conn {
        sqlx::query("UPDATE organizations SET created_at = created_at WHERE id = $1")
            .bind(id)
            .execute(conn.statements())
            .await?;
    }
    Ok(())
}

/// Deletes an organization without members; `false` if it has some.
pub async fn delete(tx: &mut WriteTx, id: &str) -> Result<bool, Fault> {
    let deleted = execute!(
        tx,
        "DELETE FROM organizations WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM accounts WHERE managed_by = $1)",
        id
    );
    Ok(deleted == 1)
}

/// A domain that an organization claims.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Domain {
    /// Its name: `example.com`.
    pub domain: String,
    /// The text to publish in its DNS.
    pub proof: String,
    /// When it was verified.
    pub verified_at: Option<i64>,
}

/// Lists the domains of an organization, at most 100.
pub async fn domains(conn: &mut ReadConn, id: &str) -> Result<Vec<Domain>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT domain, proof, verified_at FROM organization_domains
              WHERE organization_id = $1 ORDER BY domain LIMIT 100",
        )
        .bind(id)
        .fetch_all(conn)
        .await?
    }))
}

/// Removes a domain; `false` if it is not claimed.
pub async fn remove_domain(tx: &mut WriteTx, id: &str, domain: &str) -> Result<bool, Fault> {
    let removed = execute!(
        tx,
        "DELETE FROM organization_domains WHERE organization_id = $1 AND domain = $2",
        id,
        domain
    );
    Ok(removed == 1)
}
