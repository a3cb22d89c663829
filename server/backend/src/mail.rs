//! E-mail transports: SMTP, a folder for development runs, or memory for tests.

mod folder;
mod smtp;

pub use smtp::{Certificate, Line, Listener, Smtp, check_ehlo_name};

use crate::RenderedEmail;
use account::EmailAddress;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A sent e-mail, kept by development runs and tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEmail {
    /// The only recipient.
    pub to: String,
    /// The sender.
    pub from: String,
    /// The subject line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Time in milliseconds since the Unix epoch.
    pub sent_at: i64,
}

/// An e-mail transport.
#[derive(Clone)]
pub enum Mailer {
    /// A mail server.
    Smtp(Smtp),
    /// A folder with one JSON file per e-mail, for development runs.
    Folder(PathBuf),
    /// Memory, for tests.
    Memory(Arc<Mutex<Vec<KeptEmail>>>),
}

/// The reason why an e-mail was not sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct SmtpError {
    /// The response of the server or the network and its meaning, without addresses.
    pub text: String,
    /// The server's response, up to 200 characters, without the recipient's address; empty if there was none.
    pub words: String,
    /// Advice to the operator, as a sentence.
    pub advice: &'static str,
    /// Whether a retry is useless (5xx).
    pub permanent: bool,
    /// Label in metrics: `4xx`, `5xx`, `set_up` (fixable by an operator), `timeout`, `connection`, or `unfit` (never submitted).
    pub kind: &'static str,
}

impl SmtpError {
    fn unfit(text: String) -> Self {
        Self {
            text,
            words: String::new(),
            advice: "",
            permanent: true,
            kind: "unfit",
        }
    }

    fn set_up(text: &str, advice: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            words: String::new(),
            advice,
            permanent: false,
            kind: "set_up",
        }
    }

    fn too_slow() -> Self {
        Self {
            text: "the mail server took too long".into(),
            words: String::new(),
            advice: "Check the host and the port in REKEY_SMTP_URL, and that a firewall lets this host through.",
            permanent: false,
            kind: "timeout",
        }
    }

    /// Returns the text stored with a pending e-mail.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.words.as_str() {
            "" => self.text.clone(),
            words => format!("{} ({words})", self.text),
        }
    }
}

impl Mailer {
    /// Sends an e-mail to one recipient. Copies share a `Message-ID`, derived from `id`, so that mailboxes can drop duplicates.
    ///
    /// # Errors
    /// If the server doesn't accept it.
    pub async fn send(
        &self,
        id: &str,
        to: &EmailAddress,
        email: &RenderedEmail,
        sent_at: i64,
    ) -> Result<(), SmtpError> {
        match self {
            Self::Smtp(smtp) => smtp.send(id, to, email, sent_at).await,
            Self::Folder(folder) => folder::keep(folder.clone(), id.to_owned(), keep(to, email, sent_at)).await,
            Self::Memory(emails) => {
                emails
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(keep(to, email, sent_at));
                Ok(())
            }
        }
    }

    /// Whether both transports are equivalent.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Smtp(this), Self::Smtp(that)) => this.is_as(that),
            (Self::Folder(this), Self::Folder(that)) => this == that,
            (Self::Memory(this), Self::Memory(that)) => Arc::ptr_eq(this, that),
            _ => false,
        }
    }

    /// Lists kept e-mails to one address or to all, newest first; none for SMTP.
    #[must_use]
    pub fn kept(&self, to: Option<&str>) -> Vec<KeptEmail> {
        let mut emails = match self {
            Self::Smtp(_) => Vec::new(),
            Self::Folder(folder) => folder::kept(folder, to),
            Self::Memory(emails) => emails
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .rev()
                .cloned()
                .collect(),
        };
        emails.retain(|email| to.is_none_or(|to| email.to == to));
        emails
    }
}

fn keep(to: &EmailAddress, email: &RenderedEmail, sent_at: i64) -> KeptEmail {
    let RenderedEmail {
        from,
        subject,
        text,
        html,
        ..
    } = email.clone();
    KeptEmail {
        to: to.as_str().to_owned(),
        from,
        subject,
        text,
        html,
        sent_at,
    }
}

/// Starts a test mail server and returns its URL. It accepts everything, except that it responds to `verb` with `answer`.
#[cfg(test)]
pub(crate) async fn smtp_answering(verb: &'static str, answer: &'static str) -> String {
    smtp::tests::Server::answering(verb, answer).await.url
}

#[cfg(test)]
pub(crate) use smtp::tests::private_authority;

#[cfg(test)]
pub(crate) fn a_email(subject: &str) -> RenderedEmail {
    RenderedEmail {
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
    async fn memory_keeps_emails_newest_first_by_address() {
        let mail = Mailer::Memory(Arc::default());
        for (at, to) in [(1, "ada@example.com"), (2, "bob@example.com"), (3, "ada@example.com")] {
            mail.send("id", &EmailAddress::parse(to).unwrap(), &a_email("Hello"), at)
                .await
                .unwrap();
        }
        let times = |to| mail.kept(to).iter().map(|email| email.sent_at).collect::<Vec<_>>();
        assert_eq!(times(None), [3, 2, 1]);
        assert_eq!(times(Some("ada@example.com")), [3, 1]);
        assert!(times(Some("eve@example.com")).is_empty());
    }
}
