//! Subjects of accounts that only one client knows.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;

/// A subject, and the secret that hides the account's sessions.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PairwiseSubject {
    /// The subject.
    pub subject: String,
    /// Part of the digests that the client gets instead of session ids.
    pub salt: String,
}

/// Finds the subject of an account for a client.
pub async fn find(conn: &mut ReadConn, account: &str, client: &str) -> Result<Option<PairwiseSubject>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as("SELECT subject, salt FROM pairwise_subjects WHERE account_id = $1 AND client_id = $2")
            .bind(account)
            .bind(client)
            .fetch_optional(conn)
            .await?
    }))
}

/// Stores the subject of an account for a client, unless it has one.
pub async fn insert(tx: &mut WriteTx, account: &str, client: &str, new: &PairwiseSubject) -> Result<(), Fault> {
    execute!(
        tx,
        "INSERT INTO pairwise_subjects (account_id, client_id, subject, salt) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account_id, client_id) DO NOTHING",
        account,
        client,
        &new.subject,
        &new.salt
    );
    Ok(())
}

/// Deletes subjects for a client, at most [`BATCH`](super::BATCH) per call. Returns their number.
pub async fn forget(tx: &mut WriteTx, client: &str) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM pairwise_subjects WHERE client_id = $1 AND account_id IN
            (SELECT account_id FROM pairwise_subjects WHERE client_id = $1 LIMIT 200)",
        client
    ))
}
