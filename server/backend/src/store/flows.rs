//! Sign-in, reset and sign-up flows in progress.

mod codes;
mod passwords;

pub use codes::{delay_send, give_try_back, pass_code, set_code, spend_try, stop_counting, take_send};
pub use passwords::{
    ask_mailbox_first, ask_password, finish_without_code, finish_without_password, give_password_back, pass_password,
    spend_password,
};

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use crate::proof::PasswordProof;
use account::{AccountId, Challenge, EmailAddress, Progress, Purpose, Timestamp};

/// A flow. Its id is the digest of the browser's first token and never changes.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Digest of the initial token.
    pub id: String,
    /// The address as entered, normalized.
    pub email: EmailAddress,
    /// The flow's account. `None` must be indistinguishable to the browser.
    pub account: Option<AccountId>,
    /// The reference shown on screen and in e-mails.
    pub reference: String,
    /// Language of the flow's e-mails.
    pub language: String,
    /// Path after sign-in.
    pub next_path: String,
    /// The state that determines the next step.
    pub progress: Progress,
    /// Number of stale codes that are still recognized without spending a try.
    pub stale_code_allowance: i64,
    /// Length of the newest code; 0 before the first.
    pub code_length: usize,
    /// Earliest time of the next e-mail.
    pub resend_at: Timestamp,
    /// Incremented with every change of state.
    pub version: i64,
    /// Start time.
    pub created_at: Timestamp,
    /// Digest of the token after the last step up.
    pub token_digest: Option<String>,
    /// Time at which that token replaced the previous one.
    pub stepped_up_at: Option<Timestamp>,
    /// The client network at the start.
    pub client: String,
    /// Whether the browser has signed in to the account before.
    pub known_device: bool,
    /// The browser's previous flow with the same purpose and address.
    pub replaces: Option<String>,
    /// Whether to trust the device after sign-in.
    pub trust: bool,
}

impl Flow {
    /// Whether the current token has this digest.
    #[must_use]
    pub fn is_held_by(&self, digest: &str) -> bool {
        self.token_digest.as_deref().unwrap_or(&self.id) == digest
    }

    /// Whether a code may be e-mailed now. [`take_send`] checks again.
    #[must_use]
    pub fn may_send(&self, now: Timestamp) -> bool {
        self.progress.waits_for_code(now) && self.progress.codes_sent < Challenge::SENDS && self.resend_at <= now
    }
}

/// A flow's row: times in ms, booleans as 0 or 1.
#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    purpose: String,
    email: String,
    account_id: Option<String>,
    reference: String,
    language: String,
    next_path: String,
    tries_left: i64,
    stale_code_allowance: i64,
    codes_sent: i64,
    resend_at: i64,
    version: i64,
    created_at: i64,
    ends_at: i64,
    password_passed_at: Option<i64>,
    code_passed_at: Option<i64>,
    finished_at: Option<i64>,
    ended_at: Option<i64>,
    token_digest: Option<String>,
    stepped_up_at: Option<i64>,
    client: String,
    known_device: i64,
    replaces: Option<String>,
    digits: i64,
    mailbox_first: i64,
    trust: i64,
}

impl TryFrom<Row> for Flow {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let corrupt = |what| move || Fault::Corrupt { what };
        Ok(Self {
            id: row.id,
            email: EmailAddress::parse(&row.email).map_err(|_| corrupt("flow address")())?,
            account: row.account_id.map(AccountId),
            reference: row.reference,
            language: row.language,
            next_path: row.next_path,
            progress: Progress {
                purpose: Purpose::parse(&row.purpose).ok_or_else(corrupt("flow purpose"))?,
                mailbox_first: row.mailbox_first != 0,
                codes_sent: row.codes_sent,
                tries_left: row.tries_left,
                password_passed_at: row.password_passed_at.map(Timestamp),
                code_passed_at: row.code_passed_at.map(Timestamp),
                finished_at: row.finished_at.map(Timestamp),
                ended_at: row.ended_at.map(Timestamp),
                ends_at: Timestamp(row.ends_at),
            },
            stale_code_allowance: row.stale_code_allowance,
            code_length: row.digits.try_into().map_err(|_| corrupt("length of a code")())?,
            resend_at: Timestamp(row.resend_at),
            version: row.version,
            created_at: Timestamp(row.created_at),
            token_digest: row.token_digest,
            stepped_up_at: row.stepped_up_at.map(Timestamp),
            client: row.client,
            known_device: row.known_device != 0,
            replaces: row.replaces,
            trust: row.trust != 0,
        })
    }
}

/// Converts an optional row.
fn flow(row: Option<Row>) -> Result<Option<Flow>, Fault> {
    row.map(Flow::try_from).transpose()
}

macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, purpose, email, account_id, reference, language, next_path, tries_left, stale_code_allowance, codes_sent, resend_at, version,
              created_at, ends_at, password_passed_at, code_passed_at, finished_at, ended_at,
              token_digest, stepped_up_at, client, known_device, replaces, mailbox_first, trust,
              CASE WHEN digits > 0 OR codes_sent = 0 THEN digits WHEN purpose = 'reset' THEN 8 ELSE 6 END AS digits ",
            $after
        )
    };
}
use columns;

/// Stores a new flow.
pub async fn insert(tx: &mut WriteTx, flow: &Flow) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO flows (id, purpose, email, account_id, reference, language, next_path, tries_left, stale_code_allowance,
                                codes_sent, resend_at, version, created_at, ends_at, client, known_device, replaces, digits,
                                mailbox_first)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        &flow.id,
        flow.progress.purpose.as_str(),
        flow.email.as_str(),
        flow.account.as_ref().map(|account| account.0.as_str()),
        &flow.reference,
        &flow.language,
        &flow.next_path,
        flow.progress.tries_left,
        flow.stale_code_allowance,
        flow.progress.codes_sent,
        flow.resend_at.0,
        flow.version,
        flow.created_at.0,
        flow.progress.ends_at.0,
        &flow.client,
        i64::from(flow.known_device),
        &flow.replaces,
        length(flow),
        i64::from(flow.progress.mailbox_first),
    );
    Ok(())
}

/// Returns the length of the newest code, as stored.
fn length(flow: &Flow) -> i64 {
    i64::try_from(flow.code_length).unwrap_or(i64::MAX)
}

/// Finds a flow by purpose and its [current token](Flow::is_held_by) or the previous one, which grants nothing.
pub async fn find(conn: &mut ReadConn, digest: &str, purpose: Purpose) -> Result<Option<Flow>, Fault> {
    flow(on!(conn, |conn| {
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

/// Completes a flow with a verified code, once even under concurrent requests. Attack: one proof sets two passwords.
pub async fn finish(tx: &mut WriteTx, id: &str, purpose: Purpose, now: Timestamp) -> Result<Option<Flow>, Fault> {
    flow(on!(tx, |conn| {
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

/// Redeems a reset, once, for permission to set the password.
pub async fn redeem(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<Option<(PasswordProof, Flow)>, Fault> {
    let flow = finish(tx, id, Purpose::Reset, now).await?;
    Ok(flow.and_then(|flow| Some((PasswordProof::redeemed(flow.account.clone()?), flow))))
}

/// Changes the path after sign-in.
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

/// Ends an address's flows with a proven mailbox or password. Attack: the end of a stranger's flow would reveal the account,
/// so others continue. The update touches all of them, which waits for a concurrent verification and ends that flow as well.
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
