//! Commands to test the connection to the mail server and manage queued e-mails.

use super::{Failed, moment, need_database, say};
use crate::config::{Config, KEYS};
use crate::start;
use account::{EmailAddress, Keyring, Timestamp};
use backend::mail_queue::{self, WaitingEmail};
use backend::{Clock, Keys, Line, RenderedEmail, SystemClock, retried};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::sync::Arc;

/// Test the connection to the mail server, and manage queued e-mails.
#[derive(Subcommand)]
pub enum Mail {
    /// Send a test e-mail; show the SMTP conversation, without credentials, and the certificate
    Test(Test),
    /// List queued e-mails, the one due next first: ID, kind, time written, attempts, next attempt, reason
    Queue {
        /// Also show the recipients
        #[arg(long)]
        addresses: bool,
    },
    /// Retry queued e-mails now
    Retry(Which),
    /// Drop queued e-mails: they are not sent, and their content is deleted
    Drop {
        #[command(flatten)]
        which: Which,
        /// Confirm --all: dropped e-mails cannot be restored
        #[arg(long)]
        yes: bool,
    },
}

/// A test e-mail.
#[derive(Args)]
pub struct Test {
    /// Address of the recipient
    #[arg(long)]
    to: String,
    /// Send from REKEY_SENDER_NOTICES instead of REKEY_SENDER_CODES
    #[arg(long)]
    notices: bool,
}

/// The e-mails to select.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// ID of the e-mail, as shown by `rekey mail queue`
    id: Option<String>,
    /// All queued e-mails
    #[arg(long)]
    all: bool,
}

/// The maximum number of listed e-mails.
const LISTED: i64 = 1_000;
/// The maximum number of counted e-mails.
const COUNTED: i64 = 100_000;

/// Runs `rekey mail test`.
pub async fn test(config: &Config, test: &Test) -> Result<(), Failed> {
    let to = EmailAddress::parse(&test.to).map_err(|_| format!("{:?} is not an e-mail address", test.to))?;
    let Some(smtp) = start::smtp(config)? else {
        return Err(Failed::Other(
            "No mail server is configured: set REKEY_SMTP_URL, such as smtps://USER:PASSWORD@mail.example.com.".into(),
        ));
    };
    let settings = &config.settings;
    let from = if test.notices {
        &settings.sender_notices
    } else {
        &settings.sender_codes
    };
    let place = KEYS.iter().find(|key| key.name == "smtp_url");
    let place = place.map(|key| (key.show)(config)).unwrap_or_default();
    say(&format!("Mail server: {place}\n"))?;
    let listener = Arc::new(|line: Line| drop(say(&shown(&line))));
    let sent = smtp.test(&to, &message(config, from), now().0, listener).await;
    match sent {
        Ok(()) => say(&format!(
            "\nAccepted: the mail server accepted the e-mail from {from} to {to}.\nIf it does not arrive, check the spam folder, \
             then the log of the mail server: the e-mail may still be rejected on its way.\n"
        )),
        Err(error) => Err(Failed::Other(format!("\nNot sent: {}.\n{}", error.text, error.advice))),
    }
}

fn shown(line: &Line) -> String {
    match line {
        Line::Said(line) => format!("> {line}\n"),
        Line::Heard(line) => format!("< {line}\n"),
        Line::Certificate(certificate) => format!(
            "  certificate for:  {}\n  issued by:        {}\n  valid until:      {}\n",
            certificate.names.join(", "),
            certificate.issuer,
            moment(certificate.valid_until)
        ),
    }
}

fn message(config: &Config, from: &str) -> RenderedEmail {
    let origin = &config.origin.text;
    let text = format!("This is a test e-mail from {origin}. You don’t need to do anything.");
    RenderedEmail {
        from_name: config.settings.brand.clone(),
        from: from.to_owned(),
        language: "en",
        subject: format!("Test e-mail from {}", config.settings.brand),
        html: format!("<p>{text}</p>"),
        text,
    }
}

/// Runs `rekey mail queue`.
pub async fn queue(config: &Config, keys: Keyring, addresses: bool) -> Result<(), Failed> {
    need_database(config)?;
    let db = start::database(config).await?;
    let (keys, now) = (Keys::from(keys), now());
    let emails = mail_queue::list(&db, &keys, now, LISTED).await;
    let emails = emails.map_err(|fault| fault.to_string())?;
    let count = mail_queue::count(&db, COUNTED)
        .await
        .map_err(|fault| fault.to_string())?;
    db.close().await;
    if emails.is_empty() {
        return say("No e-mails are queued.\n");
    }
    let address = if addresses { "ADDRESS\t" } else { "" };
    let mut table = format!("ID\t{address}KIND\tWRITTEN\tATTEMPTS\tNEXT ATTEMPT\tREASON\n");
    for email in &emails {
        table.push_str(&row(email, addresses, now));
    }
    let more = count - i64::try_from(emails.len()).unwrap_or(count);
    if more > 0 {
        let _ = writeln!(table, "… and {more} more");
    }
    say(&table)
}

/// Formats a row. Attack: text from another system in a field starts a new line or column.
fn row(email: &WaitingEmail, addresses: bool, now: Timestamp) -> String {
    let address = if addresses {
        format!("{}\t", email.recipient.escape_debug())
    } else {
        String::new()
    };
    let next = match email.next_at {
        None => "being sent".to_owned(),
        Some(at) if at <= now => "due".to_owned(),
        Some(at) => format!("in {} s", at.seconds_after(now)),
    };
    format!(
        "{}\t{address}{}\t{}\t{}\t{next}\t{}\n",
        email.id,
        email.kind.unwrap_or("encrypted with a missing key"),
        moment(email.written_at),
        email.attempts,
        email.reason.as_deref().unwrap_or("-").replace(['\n', '\t'], " ")
    )
}

/// Runs `rekey mail retry`.
pub async fn retry(config: &Config, which: Which) -> Result<(), Failed> {
    need_database(config)?;
    let db = start::database(config).await?;
    let made = retried(async || Ok(mail_queue::retry(&db, which.id.as_deref(), now()).await?)).await;
    db.close().await;
    match (made.map_err(|fault| fault.to_string())?, which.id) {
        (0, Some(id)) => Err(Failed::Other(format!(
            "E-mail {id} is not waiting for another attempt: it was sent, is being sent, was dropped, or has not been tried yet."
        ))),
        (count, _) => say(&format!(
            "Due now: {count}. A running server sends them within seconds.\n"
        )),
    }
}

/// Runs `rekey mail drop`.
pub async fn mark_failed(config: &Config, which: Which, yes: bool) -> Result<(), Failed> {
    if which.all && !yes {
        return Err(Failed::Other(
            "This drops all queued e-mails, codes and notices alike, and cannot be undone. Add --yes to confirm."
                .into(),
        ));
    }
    need_database(config)?;
    let db = start::database(config).await?;
    let dropped = retried(async || Ok(mail_queue::mark_failed(&db, which.id.as_deref(), now()).await?)).await;
    db.close().await;
    match (dropped.map_err(|fault| fault.to_string())?, which.id) {
        (0, Some(id)) => Err(Failed::Other(format!(
            "E-mail {id} is not queued: it was sent or dropped."
        ))),
        (count, _) => say(&format!(
            "Dropped: {count}. An e-mail that was being sent may still arrive.\n"
        )),
    }
}

fn now() -> Timestamp {
    SystemClock::default().now()
}
