//! The e-mail queue for operators: list, retry and drop waiting e-mails.

use crate::store::{Db, mail_queue as rows, outbox};
use crate::{Fault, Keys, seal};
use account::{Email, Notice, Purpose, Timestamp};

/// An e-mail that has not been sent yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEmail {
    /// The id of its row, and the first half of its Message-ID.
    pub id: String,
    /// The recipient.
    pub recipient: String,
    /// The kind, such as `reset code`; `None` if the key that sealed it is missing.
    pub kind: Option<&'static str>,
    /// When it was queued.
    pub written_at: Timestamp,
    /// The number of attempts.
    pub attempts: i64,
    /// The time of the next attempt; `None` while it is being sent.
    pub next_at: Option<Timestamp>,
    /// Why it waits: the mail server's last answer, without addresses.
    pub reason: Option<String>,
}

/// Waiting e-mails, ordered by due time, `most` at most.
///
/// # Errors
/// A database [`Fault`].
pub async fn list(db: &Db, keys: &Keys, now: Timestamp, most: i64) -> Result<Vec<WaitingEmail>, Fault> {
    let rows = rows::list(db, most).await?;
    let email = |row: rows::Row| WaitingEmail {
        kind: seal::open(keys, &row.id, &row.body).ok().map(|message| kind(&message)),
        next_at: (!row.is_leased(now)).then_some(Timestamp(row.due_at)),
        id: row.id,
        recipient: row.recipient,
        written_at: Timestamp(row.written_at),
        attempts: row.attempts,
        reason: row.last_error,
    };
    Ok(rows.into_iter().map(email).collect())
}

/// The number of waiting e-mails, counted up to `most`.
///
/// # Errors
/// A database [`Fault`].
pub async fn count(db: &Db, most: i64) -> Result<i64, Fault> {
    Ok(outbox::waiting(db, most).await?.count)
}

/// Makes the e-mail with that id, or all that wait for a retry, due now; returns how many. E-mails that are being sent are
/// skipped.
///
/// # Errors
/// A database [`Fault`].
pub async fn retry(db: &Db, id: Option<&str>, now: Timestamp) -> Result<u64, Fault> {
    rows::make_due(db, id, now).await
}

/// Marks the e-mail with that id, or all that wait, as failed and erases their content; returns how many. One that is being sent
/// may still arrive.
///
/// # Errors
/// A database [`Fault`].
pub async fn mark_failed(db: &Db, id: Option<&str>, now: Timestamp) -> Result<u64, Fault> {
    let mut tx = db.begin().await?;
    let dropped = match id {
        Some(id) => rows::drop_one(&mut tx, id, now).await?,
        None => outbox::drop_all(&mut tx, now).await?,
    };
    tx.commit().await?;
    Ok(dropped)
}

const fn kind(message: &Email) -> &'static str {
    match message {
        Email::Code(code) => match code.purpose {
            Purpose::SignIn => "sign-in code",
            Purpose::Reset => "reset code",
            Purpose::SignUp => "sign-up code",
        },
        Email::NoAccount(_) => "answer: no account",
        Email::UseGoogle(_) => "answer: password at Google",
        Email::AskAdministrator(..) => "answer: ask the administrator",
        Email::Deactivated(_) | Email::AlreadyDeactivated(_) => "answer: account deactivated",
        Email::AlreadyHere(..) => "answer: address has an account",
        Email::Notice(notice) => match notice {
            Notice::PasswordReset { .. } => "notice: password reset",
            Notice::PasswordChanged { .. } => "notice: password changed",
            Notice::NewDevice { .. } => "notice: new device",
            Notice::DeviceCopied { .. } => "notice: device copied",
            Notice::AddressLeft { .. } | Notice::AddressTaken { .. } => "notice: address changed",
            Notice::ManyFailures { .. } => "notice: failed sign-ins",
        },
    }
}
