//! The whole activity of the account, for its owner.

use super::request::BrowserRequest;
use crate::Error;
use crate::store::events::{self, Recorded};
use crate::store::limits::{DAY_MS, Rule};
use account::{AccountId, HistoryView};

/// Number of events per page.
const EVENTS: usize = 50;
/// Number of events that are read at once for a file.
const AT_ONCE: usize = 2_000;
/// Number of files of the activity in a day.
const FILES_A_DAY: i64 = 20;

/// The whole activity of the signed-in account.
#[derive(Clone, Copy)]
pub struct History<'a>(pub(super) BrowserRequest<'a>);

impl History<'_> {
    /// Returns a page of the activity: before the position `before`, or the newest.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`](account::Refusal::SignedOut) without a live session.
    pub async fn page(self, before: &str) -> Result<HistoryView, Error> {
        let mut conn = self.0.read().await?;
        let (_, stored) = self.0.signed_in(&mut conn).await?;
        let page = events::history(&mut conn, &stored.account.id, before, EVENTS).await?;
        Ok(HistoryView {
            events: page.events.into_iter().filter_map(|event| event.activity).collect(),
            older: page.older,
            newer: !before.is_empty(),
            email: stored.account.email,
        })
    }

    /// Returns all of the activity, newest first, for a file, after a recent proof, as the other data of the account.
    ///
    /// # Errors
    /// [`Refusal::ProofTooOld`](account::Refusal::ProofTooOld);
    /// [`Refusal::TooMany`](account::Refusal::TooMany); [`Refusal::SignedOut`](account::Refusal::SignedOut) without a live session.
    pub async fn all(self) -> Result<Vec<Recorded>, Error> {
        let mut conn = self.0.read().await?;
        // Attack: without a session, each form occupies SQLite's only writer.
        let (session, stored) = self.0.signed_in(&mut conn).await?;
        self.0.require_fresh_proof(&session)?;
        drop(conn);
        let id = stored.account.id;
        let mut tx = self.0.begin().await?;
        // Attack: someone at an open browser keeps this server busy with files.
        let rule = Rule::new(format!("history {}", id.0), FILES_A_DAY, DAY_MS);
        self.0.backend.take(&mut tx, &[rule], self.0.now()).await?;
        tx.commit().await?;
        self.0.all_events(&id).await
    }
}

impl BrowserRequest<'_> {
    /// Reads all events of an account, newest first.
    pub(super) async fn all_events(self, account: &AccountId) -> Result<Vec<Recorded>, Error> {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            // A connection for each, so that others get one in between.
            let mut conn = self.read().await?;
            let page = events::history(&mut conn, account, &before, AT_ONCE).await?;
            all.extend(page.events);
            match page.older {
                Some(older) => before = older,
                None => return Ok(all),
            }
        }
    }
}
