//! What a line says of a person, checked.

use crate::http::LANGUAGES;
use account::{Email, Name, Timestamp};
use backend::{ForeignHash, ImportedPerson};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What there may be of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Email,
    Name,
    PasswordHash,
    Language,
    CreatedAt,
}

/// The fields with their names.
pub(super) const FIELDS: [(&str, Field); 5] = [
    ("email", Field::Email),
    ("name", Field::Name),
    ("password_hash", Field::PasswordHash),
    ("language", Field::Language),
    ("created_at", Field::CreatedAt),
];

impl Field {
    /// The field of that name, or a sentence. `place` stands in it where the name does not look like one: where a first line
    /// without names is a person, it is an address or a hash.
    pub(super) fn named(name: &str, place: &str) -> Result<Self, String> {
        let name = name.trim();
        if let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) {
            return Ok(*field);
        }
        let looks_like_one = name.len() < 30 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_- ".contains(&b));
        let which = if looks_like_one {
            format!("{name:?}")
        } else {
            place.to_owned()
        };
        let known = FIELDS.map(|(known, _)| known).join(", ");
        Err(format!("{which} is none of {known}"))
    }
}

/// What a line says; empty where it says nothing.
#[derive(Default)]
pub(super) struct Fields<'a>([&'a str; FIELDS.len()]);

impl<'a> Fields<'a> {
    pub(super) fn set(&mut self, field: Field, text: &'a str) {
        self.0[field as usize] = text;
    }

    fn get(&self, field: Field) -> &'a str {
        self.0[field as usize].trim()
    }

    /// The person, or what is wrong. No sentence holds a hash, and none an address but one that reads as an address: what does
    /// not may be a hash in the wrong column.
    pub(super) fn person(&self) -> Result<ImportedPerson, String> {
        let email = Email::parse(self.get(Field::Email)).map_err(|_| match self.get(Field::Email) {
            "" => "email is empty",
            _ => "email is no e-mail address",
        })?;
        self.person_of(email.clone()).map_err(|why| format!("{email}: {why}"))
    }

    fn person_of(&self, email: Email) -> Result<ImportedPerson, String> {
        let name = Name::parse(self.get(Field::Name)).map_err(|_| {
            format!(
                "name takes one line of 1 to {} characters that is no link and no address",
                Name::MAX_CHARS
            )
        })?;
        let password = match self.get(Field::PasswordHash) {
            "" => None,
            text => Some(ForeignHash::parse(text).map_err(|unfit| format!("password_hash {unfit}"))?),
        };
        let language = match self.get(Field::Language) {
            "" => None,
            text if LANGUAGES.contains(&text) => Some(text.to_owned()),
            _ => return Err(format!("language takes {}, or nothing", LANGUAGES.join(", "))),
        };
        let created_at = match self.get(Field::CreatedAt) {
            "" => None,
            text => {
                Some(moment(text).ok_or("created_at takes a moment as 2024-11-25T10:00:00Z (RFC 3339), or nothing")?)
            }
        };
        Ok(ImportedPerson {
            email,
            name,
            password,
            language,
            created_at,
        })
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let ms = moment.unix_timestamp_nanos() / 1_000_000;
    ms.try_into().ok().map(Timestamp)
}
