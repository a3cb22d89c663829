use crate::{EmailAddress, Refusal, Timestamp};
use serde::{Deserialize, Serialize};

/// The permanent, random identifier of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccountId(pub String);

/// The organization that manages an account, and its contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// The organization's name, as its members know it.
    pub name: String,
    /// The name of the contact for passwords.
    pub administrator_name: String,
    /// The e-mail address of that contact.
    pub administrator_email: String,
}

/// The organization that manages an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The permanent identifier of the organization.
    pub id: String,
    /// The organization and its contact.
    pub organization: Organization,
    /// The provider through which its members sign in: an id of the configuration.
    pub provider: Option<String>,
}

/// The account owner's name: one line, at most 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(String);

impl Name {
    /// Maximum number of characters.
    pub const MAX_CHARS: usize = 100;

    /// Parses user input; folds white space and drops invisible characters that affect the text around them. Keeps the joiners
    /// U+200C and U+200D, because names in Persian and in Indian languages need them.
    ///
    /// # Errors
    /// [`Refusal::NameMissing`] when empty; [`Refusal::NameUnfit`] when too long, with control characters, or similar to a link
    /// or markup. Attack: advertising through this service's e-mails.
    pub fn parse(typed: &str) -> Result<Self, Refusal> {
        // Attack: a name reverses the text around it in an e-mail, on a page or in an operator's list. Such characters are
        // dropped, not refused, because names copied from right-to-left text contain them.
        let typed: String = typed.chars().filter(|c| !is_hidden_control(*c)).collect();
        let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return Err(Refusal::NameMissing);
        }
        let unfit = name.chars().count() > Self::MAX_CHARS
            || name.chars().any(|c| c.is_control() || "<>\\@".contains(c))
            || name.contains("//")
            || name.to_ascii_lowercase().contains("www.");
        if unfit { Err(Refusal::NameUnfit) } else { Ok(Self(name)) }
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parses what a user says about themselves in one line, which may be empty: a preferred name, a job title.
///
/// # Errors
/// [`Refusal::NameUnfit`], as [`Name::parse`].
pub fn parse_optional_name(typed: &str) -> Result<String, Refusal> {
    match Name::parse(typed) {
        Ok(name) => Ok(name.0),
        Err(Refusal::NameMissing) => Ok(String::new()),
        Err(refusal) => Err(refusal),
    }
}

/// Returns whether a character is invisible and changes the direction of the text around it, or tags another character.
#[must_use]
pub const fn is_hidden_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

/// An account that may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The permanent identifier.
    pub id: AccountId,
    /// The e-mail address; proven by a code before the account was created.
    pub email: EmailAddress,
    /// The owner's name; empty if unknown.
    pub name: String,
    /// The name by which the owner wants to be called; empty if that is the name.
    pub preferred_name: String,
    /// The organization that manages the account. Hides and refuses its password.
    pub managed_by: Option<Membership>,
    /// Whether the account has a password, possibly hidden by an organization.
    pub has_password: bool,
    /// For an account without a password, the issuer of an identity it can sign in with.
    pub issuer: Option<String>,
    /// Language of e-mails and screens: `en`, `ar`.
    pub language: Option<String>,
    /// The time when the password was last set here; `None` if there is none, or it was imported.
    pub password_changed_at: Option<Timestamp>,
    /// The time when an operator deactivated the account.
    pub disabled_at: Option<Timestamp>,
    /// The time after which the account is deleted, unless its owner keeps it.
    pub delete_after: Option<Timestamp>,
}

impl Account {
    /// Returns where the password is managed. `describe` names the provider of an issuer, if users can sign in with it.
    #[must_use]
    pub fn password_access(&self, describe: impl FnOnce(&str) -> Option<Provider>) -> PasswordAccess {
        match &self.managed_by {
            Some(membership) => PasswordAccess::ManagedBy(membership.organization.clone()),
            None if self.has_password => PasswordAccess::Editable,
            None => PasswordAccess::NotSet(self.issuer.as_deref().and_then(describe)),
        }
    }

    /// Refuses if an organization manages the account.
    ///
    /// # Errors
    /// [`Refusal::ManagedByOrganization`].
    pub fn require_unmanaged(&self) -> Result<(), Refusal> {
        match &self.managed_by {
            None => Ok(()),
            Some(membership) => Err(Refusal::ManagedByOrganization {
                organization: membership.organization.name.clone(),
            }),
        }
    }

    /// Refuses unless the account has a password that its owner can change here.
    ///
    /// # Errors
    /// [`Refusal::ManagedByOrganization`] or [`Refusal::PasswordNotSet`].
    pub fn require_password(&self) -> Result<(), Refusal> {
        self.require_unmanaged()?;
        if self.has_password {
            Ok(())
        } else {
            Err(Refusal::PasswordNotSet)
        }
    }
}

/// A provider that an account signs in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name for users: `Google`.
    pub name: String,
    /// Its page for changing the password there.
    pub password_url: Option<String>,
}

/// Where an account's password is managed, which decides who can change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordAccess {
    /// In this service.
    Editable,
    /// There is none: the account signs in with this provider. `None` if it has no way to sign in yet, so its owner sets a
    /// password by "Forgot password?".
    NotSet(Option<Provider>),
    /// At the organization.
    ManagedBy(Organization),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_without_links_or_markup() {
        assert_eq!(Name::parse("  Ada \t Lovelace ").unwrap().as_str(), "Ada Lovelace");
        assert_eq!(Name::parse(" "), Err(Refusal::NameMissing));
        for typed in [
            "A\u{202e}da",
            "\u{200e}Ada\u{200f}",
            "\u{2067}Ada\u{2069}",
            "\u{61c}A\u{e0061}da\u{e007f}",
        ] {
            assert_eq!(Name::parse(typed).unwrap().as_str(), "Ada", "{typed:?}");
        }
        assert_eq!(Name::parse("\u{202e} \u{200e}"), Err(Refusal::NameMissing));
        let persian = "علی\u{200c}رضا";
        assert_eq!(Name::parse(persian).unwrap().as_str(), persian);
        let long = "a".repeat(101);
        for typed in [
            "http:/\u{200e}/evil.example",
            "a\0b",
            "http://evil.example",
            "www.evil.example",
            "<b>",
            "a@b.example",
            "a\u{7}b",
            &long,
        ] {
            assert_eq!(Name::parse(typed), Err(Refusal::NameUnfit), "{typed:?}");
        }
    }

    #[test]
    fn a_preferred_name_may_be_empty() {
        assert_eq!(parse_optional_name(" Ada "), Ok("Ada".into()));
        assert_eq!(parse_optional_name(" \u{200e} "), Ok(String::new()));
        assert_eq!(parse_optional_name("<b>"), Err(Refusal::NameUnfit));
    }
}
