//! Everything that is stored about the account, for a file that its owner downloads.

use super::request::BrowserRequest;
use crate::Error;
use crate::store::events::Recorded;
use crate::store::export::{self, AccountRow, Rows, SiteRow};
use crate::store::limits::{DAY_MS, Rule};
use account::{ActivityKind, Notice, Refusal};
use serde::Serialize;

/// Number of files of the data in a day.
const FILES_A_DAY: i64 = 5;
/// The name and version of the format, documented in `docs/account-data.md`.
const FORMAT: &str = "rekey-account-data-1";

/// Everything that is stored about an account: no secrets, and nothing about others.
#[derive(Debug, Serialize)]
pub struct AccountData {
    /// The name and version of the format.
    pub format: &'static str,
    /// The address of this service.
    pub service: String,
    /// The time of the download.
    pub exported_at: String,
    /// The account.
    pub account: AccountRow,
    /// What belongs to it.
    #[serde(flatten)]
    pub rows: Rows,
    /// Sessions at sites behind a reverse proxy.
    pub sites: Vec<SiteRow>,
    /// The activity, newest first.
    pub activity: Vec<Event>,
}

/// An event of the activity.
#[derive(Debug, Serialize)]
pub struct Event {
    at: String,
    kind: String,
    actor: String,
    browser: String,
    client: String,
}

/// The data of the signed-in account.
#[derive(Clone, Copy)]
pub struct Export<'a>(pub(super) BrowserRequest<'a>);

impl Export<'_> {
    /// Returns everything that is stored about the account, records it and tells the owner.
    ///
    /// # Errors
    /// [`Refusal::ProofTooOld`]; [`Refusal::TooMany`]; [`Refusal::SignedOut`] without a live session.
    pub async fn data(self) -> Result<AccountData, Error> {
        let mut conn = self.0.read().await?;
        let (session, _) = self.0.signed_in(&mut conn).await?;
        drop(conn);
        // Attack: someone at a browser that was left open takes the data.
        self.0.require_fresh_proof(&session)?;
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        self.0.require_fresh_proof(&session)?;
        let account = stored.account;
        // Attack: a signed-in user keeps this server busy with files.
        let rule = Rule::new(format!("data {}", account.id.0), FILES_A_DAY, DAY_MS);
        self.0.backend.take(&mut tx, &[rule], now).await?;
        self.0
            .log(&mut tx, &account.id, ActivityKind::DataDownloaded, now)
            .await?;
        let browser = self.0.caller.browser.clone();
        let notice = Notice::DataDownloaded { at: now, browser };
        self.0.notify(&mut tx, &account, notice, now).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        let activity = self.0.all_events(&account.id).await?;
        let mut conn = self.0.read().await?;
        // Deleted meanwhile.
        let row = export::account(&mut conn, &account.id)
            .await?
            .ok_or(Refusal::SignedOut)?;
        let rows = export::rows(&mut conn, &account.id, &account.email).await?;
        Ok(AccountData {
            format: FORMAT,
            service: self.0.backend.settings().origin.clone(),
            exported_at: now.rfc3339(),
            account: row,
            sites: export::sites(&mut conn, &account.id).await?,
            rows,
            activity: activity.into_iter().map(Event::from).collect(),
        })
    }
}

impl From<Recorded> for Event {
    fn from(event: Recorded) -> Self {
        let actor = match event.actor.as_str() {
            // The stored value.
            "person" => "user".to_owned(),
            _ => event.actor,
        };
        Self {
            at: event.at.rfc3339(),
            kind: event.kind,
            actor,
            browser: event.browser,
            client: event.client,
        }
    }
}
