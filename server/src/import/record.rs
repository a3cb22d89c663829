//! The account of a record, validated.

use super::moment::moment;
use crate::http::LANGUAGES;
use account::{EmailAddress, Name};
use backend::{ForeignHash, ImportedAccount};

/// The fields of a record; empty if absent.
pub(super) struct Fields {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) password_hash: String,
    /// The permanent identifier at Google.
    pub(super) google_subject: String,
    pub(super) language: String,
    pub(super) created_at: String,
    /// Whether the other system has verified the mailbox. If the file has no such column, the operator vouches for it.
    pub(super) email_verified: bool,
    pub(super) disabled: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            email: String::new(),
            name: String::new(),
            password_hash: String::new(),
            google_subject: String::new(),
            language: String::new(),
            created_at: String::new(),
            email_verified: true,
            disabled: false,
        }
    }
}

impl Fields {
    /// Returns the account or the problem. Messages contain only valid addresses: other text may be a misplaced hash.
    pub(super) fn account(&self) -> Result<ImportedAccount, String> {
        let email = EmailAddress::parse(&self.email).map_err(|_| match self.email.as_str() {
            "" => "email is empty",
            _ => "email is not an e-mail address",
        })?;
        self.account_of(email.clone()).map_err(|why| format!("{email}: {why}"))
    }

    fn account_of(&self, email: EmailAddress) -> Result<ImportedAccount, String> {
        let name = match self.name.as_str() {
            "" => None,
            name => Some(Name::parse(name).map_err(|_| {
                format!(
                    "name must be empty, or one line of at most {} characters without links or addresses",
                    Name::MAX_CHARS
                )
            })?),
        };
        let password = match self.password_hash.as_str() {
            // Attack: a stranger signs up elsewhere with the victim's address and their own password, and later owns the victim's
            // account here. Without the password, only a reset through the mailbox gives access.
            _ if !self.email_verified => None,
            "" => None,
            text => Some(ForeignHash::parse(text).map_err(|unfit| format!("password_hash {unfit}"))?),
        };
        let google_subject = match self.google_subject.as_str() {
            // The same attack, with the stranger's own Google account.
            _ if !self.email_verified => None,
            "" => None,
            text if text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic()) => Some(text.to_owned()),
            _ => return Err("google_subject must be empty, or at most 255 ASCII characters without spaces".into()),
        };
        let language = match self.language.as_str() {
            "" => None,
            text if LANGUAGES.contains(&text) => Some(text.to_owned()),
            _ => return Err(format!("language must be {}, or empty", LANGUAGES.join(", "))),
        };
        let created_at = match self.created_at.as_str() {
            "" => None,
            text => Some(moment(text).ok_or(
                "created_at must be empty, or a time such as 2024-11-25T10:00:00Z or 2024-11-25 10:00:00 (UTC)",
            )?),
        };
        Ok(ImportedAccount {
            email,
            name,
            password,
            google_subject,
            language,
            created_at,
            disabled: self.disabled,
        })
    }
}
