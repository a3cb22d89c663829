//! *Secure your account*: what the owner does when it wasn't them. A code to the account's address, or to the one that it had until
//! a week ago; then a button that ends what an intruder may have, and a new password.
//!
//! Attack: mail scanners follow links, run scripts and submit forms. Nothing happens without the code.

use super::mailed_code::Answered;
use super::mailed_email::{hold_flow, new_flow};
use super::request::BrowserRequest;
use super::step_up::{LOST_ANSWER_MS, shown_step};
use crate::store::flows::Flow;
use crate::store::identities::Identity;
use crate::store::{
    ReadConn, WriteTx, account_changes as rows, accounts, connected_products, deletions, devices, email_changes, flows,
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
                NextStep::Review => match self.review(&mut conn, flow).await {
                    // Deactivated or managed since the code.
                    Err(Error::Refused(_)) => ask(&flow.email, true),
                    review => review?,
                },
                NextStep::Finished if now < flow.progress.ends_at => self.done(&mut conn, flow).await?,
                _ => ask(&flow.email, true),
            },
            None => match self.0.signed_in(&mut conn).await {
                // The account's address may be the intruder's by now.
                Ok((_, stored)) if self.is_settled(&mut conn, &stored.account, now).await? => {
                    ask(&stored.account.email, false)
                }
                Err(Error::Fault(fault)) => return Err(fault.into()),
                _ => SecureStep::AskEmail {
                    email: None,
                    is_over: false,
                },
            },
        };
        Ok(CurrentStep::first(step))
    }

    async fn is_settled(self, conn: &mut ReadConn, account: &Account, now: Timestamp) -> Result<bool, Fault> {
        let until = email_changes::undoable_until(conn, &account.id, now).await?;
        Ok(until.is_none())
    }

    /// Returns what will happen, or why nothing can.
    async fn review(self, conn: &mut ReadConn, flow: &Flow) -> Result<SecureStep, Error> {
        let account = self.account_of(conn, flow).await?;
        let moved = account.email != flow.email;
        if account.disabled_at.is_some() {
            return Err(Refusal::AccountDeactivated.into());
        }
        if moved {
            account.require_unmanaged()?;
        }
        Ok(SecureStep::Review {
            email: flow.email.clone(),
            moved_to: moved.then(|| account.email.masked()),
        })
    }

    async fn done(self, conn: &mut ReadConn, flow: &Flow) -> Result<SecureStep, Error> {
        let account = self.account_of(conn, flow).await?;
        let connected = identities::of_account(conn, &account.id).await?;
        Ok(SecureStep::Done {
            email: flow.email.clone(),
            sets_password: self.sets_password(&account, &connected),
        })
    }

    async fn account_of(self, conn: &mut ReadConn, flow: &Flow) -> Result<Account, Error> {
        let id = flow.account.as_ref().ok_or(Refusal::FlowGone)?;
        Ok(accounts::find(conn, id).await?.ok_or(Refusal::FlowGone)?.account)
    }

    /// Whether a new password follows: not for members, and not for accounts that sign in with a provider only.
    fn sets_password(self, account: &Account, connected: &[Identity]) -> bool {
        let usable = |row: &Identity| self.0.backend.usable_provider(&row.issuer).is_some();
        account.managed_by.is_none() && (account.has_password || !connected.iter().any(usable))
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
            NextStep::Finished if flow.progress.has_just_finished(now.plus_ms(-LOST_ANSWER_MS)) => {
                // Sent twice, or the response was lost.
                let done = self.done(&mut conn, &flow).await?;
                let token = self.reset_token()?;
                let begun = flows::find(&mut conn, &random::digest(&token), Purpose::Reset).await?;
                let tokens = begun.map(|_| hold_flow(Purpose::Reset, token));
                return Ok(Transition::new(done, tokens.into_iter().collect()));
            }
            NextStep::Finished => return Ok(Transition::to(self.done(&mut conn, &flow).await?)),
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
        // Flows before sessions: a sign-in that ends meanwhile would begin a session that this transaction does not see.
        ended.extend(self.0.backend.end_flows(&mut tx, &flow.email, now).await?);
        sessions::end_all_but(&mut tx, &id, "").await?;
        devices::forget_all_but(&mut tx, &id, "").await?;
        self.0.backend.clear_confirmations(&mut tx, &id).await?;
        if account.delete_after.is_some() && deletions::cancel(&mut tx, &id).await? {
            self.0.log(&mut tx, &id, ActivityKind::DeletionCanceled, now).await?;
        }
        let suspect_since = now.plus_days(-SUSPECT_DAYS);
        let connected = self.disconnect_providers(&mut tx, &account, suspect_since).await?;
        for row in connected_products::of_account(&mut tx, &id).await? {
            if row.connected_at > suspect_since.0 {
                self.0.disconnect_product(&mut tx, &id, &row.client_id).await?;
            }
        }
        self.0.log(&mut tx, &id, ActivityKind::Secured, now).await?;
        let sets_password = self.sets_password(&account, &connected);
        let notice = Notice::Secured {
            at: now,
            browser: self.0.caller.browser.clone(),
            restored,
            sets_password,
        };
        self.0.notify(&mut tx, &account, notice, now).await?;
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

    /// Disconnects accounts at providers that were connected lately, and returns the others. Also the last way to sign in: the new
    /// password replaces it. Attack: an intruder connects their own account and disconnects the owner's.
    async fn disconnect_providers(
        self,
        tx: &mut WriteTx,
        account: &Account,
        since: Timestamp,
    ) -> Result<Vec<Identity>, Fault> {
        let mut connected = identities::of_account(tx, &account.id).await?;
        if account.managed_by.is_some() {
            return Ok(connected);
        }
        let suspect: Vec<_> = connected.extract_if(.., |row| row.linked_at > since.0).collect();
        for row in &suspect {
            identities::delete(tx, &account.id, &row.id).await?;
        }
        if !suspect.is_empty() {
            let kind = ActivityKind::ProviderDisconnected;
            self.0.log(tx, &account.id, kind, self.0.now()).await?;
        }
        Ok(connected)
    }

    /// Derives the token of the reset, so that a form that is sent twice gets the same one.
    fn reset_token(self) -> Result<Secret, Refusal> {
        let token = self.0.tokens.flow(SECURE).ok_or(Refusal::FlowGone)?;
        Ok(self.0.backend.next_token(token))
    }

    /// Begins a reset in this browser whose code counts as verified: the one just entered went to the same mailbox.
    async fn begin_reset(
        self,
        tx: &mut WriteTx,
        account: &Account,
        from: &Flow,
        now: Timestamp,
    ) -> Result<TokenChange, Error> {
        let token = self.reset_token()?;
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
