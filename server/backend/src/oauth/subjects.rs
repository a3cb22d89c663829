//! What clients call accounts and sessions: subjects (OpenID Connect Core 1.0 §8) and session ids.

use super::Client;
use crate::store::pairwise_subjects::{self, PairwiseSubject};
use crate::store::{ReadConn, WriteTx};
use crate::{Fault, random};
use account::Secret;

/// What a client calls an account and one of its sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownAs {
    /// The subject.
    pub sub: String,
    /// The session's id.
    pub sid: String,
}

impl KnownAs {
    fn pairwise(row: PairwiseSubject, session: &str) -> Self {
        // Attack: two clients compare the session ids. The salt is known to none.
        let mut sid = random::digest(&Secret::from([&row.salt, ".", session].concat()));
        sid.truncate(32);
        Self { sub: row.subject, sid }
    }
}

/// Returns what a client calls an account and a session: their ids or, for a pairwise client, what no other client knows. `None` if such a
/// client does not know the account.
pub(crate) async fn known_as(
    conn: &mut ReadConn,
    client: &Client,
    account: &str,
    session: &str,
) -> Result<Option<KnownAs>, Fault> {
    if !client.options.pairwise {
        let (sub, sid) = (account.to_owned(), session.to_owned());
        return Ok(Some(KnownAs { sub, sid }));
    }
    let row = pairwise_subjects::find(conn, account, &client.id).await?;
    Ok(row.map(|row| KnownAs::pairwise(row, session)))
}

/// Like [`known_as`], but a client that does not know the account gets a subject. It is random. Attack: products compare derived ones, or
/// the key that derives them leaks.
pub(super) async fn make_known(
    tx: &mut WriteTx,
    client: &Client,
    account: &str,
    session: &str,
) -> Result<KnownAs, Fault> {
    if let Some(known) = known_as(tx, client, account, session).await? {
        return Ok(known);
    }
    let new = PairwiseSubject {
        subject: random::id(),
        salt: random::token().expose().to_owned(),
    };
    pairwise_subjects::insert(tx, account, &client.id, &new).await?;
    // Another request may have been faster.
    let known = known_as(tx, client, account, session).await?;
    known.ok_or(Fault::Corrupt {
        what: "pairwise subject",
    })
}
