//! Sign-ins, resets and sign-ups that browsers are in.

mod codes;
mod passwords;

pub use codes::{give_try_back, pass_code, set_code, spend_try, stop_counting, take_send};
pub use passwords::{
    ask_mailbox_first, ask_password, finish_without_code, give_password_back, pass_password, spend_password,
};

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use crate::proof::PasswordProof;
use account::{AccountId, Challenge, CodeCounter, EmailAddress, Purpose, Timestamp};

/// A flow's row. Its id is the digest of the browser's first token, and stays.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Flow {
    /// Digest of the token that it began with.
    pub id: String,
    /// As typed, in the stored spelling.
    pub email: String,
    /// The account that the flow is about; `None` looks the same.
    pub account_id: Option<String>,
    /// Told on screen and in the mails.
    pub reference: String,
    /// Of its mails.
    pub language: String,
    /// Where to go after sign-in.
    pub next_path: String,
    /// Wrong codes that are still allowed.
    pub tries_left: i64,
    /// Older codes that are still recognised for free.
    pub stale_code_allowance: i64,
    /// E-mails so far.
    pub codes_sent: i64,
    /// When the next e-mail may be asked for.
    pub resend_at: i64,
    /// Goes up with every move.
    pub version: i64,
    /// When it began.
    pub created_at: i64,
    /// When it is over in any case.
    pub ends_at: i64,
    /// Sign-in: the password was right.
    pub password_passed_at: Option<i64>,
    /// The code was right.
    pub code_passed_at: Option<i64>,
    /// It led to its end, once.
    pub finished_at: Option<i64>,
    /// It was ended from elsewhere.
    pub ended_at: Option<i64>,
    /// Digest of the token from the step up on.
    pub token_digest: Option<String>,
    /// When that one replaced the first.
    pub stepped_up_at: Option<i64>,
    /// The client network that began it.
    pub client: String,
    /// 1 where its browser signed in to the account before.
    pub known_device: i64,
    /// The flow that the same browser held before, for the same purpose and address.
    pub replaces: Option<String>,
    /// The length of its newest code; 0 before the first.
    pub digits: i64,
    /// 1 for a sign-in that asks for the code before the password.
    pub mailbox_first: i64,
    /// 1 where the device is to be trusted once signed in.
    pub trust: i64,
}

impl Flow {
    /// Whether it can still go on.
    #[must_use]
    pub const fn is_live(&self, now: Timestamp) -> bool {
        self.finished_at.is_none() && self.ended_at.is_none() && now.0 < self.ends_at
    }

    /// Whether it goes on with the token of that digest.
    #[must_use]
    pub fn is_held_by(&self, digest: &str) -> bool {
        self.token_digest.as_deref().unwrap_or(&self.id) == digest
    }

    /// Whether it led to its end after `since`.
    #[must_use]
    pub fn has_just_finished(&self, since: Timestamp) -> bool {
        self.finished_at.is_some_and(|at| at > since.0)
    }

    /// Whether a sign-in's last step was the password: on a trusted device, or where the mailbox came first.
    #[must_use]
    pub const fn ended_with_password(&self) -> bool {
        self.finished_at.is_some() && (self.code_passed_at.is_none() || self.mailbox_first != 0)
    }

    /// Whether it waits for a code.
    #[must_use]
    pub const fn waits_for_code(&self, now: Timestamp) -> bool {
        self.is_live(now) && self.codes_sent > 0 && self.code_passed_at.is_none() && self.tries_left > 0
    }

    /// Whether a code may be mailed at this moment. [`take_send`] judges it once more.
    #[must_use]
    pub const fn may_send(&self, now: Timestamp) -> bool {
        self.waits_for_code(now) && self.codes_sent < Challenge::SENDS && self.resend_at <= now.0
    }

    /// Whether it is a sign-in that waits for a password.
    #[must_use]
    pub const fn waits_for_password(&self, now: Timestamp) -> bool {
        let its_turn = self.mailbox_first == 0 || (self.code_passed_at.is_some() && self.tries_left > 0);
        self.is_live(now) && self.password_passed_at.is_none() && its_turn
    }

    /// The length of its newest code.
    #[must_use]
    pub fn code_length(&self) -> usize {
        usize::try_from(self.digits).unwrap_or_default()
    }

    /// Where its wrong codes count.
    #[must_use]
    pub const fn counter(&self, purpose: Purpose) -> CodeCounter {
        purpose.counter(self.mailbox_first != 0)
    }

    /// The address it is about.
    ///
    /// # Errors
    /// When the row does not read.
    pub fn address(&self) -> Result<EmailAddress, Fault> {
        EmailAddress::parse(&self.email).map_err(|_| Fault::Corrupt { what: "flow address" })
    }

    /// The account it is about, if there is one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account_id.clone().map(AccountId)
    }
}

macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, email, account_id, reference, language, next_path, tries_left, stale_code_allowance, codes_sent, resend_at, version,
              created_at, ends_at, password_passed_at, code_passed_at, finished_at, ended_at,
              token_digest, stepped_up_at, client, known_device, replaces, mailbox_first, trust,
              CASE WHEN digits > 0 OR codes_sent = 0 THEN digits WHEN purpose = 'reset' THEN 8 ELSE 6 END AS digits ",
            $after
        )
    };
}
use columns;

/// Begins a flow.
pub async fn insert(tx: &mut WriteTx, purpose: Purpose, flow: &Flow) -> Result<(), Fault> {
    execute!(
        tx,
        "INSERT INTO flows (id, purpose, email, account_id, reference, language, next_path, tries_left, stale_code_allowance,
                                codes_sent, resend_at, version, created_at, ends_at, client, known_device, replaces, digits,
                                mailbox_first)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        &flow.id,
        purpose.as_str(),
        &flow.email,
        &flow.account_id,
        &flow.reference,
        &flow.language,
        &flow.next_path,
        flow.tries_left,
        flow.stale_code_allowance,
        flow.codes_sent,
        flow.resend_at,
        flow.version,
        flow.created_at,
        flow.ends_at,
        &flow.client,
        flow.known_device,
        &flow.replaces,
        flow.digits,
        flow.mailbox_first
    );
    Ok(())
}

/// The flow of a token's digest, if it is of that purpose: of the token that it is [held by](Flow::is_held_by), or of the one
/// before, which opens nothing.
pub async fn find(conn: &mut ReadConn, digest: &str, purpose: Purpose) -> Result<Option<Flow>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(columns!(
            "SELECT",
            "FROM flows
              WHERE id = coalesce((SELECT id FROM flows WHERE token_digest = $1 AND purpose = $2), $1) AND purpose = $2"
        ))
        .bind(digest)
        .bind(purpose.as_str())
        .fetch_optional(conn)
        .await?
    }))
}

/// Puts a flow under another token.
pub async fn step_up(tx: &mut WriteTx, id: &str, token_digest: &str, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE flows SET token_digest = $2, stepped_up_at = $3 WHERE id = $1",
        id,
        token_digest,
        now.0
    );
    Ok(())
}

/// Finishes a flow whose code was right: once, however many ask together (attack: one proof, two passwords).
pub async fn finish(tx: &mut WriteTx, id: &str, purpose: Purpose, now: Timestamp) -> Result<Option<Flow>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_as(columns!(
            "UPDATE flows SET finished_at = $3, version = version + 1
              WHERE id = $1 AND purpose = $2 AND code_passed_at IS NOT NULL AND finished_at IS NULL
                AND ended_at IS NULL AND ends_at > $3 AND (purpose <> 'sign_in' OR password_passed_at IS NOT NULL)
              RETURNING",
            ""
        ))
        .bind(id)
        .bind(purpose.as_str())
        .bind(now.0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Redeems the proof of a reset, once, for leave to set the password.
pub async fn redeem(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<Option<(Flow, PasswordProof)>, Fault> {
    let flow = finish(tx, id, Purpose::Reset, now).await?;
    Ok(flow.and_then(|flow| flow.account().map(|account| (flow, PasswordProof::redeemed(account)))))
}

/// Changes where a sign-in goes to.
pub async fn set_next(tx: &mut WriteTx, id: &str, next_path: &str) -> Result<(), Fault> {
    execute!(tx, "UPDATE flows SET next_path = $2 WHERE id = $1", id, next_path);
    Ok(())
}

/// Ends one flow.
pub async fn end(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE flows SET ended_at = $2, version = version + 1 WHERE id = $1 AND ended_at IS NULL AND finished_at IS NULL",
        id,
        now.0
    );
    Ok(())
}

/// Ends the flows of an address that have proven its mailbox or password, after the password changed or the account was
/// deactivated. Gives their ids. The others go on looking as before (attack: a stranger's flow that ends tells that there is an
/// account). All of them are written to, so that one whose code is right at this moment is waited for, and ends.
pub async fn end_proven(tx: &mut WriteTx, email: &EmailAddress, now: Timestamp) -> Result<Vec<String>, Fault> {
    let flows: Vec<(String, Option<i64>)> = on!(tx, |conn| {
        sqlx::query_as(
            "UPDATE flows SET
                ended_at = CASE WHEN password_passed_at IS NULL AND code_passed_at IS NULL THEN ended_at ELSE $2 END,
                version = CASE WHEN password_passed_at IS NULL AND code_passed_at IS NULL THEN version ELSE version + 1 END
              WHERE email = $1 AND COALESCE(finished_at, ended_at) IS NULL RETURNING id, ended_at",
        )
        .bind(email.as_str())
        .bind(now.0)
        .fetch_all(conn)
        .await?
    });
    let ended = flows.into_iter().filter(|(_, ended_at)| ended_at.is_some());
    Ok(ended.map(|(id, _)| id).collect())
}

/// Ends every flow of everybody. Gives their ids.
pub async fn end_all(tx: &mut WriteTx, now: Timestamp) -> Result<Vec<String>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_scalar(
            "UPDATE flows SET ended_at = $1, version = version + 1
              WHERE COALESCE(finished_at, ended_at) IS NULL RETURNING id",
        )
        .bind(now.0)
        .fetch_all(conn)
        .await?
    }))
}

/// Takes away flows that ended before `before`, a [`BATCH`](super::BATCH) at a time.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM flows WHERE id IN (SELECT id FROM flows WHERE ends_at < $1 LIMIT 200)",
        before.0
    ))
}
