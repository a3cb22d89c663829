//! The e-mail queue for operators: listing, retrying and dropping pending e-mails.

use crate::store::{Db, mail_queue as rows, outbox};
use crate::{Fault, Keys, seal};
use account::{Email, Notice, Purpose, Timestamp};

/// A pending e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEmail {
    /// The row's id, and the first half of the Message-ID.
    pub id: String,
    /// The recipient.
    pub recipient: String,
    /// The kind, such as `reset code`; `None` if the key that sealed the e-mail is missing.
    pub kind: Option<&'static str>,
    /// Creation time.
    pub written_at: Timestamp,
    /// Number of delivery attempts.
    pub attempts: i64,
    /// Time of the next attempt; `None` during delivery.
    pub next_at: Option<Timestamp>,
    /// The mail server's last reply, without addresses.
    pub reason: Option<String>,
}

/// Lists up to `most` pending e-mails in order of due time.
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

/// Counts pending e-mails, up to `most`.
///
/// # Errors
/// A database [`Fault`].
pub async fn count(db: &Db, most: i64) -> Result<i64, Fault> {
    Ok(outbox::waiting(db, most).await?.count)
}

/// Makes one or all e-mails waiting for a retry due now, and returns their number. Skips e-mails being sent.
///
/// # Errors
/// A database [`Fault`].
pub async fn retry(db: &Db, id: Option<&str>, now: Timestamp) -> Result<u64, Fault> {
    rows::make_due(db, id, now).await
}

/// Marks one or all pending e-mails as failed, erases their content and returns their number. One being sent may still arrive.
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
            Purpose::Confirm => "confirmation code",
            Purpose::ChangeEmail => "code for a new address",
            Purpose::Secure => "code to secure an account",
        },
        Email::NoAccount(_) => "reply: no account",
        Email::UseProvider(..) => "reply: password at a provider",
        Email::AskAdministrator(..) => "reply: ask the administrator",
        Email::Deactivated(_) | Email::AlreadyDeactivated(_) => "reply: account deactivated",
        Email::AlreadyHere(..) => "reply: address has an account",
        Email::Moved(_) => "reply: address changed",
        Email::AddressInUse(_) => "reply: address in use",
        Email::Invitation(_) => "invitation to an organization",
        Email::Notice(notice) => match notice {
            Notice::Joined { .. } => "notice: joined an organization",
            Notice::Left { .. } => "notice: left an organization",
            Notice::PasswordReset { .. } => "notice: password reset",
            Notice::PasswordChanged { .. } => "notice: password changed",
            Notice::NewDevice { .. } => "notice: new device",
            Notice::DeviceCopied { .. } => "notice: device copied",
            Notice::AddressLeft { .. } | Notice::AddressTaken { .. } => "notice: address changed",
            Notice::EmailChangeAsked { .. } => "notice: new address entered",
            Notice::EmailChanged { .. } | Notice::EmailTaken { .. } => "notice: address changed by the user",
            Notice::EmailLost { .. } => "notice: change of address undone",
            Notice::Secured { .. } => "notice: account secured",
            Notice::PasswordAdded { .. } => "notice: password added",
            Notice::ProviderConnected { .. } => "notice: provider connected",
            Notice::ProviderDisconnected { .. } => "notice: provider disconnected",
            Notice::DeletionRequested { .. } | Notice::DeletionReminder { .. } => "notice: account will be deleted",
            Notice::DeletionCanceled { .. } => "notice: account kept",
            Notice::DataDownloaded { .. } => "notice: data downloaded",
            Notice::ManyFailures { .. } => "notice: failed sign-ins",
        },
    }
}
