//! Accounts and their passwords.

use super::conn::{execute, later, on};
use super::sessions::Session;
use super::{Conn, ReadConn, WriteTx};
use crate::Fault;
use crate::proof::PasswordProof;
use account::{Account, AccountId, EmailAddress, Membership, Organization, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, QueryBuilder, Type};
use std::collections::HashSet;

/// An account and its password hash, which only the hasher reads.
pub struct Stored {
    /// The account.
    pub account: Account,
    /// The password hash, also of a managed account, whose password is refused.
    pub password: Option<String>,
    /// Whether the leaked-password check is outstanding.
    pub unchecked: bool,
    /// Whether its owner administers the organization that manages it.
    pub administers: bool,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    email: String,
    name: String,
    preferred_name: String,
    language: Option<String>,
    disabled_at: Option<i64>,
    delete_after: Option<i64>,
    password: Option<String>,
    password_changed_at: Option<i64>,
    password_unchecked_at: Option<i64>,
    issuer: Option<String>,
    managed_by: Option<String>,
    organization: Option<String>,
    administrator_name: Option<String>,
    administrator_email: Option<String>,
    provider: Option<String>,
    administers: bool,
}

impl TryFrom<Row> for Stored {
    type Error = Fault;
    fn try_from(row: Row) -> Result<Self, Fault> {
        let managed_by = match (
            row.managed_by,
            row.organization,
            row.administrator_name,
            row.administrator_email,
        ) {
            (None, ..) => None,
            (Some(id), Some(name), Some(administrator_name), Some(administrator_email)) => Some(Membership {
                id,
                organization: Organization {
                    name,
                    administrator_name,
                    administrator_email,
                },
                provider: row.provider,
            }),
            _ => {
                return Err(Fault::Corrupt {
                    what: "organization of an account",
                });
            }
        };
        Ok(Self {
            account: Account {
                id: AccountId(row.id),
                email: EmailAddress::parse(&row.email).map_err(|_| Fault::Corrupt {
                    what: "account address",
                })?,
                name: row.name,
                preferred_name: row.preferred_name,
                managed_by,
                has_password: row.password.is_some(),
                issuer: row.issuer,
                language: row.language,
                password_changed_at: row.password_changed_at.map(Timestamp),
                disabled_at: row.disabled_at.map(Timestamp),
                delete_after: row.delete_after.map(Timestamp),
            },
            password: row.password,
            unchecked: row.password_unchecked_at.is_some(),
            administers: row.administers,
        })
    }
}

/// An account row from an outer join, which may be missing.
pub(super) struct Beside(pub(super) Option<Row>);

impl<'r, R: sqlx::Row> FromRow<'r, R> for Beside
where
    Row: FromRow<'r, R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let id: Option<String> = row.try_get("id")?;
        id.map(|_| Row::from_row(row)).transpose().map(Self)
    }
}

/// The columns of [`Row`], from [`tables`]. An aggregate instead of `EXISTS`, which PostgreSQL plans as a scan of small tables.
macro_rules! columns {
    () => {
        "a.id, a.email, a.name, a.preferred_name, a.language, a.disabled_at, a.delete_after, p.hash AS password,
         p.changed_at AS password_changed_at, p.unchecked_at AS password_unchecked_at,
         CASE WHEN p.hash IS NULL THEN (SELECT MIN(i.issuer) FROM identities i WHERE i.account_id = a.id) END AS issuer,
         a.managed_by, o.name AS organization, o.administrator_name, o.administrator_email, o.provider,
         (SELECT MIN(g.organization_id) FROM organization_administrators g WHERE g.account_id = a.id) IS NOT NULL AS administers"
    };
}

/// The tables beside `accounts a`.
macro_rules! joins {
    () => {
        " LEFT JOIN passwords p ON p.account_id = a.id LEFT JOIN organizations o ON o.id = a.managed_by "
    };
}

/// As many columns as [`columns`], without an account, for other rows of the same query.
macro_rules! no_columns {
    () => {
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, FALSE"
    };
}
pub(super) use {columns, joins, no_columns};

/// Selects accounts together with extra columns.
macro_rules! select {
    ($beside:literal, $rest:literal) => {
        concat!("SELECT ", columns!(), $beside, " FROM accounts a", joins!(), $rest)
    };
}

/// Finds an account by e-mail address.
pub async fn find_by_email(conn: &mut ReadConn, email: &EmailAddress) -> Result<Option<Stored>, Fault> {
    let row: Option<Row> = on!(conn, |conn| {
        sqlx::query_as(select!("", "WHERE a.email = $1"))
            .bind(email.as_str())
            .fetch_optional(conn)
            .await?
    });
    row.map(Stored::try_from).transpose()
}

/// Finds an account by id.
pub async fn find(conn: &mut ReadConn, id: &AccountId) -> Result<Option<Stored>, Fault> {
    let row: Option<Row> = on!(conn, |conn| sqlx::query_as(select!("", "WHERE a.id = $1"))
        .bind(&id.0)
        .fetch_optional(conn)
        .await?);
    row.map(Stored::try_from).transpose()
}

#[derive(sqlx::FromRow)]
struct WithSession {
    #[sqlx(flatten)]
    account: Row,
    session_id: String,
    browser: String,
    client: String,
    signed_in_at: i64,
    last_seen_at: i64,
    ends_at: i64,
    authenticated_at: i64,
    methods: String,
}

/// Finds a live session and its active account by the token's digest, in one query, because every signed-in page begins with it.
pub async fn find_by_session(
    conn: &mut ReadConn,
    token_digest: &str,
    idle_ms: i64,
    now: Timestamp,
) -> Result<Option<(Session, Stored)>, Fault> {
    let row: Option<WithSession> = on!(conn, |conn| {
        sqlx::query_as(select!(
            ", s.id AS session_id, s.browser, s.client, s.signed_in_at, s.last_seen_at, s.ends_at, s.authenticated_at, s.methods",
            "JOIN sessions s ON s.account_id = a.id
              WHERE s.token_digest = $1 AND s.ends_at > $2 AND s.last_seen_at > $3"
        ))
        .bind(token_digest)
        .bind(now.0)
        .bind(now.plus_ms(-idle_ms).0)
        .fetch_optional(conn)
        .await?
    });
    // Not filtered in SQL: without table statistics, PostgreSQL estimates that one row in 200 is NULL and scans the table.
    let Some(row) = row.filter(|row| row.account.disabled_at.is_none()) else {
        return Ok(None);
    };
    let stored = Stored::try_from(row.account)?;
    let session = Session {
        id: row.session_id,
        account_id: stored.account.id.0.clone(),
        browser: row.browser,
        client: row.client,
        signed_in_at: row.signed_in_at,
        last_seen_at: row.last_seen_at,
        ends_at: row.ends_at,
        authenticated_at: row.authenticated_at,
        methods: row.methods,
    };
    Ok(Some((session, stored)))
}

/// Returns the first password hash at or after this id.
pub async fn password_of_next(conn: &mut ReadConn, id: &AccountId) -> Result<Option<String>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT hash FROM passwords WHERE account_id >= $1 ORDER BY account_id LIMIT 1")
            .bind(&id.0)
            .fetch_optional(conn)
            .await?
    }))
}

/// Lists accounts in order of address, after the given one.
pub async fn list(conn: &mut ReadConn, after: &str, limit: i64) -> Result<Vec<Account>, Fault> {
    let rows: Vec<Row> = on!(conn, |conn| {
        sqlx::query_as(select!("", "WHERE a.email > $1 ORDER BY a.email LIMIT $2"))
            .bind(after)
            .bind(limit)
            .fetch_all(conn)
            .await?
    });
    rows.into_iter()
        .map(|row| Stored::try_from(row).map(|stored| stored.account))
        .collect()
}

/// Creates an account without identities; `false` if the address already has one.
pub async fn insert(
    tx: &mut WriteTx,
    account: &Account,
    password: Option<&str>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let inserted = execute!(
        tx,
        "INSERT INTO accounts (id, email, name, language, managed_by, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email) DO NOTHING",
        &account.id.0,
        account.email.as_str(),
        &account.name,
        &account.language,
        account.managed_by.as_ref().map(|membership| &membership.id),
        now.0
    );
    if let (1, Some(hash)) = (inserted, password) {
        execute!(
            tx,
            "INSERT INTO passwords (account_id, hash, changed_at) VALUES ($1, $2, $3)",
            &account.id.0,
            hash,
            now.0
        );
    }
    Ok(inserted == 1)
}

/// Creates up to 3,500 accounts and returns the new ids, without those that existed. The default creation time is `now`.
pub async fn insert_all(
    tx: &mut WriteTx,
    accounts: &[(Stored, Option<Timestamp>)],
    now: Timestamp,
) -> Result<Vec<AccountId>, Fault> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = on!(tx, |conn| {
        QueryBuilder::new("INSERT INTO accounts (id, email, name, language, disabled_at, created_at) ")
            .push_values(accounts, |mut row, (stored, created_at)| {
                row.push_bind(&stored.account.id.0)
                    .push_bind(stored.account.email.as_str())
                    .push_bind(&stored.account.name)
                    .push_bind(&stored.account.language)
                    .push_bind(stored.account.disabled_at.map(|at| at.0))
                    .push_bind(created_at.unwrap_or(now).0);
            })
            .push(" ON CONFLICT (email) DO NOTHING RETURNING id")
            .build_query_scalar()
            .fetch_all(conn)
            .await?
    });
    let is_new: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let mut passwords = accounts
        .iter()
        .filter(|(stored, _)| is_new.contains(stored.account.id.0.as_str()))
        .filter_map(|(stored, _)| Some((stored, stored.password.as_ref()?)))
        .peekable();
    if passwords.peek().is_some() {
        on!(tx, |conn| {
            QueryBuilder::new("INSERT INTO passwords (account_id, hash, unchecked_at) ")
                .push_values(passwords, |mut row, (stored, hash)| {
                    row.push_bind(&stored.account.id.0)
                        .push_bind(hash)
                        .push_bind(stored.unchecked.then_some(now.0));
                })
                .build()
                .execute(conn)
                .await?;
        });
    }
    Ok(ids.into_iter().map(AccountId).collect())
}

/// Locks the account until the transaction ends. Taken before flows, to avoid deadlocks. Attack: a sign-in with the old
/// password that completes while the new one is being set.
pub async fn lock_for_update(tx: &mut WriteTx, id: &AccountId) -> Result<(), Fault> {
    // SQLite needs no row lock, because it has a single writer.
    if let Conn::Postgres(conn) = &mut tx.conn {
        sqlx::query("UPDATE accounts SET disabled_at = disabled_at WHERE id = $1")
            .bind(&id.0)
            .execute(conn.statements())
            .await?;
    }
    Ok(())
}

/// Sets the password of an active account that no organization manages, else returns `false`. Checked in the statement. Attack:
/// an account is assigned to an organization during a flow, and gets a new password.
pub async fn set_password(
    tx: &mut WriteTx,
    proof: &PasswordProof,
    hash: &str,
    unchecked: bool,
    now: Timestamp,
) -> Result<bool, Fault> {
    let changed = execute!(
        tx,
        "INSERT INTO passwords (account_id, hash, changed_at, unchecked_at)
         SELECT id, $2, $3, $4 FROM accounts
          WHERE id = $1 AND managed_by IS NULL AND disabled_at IS NULL
            AND COALESCE((SELECT hash FROM passwords WHERE account_id = $1), '')
              = COALESCE($5, (SELECT hash FROM passwords WHERE account_id = $1), '')
             ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at,
                                                    unchecked_at = excluded.unchecked_at",
        &proof.account().0,
        hash,
        now.0,
        unchecked.then_some(now.0),
        proof.verified_against()
    );
    Ok(changed == 1)
}

/// Upgrades a hash to a newer format of the same password, unless the password has changed since.
pub async fn upgrade_hash(tx: &mut WriteTx, id: &AccountId, old: &str, new: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE passwords SET hash = $3 WHERE account_id = $1 AND hash = $2",
        &id.0,
        old,
        new
    );
    Ok(())
}

/// Counts stored hashes with this prefix: a key name, or `$` for another system's hashes.
pub async fn count_hashes(conn: &mut ReadConn, prefix: &str) -> Result<i64, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT count(*) FROM passwords WHERE substr(hash, 1, length(CAST($1 AS TEXT))) = $1")
            .bind(prefix)
            .fetch_one(conn)
            .await?
    }))
}

/// Records that the leaked-password check is still outstanding.
pub async fn mark_unchecked(tx: &mut WriteTx, id: &AccountId, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE passwords SET unchecked_at = $2 WHERE account_id = $1",
        &id.0,
        now.0
    );
    Ok(())
}

/// Records that the leaked-password check is complete.
pub async fn mark_checked(tx: &mut WriteTx, id: &AccountId) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE passwords SET unchecked_at = NULL WHERE account_id = $1",
        &id.0
    );
    Ok(())
}

/// Changes the language of an account's screens and e-mails.
pub async fn set_language(tx: &mut WriteTx, id: &AccountId, language: &str) -> Result<(), Fault> {
    execute!(tx, "UPDATE accounts SET language = $2 WHERE id = $1", &id.0, language);
    Ok(())
}

/// Sets the owner's name.
pub async fn set_name(tx: &mut WriteTx, id: &AccountId, name: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE accounts SET name = $2, updated_at = $3 WHERE id = $1",
        &id.0,
        name,
        now.0,
    );
    Ok(())
}

/// Returns what the owner says about their work: job title and organization.
pub async fn work(conn: &mut ReadConn, id: &AccountId) -> Result<(String, String), Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as("SELECT job_title, company FROM accounts WHERE id = $1")
            .bind(&id.0)
            .fetch_one(conn)
            .await?
    }))
}

/// Sets what the owner says about their work.
pub async fn set_work(tx: &mut WriteTx, id: &AccountId, job_title: &str, company: &str) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE accounts SET job_title = $2, company = $3 WHERE id = $1",
        &id.0,
        job_title,
        company,
    );
    Ok(())
}

/// Sets how the owner wants to be called.
pub async fn set_preferred_name(tx: &mut WriteTx, id: &AccountId, name: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE accounts SET preferred_name = $2, updated_at = $3 WHERE id = $1",
        &id.0,
        name,
        now.0,
    );
    Ok(())
}

/// Deactivates or reactivates an account; `organization` is the one whose administrator does it, or `None` for an operator.
pub async fn set_disabled(
    tx: &mut WriteTx,
    id: &AccountId,
    at: Option<Timestamp>,
    organization: Option<&str>,
) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE accounts SET disabled_at = $2, disabled_by = $3 WHERE id = $1",
        &id.0,
        at.map(|at| at.0),
        organization
    );
    Ok(())
}

/// Reactivates an account that this organization has deactivated; `false` for any other account. Attack: an administrator undoes
/// an operator's deactivation.
pub async fn enable_by_organization(tx: &mut WriteTx, id: &AccountId, organization: &str) -> Result<bool, Fault> {
    let enabled = execute!(
        tx,
        "UPDATE accounts SET disabled_at = NULL, disabled_by = NULL WHERE id = $1 AND disabled_by = $2",
        &id.0,
        organization
    );
    Ok(enabled == 1)
}

/// Assigns an account to an organization, or to none. Its password stays stored, and its deletion is canceled, because the organization
/// decides from then on. An administrator of another organization no
/// longer is one. Attack: a former administrator is invited again as a member, and administers the organization.
pub async fn set_managed(
    tx: &mut WriteTx,
    id: &AccountId,
    organization: Option<&str>,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "DELETE FROM organization_administrators
              WHERE account_id = $1 AND organization_id <> COALESCE(CAST($2 AS TEXT), '')",
        &id.0,
        organization
    );
    execute!(
        tx,
        "UPDATE accounts SET managed_by = $2, updated_at = $3,
                delete_after = CASE WHEN CAST($2 AS TEXT) IS NULL THEN delete_after END,
                remind_after = CASE WHEN CAST($2 AS TEXT) IS NULL THEN remind_after END WHERE id = $1",
        &id.0,
        organization,
        now.0
    );
    Ok(())
}
