use crate::Refusal;
use crate::invisible::is_invisible;
use serde::{Deserialize, Serialize};

/// An address in its canonical form, as stored and compared: trimmed, lower case, ASCII. Created only by the parser.
///
/// The grammar is that of HTML's `input type=email` (a sensible part of RFC 5321): no quoted local part, comments, lists, line
/// breaks, or letters outside ASCII. Refused addresses cannot receive mail. Attack: a second recipient, or a look-alike letter
/// that folds onto another user's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Maximum length in SMTP (RFC 5321 §4.5.3.1.3, without the angle brackets).
    pub const MAX_LEN: usize = 254;

    /// Parses an ASCII address: a stored one, or an operator's input.
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

    /// Parses typed or pasted input: also with invisible characters, a full-width `＠` or ideographic full stops, in quotes or
    /// angle brackets, or as a `mailto:` link. A domain with letters outside ASCII is converted to its `xn--` name.
    ///
    /// Attack: a look-alike of another user's address is read as that address. Letters before the `@` are therefore refused, not
    /// converted. A domain is read as in browsers and mail programs (UTS 46): one with a Cyrillic letter is a separate domain; a
    /// full-width Latin letter is the Latin letter, because no other domain can have that name. The address as read is displayed
    /// and receives the e-mail.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); [`Refusal::EmailLocalPartNotAscii`] for letters outside ASCII before the `@`.
    pub fn read(typed: &str, domain_to_ascii: DomainToAscii) -> Result<Self, Refusal> {
        let typed = typed.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        if typed.len() > MOST_TYPED {
            return Err(Refusal::EmailMalformed);
        }
        let visible: String = typed.chars().filter(|c| !is_invisible(*c)).collect();
        let text = unwrapped(&visible).ok_or(Refusal::EmailMalformed)?;
        if text.is_ascii() {
            return Self::parse(text);
        }
        let text = text.replace('\u{ff20}', "@");
        let (local, domain) = text.split_once('@').ok_or(Refusal::EmailMalformed)?;
        let domain = ascii_domain(domain, domain_to_ascii).ok_or(Refusal::EmailMalformed)?;
        let is_foreign = |c: char| !c.is_ascii() && c.is_alphanumeric();
        if local.contains(is_foreign) && is_domain(&domain) {
            return Err(Refusal::EmailLocalPartNotAscii);
        }
        Self::parse(&format!("{local}@{domain}"))
    }

    /// Returns the whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a form that its owner recognizes and that others cannot write to: `a…@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        let first = self.0.get(..1).unwrap_or_default();
        format!("{first}…@{}", self.domain())
    }

    /// Returns the part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// Returns the part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Maximum length of a pasted address in bytes, including the text around it.
const MOST_TYPED: usize = 2 * 1024;

/// A conversion of a domain to ASCII (`xn--…`), by UTS 46 without transitional processing; `None` if the domain has no such
/// name. The server uses its own tables ([`domain_to_ascii`]), a browser its `URL`.
pub type DomainToAscii = fn(&str) -> Option<String>;

/// Converts a domain with the `idna` crate; see [`DomainToAscii`].
#[cfg(feature = "idna")]
#[must_use]
pub fn domain_to_ascii(domain: &str) -> Option<String> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::Check,
        DnsLength::Verify,
    );
    ascii.ok().map(std::borrow::Cow::into_owned)
}

/// Returns the text in quotes, angle brackets or a link. An address with a display name is refused, because the name may
/// itself be an address.
fn unwrapped(typed: &str) -> Option<&str> {
    const AROUND: [(char, char); 7] = [
        ('<', '>'),
        ('"', '"'),
        ('\'', '\''),
        ('\u{201c}', '\u{201d}'),
        ('\u{201e}', '\u{201c}'),
        ('\u{2018}', '\u{2019}'),
        ('\u{ab}', '\u{bb}'),
    ];
    let mut text = typed.trim();
    loop {
        let inside = AROUND
            .iter()
            .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
        if let Some(inside) = inside {
            text = inside.trim();
            continue;
        }
        match text.split_at_checked("mailto:".len()) {
            Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto:") => {
                // Drop the subject and further recipients. Attack: parsers read `%40` and other escapes differently.
                text = address.split('?').next().unwrap_or_default().trim();
                if text.contains('%') {
                    return None;
                }
            }
            _ => return Some(text),
        }
    }
}

/// Converts a domain to ASCII. Attack: a URL parser reads a domain with `/`, `:`, `@` or `%` as more than a domain. Of ASCII,
/// only letters, digits, hyphens and dots are therefore allowed.
fn ascii_domain(domain: &str, domain_to_ascii: DomainToAscii) -> Option<String> {
    let domain = domain.replace(['\u{3002}', '\u{ff0e}', '\u{ff61}'], ".");
    let domain = domain.strip_suffix('.').unwrap_or(&domain);
    let fits = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if domain.is_empty() || !domain.chars().all(fits) {
        return None;
    }
    if domain.is_ascii() {
        return Some(domain.to_owned());
    }
    domain_to_ascii(domain)
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

impl From<EmailAddress> for String {
    fn from(email: EmailAddress) -> Self {
        email.0
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = Refusal;
    fn try_from(typed: String) -> Result<Self, Refusal> {
        Self::parse(&typed)
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_address_have_one_canonical_form() {
        for typed in [
            "ada@example.com",
            " Ada@Example.COM ",
            "ada@example.com.",
            "\u{200b}ada@example.com\n",
        ] {
            assert_eq!(
                EmailAddress::parse(typed).unwrap().as_str(),
                "ada@example.com",
                "{typed:?}"
            );
        }
    }

    #[test]
    fn a_blank_address_is_reported_as_missing() {
        assert_eq!(EmailAddress::parse(" \u{feff} "), Err(Refusal::EmailMissing));
    }

    #[test]
    #[cfg(feature = "idna")]
    fn a_pasted_address_is_normalized() {
        for typed in [
            "ada@example.com",
            " Ada@Example.COM. ",
            "ada\u{200b}@exa\u{ad}mple.com",
            "\u{202a}ada@example.com\u{202c}",
            "\u{2068}ada@example.com\u{2069}",
            "\u{61c}ada@\u{200e}example\u{2060}.com\u{feff}",
            "ada\u{ff20}example.com",
            "ada@example\u{3002}com",
            "ada\u{ff20}example\u{ff0e}com\u{3002}",
            "ada@example\u{ff61}com",
            "<ada@example.com>",
            "< ada@example.com >",
            "mailto:ada@example.com",
            "MailTo:ada@example.com?subject=Hello&cc=eve@example.com",
            "<mailto:ada@example.com>",
            "\"ada@example.com\"",
            "'ada@example.com'",
            "\u{201c}ada@example.com\u{201d}",
            "\u{201e}ada@example.com\u{201c}",
            "\u{2018}ada@example.com\u{2019}",
            "\u{ab}\u{a0}ada@example.com\u{a0}\u{bb}",
            "\"<ada@example.com>\"",
            // UTS 46 maps full-width letters to the same domain for all users.
            "ada@\u{ff45}xample.com",
            "ada@EXAMPLE\u{ff0e}\u{ff23}\u{ff2f}\u{ff2d}",
        ] {
            let read = EmailAddress::read(typed, domain_to_ascii);
            assert_eq!(
                read.as_ref().map(EmailAddress::as_str),
                Ok("ada@example.com"),
                "{typed:?}"
            );
        }
        assert_eq!(
            EmailAddress::read("o'brien@example.com", domain_to_ascii)
                .unwrap()
                .local_part(),
            "o'brien"
        );
        assert_eq!(
            EmailAddress::read(" \u{feff}\u{200b} ", domain_to_ascii),
            Err(Refusal::EmailMissing)
        );
        assert_eq!(EmailAddress::read("<>", domain_to_ascii), Err(Refusal::EmailMissing));
        assert_eq!(EmailAddress::read("\"\"", domain_to_ascii), Err(Refusal::EmailMissing));
    }

    #[test]
    #[cfg(feature = "idna")]
    fn a_domain_outside_ascii_is_a_separate_domain() {
        for (typed, domain) in [
            ("jan@b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("jan@B\u{dc}CHER.example", "xn--bcher-kva.example"),
            ("jan@bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("jan@stra\u{df}e.example", "xn--strae-oqa.example"),
            ("jan@\u{645}\u{62b}\u{627}\u{644}.example", "xn--mgbh0fb.example"),
            ("jan\u{ff20}\u{4f8b}\u{3048}\u{3002}example", "xn--r8jz45g.example"),
            ("jan@ex\u{430}mple.com", "xn--exmple-4nf.com"),
            ("jan@exam\u{131}ple.com", "xn--example-ufb.com"),
        ] {
            let read = EmailAddress::read(typed, domain_to_ascii);
            assert_eq!(read.as_ref().map(EmailAddress::domain), Ok(domain), "{typed:?}");
            assert_eq!(
                EmailAddress::parse(read.unwrap().as_str()).unwrap().domain(),
                domain,
                "stored"
            );
        }
    }

    /// Attack: a letter folds onto another user's local part.
    #[test]
    #[cfg(feature = "idna")]
    fn a_local_part_outside_ascii_has_its_own_refusal() {
        for typed in [
            "j\u{f6}rg@example.com",
            "\u{ff41}da@example.com",
            "\u{ff41}\u{ff44}\u{ff41}\u{ff20}\u{ff45}xample.com",
            "\u{430}da@example.com",
            "ad\u{131}@example.com",
            "\u{645}\u{62b}\u{627}\u{644}@b\u{fc}cher.example",
            "<j\u{f6}rg@example.com>",
        ] {
            assert_eq!(
                EmailAddress::read(typed, domain_to_ascii),
                Err(Refusal::EmailLocalPartNotAscii),
                "{typed:?}"
            );
        }
    }

    #[test]
    #[cfg(feature = "idna")]
    fn pasted_text_that_could_reach_another_mailbox_is_refused() {
        let long = format!("ada@example.com{}", "\u{200b}x".repeat(1_000));
        for typed in [
            "Ada <ada@example.com>",
            "<ada@example.com>,<eve@example.com>",
            "<ada@example.com",
            "ada@example.com>",
            "\"ada\"@example.com",
            "\u{201c}ada@example.com\"",
            "mailto:ada@example.com,eve@example.com",
            "mailto:ada%40example.com",
            "mailto:victim%40example.com@evil.example",
            "https://ada@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada\u{3002}king@example.com",
            "ada@example.com\u{ff20}evil.example",
            "ada\u{ff20}example.com@evil.example",
            "ada@b\u{fc}cher.example/@evil.example",
            "ada@b\u{fc}cher.example:25",
            "ada@b\u{fc}cher example.com",
            "ada@b\u{fc}cher.example?x",
            "ada@b\u{fc}cher.example%00",
            "ada@evil\u{2024}example.com\u{2044}x",
            "ada@\u{2100}.example",
            "ada@\u{ff3b}127.0.0.1\u{ff3d}",
            "ada@\u{ff11}27.0.0.1",
            "ada@-b\u{fc}cher.example",
            "ada@b\u{fc}cher",
            "ada@\u{fffd}.example",
            &long,
        ] {
            assert_eq!(
                EmailAddress::read(typed, domain_to_ascii),
                Err(Refusal::EmailMalformed),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn an_address_that_could_reach_another_mailbox_is_refused() {
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
            assert_eq!(EmailAddress::parse(typed), Err(Refusal::EmailMalformed), "{typed:?}");
        }
    }
}
