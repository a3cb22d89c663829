//! Renders e-mails: subject, text and HTML, in the reader's language.

mod content;
mod gallery;
mod page;
mod words;

pub use gallery::gallery;

use crate::Settings;
use account::{Email, TimeFormat};
use words::Words;

/// An e-mail ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedEmail {
    /// The sender's display name: the brand.
    pub from_name: String,
    /// The sender's address.
    pub from: String,
    /// The language: `en` or `ar`.
    pub language: &'static str,
    /// The subject line.
    pub subject: String,
    /// The whole message as plain text.
    pub text: String,
    /// The same content as HTML, with inline CSS and nothing remote.
    pub html: String,
}

/// Prints only the sender, because the rest may contain a live code.
impl std::fmt::Debug for RenderedEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RenderedEmail(from {})", self.from)
    }
}

/// Renders an e-mail in a language (`en` or `ar`, otherwise English), with times in the reader's format.
#[must_use]
pub fn render(settings: &Settings, language: &str, times: &TimeFormat, email: &Email) -> RenderedEmail {
    let words = Words::of(language, times, settings);
    let content = content::of(&words, email);
    let from = if email.is_answer() {
        &settings.sender_codes
    } else {
        &settings.sender_notices
    };
    RenderedEmail {
        from_name: settings.brand.clone(),
        from: from.clone(),
        language: words.language,
        text: page::text(&words, &content),
        html: page::html(&words, &content),
        subject: content.subject,
    }
}

#[cfg(test)]
mod tests;
