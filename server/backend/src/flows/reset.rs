//! Password reset: e-mail, code, new password.

use super::mailed_code::Answered;
use super::password_tries::wrong_passwords;
use super::request::Reset;
use super::step_up::shown_step;
use crate::store::{accounts, devices, flows, identities, sessions, throttles};
use crate::{CurrentStep, Error, Fault, Transition};
use account::{ActivityKind, EmailAddress, NextStep, Notice, Purpose, Refusal, ResetStep, Secret};

const RESET: Purpose = Purpose::Reset;

impl Reset<'_> {
    /// Returns the current step of the browser's reset. Read-only.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn step(self) -> Result<CurrentStep<ResetStep>, Fault> {
        let first = CurrentStep::first(ResetStep::AskEmail { email: None });
        if self.0.tokens.flow(Purpose::Reset).is_none() {
            return Ok(first);
        }
        let mut conn = self.0.read().await?;
        let now = self.0.now();
        let Some((flow, standing)) = self.0.look_up_flow(&mut conn, RESET).await? else {
            return Ok(first);
        };
        let next = flow.next_path.clone();
        let step = match shown_step(&flow, standing, now) {
            NextStep::Code => ResetStep::EnterCode(self.0.backend.mailed_code(&mut conn, &flow, now).await?),
            NextStep::NewPassword => ResetStep::ChoosePassword {
                email: flow.email,
                min: self.0.backend.settings().password.min,
            },
            NextStep::Finished if now < flow.progress.ends_at => ResetStep::Done { email: flow.email },
            _ => ResetStep::AskEmail {
                email: Some(flow.email.into()),
            },
        };
        Ok(CurrentStep { step, next })
    }

    /// Begins a reset. Every kind of address gets the same screen; only the e-mail differs. `next` is the path after the sign-in
    /// that follows.
    ///
    /// # Errors
    /// A refusal: invalid address or rate limit.
    pub async fn begin(self, email: &str, next: &str) -> Result<Transition<ResetStep>, Error> {
        let email = EmailAddress::read(email, account::domain_to_ascii)?;
        self.begin_for(&email, next).await
    }

    async fn begin_for(self, email: &EmailAddress, next: &str) -> Result<Transition<ResetStep>, Error> {
        Ok(self.0.begin_mailed(RESET, email, next).await?.map(ResetStep::EnterCode))
    }

    /// Answers with the e-mailed code. An address instead of a code begins a new reset; `next` as for [`begin`](Self::begin).
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer(self, code: &Secret, next: &str) -> Result<Transition<ResetStep>, Error> {
        let (mut tx, flow) = match self.0.answer_code(RESET, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin_for(&email, next).await,
        };
        let token = self.0.step_up(&mut tx, RESET, &flow, self.0.now()).await?;
        tx.commit().await?;
        self.0.backend.flow_moved(&flow.id);
        Ok(Transition::new(
            ResetStep::ChoosePassword {
                email: flow.email.clone(),
                min: self.0.backend.settings().password.min,
            },
            vec![token],
        ))
    }

    /// Sends a new code for this flow.
    ///
    /// # Errors
    /// A refusal: too early, or no e-mails left.
    pub async fn resend(self) -> Result<Transition<ResetStep>, Error> {
        let (_, mailed) = self.0.resend_email(RESET).await?;
        Ok(Transition::to(ResetStep::EnterCode(mailed)))
    }

    /// Sets the new password, ends all sessions, forgets all devices and notifies the owner. Doesn't sign in.
    ///
    /// # Errors
    /// A refusal of the password or of the step.
    pub async fn choose(self, password: &Secret, again: &Secret) -> Result<Transition<ResetStep>, Error> {
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let flow = self.0.demand_flow(&mut conn, RESET).await?;
        match flow.progress.next_step(now) {
            NextStep::NewPassword => {}
            NextStep::Over => return Err(Refusal::FlowGone.into()),
            _ => return Err(Refusal::StepElsewhere.into()),
        }
        let account = flow.account.clone().ok_or(Refusal::FlowGone)?;
        let stored = accounts::find(&mut conn, &account).await?.ok_or(Refusal::FlowGone)?;
        drop(conn);
        stored.account.require_unmanaged()?;
        let email = flow.email.clone();
        let chosen = self
            .0
            .choose_password(
                &email,
                &stored.account.name,
                password,
                again,
                stored.password.as_deref(),
            )
            .await?;

        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        accounts::lock_for_update(&mut tx, &account).await?;
        let (proof, flow) = flows::redeem(&mut tx, &flow.id, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        // Attack: the account's address changed while the code was on its way to the old one.
        let current = accounts::find(&mut tx, &account).await?.ok_or(Refusal::FlowGone)?;
        if current.account.email != email {
            return Err(Refusal::FlowGone.into());
        }
        if !accounts::set_password(&mut tx, &proof, &chosen.hash, chosen.unchecked, now).await? {
            // The account may have been assigned or deactivated since the code was e-mailed.
            let stored = accounts::find(&mut tx, &account).await?.ok_or(Refusal::FlowGone)?;
            stored.account.require_unmanaged()?;
            return Err(Refusal::FlowGone.into());
        }
        sessions::end_all_but(&mut tx, &account, "").await?;
        devices::forget_all_but(&mut tx, &account, "").await?;
        // Attack: an intruder who was signed in has connected their own account at a provider.
        if identities::delete_all(&mut tx, &account).await? > 0 {
            self.0
                .log(&mut tx, &account, ActivityKind::ProviderDisconnected, now)
                .await?;
        }
        self.0.backend.clear_confirmations(&mut tx, &account).await?;
        let mut transition = self.0.backend.end_flows(&mut tx, &email, now).await?;
        // Strangers must still prove the mailbox first. Attack: if that ended here, they would learn that an account exists.
        throttles::clear(&mut tx, &wrong_passwords(&email)).await?;
        self.0.log(&mut tx, &account, ActivityKind::PasswordReset, now).await?;
        let notice = Notice::PasswordReset {
            at: now,
            browser: self.0.caller.browser.clone(),
        };
        self.0.notify(&mut tx, &stored.account, notice, now).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        transition.push(flow.id);
        transition.iter().for_each(|id| self.0.backend.flow_moved(id));
        Ok(Transition::to(ResetStep::Done { email }))
    }
}
