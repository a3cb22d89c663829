//! The meaning of a mail server's refusal, and whether it is caused by the set-up or the recipient.

use super::SmtpError;
use account::EmailAddress;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;
use rustls::CertificateError;
use std::io;

/// The refused command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// EHLO, or the connection itself.
    Ehlo,
    StartTls,
    Auth,
    MailFrom,
    RcptTo,
    /// DATA, and the message after it.
    Data,
}

/// The meaning of a refusal caused by the set-up.
struct Meaning {
    says: &'static str,
    advice: &'static str,
}

/// Maximum number of characters kept from a server's reply.
const WORDS: usize = 200;

impl Command {
    const fn name(self) -> &'static str {
        match self {
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::MailFrom => "MAIL FROM",
            Self::RcptTo => "RCPT TO",
            Self::Data => "DATA",
        }
    }

    /// Returns the meaning of a permanent refusal without a specific code (RFC 3463). Before RCPT, it is the set-up.
    const fn blames(self) -> Option<Meaning> {
        let (says, advice) = match self {
            Self::Ehlo => (
                "it does not accept this host or its name",
                "Check REKEY_SMTP_EHLO_NAME, and that the mail server accepts e-mail from this host.",
            ),
            Self::StartTls => (
                "it refuses encryption",
                "Check the port in REKEY_SMTP_URL, and the mail server's certificate.",
            ),
            Self::Auth => ("it refuses the user name or the password", CREDENTIALS),
            Self::MailFrom => ("it does not accept e-mail from this sender address", SENDER),
            Self::RcptTo | Self::Data => return None,
        };
        Some(Meaning { says, advice })
    }
}

const CREDENTIALS: &str =
    "Check the user name and the password in REKEY_SMTP_URL; special characters in them are percent-encoded.";
const SYNTAX: &str = "it does not support a command or its syntax";
const NAME_AND_PORT: &str = "Check REKEY_SMTP_EHLO_NAME and the port in REKEY_SMTP_URL.";
const SENDER: &str = "Allow REKEY_SENDER_CODES and REKEY_SENDER_NOTICES as senders at the mail server or provider.";
const TRUST: &str = "Check that the mail server may relay for this service: its list of allowed networks or users, and the \
                     records of SPF, DKIM and DMARC of the sender's domain.";

/// Returns the enhanced status code at the beginning of a reply, such as `5.7.1` (RFC 3463).
fn enhanced_status(said: &str) -> Option<&str> {
    let status = said.split_ascii_whitespace().next()?;
    let mut numbers = status.split('.');
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let reads = numbers.next().is_some_and(|class| ["2", "4", "5"].contains(&class))
        && numbers.clone().count() == 2
        && numbers.all(is_number);
    reads.then_some(status)
}

/// Returns the meaning of a permanent refusal caused by the set-up or the route (RFC 3463, RFC 5321 §4.2.3). The e-mail
/// is kept and retried, because an operator can fix the cause. `None` means that the mailbox doesn't exist.
fn meaning(command: Command, code: u16, status: &str) -> Option<Meaning> {
    let of = |says, advice| Some(Meaning { says, advice });
    let mut parts = status.split('.').skip(1);
    let (subject, detail) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match (subject, detail, code) {
        ("1", "7" | "8", _) => Command::MailFrom.blames(),
        // Concerns an address: the recipient's, or the sender's before RCPT.
        ("1" | "2", ..) => command.blames(),
        ("3", ..) => of(
            "it is out of order, or the e-mail is too large for it",
            "Ask the administrator of the mail server.",
        ),
        ("4", ..) => of(
            "it cannot find a route to the recipient's mail server",
            "Check the mail server's routing and DNS.",
        ),
        ("5", ..) => of(SYNTAX, NAME_AND_PORT),
        ("6", ..) => of(
            "it does not accept e-mails in this format",
            "Ask the administrator of the mail server.",
        ),
        ("7", ..) if command == Command::Auth => command.blames(),
        ("7", ..) => of(
            "it does not send for this service, or does not trust it: check credentials, relaying, SPF and DKIM",
            TRUST,
        ),
        (.., 500..=504 | 555) => of(SYNTAX, NAME_AND_PORT),
        (.., 530 | 534 | 535 | 538) => of("it requires other credentials, or TLS before credentials", CREDENTIALS),
        (.., 521 | 554 | 556) => of("it does not accept e-mail from this host", TRUST),
        _ => command.blames(),
    }
}

/// Returns the error for a refusal. Excludes the server's own words, which usually contain the recipient's address.
pub(super) fn of(command: Command, error: &Error, to: Option<&EmailAddress>) -> SmtpError {
    let Some(code) = error.status() else {
        return of_network(std::error::Error::source(error).unwrap_or(error));
    };
    let number = u16::from(code);
    let said = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    let status = enhanced_status(&said).unwrap_or_default();
    let space = if status.is_empty() { "" } else { " " };
    let text = format!("the mail server answered {number}{space}{status} to {}", command.name());
    let meant = meaning(command, number, status).filter(|_| error.is_permanent());
    SmtpError {
        text: match &meant {
            Some(meant) => format!("{text}: {}", meant.says),
            None => text,
        },
        words: without_addresses(&said, to),
        advice: match (&meant, error.is_permanent()) {
            (Some(meant), _) => meant.advice,
            (None, true) => "Check the address; the mail server does not deliver to it.",
            (None, false) => "The mail server asks the sender to try again later. Its reply says why.",
        },
        permanent: error.is_permanent() && meant.is_none(),
        kind: match (meant.is_some(), error.is_permanent()) {
            (true, _) => "set_up",
            (false, true) => "5xx",
            (false, false) => "4xx",
        },
    }
}

/// Returns the error for an unexpected positive reply. After 250 to DATA, the server would read the e-mail as commands,
/// and its next reply would be mistaken for acceptance.
pub(super) fn out_of_turn(command: Command, answer: &Response, due: u16, to: &EmailAddress) -> SmtpError {
    let said: Vec<_> = answer.message().collect();
    let code = answer.code();
    SmtpError {
        text: format!(
            "the mail server answered {code} to {}, and {due} was due",
            command.name()
        ),
        words: without_addresses(&said.join(" "), Some(to)),
        advice: "Ask the administrator of the mail server, and check for a filter on the connection: the answers are out of order.",
        permanent: false,
        kind: "set_up",
    }
}

/// Returns the error for missing STARTTLS where it is required.
pub(super) fn no_starttls() -> SmtpError {
    SmtpError::set_up(
        "the mail server offers no STARTTLS, and the e-mail is not sent unencrypted",
        "Use the port that offers STARTTLS (587), or smtps:// with port 465. If the server is known to offer it, someone on the \
         network path may be removing it.",
    )
}

/// Returns the error for credentials without a supported mechanism.
pub(super) fn no_mechanism() -> SmtpError {
    SmtpError::set_up(
        "the mail server offers neither PLAIN nor LOGIN authentication",
        "Use the port for submission (587 or 465), or remove the user name from REKEY_SMTP_URL.",
    )
}

/// Returns the error for a non-ASCII address without server support (RFC 6531).
pub(super) fn no_utf8() -> SmtpError {
    SmtpError {
        text: "the mail server does not accept non-ASCII addresses (SMTPUTF8)".into(),
        words: String::new(),
        advice: "Send through a mail server that offers SMTPUTF8.",
        permanent: false,
        kind: "connection",
    }
}

/// Returns the error for a network or TLS failure.
pub(super) fn of_network(error: &(dyn std::error::Error + 'static)) -> SmtpError {
    let mut text = "the mail server".to_owned();
    let mut cause = Some(error);
    while let Some(inner) = cause {
        let timed_out = inner
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        if timed_out {
            return SmtpError::too_slow();
        }
        if let Some(error) = certificate_error(inner) {
            return error;
        }
        let words = inner.to_string();
        if !words.contains('@') && !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    SmtpError {
        text,
        words: String::new(),
        advice: "Check the host and the port in REKEY_SMTP_URL, the name in DNS, and that a firewall lets this host through.",
        permanent: false,
        kind: "connection",
    }
}

fn certificate_error(error: &(dyn std::error::Error + 'static)) -> Option<SmtpError> {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let Some(rustls::Error::InvalidCertificate(wrong)) = inner?.downcast_ref() else {
        return None;
    };
    let (text, advice) = match wrong {
        CertificateError::UnknownIssuer => (
            "the mail server's certificate is not trusted: no known authority has signed it",
            "For your own certificate authority, set REKEY_CA_FILE to its certificate.",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "the mail server's certificate is not trusted: it has expired",
            "Renew the mail server's certificate, and check this machine's clock.",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "the mail server's certificate is not trusted: it is for another name",
            "Use the host name of the certificate in REKEY_SMTP_URL.",
        ),
        _ => (
            "the mail server's certificate is not trusted",
            "Check the mail server's certificate.",
        ),
    };
    Some(SmtpError::set_up(text, advice))
}

/// Removes sensitive data from a server's reply: the recipient's address, and long numbers, which may be a live code quoted by
/// a filter.
fn without_addresses(said: &str, to: Option<&EmailAddress>) -> String {
    let local = to
        .and_then(|to| to.as_str().rsplit_once('@'))
        .map(|(local, _)| local.to_lowercase());
    let masked = |word: &str| {
        let lower = word.to_lowercase();
        let is_local = local.as_ref().is_some_and(|local| {
            lower.trim_matches(|c: char| !c.is_alphanumeric()) == *local
                || local.chars().count() > 3 && lower.contains(local)
        });
        if is_local || ["@", "%40", "=40"].iter().any(|at| lower.contains(at)) {
            "(address)".to_owned()
        } else if word.chars().filter(char::is_ascii_digit).count() >= 6 {
            "(number)".to_owned()
        } else {
            word.chars().filter(|c| !c.is_control()).collect()
        }
    };
    let words: Vec<_> = said.split_whitespace().map(masked).collect();
    words.join(" ").chars().take(WORDS).collect()
}
