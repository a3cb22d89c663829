//! Change of the e-mail address: a code to the new address, notices to the old one, whose owner can undo the change for a week.
//!
//! Attack: someone at an open browser, or with a stolen session, makes the account theirs. The change needs a recent proof, and
//! [`SecureAccount`](super::SecureAccount) undoes it from the old mailbox.

use super::mailed_code::Answered;
use super::mailed_email::drop_flow;
use super::request::BrowserRequest;
use crate::store::flows::Flow;
use crate::store::limits::{DAY_MS, Rule};
use crate::store::{ReadConn, WriteTx, account_changes as rows, accounts, email_changes, flows, organizations};
use crate::{Error, Fault, Transition};
use account::{
    Account, ActivityKind, EmailAddress, EmailChangeStep, NextStep, Notice, Purpose, Refusal, Secret, Timestamp,
};

const CHANGE_EMAIL: Purpose = Purpose::ChangeEmail;
/// Days in which the owner of the old address can undo a change.
const UNDO_DAYS: i64 = 7;
/// Number of new addresses that an account may try in a day.
const CHANGES_A_DAY: i64 = 5;

/// Change of the signed-in account's e-mail address.
#[derive(Clone, Copy)]
pub struct EmailChange<'a>(pub(super) BrowserRequest<'a>);

impl EmailChange<'_> {
    /// Returns the current step of the browser's change. Read-only.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn step(self) -> Result<EmailChangeStep, Error> {
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let (_, stored) = self.0.signed_in(&mut conn).await?;
        let account = stored.account;
        if let Some(membership) = account.managed_by {
            return Ok(EmailChangeStep::Managed(membership.organization));
        }
        let waiting = self.0.find_flow(&mut conn, CHANGE_EMAIL).await?;
        if let Some(flow) = waiting.filter(|flow| flow.progress.next_step(now) == NextStep::Code)
            && email_changes::account_of(&mut conn, &flow.id).await?.as_ref() == Some(&account.id)
        {
            let mailed = self.0.backend.mailed_code(&mut conn, &flow, now).await?;
            return Ok(EmailChangeStep::EnterCode(mailed));
        }
        Ok(EmailChangeStep::Ask { email: account.email })
    }

    /// E-mails a code to the new address and tells the current one. An address that another account has gets the same screen; only
    /// the e-mail differs.
    ///
    /// # Errors
    /// A refusal: signed out, managed by an organization, the proof is too old, the address, or a limit.
    pub async fn begin(self, typed: &str) -> Result<Transition<EmailChangeStep>, Error> {
        let email = EmailAddress::read(typed, account::domain_to_ascii);
        self.begin_for(email).await
    }

    async fn begin_for(self, email: Result<EmailAddress, Refusal>) -> Result<Transition<EmailChangeStep>, Error> {
        let mut conn = self.0.read().await?;
        let (session, stored) = self.0.signed_in(&mut conn).await?;
        let account = stored.account;
        account.require_unmanaged()?;
        self.0.require_fresh_proof(&session)?;
        let email = email?;
        if email == account.email {
            return Err(Refusal::EmailSameAsNow.into());
        }
        // Decided by the domain alone. Attack: an account at the organization's domain that the organization does not manage.
        if let Some(membership) = organizations::of_domain(&mut conn, email.domain()).await? {
            let organization = membership.organization.name;
            return Err(Refusal::UseOrganization { organization }.into());
        }
        drop(conn);
        let begun = self
            .0
            .begin_mailed_for(CHANGE_EMAIL, &email, "", Some(&account))
            .await?;
        Ok(begun.map(EmailChangeStep::EnterCode))
    }

    /// Sends a new code for this flow.
    ///
    /// # Errors
    /// A refusal: signed out, too early, or no e-mails left.
    pub async fn resend(self) -> Result<Transition<EmailChangeStep>, Error> {
        let mut conn = self.0.read().await?;
        let account = self.owner(&mut conn).await?;
        let flow = self.0.demand_flow(&mut conn, CHANGE_EMAIL).await?;
        // Attack: on a shared browser, the next user sees the address of the one before.
        if email_changes::account_of(&mut conn, &flow.id).await? != Some(account.id) {
            return Err(Refusal::FlowGone.into());
        }
        drop(conn);
        let (_, mailed) = self.0.resend_email(CHANGE_EMAIL).await?;
        Ok(Transition::to(EmailChangeStep::EnterCode(mailed)))
    }

    /// Accepts the e-mailed code and changes the address. An address instead of a code begins a change to that one.
    ///
    /// # Errors
    /// A refusal of the code; signed out; [`Refusal::EmailTaken`] if another account got the address meanwhile.
    pub async fn answer(self, code: &Secret) -> Result<Transition<EmailChangeStep>, Error> {
        if let Some(done) = self.done_before().await? {
            return Ok(done);
        }
        let (mut tx, flow) = match self.0.answer_code(CHANGE_EMAIL, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin_for(Ok(email)).await,
        };
        let now = self.0.now();
        flows::finish(&mut tx, &flow.id, CHANGE_EMAIL, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        let account = self.owner(&mut tx).await?;
        accounts::lock_for_update(&mut tx, &account.id).await?;
        // Again, because it may have changed before the lock.
        let account = self.owner(&mut tx).await?;
        let (old, new, undo_until) = (&account.email, &flow.email, now.plus_days(UNDO_DAYS));
        // Attack: on a shared browser, one user's code changes another user's address.
        if !email_changes::complete(&mut tx, &flow.id, &account.id, old, undo_until, now).await? {
            return Err(Refusal::FlowGone.into());
        }
        if !rows::set_address(&mut tx, &account.id, new, now).await? {
            return Err(Refusal::EmailTaken.into());
        }
        // Attack: the owner changes the address back, and the intruder undoes that from the address in between.
        email_changes::undo(&mut tx, &account.id, new, now).await?;
        let mut ended = self.0.leave_address(&mut tx, old, now).await?;
        ended.extend(self.0.backend.end_flows(&mut tx, new, now).await?);
        self.0
            .log(&mut tx, &account.id, ActivityKind::EmailChanged, now)
            .await?;
        let browser = self.0.caller.browser.clone();
        let notice = Notice::EmailChanged {
            at: now,
            browser: browser.clone(),
            new: new.masked(),
            undo_until,
        };
        self.0.notify(&mut tx, &account, notice, now).await?;
        let changed = Account {
            email: new.clone(),
            ..account
        };
        let notice = Notice::EmailTaken { at: now, browser };
        self.0.notify(&mut tx, &changed, notice, now).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        ended.iter().for_each(|flow| self.0.backend.flow_moved(flow));
        let done = EmailChangeStep::Done { email: changed.email };
        Ok(Transition::new(done, vec![drop_flow(CHANGE_EMAIL)]))
    }

    /// Returns the outcome of a form that is sent twice.
    async fn done_before(self) -> Result<Option<Transition<EmailChangeStep>>, Error> {
        let mut conn = self.0.read().await?;
        let account = self.owner(&mut conn).await?;
        let flow = self.0.find_flow(&mut conn, CHANGE_EMAIL).await?;
        let is_done = flow.is_some_and(|flow| flow.progress.finished_at.is_some() && flow.email == account.email);
        let done = EmailChangeStep::Done { email: account.email };
        Ok(is_done.then(|| Transition::new(done, vec![drop_flow(CHANGE_EMAIL)])))
    }

    /// Returns the signed-in account, which no organization manages.
    async fn owner(self, conn: &mut ReadConn) -> Result<Account, Error> {
        let (_, stored) = self.0.signed_in(conn).await?;
        stored.account.require_unmanaged()?;
        Ok(stored.account)
    }
}

impl BrowserRequest<'_> {
    /// Records whose address a flow changes, for a flow that changes one.
    pub(super) async fn begin_email_change(
        self,
        tx: &mut WriteTx,
        flow: &Flow,
        owner: Option<&Account>,
    ) -> Result<(), Fault> {
        let Some(account) = owner else { return Ok(()) };
        email_changes::begin(tx, &flow.id, &account.id, &account.email, flow.progress.ends_at).await
    }

    /// Tells the current address that another one was entered.
    pub(super) async fn tell_of_email_change(
        self,
        tx: &mut WriteTx,
        flow: &Flow,
        owner: Option<&Account>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Some(account) = owner else { return Ok(()) };
        self.log(tx, &account.id, ActivityKind::EmailChangeAsked, now).await?;
        let notice = Notice::EmailChangeAsked {
            at: now,
            browser: self.caller.browser.clone(),
            new: flow.email.masked(),
        };
        self.notify(tx, account, notice, now).await
    }

    /// Ends what the account's old address still proves; returns the ended flows. Attack: the next user of the mailbox continues
    /// an earlier code or flow.
    pub(super) async fn leave_address(
        self,
        tx: &mut WriteTx,
        old: &EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<String>, Fault> {
        let ended = self.backend.end_flows(tx, old, now).await?;
        rows::unbind_flows(tx, old).await?;
        self.backend.clear_failures(tx, old).await?;
        Ok(ended)
    }
}

/// Limits new addresses. Attack: someone at an open browser floods the mailbox with notices, or writes to strangers.
pub(super) fn change_rule(account: &Account) -> Rule {
    Rule::new(format!("new addresses {}", account.id.0), CHANGES_A_DAY, DAY_MS)
}
