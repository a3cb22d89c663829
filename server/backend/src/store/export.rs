//! Everything that is stored about an account, for a file that its owner downloads. `tests/it/export_columns.rs` lists what is left out, and
//! fails on a new column that is neither here nor there.

use super::ReadConn;
use super::conn::on;
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};
use serde::{Serialize, Serializer};

/// The account. The names of all fields are documented in `docs/account-data.md`.
#[derive(Debug, Serialize, sqlx::FromRow)]
#[expect(missing_docs, reason = "documented in docs/account-data.md")]
pub struct AccountRow {
    pub id: String,
    pub email: String,
    pub name: String,
    pub preferred_name: String,
    pub job_title: String,
    pub company: String,
    pub language: Option<String>,
    pub organization: Option<String>,
    #[serde(serialize_with = "time")]
    pub administrator_since: Option<i64>,
    #[serde(serialize_with = "time")]
    pub created_at: Option<i64>,
    #[serde(serialize_with = "time")]
    pub updated_at: Option<i64>,
    #[serde(serialize_with = "time")]
    pub disabled_at: Option<i64>,
    #[serde(serialize_with = "time")]
    pub delete_after: Option<i64>,
    #[serde(serialize_with = "time")]
    pub remind_after: Option<i64>,
    pub has_password: bool,
    #[serde(serialize_with = "time")]
    pub password_changed_at: Option<i64>,
    #[serde(serialize_with = "time")]
    pub password_unchecked_at: Option<i64>,
}

/// Declares a kind of rows: its struct, and the statement that reads those of an account ($1: the id, $2: the address).
macro_rules! rows {
    ($($(#[$doc:meta])* $row:ident $read:ident $statement:literal { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Serialize, sqlx::FromRow)]
            #[expect(missing_docs, reason = "documented in docs/account-data.md")]
            pub struct $row {
                $($(#[$attribute])* pub $field: $type,)*
            }

            async fn $read(conn: &mut ReadConn, id: &AccountId, email: &EmailAddress) -> Result<Vec<$row>, Fault> {
                Ok(on!(conn, |conn| sqlx::query_as($statement)
                    .bind(&id.0)
                    .bind(email.as_str())
                    .fetch_all(conn)
                    .await?))
            }
        )*

        /// The rows of an account, by kind.
        #[derive(Debug, Serialize)]
        #[expect(missing_docs, reason = "documented in docs/account-data.md")]
        pub struct Rows {
            $(pub $read: Vec<$row>,)*
        }

        /// Reads the rows of an account.
        pub async fn rows(conn: &mut ReadConn, id: &AccountId, email: &EmailAddress) -> Result<Rows, Fault> {
            Ok(Rows { $($read: $read(conn, id, email).await?,)* })
        }
    };
}

// Every statement has both parameters, because PostgreSQL refuses one that has no type.
rows! {
    /// An account at a provider.
    IdentityRow identities "SELECT issuer, subject, email, linked_at, last_used_at FROM identities
          WHERE account_id = $1 AND CAST($2 AS TEXT) <> '' ORDER BY linked_at" {
        issuer: String,
        subject: Option<String>,
        email: String,
        #[serde(serialize_with = "time")]
        linked_at: Option<i64>,
        #[serde(serialize_with = "time")]
        last_used_at: Option<i64>,
    }
    /// A change of the address: waiting for its code, or to be undone until it ends.
    EmailChangeRow email_changes "SELECT old_email, changed_at, ends_at FROM email_changes
          WHERE account_id = $1 AND CAST($2 AS TEXT) <> '' ORDER BY ends_at" {
        old_email: String,
        #[serde(serialize_with = "time")]
        changed_at: Option<i64>,
        #[serde(serialize_with = "time")]
        ends_at: Option<i64>,
    }
    /// How the user wants pages and e-mails.
    PreferencesRow preferences "SELECT time_zone, date_format, twelve_hours, theme, text_size FROM preferences
          WHERE account_id = $1 AND CAST($2 AS TEXT) <> ''" {
        time_zone: Option<String>,
        date_format: String,
        twelve_hours: i64,
        theme: Option<String>,
        text_size: String,
    }
    /// A choice for or against a group of e-mails.
    MailChoiceRow mail_choices "SELECT group_id, wanted, changed_at, source FROM mail_choices
          WHERE account_id = $1 AND CAST($2 AS TEXT) <> '' ORDER BY group_id" {
        group_id: String,
        wanted: i64,
        #[serde(serialize_with = "time")]
        changed_at: Option<i64>,
        source: String,
    }
    /// A change of such a choice.
    MailChoiceChangeRow mail_choice_changes "SELECT group_id, wanted, changed_at, source FROM mail_choice_changes
          WHERE account_id = $1 AND CAST($2 AS TEXT) <> '' ORDER BY changed_at" {
        group_id: String,
        wanted: i64,
        #[serde(serialize_with = "time")]
        changed_at: Option<i64>,
        source: String,
    }
    /// A signed-in browser.
    SessionRow sessions "SELECT browser, client, signed_in_at, last_seen_at, ends_at, authenticated_at, methods FROM sessions
          WHERE account_id = $1 AND CAST($2 AS TEXT) <> '' ORDER BY signed_in_at" {
        browser: String,
        client: String,
        #[serde(serialize_with = "time")]
        signed_in_at: Option<i64>,
        #[serde(serialize_with = "time")]
        last_seen_at: Option<i64>,
        #[serde(serialize_with = "time")]
        ends_at: Option<i64>,
        #[serde(serialize_with = "time")]
        authenticated_at: Option<i64>,
        methods: String,
    }
    /// A browser that is recognized at the next sign-in.
    DeviceRow devices "SELECT browser, created_at, used_at, trusted_until, replaced_at FROM devices
          WHERE account_id = $1 AND CAST($2 AS TEXT) <> '' ORDER BY created_at" {
        browser: String,
        #[serde(serialize_with = "time")]
        created_at: Option<i64>,
        #[serde(serialize_with = "time")]
        used_at: Option<i64>,
        #[serde(serialize_with = "time")]
        trusted_until: Option<i64>,
        #[serde(serialize_with = "time")]
        replaced_at: Option<i64>,
    }
    /// A product that the user has signed in to.
    ProductRow products "SELECT p.client_id, p.scope, p.connected_at, p.used_at, s.subject FROM connected_products p
           LEFT JOIN pairwise_subjects s ON s.account_id = p.account_id AND s.client_id = p.client_id
          WHERE p.account_id = $1 AND CAST($2 AS TEXT) <> '' ORDER BY p.connected_at" {
        client_id: String,
        scope: String,
        subject: Option<String>,
        #[serde(serialize_with = "time")]
        connected_at: Option<i64>,
        #[serde(serialize_with = "time")]
        used_at: Option<i64>,
    }
    /// An invitation to an organization.
    InvitationRow invitations "SELECT o.name AS organization, i.created_at, i.ends_at
           FROM organization_invitations i JOIN organizations o ON o.id = i.organization_id
          WHERE i.email = $2 AND CAST($1 AS TEXT) <> '' ORDER BY i.created_at" {
        organization: String,
        #[serde(serialize_with = "time")]
        created_at: Option<i64>,
        #[serde(serialize_with = "time")]
        ends_at: Option<i64>,
    }
    /// A sign-in, reset or confirmation that was begun for the address, by its owner or anyone else.
    RequestRow requests "SELECT purpose, reference, created_at, ends_at, finished_at FROM flows
          WHERE email = $2 AND CAST($1 AS TEXT) <> '' ORDER BY created_at" {
        purpose: String,
        reference: String,
        #[serde(serialize_with = "time")]
        created_at: Option<i64>,
        #[serde(serialize_with = "time")]
        ends_at: Option<i64>,
        #[serde(serialize_with = "time")]
        finished_at: Option<i64>,
    }
    /// An e-mail to the address.
    EmailRow emails "SELECT language, written_at, sent_at, failed_at, last_error FROM outbox
          WHERE recipient = $2 AND CAST($1 AS TEXT) <> '' ORDER BY written_at" {
        language: String,
        #[serde(serialize_with = "time")]
        written_at: Option<i64>,
        #[serde(serialize_with = "time")]
        sent_at: Option<i64>,
        #[serde(serialize_with = "time")]
        failed_at: Option<i64>,
        last_error: Option<String>,
    }
}

/// A session at a site behind a reverse proxy.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub struct SiteRow {
    client_id: String,
    #[serde(serialize_with = "time")]
    created_at: Option<i64>,
}

/// Reads the sessions at sites. Session by session, because PostgreSQL plans a join of new tables as a scan.
pub async fn sites(conn: &mut ReadConn, id: &AccountId) -> Result<Vec<SiteRow>, Fault> {
    let sessions: Vec<String> = on!(conn, |conn| {
        sqlx::query_scalar("SELECT id FROM sessions WHERE account_id = $1 ORDER BY signed_in_at")
            .bind(&id.0)
            .fetch_all(conn)
            .await?
    });
    let mut all = Vec::new();
    for session in sessions {
        let rows: Vec<SiteRow> = on!(conn, |conn| {
            sqlx::query_as("SELECT client_id, created_at FROM site_sessions WHERE session_id = $1 ORDER BY created_at")
                .bind(&session)
                .fetch_all(conn)
                .await?
        });
        all.extend(rows);
    }
    Ok(all)
}

/// Reads the account itself.
pub async fn account(conn: &mut ReadConn, id: &AccountId) -> Result<Option<AccountRow>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
        "SELECT a.id, a.email, a.name, a.preferred_name, a.job_title, a.company, a.language, o.name AS organization, g.created_at AS administrator_since,
                a.created_at, a.updated_at, a.disabled_at, a.delete_after, a.remind_after, p.account_id IS NOT NULL AS has_password,
                p.changed_at AS password_changed_at, p.unchecked_at AS password_unchecked_at
           FROM accounts a LEFT JOIN organizations o ON o.id = a.managed_by LEFT JOIN passwords p ON p.account_id = a.id
           LEFT JOIN organization_administrators g ON g.account_id = a.id AND g.organization_id = a.managed_by
          WHERE a.id = $1"
    )
    .bind(&id.0)
    .fetch_optional(conn)
    .await?
    }))
}

/// Writes a time as RFC 3339.
pub(crate) fn time<S: Serializer>(at: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    at.map(|at| Timestamp(at).rfc3339()).serialize(to)
}
