//! Operator actions on one account: showing it, changing its address.

use crate::accounts::operator;
use crate::mail_queue::{self, WaitingEmail};
use crate::store::events::{self, Actor};
use crate::store::{account_changes as rows, accounts, devices, email_changes, outbox, sessions};
use crate::{Accounts, Fault};
use account::{Account, ActivityKind, Email, EmailAddress, Notice, Timestamp};

/// Maximum number of queued e-mails searched for those to an address.
const LISTED_EMAILS: i64 = 10_000;

/// The result of a change of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressChange {
    /// The account has the new address.
    Done,
    /// No account has the old address.
    NoAccount,
    /// Another account already has the new address.
    Taken,
}

/// Account data for support. Contains no secrets and no network addresses.
#[derive(Debug, Clone)]
pub struct AccountDetails {
    /// The account.
    pub account: Account,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last sign-in.
    pub last_sign_in: Option<Timestamp>,
    /// Live sessions: browser and time of last use; at most 100.
    pub sessions: Vec<(String, Timestamp)>,
    /// Trusted devices: browser and end of trust.
    pub devices: Vec<(String, Timestamp)>,
    /// Pending flows: purpose and start time; at most 100.
    pub flows: Vec<(String, Timestamp)>,
    /// Queued e-mails to the account.
    pub emails: Vec<WaitingEmail>,
}

impl Accounts<'_> {
    /// Loads the account with this address.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn details(self, email: &EmailAddress) -> Result<Option<AccountDetails>, Fault> {
        let (now, parts) = (self.0.now(), &self.0.parts);
        let mut conn = parts.db.read().await?;
        let Some(stored) = accounts::find_by_email(&mut conn, email).await? else {
            return Ok(None);
        };
        let id = &stored.account.id;
        let idle_ms = self.0.settings().session_idle_minutes.saturating_mul(60_000);
        let sessions = sessions::of_account(&mut conn, id, idle_ms, now).await?;
        let devices = devices::trusted(&mut conn, id, now).await?;
        let flows = rows::waiting_flows(&mut conn, email, now).await?;
        let (created_at, last_sign_in) = (
            rows::created_at(&mut conn, id).await?,
            rows::last_sign_in(&mut conn, id).await?,
        );
        drop(conn);
        let mut emails = mail_queue::list(&parts.db, &parts.keys, now, LISTED_EMAILS).await?;
        emails.retain(|waiting| waiting.recipient == email.as_str());
        let seen = |session: sessions::Session| (session.browser, Timestamp(session.last_seen_at));
        let trusted = |device: devices::Device| (device.browser, Timestamp(device.trusted_until.unwrap_or_default()));
        Ok(Some(AccountDetails {
            created_at,
            last_sign_in,
            sessions: sessions.into_iter().map(seen).collect(),
            devices: devices.into_iter().map(trusted).collect(),
            flows: flows
                .into_iter()
                .map(|(purpose, at)| (purpose, Timestamp(at)))
                .collect(),
            emails,
            account: stored.account,
        }))
    }

    /// Changes an account's address. The new address counts as proven, and both are notified. Sessions stay; pending flows and
    /// their codes end, at both addresses.
    ///
    /// # Errors
    /// A database [`Fault`]; nothing is then changed.
    pub async fn change_address(self, from: &EmailAddress, to: &EmailAddress) -> Result<AddressChange, Fault> {
        let now = self.0.now();
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, from).await? else {
            return Ok(AddressChange::NoAccount);
        };
        let account = stored.account;
        accounts::lock_for_update(&mut tx, &account.id).await?;
        if !rows::set_address(&mut tx, &account.id, to, now).await? {
            return Ok(AddressChange::Taken);
        }
        // Attack: the next user of the owner's old mailbox continues an earlier code or flow.
        email_changes::end_all(&mut tx, &account.id).await?;
        let mut transition = self.0.end_flows(&mut tx, from, now).await?;
        rows::unbind_flows(&mut tx, from).await?;
        transition.extend(self.0.end_flows(&mut tx, to, now).await?);
        let kind = ActivityKind::AddressChanged;
        events::append(&mut tx, &account.id, kind, Actor::Operator, &operator(), now).await?;
        let language = account.language.as_deref().unwrap_or("en");
        for (email, notice) in [
            (from, Notice::AddressLeft { at: now }),
            (to, Notice::AddressTaken { at: now }),
        ] {
            let message = Email::Notice(notice);
            outbox::write(&mut tx, &self.0.parts.keys, None, email, language, &message, now).await?;
        }
        tx.commit().await?;
        transition.iter().for_each(|flow| self.0.flow_moved(flow));
        self.0.emails_written.notify_one();
        Ok(AddressChange::Done)
    }
}
