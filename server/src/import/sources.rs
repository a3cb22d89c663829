//! The exports of other systems and their fields.

mod firebase;
mod keycloak;

use super::columns::{simplified, yes_or_no_text};
use super::moment::moment;
use super::record::Fields;
use super::{Format, Object};
use crate::http::LANGUAGES;
use account::Timestamp;
use clap::ValueEnum;
use serde_json::Value;

pub(super) use firebase::HashConfig;

/// A system with a supported export format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// Realm export (JSON)
    Keycloak,
    /// User export merged with the password hashes from Auth0 support (JSON lines)
    Auth0,
    /// The table auth.users (CSV)
    Supabase,
    /// `firebase auth:export` (JSON or CSV); needs --firebase-hash-config
    Firebase,
    /// `manage.py dumpdata auth.user` (JSON), or the table auth_user (CSV)
    Django,
    /// The table wp_users, or `wp user list` (CSV)
    Wordpress,
}

/// The reason why a record is not a user account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    ServiceAccount,
    Deleted,
    Anonymous,
    NoUser,
}

impl LeftOut {
    /// Returns the plural for messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service accounts",
            Self::Deleted => "deleted users",
            Self::Anonymous => "anonymous users",
            Self::NoUser => "objects that are not users",
        }
    }
}

/// The fields of a user account, or the reason why the record is not one.
pub(super) type Found = Result<Fields, LeftOut>;

impl Source {
    /// Returns the formats of its exports.
    pub(super) const fn formats(self) -> &'static [Format] {
        match self {
            Self::Keycloak => &[Format::Json],
            Self::Auth0 => &[Format::JsonLines],
            Self::Supabase | Self::Wordpress => &[Format::Csv],
            Self::Firebase | Self::Django => &[Format::Json, Format::Csv],
        }
    }

    /// Returns the column names of a CSV file without a header line.
    pub(super) const fn names_of_columns(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Firebase => Some(&firebase::COLUMNS),
            _ => None,
        }
    }

    /// Checks that a CSV file's header line has the mandatory columns of the export.
    pub(super) fn check(self, names: &[&str]) -> Result<(), String> {
        let needed: &[&str] = match self {
            Self::Supabase => &["email", "encrypted_password", "email_confirmed_at"],
            Self::Wordpress => &["user_email", "user_pass"],
            Self::Django => &["email", "password", "is_active"],
            Self::Keycloak | Self::Auth0 | Self::Firebase => &[],
        };
        match needed.iter().find(|needed| !names.contains(needed)) {
            Some(missing) => Err(format!("The header line has no column {missing}.")),
            None => Ok(()),
        }
    }

    /// Parses a record; an error if it is invalid.
    pub(super) fn fields(
        self,
        object: &Object,
        firebase: Option<&HashConfig>,
        now: Timestamp,
    ) -> Result<Found, String> {
        let mut found = match self {
            Self::Keycloak => keycloak::fields(object)?,
            Self::Auth0 => Ok(auth0(object)),
            Self::Supabase => supabase(object, now),
            Self::Firebase => Ok(firebase::fields(object, firebase)),
            Self::Django => django(object),
            Self::Wordpress => Ok(wordpress(object)),
        };
        if let Ok(fields) = &mut found {
            // Without a name, many systems use the address as the name.
            if fields.name.contains('@') {
                fields.name.clear();
            }
            // A language that this service doesn't support is no reason to reject the account.
            let language = fields.language.split(['-', '_']).next().unwrap_or_default();
            fields.language = match LANGUAGES.contains(&language) {
                true => language.to_owned(),
                false => String::new(),
            };
        }
        Ok(found)
    }
}

/// Parses a user of Auth0, with the names of both exports: `email_verified` and `Email Verified`.
fn auth0(object: &Object) -> Fields {
    let find = |wanted: &str| {
        let found = object.iter().find(|(name, _)| simplified(name) == wanted);
        found.map(|(_, value)| value).unwrap_or(&Value::Null)
    };
    let mut fields = Fields {
        email: as_text(find("email")),
        name: as_text(find("name")),
        password_hash: as_text(find("passwordhash")),
        created_at: as_text(find("createdat")),
        email_verified: is_yes(find("emailverified")),
        disabled: is_yes(find("blocked")),
        google_subject: match as_text(find("userid")).strip_prefix("google-oauth2|") {
            Some(id) => id.to_owned(),
            None => google_subject(find("identities"), ("provider", "google-oauth2"), "user_id"),
        },
        ..Fields::default()
    };
    // In the export of hashes, the address may be in this field only.
    if fields.email.is_empty() {
        let identifiers = find("identifiers").as_array().map_or(&[][..], Vec::as_slice);
        if let Some(email) = identifiers.iter().find(|identifier| identifier["type"] == "email") {
            fields.email = as_text(&email["value"]);
            fields.email_verified = is_yes(&email["verified"]);
        }
    }
    fields
}

fn supabase(object: &Object, now: Timestamp) -> Found {
    let get = |name: &str| text(object, name);
    if !get("deleted_at").is_empty() {
        return Err(LeftOut::Deleted);
    }
    if object.get("is_anonymous").is_some_and(is_yes) {
        return Err(LeftOut::Anonymous);
    }
    let metadata: Value = serde_json::from_str(&get("raw_user_meta_data")).unwrap_or_default();
    let names = ["full_name", "name"].map(|name| as_text(&metadata[name]));
    let banned_until = get("banned_until");
    // The identity provider's claims, without a list of identities.
    let is_google = metadata["iss"] == backend::oidc::GOOGLE;
    let google_subject = if is_google {
        as_text(&metadata["sub"])
    } else {
        String::new()
    };
    Ok(Fields {
        email: get("email"),
        name: names.into_iter().find(|name| !name.is_empty()).unwrap_or_default(),
        password_hash: get("encrypted_password"),
        created_at: get("created_at"),
        google_subject,
        // Null has many spellings, but none is a timestamp.
        email_verified: moment(&get("email_confirmed_at")).is_some(),
        // A value other than a timestamp, such as `infinity`, is a permanent ban.
        disabled: !banned_until.is_empty() && moment(&banned_until).is_none_or(|until| until > now),
        ..Fields::default()
    })
}

/// Parses a row of the table, or an object of `dumpdata` with the row in `fields`. Other objects in a dump are skipped.
fn django(object: &Object) -> Found {
    let row = match object.get("fields") {
        Some(fields) => fields.as_object().ok_or(LeftOut::NoUser)?,
        None => object,
    };
    if !row.contains_key("email") || !row.contains_key("password") {
        return Err(LeftOut::NoUser);
    }
    let full_name = [text(row, "first_name"), text(row, "last_name")].join(" ");
    let name = match full_name.trim() {
        "" => text(row, "username"),
        name => name.to_owned(),
    };
    Ok(Fields {
        email: text(row, "email"),
        name,
        // Django writes `!` and random characters for an unusable password.
        password_hash: Some(text(row, "password"))
            .filter(|hash| !hash.starts_with('!'))
            .unwrap_or_default(),
        created_at: text(row, "date_joined"),
        disabled: row.get("is_active").is_some_and(|active| !is_yes(active)),
        ..Fields::default()
    })
}

fn wordpress(row: &Object) -> Fields {
    let is_set = |name: &str| row.get(name).is_some_and(is_yes);
    Fields {
        email: text(row, "user_email"),
        name: text(row, "display_name"),
        password_hash: text(row, "user_pass"),
        // MySQL's value for a missing timestamp.
        created_at: Some(text(row, "user_registered"))
            .filter(|moment| !moment.starts_with("0000"))
            .unwrap_or_default(),
        // Multisite networks mark users with these columns.
        disabled: is_set("spam") || is_set("deleted"),
        ..Fields::default()
    }
}

/// Returns the identifier at Google in a list of identities; `provider` is the field and value that mark Google's.
fn google_subject(identities: &Value, provider: (&str, &str), id: &str) -> String {
    let all = identities.as_array().map_or(&[][..], Vec::as_slice);
    let google = all.iter().find(|identity| identity[provider.0] == provider.1);
    google.map(|identity| as_text(&identity[id])).unwrap_or_default()
}

/// Returns a field's text or number, trimmed; empty if absent.
fn text(object: &Object, name: &str) -> String {
    object.get(name).map(as_text).unwrap_or_default()
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Returns whether it's an explicit yes.
fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        value => yes_or_no_text(&as_text(value)) == Some(true),
    }
}

#[cfg(test)]
mod tests;
