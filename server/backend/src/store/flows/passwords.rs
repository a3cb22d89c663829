//! Requesting and verifying a sign-in's password.

use super::{Flow, columns, flow};
use crate::Fault;
use crate::store::WriteTx;
use crate::store::conn::{execute, later, on};
use account::{AccountId, Challenge, Timestamp};

/// Records a verified password, once, and binds the flow to the account. `None` if the account is deactivated or its hash has
/// changed. Attack: the password was changed while this hash was being computed.
pub async fn pass_password(
    tx: &mut WriteTx,
    id: &str,
    account: &AccountId,
    verified: &str,
    now: Timestamp,
) -> Result<Option<Flow>, Fault> {
    flow(on!(tx, |conn| {
        sqlx::query_as(columns!(
            "UPDATE flows SET password_passed_at = $4, account_id = $2, version = version + 1
              WHERE id = $1 AND purpose = 'sign_in' AND password_passed_at IS NULL AND finished_at IS NULL
                AND ended_at IS NULL AND ends_at > $4 AND (mailbox_first = 0 OR code_passed_at IS NOT NULL)
                AND EXISTS (SELECT 1 FROM accounts a JOIN passwords p ON p.account_id = a.id
                             WHERE a.id = $2 AND p.hash = $3 AND a.disabled_at IS NULL AND a.managed_by IS NULL)
              RETURNING",
            ""
        ))
        .bind(id)
        .bind(&account.0)
        .bind(verified)
        .bind(now.0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Makes the flow ask for the code first. `false` if it isn't waiting for a password.
pub async fn ask_mailbox_first(
    tx: &mut WriteTx,
    id: &str,
    account: Option<&AccountId>,
    language: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let asked = execute!(
        tx,
        "UPDATE flows SET mailbox_first = 1, account_id = $2, language = $3
              WHERE id = $1 AND purpose = 'sign_in' AND mailbox_first = 0 AND password_passed_at IS NULL
                AND finished_at IS NULL AND ended_at IS NULL AND ends_at > $4",
        id,
        account.map(|account| account.0.as_str()),
        language,
        now.0
    );
    Ok(asked == 1)
}

/// Asks for the password after the mailbox is proven, with its own tries.
pub async fn ask_password(tx: &mut WriteTx, id: &str, trust: bool) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE flows SET tries_left = $2, trust = $3, version = version + 1 WHERE id = $1",
        id,
        Challenge::TRIES,
        i64::from(trust),
    );
    Ok(())
}

/// Spends a password try before the check and returns the remaining tries, or `None` if there were none. Accepts a password
/// verified after `since` again, because the response may have been lost.
pub async fn spend_password(
    tx: &mut WriteTx,
    id: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Option<i64>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_scalar(
            "UPDATE flows SET tries_left = tries_left - 1
              WHERE id = $1 AND mailbox_first = 1 AND code_passed_at IS NOT NULL
                AND (password_passed_at IS NULL AND finished_at IS NULL OR finished_at > $3)
                AND tries_left > 0 AND ended_at IS NULL AND ends_at > $2
              RETURNING tries_left",
        )
        .bind(id)
        .bind(now.0)
        .bind(since.0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Gives back a password try that was not checked.
pub async fn give_password_back(tx: &mut WriteTx, id: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE flows SET tries_left = tries_left + 1 WHERE id = $1 AND mailbox_first = 1",
        id
    );
    Ok(())
}

/// Completes a mailbox-first sign-in after its code, for a member of an organization without a provider.
pub async fn finish_without_password(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let finished = execute!(
        tx,
        "UPDATE flows SET finished_at = $2, version = version + 1
              WHERE id = $1 AND purpose = 'sign_in' AND mailbox_first = 1 AND code_passed_at IS NOT NULL
                AND password_passed_at IS NULL AND finished_at IS NULL AND ended_at IS NULL",
        id,
        now.0
    );
    Ok(finished == 1)
}

/// Completes a sign-in after the password: on a trusted device, or if the code came first.
pub async fn finish_without_code(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let finished = execute!(
        tx,
        "UPDATE flows SET finished_at = $2, version = version + 1
              WHERE id = $1 AND purpose = 'sign_in' AND password_passed_at IS NOT NULL AND finished_at IS NULL
                AND ended_at IS NULL",
        id,
        now.0
    );
    Ok(finished == 1)
}
