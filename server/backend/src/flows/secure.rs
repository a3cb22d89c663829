//! *Secure your account*: what the owner does when it wasn't them. A code to the account's address, or to the one that it had until
//! a week ago; then a button that ends what an intruder may have, and a new password.
//!
//! Attack: mail scanners follow links, run scripts and submit forms. Nothing happens without the code.

use super::mailed_code::Answered;
use super::mailed_email::{hold_flow, new_flow};
use super::request::BrowserRequest;
use super::step_up::shown_step;
use crate::store::flows::Flow;
use crate::store::identities::Identity;
use crate::store::{
    ReadConn, WriteTx, account_changes as rows, accounts, connected_products, devices, email_changes, flows,
    identities, outbox, sessions,
};
use crate::{CurrentStep, Error, Fault, TokenChange, Transition, random};
use account::{
    Account, ActivityKind, CodeCounter, Email, EmailAddress, NextStep, Notice, Purpose, Refusal, Secret, SecureStep,
    Timestamp,
};

const SECURE: Purpose = Purpose::Secure;
/// Days in which connected accounts and products may be an intruder's.
const SUSPECT_DAYS: i64 = 7;

/// Securing an account, without a session.
#[derive(Clone, Copy)]
pub struct SecureAccount<'a>(pub(super) BrowserRequest<'a>);

impl SecureAccount<'_> {
    /// Returns the current step of the browser's flow. Read-only.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn step(self) -> Result<CurrentStep<SecureStep>, Error> {
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let found = self.0.look_up_flow(&mut conn, SECURE).await?;
        let step = match &found {
            Some((flow, standing)) => match shown_step(flow, *standing, now) {
                NextStep::Code => SecureStep::EnterCode(self.0.backend.mailed_code(&mut conn, flow, now).await?),
                NextStep::Review => self.review(&mut conn, flow).await?,
                NextStep::Finished if now < flow.progress.ends_at => self.done(&mut conn, &flow.email, now).await?,
                _ => ask(&flow.email, true),
            },
            None => match self.0.signed_in(&mut conn).await {
                Ok((_, stored)) => ask(&stored.account.email, false),
                Err(Error::Fault(fault)) => return Err(fault.into()),
                Err(_) => SecureStep::AskEmail {
                    email: None,
                    is_over: false,
                },
            },
        };
        Ok(CurrentStep::first(step))
    }

    async fn review(self, conn: &mut ReadConn, flow: &Flow) -> Result<SecureStep, Fault> {
        let account = match &flow.account {
            Some(id) => accounts::find(conn, id).await?.map(|stored| stored.account),
            None => None,
        };
        let moved = account.filter(|account| account.email != flow.email);
        Ok(SecureStep::Review {
            email: flow.email.clone(),
            moved_to: moved.map(|account| account.email.masked()),
        })
    }

    async fn done(self, conn: &mut ReadConn, email: &EmailAddress, now: Timestamp) -> Result<SecureStep, Fault> {
        let reset = self.0.find_flow(conn, Purpose::Reset).await?;
        let waits =
            reset.is_some_and(|flow| flow.email == *email && flow.progress.next_step(now) == NextStep::NewPassword);
        Ok(SecureStep::Done {
            email: email.clone(),
            sets_password: waits,
        })
    }

    /// E-mails a code. Every address gets the same screen; only the e-mail differs.
    ///
    /// # Errors
    /// A refusal: invalid address or rate limit.
    pub async fn begin(self, email: &str) -> Result<Transition<SecureStep>, Error> {
        let email = EmailAddress::read(email, account::domain_to_ascii)?;
        self.begin_for(&email).await
    }

    async fn begin_for(self, email: &EmailAddress) -> Result<Transition<SecureStep>, Error> {
        let begun = self.0.begin_mailed(SECURE, email, "").await?;
        Ok(begun.map(SecureStep::EnterCode))
    }

    /// Sends a new code for this flow.
    ///
    /// # Errors
    /// A refusal: too early, or no e-mails left.
    pub async fn resend(self) -> Result<Transition<SecureStep>, Error> {
        let (_, mailed) = self.0.resend_email(SECURE).await?;
        Ok(Transition::to(SecureStep::EnterCode(mailed)))
    }

    /// Accepts the e-mailed code. Changes nothing yet. An address instead of a code begins again with it.
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer(self, code: &Secret) -> Result<Transition<SecureStep>, Error> {
        let (mut tx, flow) = match self.0.answer_code(SECURE, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin_for(&email).await,
        };
        let token = self.0.step_up(&mut tx, SECURE, &flow, self.0.now()).await?;
        let step = self.review(&mut tx, &flow).await?;
        tx.commit().await?;
        self.0.backend.flow_moved(&flow.id);
        Ok(Transition::new(step, vec![token]))
    }

    /// Secures the account: restores its address, ends its sessions, codes and trusted devices, and disconnects what was connected
    /// lately. A reset then begins at its new password.
    ///
    /// # Errors
    /// A refusal of the step; [`Refusal::EmailTaken`] if another account has the address by now.
    pub async fn secure(self) -> Result<Transition<SecureStep>, Error> {
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let flow = self.0.demand_flow(&mut conn, SECURE).await?;
        match flow.progress.next_step(now) {
            NextStep::Review => {}
            NextStep::Finished => return Ok(Transition::to(self.done(&mut conn, &flow.email, now).await?)),
            NextStep::Over => return Err(Refusal::FlowGone.into()),
            _ => return Err(Refusal::StepElsewhere.into()),
        }
        drop(conn);
        let id = flow.account.clone().ok_or(Refusal::FlowGone)?;
        let mut tx = self.0.begin().await?;
        accounts::lock_for_update(&mut tx, &id).await?;
        flows::finish(&mut tx, &flow.id, SECURE, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        let account = accounts::find(&mut tx, &id).await?.ok_or(Refusal::FlowGone)?.account;
        if account.disabled_at.is_some() {
            return Err(Refusal::AccountDeactivated.into());
        }
        let restored = account.email != flow.email;
        let mut ended = Vec::new();
        if restored {
            ended = self.restore(&mut tx, &account, &flow.email, now).await?;
        }
        let account = Account {
            email: flow.email.clone(),
            ..account
        };
        sessions::end_all_but(&mut tx, &id, "").await?;
        devices::forget_all_but(&mut tx, &id, "").await?;
        self.0.backend.clear_confirmations(&mut tx, &id).await?;
        ended.extend(self.0.backend.end_flows(&mut tx, &flow.email, now).await?);
        let suspect_since = now.plus_days(-SUSPECT_DAYS);
        let has_provider = self.disconnect_providers(&mut tx, &account, suspect_since).await?;
        for row in connected_products::of_account(&mut tx, &id).await? {
            if row.connected_at > suspect_since.0 {
                self.0.disconnect_product(&mut tx, &id, &row.client_id).await?;
            }
        }
        self.0.log(&mut tx, &id, ActivityKind::Secured, now).await?;
        let notice = Notice::Secured {
            at: now,
            browser: self.0.caller.browser.clone(),
            restored,
        };
        self.0.notify(&mut tx, &account, notice, now).await?;
        let sets_password = account.managed_by.is_none() && (account.has_password || !has_provider);
        let mut tokens = Vec::new();
        if sets_password {
            tokens.push(self.begin_reset(&mut tx, &account, &flow, now).await?);
        }
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        ended.push(flow.id);
        ended.iter().for_each(|id| self.0.backend.flow_moved(id));
        let email = flow.email;
        Ok(Transition::new(SecureStep::Done { email, sets_password }, tokens))
    }

    /// Undoes the change from `old`; returns the flows that end at the other address.
    async fn restore(
        self,
        tx: &mut WriteTx,
        account: &Account,
        old: &EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<String>, Error> {
        account.require_unmanaged()?;
        if !email_changes::undo(tx, &account.id, old, now).await? {
            return Err(Refusal::FlowGone.into());
        }
        if !rows::set_address(tx, &account.id, old, now).await? {
            return Err(Refusal::EmailTaken.into());
        }
        let ended = self.0.leave_address(tx, &account.email, now).await?;
        self.0.log(tx, &account.id, ActivityKind::EmailRestored, now).await?;
        let language = account.language.as_deref().unwrap_or(&self.0.caller.language);
        let lost = Email::Notice(Notice::EmailLost { at: now });
        let keys = &self.0.backend.parts.keys;
        outbox::write(tx, keys, None, &account.email, language, &lost, now).await?;
        Ok(ended)
    }

    /// Disconnects accounts at providers that were connected lately, but never the last way to sign in. Returns whether one is left.
    async fn disconnect_providers(self, tx: &mut WriteTx, account: &Account, since: Timestamp) -> Result<bool, Fault> {
        let connected = identities::of_account(tx, &account.id).await?;
        let is_usable = |row: &&Identity| self.0.backend.usable_provider(&row.issuer).is_some();
        let oldest = connected.iter().find(is_usable).map(|row| &row.id);
        if account.managed_by.is_some() {
            return Ok(oldest.is_some());
        }
        let mut disconnected = false;
        for row in &connected {
            let is_last_way = !account.has_password && Some(&row.id) == oldest;
            if row.linked_at > since.0 && !is_last_way {
                disconnected |= identities::delete(tx, &account.id, &row.id).await?;
            }
        }
        if disconnected {
            let kind = ActivityKind::ProviderDisconnected;
            self.0.log(tx, &account.id, kind, self.0.now()).await?;
        }
        Ok(oldest.is_some())
    }

    /// Begins a reset in this browser whose code counts as verified: the one just entered went to the same mailbox.
    async fn begin_reset(
        self,
        tx: &mut WriteTx,
        account: &Account,
        from: &Flow,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let token = random::token();
        let language = from.language.clone();
        let mut flow = Flow {
            account: Some(account.id.clone()),
            code_length: CodeCounter::Anyone.shortest(),
            ..new_flow(
                Purpose::Reset,
                &token,
                self.0.caller,
                &account.email,
                language,
                None,
                now,
            )
        };
        flow.progress.codes_sent = 1;
        flows::insert(tx, &flow).await?;
        flows::pass_code(tx, &flow.id, now).await?;
        Ok(hold_flow(Purpose::Reset, token))
    }
}

fn ask(email: &EmailAddress, is_over: bool) -> SecureStep {
    SecureStep::AskEmail {
        email: Some(email.to_string()),
        is_over,
    }
}
