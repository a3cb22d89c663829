//! The state that determines the next code for an address.

use super::ReadConn;
use super::accounts::{Beside, Stored, columns, joins, no_columns};
use super::codes::wrong_key;
use super::conn::on;
use super::limits::HOUR_MS;
use crate::Fault;
use account::{AccountId, CodeCounter, EmailAddress, Timestamp, WaitingFlow};

/// An address's state when a code is requested.
pub struct Waiting {
    /// The account, if any.
    pub account: Option<Stored>,
    /// The account that left the address, as long as that can be undone.
    pub moved: Option<AccountId>,
    /// Flows that share a counter and are waiting for a code, oldest first.
    pub flows: Vec<WaitingFlow>,
    /// Number of incorrect codes in the last 24 hours, rounded up to full hours.
    pub wrong_codes: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    flow_id: Option<String>,
    client: Option<String>,
    known_device: Option<i64>,
    tries_left: Option<i64>,
    code_length: Option<i64>,
    passed: Option<i64>,
    created_at: Option<i64>,
    wrong_codes: i64,
    moved: Option<String>,
    #[sqlx(flatten)]
    account: Beside,
}

/// Loads an address's state for one counter, in one query: a row of the account, and one of each flow. A sign-in completed after `since` accepts its code again.
///
/// Attack: the owner's correct code frees a slot or tries, which reveals the account to a stranger. A verified flow therefore
/// counts until it would have expired, as at an address without an account.
///
/// Attack: enumeration by timing. Only the first row holds the account: beside each flow, it took 15 µs more.
pub async fn find(
    conn: &mut ReadConn,
    counter: CodeCounter,
    email: &EmailAddress,
    since: Timestamp,
    now: Timestamp,
) -> Result<Waiting, Fault> {
    let rows: Vec<Row> = on!(conn, |conn| {
        // Each part uses its own index. With `OR` instead of the second part, SQLite would read all live flows.
        sqlx::query_as(concat!(
            "WITH waiting AS (
                SELECT id, client, known_device, tries_left, digits, 0 AS passed, created_at FROM flows
                 WHERE email = $1 AND COALESCE(finished_at, ended_at) IS NULL AND ends_at > $2 AND codes_sent > 0
                   AND tries_left > 0 AND code_passed_at IS NULL
                   AND CASE WHEN purpose IN ('sign_up', 'change_email') THEN 'sign_up' WHEN purpose = 'sign_in' AND mailbox_first = 0
                            THEN 'after_password' ELSE 'anyone' END = $3
                UNION ALL
                SELECT id, client, known_device, tries_left, digits, 1, created_at FROM flows
                 WHERE email = $1 AND counted_tries IS NOT NULL AND finished_at > $4 AND ended_at IS NULL AND ends_at > $2
                   AND tries_left > 0 AND $3 = 'after_password'
                   AND CASE WHEN purpose IN ('sign_up', 'change_email') THEN 'sign_up' WHEN purpose = 'sign_in' AND mailbox_first = 0
                            THEN 'after_password' ELSE 'anyone' END = $3
                UNION ALL
                SELECT id, client, known_device, counted_tries, digits, 1, created_at FROM flows
                 WHERE email = $1 AND counted_tries IS NOT NULL AND ends_at > $2 AND $3 <> 'after_password'
                   AND CASE WHEN purpose IN ('sign_up', 'change_email') THEN 'sign_up' WHEN purpose = 'sign_in' AND mailbox_first = 0
                            THEN 'after_password' ELSE 'anyone' END = $3)
             SELECT NULL AS flow_id, NULL AS client, NULL AS known_device, NULL AS tries_left, NULL AS code_length, NULL AS passed,
                    NULL AS created_at,
                    CAST((SELECT COALESCE(SUM(count), 0) FROM wrong_codes WHERE key = $5 AND hour >= $6) AS BIGINT) AS wrong_codes,
                    (SELECT e.account_id FROM email_changes e WHERE e.old_email = $1 AND e.changed_at IS NOT NULL AND e.ends_at > $2
                      ORDER BY e.changed_at DESC LIMIT 1) AS moved, ",
            columns!(),
            " FROM (SELECT 1 AS one) AS address LEFT JOIN accounts a ON a.email = $1",
            joins!(),
            "UNION ALL
             SELECT id, client, known_device, tries_left, digits, CAST(passed AS BIGINT), created_at, 0, NULL, ",
            no_columns!(),
            " FROM waiting ORDER BY created_at, flow_id"
        ))
        .bind(email.as_str())
        .bind(now.0)
        .bind(counter.as_str())
        .bind(since.0)
        .bind(wrong_key(counter, email))
        .bind(now.plus_days(-1).0.div_euclid(HOUR_MS))
        .fetch_all(conn)
        .await?
    });
    let mut waiting = Waiting {
        account: None,
        moved: None,
        flows: Vec::new(),
        wrong_codes: 0,
    };
    for row in rows {
        let Some(id) = row.flow_id else {
            waiting.wrong_codes = row.wrong_codes;
            waiting.moved = row.moved.map(AccountId);
            waiting.account = row.account.0.map(Stored::try_from).transpose()?;
            continue;
        };
        waiting.flows.push(WaitingFlow {
            id,
            client: row.client.unwrap_or_default(),
            known_device: row.known_device == Some(1),
            tries_left: row.tries_left.unwrap_or_default(),
            digits: row
                .code_length
                .and_then(|length| length.try_into().ok())
                .unwrap_or_default(),
            has_passed: row.passed == Some(1),
            created_at: Timestamp(row.created_at.unwrap_or_default()),
        });
    }
    Ok(waiting)
}
