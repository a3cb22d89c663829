//! Settings that an account keeps for all pages and e-mails.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, DateFormat, EmailAddress, Preferences, TextSize, Theme, TimeFormat};

#[derive(sqlx::FromRow)]
struct Row {
    time_zone: Option<String>,
    date_format: String,
    twelve_hours: i64,
    theme: Option<String>,
    text_size: String,
}

/// A value of a later release is like an unset one.
impl From<Row> for Preferences {
    fn from(row: Row) -> Self {
        Self {
            times: TimeFormat {
                zone: row.time_zone,
                dates: DateFormat::read(&row.date_format).unwrap_or_default(),
                twelve_hours: row.twelve_hours != 0,
            },
            theme: row.theme.as_deref().and_then(Theme::read),
            text_size: TextSize::read(&row.text_size).unwrap_or_default(),
        }
    }
}

/// Returns the preferences of an account.
pub async fn find(conn: &mut ReadConn, account: &AccountId) -> Result<Preferences, Fault> {
    let row: Option<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT time_zone, date_format, twelve_hours, theme, text_size FROM preferences WHERE account_id = $1",
        )
        .bind(&account.0)
        .fetch_optional(conn)
        .await?
    });
    Ok(row.map(Preferences::from).unwrap_or_default())
}

/// Returns the preferences of the account with this address; the default ones if there is none.
pub async fn find_by_email(conn: &mut ReadConn, email: &EmailAddress) -> Result<Preferences, Fault> {
    let row: Option<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT p.time_zone, p.date_format, p.twelve_hours, p.theme, p.text_size
               FROM accounts a JOIN preferences p ON p.account_id = a.id WHERE a.email = $1",
        )
        .bind(email.as_str())
        .fetch_optional(conn)
        .await?
    });
    Ok(row.map(Preferences::from).unwrap_or_default())
}

/// Stores the preferences of an account, which is locked.
pub async fn store(tx: &mut WriteTx, account: &AccountId, preferences: &Preferences) -> Result<(), Fault> {
    let times = &preferences.times;
    execute!(
        tx,
        "INSERT INTO preferences (account_id, time_zone, date_format, twelve_hours, theme, text_size)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (account_id) DO UPDATE SET time_zone = excluded.time_zone, date_format = excluded.date_format,
                 twelve_hours = excluded.twelve_hours, theme = excluded.theme, text_size = excluded.text_size",
        &account.0,
        &times.zone,
        times.dates.as_str(),
        i64::from(times.twelve_hours),
        preferences.theme.map(Theme::as_str),
        preferences.text_size.as_str()
    );
    Ok(())
}
