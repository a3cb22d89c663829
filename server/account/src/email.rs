use crate::Refusal;
use serde::{Deserialize, Serialize};

/// An address in the one spelling that is stored and compared: trimmed, lower case, ASCII. Only its parser makes one.
///
/// The grammar is that of HTML's `input type=email` (a sensible part of RFC 5321): no quoted local part, no comments, no
/// lists, no line breaks, no letters outside ASCII. What is refused here cannot be mailed to (attack: a second recipient or
/// a look-alike letter that folds onto somebody else's address).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// The longest address that SMTP carries (RFC 5321 §4.5.3.1.3, less the angle brackets).
    pub const MAX_LEN: usize = 254;

    /// Reads what a person typed.
    ///
    /// # Errors
    /// [`Refusal::EmailMissing`] when empty, [`Refusal::EmailMalformed`] when it is not one plain address.
    pub fn parse(typed: &str) -> Result<Self, Refusal> {
        let typed = typed.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        if typed.is_empty() {
            return Err(Refusal::EmailMissing);
        }
        let text = typed.strip_suffix('.').unwrap_or(typed).to_ascii_lowercase();
        let fits = text.len() <= Self::MAX_LEN
            && text
                .split_once('@')
                .is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        if fits {
            Ok(Self(text))
        } else {
            Err(Refusal::EmailMalformed)
        }
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn is_local_part(local: &str) -> bool {
    (1..=64).contains(&local.len())
        && local
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.')
        && domain.split('.').all(is_label)
        && domain
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()))
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl TryFrom<String> for Email {
    type Error = Refusal;
    fn try_from(typed: String) -> Result<Self, Refusal> {
        Self::parse(&typed)
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        for typed in [
            "ada@example.com",
            " Ada@Example.COM ",
            "ada@example.com.",
            "\u{200b}ada@example.com\n",
        ] {
            assert_eq!(Email::parse(typed).unwrap().as_str(), "ada@example.com", "{typed:?}");
        }
    }

    #[test]
    fn nothing_typed_is_told_apart_from_nonsense() {
        assert_eq!(Email::parse(" \u{feff} "), Err(Refusal::EmailMissing));
    }

    #[test]
    fn what_could_reach_another_mailbox_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "b.".repeat(130));
        for typed in [
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@example..com",
            "ada@-example.com",
            "ada@example.1",
            "ada@example.com,eve@example.com",
            "ada@example.com eve@example.com",
            "ada@example.com;eve@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com\0",
            "\"ada eve\"@example.com",
            "\"ada\"@example.com",
            "Ada <ada@example.com>",
            "ada@ex\u{430}mple.com",
            "\u{ff41}da@example.com",
            "ada@exam\u{131}ple.com",
            "a@b@example.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
            "ada@[127.0.0.1]",
            "ada(comment)@example.com",
            "%00ada@example.com@",
            &long,
            &longer,
        ] {
            assert_eq!(Email::parse(typed), Err(Refusal::EmailMalformed), "{typed:?}");
        }
    }
}
