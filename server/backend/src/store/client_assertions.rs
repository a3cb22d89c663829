//! Signed statements by which clients have proven who they are.

use super::WriteTx;
use super::conn::execute;
use crate::Fault;
use account::Timestamp;

/// Marks a statement as used until it expires; `false` if it was used before.
pub async fn use_once(tx: &mut WriteTx, digest: &str, ends_at: Timestamp) -> Result<bool, Fault> {
    let used = execute!(
        tx,
        "INSERT INTO client_assertions (digest, ends_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
        digest,
        ends_at.0
    );
    Ok(used == 1)
}

/// Deletes statements that expired before `now`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, now: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM client_assertions WHERE digest IN
            (SELECT digest FROM client_assertions WHERE ends_at < $1 LIMIT 200)",
        now.0
    ))
}
