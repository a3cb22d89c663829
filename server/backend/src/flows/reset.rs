//! Password reset: e-mail, code, new password.

use super::mailed_code::Answered;
use super::password_tries::wrong_passwords;
use super::step_up::shown_step;
use crate::store::events::Actor;
use crate::store::{ReadConn, accounts, devices, events, flows, outbox, sessions, throttles};
use crate::{Backend, BrowserTokens, Caller, Error, Fault, Transition};
use account::{ActivityKind, Email, EmailAddress, NextStep, Notice, Purpose, Refusal, ResetStep, Secret};

const RESET: Purpose = Purpose::Reset;

impl Backend {
    /// The current step of the browser's reset. Read-only.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn reset_step(&self, held: &BrowserTokens) -> Result<ResetStep, Fault> {
        if held.reset.is_none() {
            return Ok(ResetStep::AskEmail { email: None });
        }
        let mut conn = self.parts.db.read().await?;
        self.reset_step_in(&mut conn, held).await
    }

    async fn reset_step_in(&self, conn: &mut ReadConn, held: &BrowserTokens) -> Result<ResetStep, Fault> {
        let now = self.now();
        let Some((flow, standing)) = self.look_up_flow(conn, RESET, held).await? else {
            return Ok(ResetStep::AskEmail { email: None });
        };
        Ok(match shown_step(&flow, standing, now) {
            NextStep::Code => ResetStep::EnterCode(self.mailed_code(conn, &flow, now).await?),
            NextStep::NewPassword => ResetStep::ChoosePassword {
                email: flow.email,
                min: self.settings().password.min,
            },
            NextStep::Finished if now < flow.progress.ends_at => ResetStep::Done { email: flow.email },
            _ => ResetStep::AskEmail {
                email: Some(flow.email.into()),
            },
        })
    }

    /// Begins a reset. The screen is the same for every kind of address; only the e-mail differs.
    ///
    /// # Errors
    /// A refusal of the address or a limit.
    pub async fn begin_reset(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        email: &str,
    ) -> Result<Transition<ResetStep>, Error> {
        let email = EmailAddress::read(email, account::domain_to_ascii)?;
        self.begin_reset_for(caller, held, &email).await
    }

    async fn begin_reset_for(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        email: &EmailAddress,
    ) -> Result<Transition<ResetStep>, Error> {
        let Transition { step, tokens } = self.begin_mailed(RESET, caller, held, email, "").await?;
        Ok(Transition {
            step: ResetStep::EnterCode(step),
            tokens,
        })
    }

    /// Answers with the e-mailed code. An address instead of a code begins a new reset with that address.
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer_reset(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        code: &Secret,
    ) -> Result<Transition<ResetStep>, Error> {
        let (mut tx, flow) = match self.answer_code(RESET, caller, held, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin_reset_for(caller, held, &email).await,
        };
        let token = self.step_up(&mut tx, RESET, held, &flow, self.now()).await?;
        tx.commit().await?;
        self.flow_moved(&flow.id);
        Ok(Transition {
            step: ResetStep::ChoosePassword {
                email: flow.email.clone(),
                min: self.settings().password.min,
            },
            tokens: vec![token],
        })
    }

    /// Sends a new code of this flow.
    ///
    /// # Errors
    /// A refusal: too early, or too many.
    pub async fn resend_reset(&self, caller: &Caller, held: &BrowserTokens) -> Result<Transition<ResetStep>, Error> {
        let (_, mailed) = self.resend_email(RESET, caller, held).await?;
        Ok(Transition::to(ResetStep::EnterCode(mailed)))
    }

    /// Sets the new password, ends every session, forgets every device and notifies the owner. It does not sign the browser in.
    ///
    /// # Errors
    /// A refusal of the password or of the step.
    pub async fn choose_reset(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        password: &Secret,
        again: &Secret,
    ) -> Result<Transition<ResetStep>, Error> {
        let now = self.now();
        let mut conn = self.parts.db.read().await?;
        let flow = self.demand_flow(&mut conn, RESET, held).await?;
        match flow.progress.next_step(now) {
            NextStep::NewPassword => {}
            NextStep::Over => return Err(Refusal::FlowGone.into()),
            _ => return Err(Refusal::StepElsewhere.into()),
        }
        let account = flow.account.clone().ok_or(Refusal::FlowGone)?;
        let stored = accounts::find(&mut conn, &account).await?.ok_or(Refusal::FlowGone)?;
        drop(conn);
        stored.account.password_access().require_editable()?;
        let email = flow.email.clone();
        let chosen = self
            .choose_password(
                caller,
                &email,
                &stored.account.name,
                password,
                again,
                stored.password.as_deref(),
            )
            .await?;

        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        accounts::lock_for_update(&mut tx, &account).await?;
        let (proof, flow) = flows::redeem(&mut tx, &flow.id, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        // Attack: the account moved to another address while the code was on its way to the old one.
        let current = accounts::find(&mut tx, &account).await?.ok_or(Refusal::FlowGone)?;
        if current.account.email != email {
            return Err(Refusal::FlowGone.into());
        }
        if !accounts::set_password(&mut tx, &proof, &chosen.hash, chosen.unchecked, now).await? {
            // The account may have become managed or deactivated since the code was e-mailed.
            let stored = accounts::find(&mut tx, &account).await?.ok_or(Refusal::FlowGone)?;
            stored.account.password_access().require_editable()?;
            return Err(Refusal::FlowGone.into());
        }
        sessions::end_all_but(&mut tx, &account, "").await?;
        devices::forget_all_but(&mut tx, &account, "").await?;
        self.clear_confirmations(&mut tx, &account).await?;
        let mut transition = self.end_flows(&mut tx, &email, now).await?;
        // Strangers must still prove the mailbox first. Attack: if that ended here, they would learn that there is an account.
        throttles::clear(&mut tx, &wrong_passwords(&email)).await?;
        events::append(
            &mut tx,
            &account,
            ActivityKind::PasswordReset,
            Actor::Person,
            caller,
            now,
        )
        .await?;
        let message = Email::Notice(Notice::PasswordReset {
            at: now,
            browser: caller.browser.clone(),
        });
        outbox::write(
            &mut tx,
            &self.parts.keys,
            None,
            &stored.account.email,
            &flow.language,
            &message,
            now,
        )
        .await?;
        tx.commit().await?;
        self.emails_written.notify_one();
        transition.push(flow.id);
        transition.iter().for_each(|id| self.flow_moved(id));
        Ok(Transition::to(ResetStep::Done { email }))
    }
}
