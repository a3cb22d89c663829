//! Choices for and against groups of e-mails.

use super::conn::{later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};

/// How a choice was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// On the preferences page.
    Page,
    /// By a link in an e-mail.
    OneClick,
    /// By an operator's command.
    Command,
}

impl Source {
    /// Returns the stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::OneClick => "one-click",
            Self::Command => "command",
        }
    }
}

/// A choice of an account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Choice {
    /// The group's id.
    pub group_id: String,
    /// Whether the account wants it.
    #[sqlx(try_from = "i64")]
    pub wanted: Wanted,
    /// The time of the choice.
    pub changed_at: i64,
    /// How it was made: [`Source::as_str`].
    pub source: String,
}

/// A stored yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted(pub bool);

impl From<i64> for Wanted {
    fn from(stored: i64) -> Self {
        Self(stored != 0)
    }
}

/// An account and its choice for one group, if it has made one.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Reader {
    /// The address.
    pub email: String,
    /// Whether the account is deactivated.
    pub disabled_at: Option<i64>,
    /// The choice, as stored.
    pub wanted: Option<i64>,
    /// The time of the choice.
    pub changed_at: Option<i64>,
    /// How it was made.
    pub source: Option<String>,
}

/// Returns the choices of an account.
pub async fn of_account(conn: &mut ReadConn, account: &AccountId) -> Result<Vec<Choice>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as("SELECT group_id, wanted, changed_at, source FROM mail_choices WHERE account_id = $1")
            .bind(&account.0)
            .fetch_all(conn)
            .await?
    }))
}

/// Returns whether the account with this address wants a group; `None` if it has made no choice, or does not exist.
pub async fn find_by_email(conn: &mut ReadConn, email: &EmailAddress, group: &str) -> Result<Option<bool>, Fault> {
    let wanted: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT c.wanted FROM accounts a JOIN mail_choices c ON c.account_id = a.id AND c.group_id = $2
              WHERE a.email = $1",
        )
        .bind(email.as_str())
        .bind(group)
        .fetch_optional(conn)
        .await?
    });
    Ok(wanted.map(|wanted| wanted != 0))
}

/// Lists accounts with their choice for a group in order of address, after the given one.
pub async fn list(conn: &mut ReadConn, group: &str, after: &str, limit: i64) -> Result<Vec<Reader>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT a.email, a.disabled_at, c.wanted, c.changed_at, c.source
               FROM accounts a LEFT JOIN mail_choices c ON c.account_id = a.id AND c.group_id = $1
              WHERE a.email > $2 ORDER BY a.email LIMIT $3",
        )
        .bind(group)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?
    }))
}

/// Stores a choice of an account, which is locked, and adds it to the record of changes.
pub async fn set(
    tx: &mut WriteTx,
    account: &AccountId,
    group: &str,
    wanted: bool,
    source: Source,
    now: Timestamp,
) -> Result<(), Fault> {
    let wanted = i64::from(wanted);
    later!(
        tx,
        "INSERT INTO mail_choices (account_id, group_id, wanted, changed_at, source) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, group_id) DO UPDATE SET wanted = excluded.wanted, changed_at = excluded.changed_at,
                 source = excluded.source",
        &account.0,
        group,
        wanted,
        now.0,
        source.as_str(),
    );
    later!(
        tx,
        "INSERT INTO mail_choice_changes (id, account_id, group_id, wanted, changed_at, source)
             VALUES ($1, $2, $3, $4, $5, $6)",
        crate::random::id_at(now),
        &account.0,
        group,
        wanted,
        now.0,
        source.as_str(),
    );
    Ok(())
}
