//! Sending and verifying a flow's codes.

use super::{Flow, columns, flow, length};
use crate::Fault;
use crate::store::WriteTx;
use crate::store::conn::{execute, later, on};
use account::{Challenge, Purpose, Timestamp};

/// Spends a try before the code is checked. Attack: many codes sent at once. `None` if no code is expected with this token.
/// A code verified after `since` may be resent, because the response may have been lost.
///
/// Attack: a client with the mailbox but not the password resends the code of a sign-in that ended with the password.
pub async fn spend_try(
    tx: &mut WriteTx,
    id: &str,
    purpose: Purpose,
    token_digest: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Option<Flow>, Fault> {
    flow(on!(tx, |conn| {
        sqlx::query_as(columns!(
            "UPDATE flows SET tries_left = tries_left - 1, version = version + 1
              WHERE id = $1 AND purpose = $2 AND tries_left > 0 AND codes_sent > 0 AND ends_at > $3
                AND ended_at IS NULL
                AND ((finished_at IS NULL AND code_passed_at IS NULL AND COALESCE(token_digest, id) = $4)
                  OR (finished_at IS NULL AND code_passed_at IS NOT NULL AND id = $4 AND stepped_up_at > $5)
                  OR (finished_at > $5 AND purpose = 'sign_in' AND mailbox_first = 0 AND token_digest = $4)
                  OR (finished_at > $5 AND purpose IN ('sign_in', 'confirm') AND password_passed_at IS NULL AND id = $4))
                AND (purpose <> 'sign_in' OR mailbox_first = 1 OR password_passed_at IS NOT NULL)
              RETURNING",
            ""
        ))
        .bind(id)
        .bind(purpose.as_str())
        .bind(now.0)
        .bind(token_digest)
        .bind(since.0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Stops counting a verified flow as waiting. A completed flow no longer accepts its code.
pub async fn stop_counting(tx: &mut WriteTx, id: &str) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE flows SET counted_tries = NULL, tries_left = CASE WHEN finished_at IS NULL THEN tries_left ELSE 0 END WHERE id = $1",
        id,
    );
    Ok(())
}

/// Stores the length of the newest code, the flow's account, and whether the browser is known.
pub async fn set_code(tx: &mut WriteTx, flow: &Flow) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE flows SET digits = $2, known_device = $3, account_id = $4 WHERE id = $1",
        &flow.id,
        length(flow),
        i64::from(flow.known_device),
        flow.account.as_ref().map(|account| account.0.as_str()),
    );
    Ok(())
}

/// Gives a try back: a stale or late code of the same flow is not a guess.
pub async fn give_try_back(tx: &mut WriteTx, id: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE flows SET tries_left = tries_left + 1, stale_code_allowance = stale_code_allowance - 1 WHERE id = $1 AND stale_code_allowance > 0",
        id
    );
    Ok(())
}

/// Records that the code was verified, once.
pub async fn pass_code(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let passed = execute!(
        tx,
        "UPDATE flows SET code_passed_at = $2, counted_tries = tries_left + 1
              WHERE id = $1 AND code_passed_at IS NULL",
        id,
        now.0
    );
    Ok(passed == 1)
}

/// Postpones the next e-mail.
pub async fn delay_send(tx: &mut WriteTx, id: &str, until: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE flows SET resend_at = $2, version = version + 1 WHERE id = $1 AND resend_at < $2",
        id,
        until.0,
    );
    Ok(())
}

/// Reserves an e-mail. Fails before the wait is over or when none is left.
pub async fn take_send(
    tx: &mut WriteTx,
    id: &str,
    purpose: Purpose,
    wait_s: i64,
    now: Timestamp,
) -> Result<Option<Flow>, Fault> {
    flow(on!(tx, |conn| {
        sqlx::query_as(columns!(
            "UPDATE flows SET codes_sent = codes_sent + 1, resend_at = $3, version = version + 1
              WHERE id = $1 AND purpose = $2 AND resend_at <= $4 AND codes_sent < $5 AND tries_left > 0
                AND ends_at > $4 AND code_passed_at IS NULL AND finished_at IS NULL AND ended_at IS NULL
                AND (purpose <> 'sign_in' OR mailbox_first = 1 OR password_passed_at IS NOT NULL)
              RETURNING",
            ""
        ))
        .bind(id)
        .bind(purpose.as_str())
        .bind(now.plus_seconds(wait_s).0)
        .bind(now.0)
        .bind(Challenge::SENDS)
        .fetch_optional(conn)
        .await?
    }))
}
