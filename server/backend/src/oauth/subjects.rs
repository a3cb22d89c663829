//! The subjects of accounts for clients (OpenID Connect Core 1.0 §8).

use super::Client;
use crate::store::{ReadConn, WriteTx, pairwise_subjects};
use crate::{Fault, random};

/// Returns the subject of an account for a client: the account's id, or one that no other client knows. `None` if the client has never
/// got one.
pub(crate) async fn known_subject(
    conn: &mut ReadConn,
    client: &Client,
    account: &str,
) -> Result<Option<String>, Fault> {
    if client.options.pairwise {
        pairwise_subjects::find(conn, account, &client.id).await
    } else {
        Ok(Some(account.to_owned()))
    }
}

/// Like [`known_subject`], but a client that has never got one gets one. It is random. Attack: products compare derived ones, or the key
/// that derives them leaks.
pub(super) async fn subject_for(tx: &mut WriteTx, client: &Client, account: &str) -> Result<String, Fault> {
    if let Some(subject) = known_subject(tx, client, account).await? {
        return Ok(subject);
    }
    pairwise_subjects::insert(tx, account, &client.id, &random::id()).await?;
    // Another request may have been faster.
    let subject = pairwise_subjects::find(tx, account, &client.id).await?;
    subject.ok_or(Fault::Corrupt {
        what: "pairwise subject",
    })
}
