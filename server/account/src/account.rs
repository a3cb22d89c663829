use crate::{EmailAddress, Refusal, Timestamp};
use serde::{Deserialize, Serialize};

/// The name of an account that never changes; random, and says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccountId(pub String);

/// The organization that manages an account, and whom to ask there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// As its people know it.
    pub name: String,
    /// Who helps with passwords there.
    pub administrator_name: String,
    /// Where to write to that person.
    pub administrator_email: String,
}

/// Who keeps the password of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountKind {
    /// We do.
    Local,
    /// Google does; there is none here.
    Google,
    /// The organization does; there is none here.
    Managed(Organization),
}

/// A person's name as they write it: one line, at most 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(String);

impl Name {
    /// The most characters a name may have.
    pub const MAX_CHARS: usize = 100;

    /// Reads what a person typed; white space is folded, and characters that are seen only in what they do to others are dropped.
    /// The joiners U+200C and U+200D stay: names in Persian and in the languages of India need them.
    ///
    /// # Errors
    /// [`Refusal::NameMissing`] when empty, [`Refusal::NameUnfit`] when too long or with control characters, or when it
    /// could pass for a link or markup in a mail (attack: advertising through our e-mails).
    pub fn parse(typed: &str) -> Result<Self, Refusal> {
        // Attack: a name that turns the text around it, in a mail, on a page or in an operator's list. Dropped, not refused:
        // they come along when a name is copied out of a text that is written from right to left.
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

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character is unseen and changes the direction of the text around it, or is a tag of another character.
#[must_use]
pub const fn is_hidden_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

/// A person who can be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Never changes.
    pub id: AccountId,
    /// Proven by a code before the account existed.
    pub email: EmailAddress,
    /// As the person writes it.
    pub name: String,
    /// Who keeps the password.
    pub kind: AccountKind,
    /// Language of mails and screens: `en`, `ar`.
    pub language: Option<String>,
    /// When the local password was last set.
    pub password_changed_at: Option<Timestamp>,
    /// Set when an operator has switched the account off.
    pub disabled_at: Option<Timestamp>,
}

impl Account {
    /// Whether there is a password here that its owner may change.
    #[must_use]
    pub fn password_access(&self) -> PasswordAccess {
        match &self.kind {
            AccountKind::Local => PasswordAccess::Editable,
            AccountKind::Google => PasswordAccess::HeldByGoogle,
            AccountKind::Managed(organization) => PasswordAccess::HeldBy(organization.clone()),
        }
    }
}

/// Where a person's password lives, and so who can change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordAccess {
    /// Here.
    Editable,
    /// In the person's Google account.
    HeldByGoogle,
    /// With their organization.
    HeldBy(Organization),
}

impl PasswordAccess {
    /// Refuses unless the password is ours to set.
    ///
    /// # Errors
    /// [`Refusal::HeldByGoogle`] or [`Refusal::HeldByOrganization`].
    pub fn require_editable(&self) -> Result<(), Refusal> {
        match self {
            Self::Editable => Ok(()),
            Self::HeldByGoogle => Err(Refusal::HeldByGoogle),
            Self::HeldBy(organization) => Err(Refusal::HeldByOrganization {
                organization: organization.name.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_no_advertisement() {
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
}
