//! How letters leave: SMTP, a folder of the development run, or memory in tests.

mod folder;
mod smtp;

use crate::RenderedLetter;
use account::Email;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A letter as it was sent, kept by the development run and by tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLetter {
    /// The one recipient.
    pub to: String,
    /// The sender.
    pub from: String,
    /// The subject line.
    pub subject: String,
    /// The whole text part.
    pub text: String,
    /// The whole HTML part.
    pub html: String,
    /// Milliseconds since the Unix epoch.
    pub sent_at: i64,
}

/// Where letters go.
#[derive(Clone)]
pub enum Mail {
    /// A real server.
    Smtp(lettre::AsyncSmtpTransport<lettre::Tokio1Executor>),
    /// A folder of the development run, one JSON file a letter.
    Folder(PathBuf),
    /// Memory, in tests.
    Memory(Arc<Mutex<Vec<KeptLetter>>>),
}

/// Why a letter did not leave.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct SmtpError {
    /// What the server or the network said, without addresses.
    pub text: String,
    /// Whether trying again is of no use (5xx).
    pub permanent: bool,
    /// Its name, for metrics: `4xx`, `5xx`, `set_up` for a 5xx that an operator can mend, `timeout`, `connection`; `unfit` for a letter that never got to the server.
    pub kind: &'static str,
}

impl Mail {
    /// From `smtp://user:password@host:port/name?tls=required|opportunistic|none`, or `smtps://…` for TLS from the first
    /// byte. User and password are percent-encoded; `name` is what we say in EHLO. Without `tls`, `smtp://` demands STARTTLS
    /// unless the host is this machine. The port is 587, for `smtps://` 465, where it is not said. `sender` is the address whose
    /// domain stands in EHLO without a `name`. Wants a Tokio runtime.
    ///
    /// # Errors
    /// When the address does not read. The text never repeats it, as it may hold a password.
    pub fn smtp(url: &str, sender: &str) -> Result<Self, SmtpError> {
        Ok(Self::Smtp(smtp::transport(url, sender, None)?))
    }

    /// The same, to a server whose certificate may also be of the authorities in `pem`, such as a company's own.
    ///
    /// # Errors
    /// Also when there is no certificate in it.
    pub fn smtp_with_authority(url: &str, sender: &str, pem: &[u8]) -> Result<Self, SmtpError> {
        Ok(Self::Smtp(smtp::transport(url, sender, Some(pem))?))
    }

    /// Sends one letter to one recipient. `id` is the letter's; a second copy has the same `Message-ID`, so that mailboxes
    /// can tell.
    ///
    /// # Errors
    /// When the server did not take it.
    pub async fn send(&self, id: &str, to: &Email, letter: &RenderedLetter, sent_at: i64) -> Result<(), SmtpError> {
        match self {
            Self::Smtp(transport) => smtp::send(transport, smtp::message(id, to, letter, sent_at)?).await,
            Self::Folder(folder) => folder::keep(folder.clone(), id.to_owned(), keep(to, letter, sent_at)).await,
            Self::Memory(letters) => {
                letters
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(keep(to, letter, sent_at));
                Ok(())
            }
        }
    }

    /// Kept letters, newest first, to one address or to all; none for SMTP.
    #[must_use]
    pub fn kept(&self, to: Option<&str>) -> Vec<KeptLetter> {
        let mut letters = match self {
            Self::Smtp(_) => Vec::new(),
            Self::Folder(folder) => folder::kept(folder, to),
            Self::Memory(letters) => letters
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .rev()
                .cloned()
                .collect(),
        };
        letters.retain(|letter| to.is_none_or(|to| letter.to == to));
        letters
    }
}

fn keep(to: &Email, letter: &RenderedLetter, sent_at: i64) -> KeptLetter {
    let RenderedLetter {
        from,
        subject,
        text,
        html,
        ..
    } = letter.clone();
    KeptLetter {
        to: to.as_str().to_owned(),
        from,
        subject,
        text,
        html,
        sent_at,
    }
}

/// A mail server of the tests, by its address: it takes everything but answers so to that verb.
#[cfg(test)]
pub(crate) async fn smtp_answering(verb: &'static str, answer: &'static str) -> String {
    smtp::tests::Server::answering(verb, answer).await.url
}

#[cfg(test)]
pub(crate) fn a_letter(subject: &str) -> RenderedLetter {
    RenderedLetter {
        from_name: "Rekey".into(),
        from: "noreply@signin.rekey.example".into(),
        language: "en",
        subject: subject.into(),
        text: "Your code is 012345.\n\n@rekey.example #012345".into(),
        html: "<p>Your code is <strong>012345</strong></p>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_letters_newest_first_by_address() {
        let mail = Mail::Memory(Arc::default());
        for (at, to) in [(1, "ada@example.com"), (2, "bob@example.com"), (3, "ada@example.com")] {
            mail.send("id", &Email::parse(to).unwrap(), &a_letter("Hello"), at)
                .await
                .unwrap();
        }
        let times = |to| mail.kept(to).iter().map(|letter| letter.sent_at).collect::<Vec<_>>();
        assert_eq!(times(None), [3, 2, 1]);
        assert_eq!(times(Some("ada@example.com")), [3, 1]);
        assert!(times(Some("eve@example.com")).is_empty());
    }
}
