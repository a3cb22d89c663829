//! The columns or fields of a file that isn't another system's own export.

use super::Object;
use super::record::Fields;
use serde_json::Value;
use std::cell::Cell;
use std::fmt::Write as _;

/// The meaning of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Email,
    Name,
    PasswordHash,
    GoogleSubject,
    Language,
    CreatedAt,
    EmailVerified,
    Disabled,
}

/// The columns, with alternative names in lower-case letters and digits only.
const COLUMNS: [(&str, Column, &[&str]); 8] = [
    ("email", Column::Email, &["emailaddress", "mail"]),
    ("name", Column::Name, &["fullname", "displayname"]),
    ("password_hash", Column::PasswordHash, &[]),
    ("google_subject", Column::GoogleSubject, &["googleid"]),
    ("language", Column::Language, &["locale"]),
    ("created_at", Column::CreatedAt, &["created"]),
    ("email_verified", Column::EmailVerified, &["verified"]),
    ("disabled", Column::Disabled, &["deactivated"]),
];

/// How the names in a file are parsed.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// The names of ignored columns, simplified.
    ignored: Vec<String>,
    /// Whether the first record had `email_verified`.
    verified_told: Cell<Option<bool>>,
}

/// Normalizes a name for comparison: `E-mail` equals `email`, and `Created At` equals `created_at`.
pub(super) fn simplified(name: &str) -> String {
    let alphanumeric = name.chars().filter(|c| c.is_alphanumeric());
    alphanumeric.flat_map(char::to_lowercase).collect()
}

impl Columns {
    pub(super) fn new(ignored: &[String]) -> Self {
        Self {
            ignored: ignored.iter().map(|name| simplified(name)).collect(),
            verified_told: Cell::new(None),
        }
    }

    /// Finds the column with that name: `Ok(None)` if it is ignored, `Err` if it is unknown.
    fn find(&self, name: &str) -> Result<Option<Column>, ()> {
        let name = simplified(name);
        if self.ignored.contains(&name) {
            return Ok(None);
        }
        let found = COLUMNS
            .iter()
            .find(|(known, _, others)| simplified(known) == name || others.contains(&name.as_str()));
        found.map(|(_, column, _)| Some(*column)).ok_or(())
    }

    /// Checks the header line of a CSV file. An unknown name rejects the whole file, so that a typo does not drop a column.
    ///
    /// # Errors
    /// Returns a message that names every unknown column.
    pub(super) fn check(&self, names: &[&str]) -> Result<(), String> {
        let mut unknown = Vec::new();
        let mut found = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match self.find(name) {
                Ok(Some(column)) if found.contains(&column) => {
                    return Err(format!("The header line has {} twice.", title(column)));
                }
                Ok(Some(column)) => found.push(column),
                Ok(None) => {}
                Err(()) => unknown.push(shown(name, &format!("column {}", index + 1))),
            }
        }
        if !unknown.is_empty() {
            return Err(format!(
                "The header line has unknown columns: {}.",
                unknown_names(&unknown)
            ));
        }
        if !found.contains(&Column::Email) {
            return Err("The header line has no column email.".into());
        }
        Ok(())
    }

    /// Returns the fields of a record.
    pub(super) fn fields(&self, object: &Object) -> Result<Fields, String> {
        let mut fields = Fields::default();
        let mut unknown = Vec::new();
        let mut found = Vec::new();
        for (name, value) in object {
            let Ok(column) = self.find(name) else {
                unknown.push(shown(name, "a name"));
                continue;
            };
            let Some(column) = column else { continue };
            if found.contains(&column) {
                return Err(format!("it has {} twice", title(column)));
            }
            found.push(column);
            set(&mut fields, column, value)?;
        }
        if !unknown.is_empty() {
            return Err(format!("it has unknown fields: {}", unknown_names(&unknown)));
        }
        // Attack: a stranger signs up elsewhere with the victim's address. A system that omits false values has the field for
        // verified users only, so the stranger would count as the owner.
        let tells = found.contains(&Column::EmailVerified);
        match (self.verified_told.replace(Some(tells)), tells) {
            (Some(true), false) => {
                self.verified_told.set(Some(true));
                Err("it has no email_verified, but earlier records have one".into())
            }
            (Some(false), true) => {
                self.verified_told.set(Some(false));
                Err("it has email_verified, but earlier records do not; add it to every record".into())
            }
            _ => Ok(fields),
        }
    }
}

fn set(fields: &mut Fields, column: Column, value: &Value) -> Result<(), String> {
    match column {
        // Attack: a stranger signs up elsewhere with the victim's address. Empty values therefore mean no.
        Column::EmailVerified => fields.email_verified = yes_or_no(value, title(column))?,
        Column::Disabled => fields.disabled = yes_or_no(value, title(column))?,
        _ => {
            let text = match value {
                Value::String(text) => text.trim(),
                Value::Null => "",
                _ => return Err(format!("{} is not text", title(column))),
            };
            let field = match column {
                Column::Email => &mut fields.email,
                Column::Name => &mut fields.name,
                Column::PasswordHash => &mut fields.password_hash,
                Column::GoogleSubject => &mut fields.google_subject,
                Column::Language => &mut fields.language,
                Column::CreatedAt | Column::EmailVerified | Column::Disabled => &mut fields.created_at,
            };
            text.clone_into(field);
        }
    }
    Ok(())
}

/// Parses the values that databases and programs use for yes and no; an empty value means no.
fn yes_or_no(value: &Value, name: &str) -> Result<bool, String> {
    match value {
        Value::Bool(yes) => Ok(*yes),
        Value::Null => Ok(false),
        Value::String(text) => yes_or_no_text(text).ok_or_else(|| format!("{name} must be true or false")),
        _ => Err(format!("{name} must be true or false")),
    }
}

/// Parses `true`, `t`, `1`, `yes`, `y` or `false`, `f`, `0`, `no`, `n` or empty text, ignoring case.
pub(super) fn yes_or_no_text(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" => Some(true),
        "false" | "f" | "0" | "no" | "n" | "" => Some(false),
        _ => None,
    }
}

fn title(column: Column) -> &'static str {
    COLUMNS[column as usize].0
}

/// Formats an unknown name with the most similar known one. Text that doesn't look like a name is shown by its position only:
/// without a header line, it may be an address or a hash.
fn shown(name: &str, place: &str) -> String {
    let name = name.trim();
    let looks_like_one = name.len() < 30 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_- ".contains(&b));
    if !looks_like_one || name.is_empty() {
        return place.to_owned();
    }
    let mut shown = format!("{name:?}");
    let likeness = |known: &str| strsim::jaro(&simplified(name), &simplified(known));
    let nearest = COLUMNS
        .map(|(known, ..)| (likeness(known), known))
        .into_iter()
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    if let Some((_, known)) = nearest.filter(|(likeness, _)| *likeness > 0.7) {
        let _ = write!(shown, " (did you mean {known}?)");
    }
    shown
}

fn unknown_names(unknown: &[String]) -> String {
    let known = COLUMNS.map(|(known, ..)| known).join(", ");
    format!(
        "{}; known are {known}; use --ignore NAME to ignore one",
        unknown.join(", ")
    )
}
