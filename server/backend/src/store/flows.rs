//! Sign-in, reset and sign-up flows in progress.

mod codes;
mod passwords;

pub use codes::{give_try_back, pass_code, set_code, spend_try, stop_counting, take_send};
pub use passwords::{
    ask_mailbox_first, ask_password, finish_without_code, give_password_back, pass_password, spend_password,
};

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use crate::proof::PasswordProof;
use account::{AccountId, Challenge, CodeCounter, EmailAddress, Purpose, Timestamp};

/// A flow's row. Its id is the digest of the browser's first token and never changes.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Flow {
    /// Digest of the initial token.
    pub id: String,
    /// The address as entered, normalized.
    pub email: String,
    /// The flow's account; `None` must be indistinguishable to the browser.
    pub account_id: Option<String>,
    /// The reference shown on screen and in e-mails.
    pub reference: String,
    /// Language of its e-mails.
    pub language: String,
    /// Destination after sign-in.
    pub next_path: String,
    /// Remaining wrong codes.
    pub tries_left: i64,
    /// Remaining stale codes that are recognized without using up a try.
    pub stale_code_allowance: i64,
    /// Number of codes sent.
    pub codes_sent: i64,
    /// Earliest time of the next e-mail.
    pub resend_at: i64,
    /// Incremented with every change of state.
    pub version: i64,
    /// Start time.
    pub created_at: i64,
    /// Expiry time.
    pub ends_at: i64,
    /// When the password was verified (sign-in).
    pub password_passed_at: Option<i64>,
    /// When the code was verified.
    pub code_passed_at: Option<i64>,
    /// When the flow was completed.
    pub finished_at: Option<i64>,
    /// When the flow was ended by another action.
    pub ended_at: Option<i64>,
    /// Digest of the token after the step-up.
    pub token_digest: Option<String>,
    /// When that token replaced the initial one.
    pub stepped_up_at: Option<i64>,
    /// The client network at the start.
    pub client: String,
    /// 1 if the browser has signed in to the account before.
    pub known_device: i64,
    /// The browser's previous flow with the same purpose and address.
    pub replaces: Option<String>,
    /// Length of the newest code; 0 before the first.
    pub digits: i64,
    /// 1 for a sign-in that asks for the code before the password.
    pub mailbox_first: i64,
    /// 1 to trust the device after sign-in.
    pub trust: i64,
}

impl Flow {
    /// Whether the flow is still active.
    #[must_use]
    pub const fn is_live(&self, now: Timestamp) -> bool {
        self.finished_at.is_none() && self.ended_at.is_none() && now.0 < self.ends_at
    }

    /// Whether the current token has this digest.
    #[must_use]
    pub fn is_held_by(&self, digest: &str) -> bool {
        self.token_digest.as_deref().unwrap_or(&self.id) == digest
    }

    /// Whether the flow was completed after `since`.
    #[must_use]
    pub fn has_just_finished(&self, since: Timestamp) -> bool {
        self.finished_at.is_some_and(|at| at > since.0)
    }

    /// Whether the password is the last step of the sign-in: on a trusted device, or after the code.
    #[must_use]
    pub const fn ended_with_password(&self) -> bool {
        self.finished_at.is_some() && (self.code_passed_at.is_none() || self.mailbox_first != 0)
    }

    /// Whether the flow is waiting for a code.
    #[must_use]
    pub const fn waits_for_code(&self, now: Timestamp) -> bool {
        self.is_live(now) && self.codes_sent > 0 && self.code_passed_at.is_none() && self.tries_left > 0
    }

    /// Whether a code may be e-mailed now. [`take_send`] checks again.
    #[must_use]
    pub const fn may_send(&self, now: Timestamp) -> bool {
        self.waits_for_code(now) && self.codes_sent < Challenge::SENDS && self.resend_at <= now.0
    }

    /// Whether it is a sign-in waiting for a password.
    #[must_use]
    pub const fn waits_for_password(&self, now: Timestamp) -> bool {
        let its_turn = self.mailbox_first == 0 || (self.code_passed_at.is_some() && self.tries_left > 0);
        self.is_live(now) && self.password_passed_at.is_none() && its_turn
    }

    /// Length of the newest code.
    #[must_use]
    pub fn code_length(&self) -> usize {
        usize::try_from(self.digits).unwrap_or_default()
    }

    /// The counter of its wrong codes.
    #[must_use]
    pub const fn counter(&self, purpose: Purpose) -> CodeCounter {
        purpose.counter(self.mailbox_first != 0)
    }

    /// The flow's e-mail address.
    ///
    /// # Errors
    /// When the stored address is invalid.
    pub fn address(&self) -> Result<EmailAddress, Fault> {
        EmailAddress::parse(&self.email).map_err(|_| Fault::Corrupt { what: "flow address" })
    }

    /// The flow's account, if any.
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

/// Stores a new flow.
pub async fn insert(tx: &mut WriteTx, purpose: Purpose, flow: &Flow) -> Result<(), Fault> {
    later!(
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
        flow.mailbox_first,
    );
    Ok(())
}

/// Finds a flow of this purpose by its [current token](Flow::is_held_by) or the previous one, which grants nothing.
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

/// Replaces the token of a flow.
pub async fn step_up(tx: &mut WriteTx, id: &str, token_digest: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE flows SET token_digest = $2, stepped_up_at = $3 WHERE id = $1",
        id,
        token_digest,
        now.0,
    );
    Ok(())
}

/// Completes a flow whose code was verified: once, even for concurrent requests (attack: one proof, two passwords).
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

/// Redeems a reset once, for permission to set the password.
pub async fn redeem(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<Option<(Flow, PasswordProof)>, Fault> {
    let flow = finish(tx, id, Purpose::Reset, now).await?;
    Ok(flow.and_then(|flow| flow.account().map(|account| (flow, PasswordProof::redeemed(account)))))
}

/// Changes the destination after sign-in.
pub async fn set_next(tx: &mut WriteTx, id: &str, next_path: &str) -> Result<(), Fault> {
    execute!(tx, "UPDATE flows SET next_path = $2 WHERE id = $1", id, next_path);
    Ok(())
}

/// Ends one flow.
pub async fn end(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE flows SET ended_at = $2, version = version + 1 WHERE id = $1 AND ended_at IS NULL AND finished_at IS NULL",
        id,
        now.0,
    );
    Ok(())
}

/// Ends an address's flows that have proven its mailbox or password. The others continue (attack: a stranger's flow that ends
/// reveals the account). All are written to, which waits for a concurrent verification and ends that flow as well.
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

/// Ends all flows and returns their ids.
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

/// Deletes flows that ended before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM flows WHERE id IN (SELECT id FROM flows WHERE ends_at < $1 LIMIT 200)",
        before.0
    ))
}
