//! A link to the user's mailbox, derived only from the domain of the typed address.

use crate::settings::use_settings;
use crate::words::use_words;
use account::EmailAddress;
use leptos::prelude::*;

/// A webmail provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The provider's name, as users know it.
    pub name: &'static str,
    /// The URL of the mailbox, or of a search there for this service's e-mails. Never contains the user's address.
    pub href: String,
}

/// Returns the mailbox of an address if its domain belongs to a known provider.
#[must_use]
pub fn mailbox(email: &EmailAddress, sender_codes: &str, sender_notices: &str) -> Option<Mailbox> {
    let codes = escape(sender_codes);
    let (name, href) = match email.domain() {
        "gmail.com" | "googlemail.com" => {
            let senders = ["from%3A(", &codes, "+OR+", &escape(sender_notices), ")+in%3Aanywhere"].concat();
            ("Gmail", ["https://mail.google.com/mail/#search/", &senders].concat())
        }
        "outlook.com" | "hotmail.com" | "live.com" | "msn.com" | "hotmail.co.uk" | "hotmail.fr" | "outlook.fr"
        | "outlook.de" => ("Outlook", "https://outlook.live.com/mail/".into()),
        "icloud.com" | "me.com" | "mac.com" => ("iCloud Mail", "https://www.icloud.com/mail/".into()),
        "proton.me" | "protonmail.com" | "pm.me" => (
            "Proton Mail",
            ["https://mail.proton.me/u/0/all-mail#from=", &codes].concat(),
        ),
        // Yahoo decodes the search term twice.
        domain if is_yahoo(domain) => {
            let term = codes.replace('%', "%25");
            (
                "Yahoo Mail",
                ["https://mail.yahoo.com/d/search/keyword=from%253A", &term].concat(),
            )
        }
        _ => return None,
    };
    Some(Mailbox { name, href })
}

/// Returns whether a domain is one of Yahoo's, which differ by country: `yahoo.fr`, `yahoo.co.uk`.
fn is_yahoo(domain: &str) -> bool {
    let country = |end: &str| end.len() == 2 && end.bytes().all(|b| b.is_ascii_lowercase());
    domain == "ymail.com"
        || domain.strip_prefix("yahoo.").is_some_and(|end| {
            end == "com"
                || country(end)
                || end
                    .strip_prefix("co.")
                    .or(end.strip_prefix("com."))
                    .is_some_and(country)
        })
}

/// Percent-encodes everything but ASCII letters, digits, dots and hyphens.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// Opens the user's mailbox in a new tab; renders nothing if the provider is unknown.
#[component]
pub fn MailboxButton(
    /// The user's address.
    email: EmailAddress,
) -> AnyView {
    let settings = use_settings();
    let Some(Mailbox { name, href }) = mailbox(&email, &settings.sender_codes, &settings.sender_notices) else {
        return ().into_any();
    };
    let label = use_words().say_with("code.open_mailbox", &[("mailbox", name)]);
    view! {
        <p>
            <a class="button" href=href target="_blank" rel="noreferrer external">
                {label}
            </a>
        </p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(address: &str) -> Option<(&'static str, String)> {
        let email = EmailAddress::parse(address).unwrap();
        mailbox(&email, "noreply@signin.rekey.example", "noreply@rekey.example").map(|it| (it.name, it.href))
    }

    #[test]
    fn a_known_provider_links_to_its_mailbox() {
        let gmail = "https://mail.google.com/mail/#search/\
            from%3A(noreply%40signin.rekey.example+OR+noreply%40rekey.example)+in%3Aanywhere";
        let yahoo = "https://mail.yahoo.com/d/search/keyword=from%253Anoreply%2540signin.rekey.example";
        let proton = "https://mail.proton.me/u/0/all-mail#from=noreply%40signin.rekey.example";
        let outlook = "https://outlook.live.com/mail/";
        for (address, name, href) in [
            ("ada@gmail.com", "Gmail", gmail),
            ("ada@googlemail.com", "Gmail", gmail),
            ("Ada@GMail.com", "Gmail", gmail),
            ("ada@outlook.com", "Outlook", outlook),
            ("ada@hotmail.com", "Outlook", outlook),
            ("ada@live.com", "Outlook", outlook),
            ("ada@yahoo.com", "Yahoo Mail", yahoo),
            ("ada@yahoo.fr", "Yahoo Mail", yahoo),
            ("ada@yahoo.co.uk", "Yahoo Mail", yahoo),
            ("ada@yahoo.com.br", "Yahoo Mail", yahoo),
            ("ada@icloud.com", "iCloud Mail", "https://www.icloud.com/mail/"),
            ("ada@proton.me", "Proton Mail", proton),
        ] {
            assert_eq!(link(address), Some((name, href.to_owned())), "{address}");
        }
    }

    #[test]
    fn an_unknown_domain_has_no_mailbox_link() {
        for address in [
            "ada@example.com",
            "ada@gmail.com.evil.example",
            "ada@notgmail.com",
            "ada@mail.gmail.com",
            "ada@yahoo.evil.example",
            "ada@yahoo.company",
            "ada@yahoo.co.evil",
            "gmail.com@example.com",
        ] {
            assert_eq!(link(address), None, "{address}");
        }
    }

    #[test]
    fn the_link_does_not_contain_the_users_address() {
        assert!(
            ["gmail.com", "yahoo.com", "proton.me", "outlook.com"]
                .iter()
                .all(|domain| { !link(&format!("lovelace@{domain}")).unwrap().1.contains("lovelace") })
        );
    }

    #[test]
    fn the_search_term_is_percent_encoded() {
        assert_eq!(escape("a+b&c=d#e\"@x-y.z"), "a%2Bb%26c%3Dd%23e%22%40x-y.z");
    }
}
