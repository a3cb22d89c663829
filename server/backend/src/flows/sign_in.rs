//! Sign-in: e-mail address, password, e-mailed code.

mod begin;
mod password;

use super::mailed_code::Answered;
use super::mailed_email::{drop_flow, set_next};
use super::provider::must_change_password;
use super::request::SignIn;
use super::step_up::{LOST_ANSWER_MS, Standing, shown_step};
use crate::store::flows::Flow;
use crate::store::{ReadConn, accounts, flows};
use crate::{CurrentStep, Error, Fault, Transition};
use account::{
    Account, DeviceTrust, Method, NextStep, Purpose, Refusal, ResetStep, Secret, SignInNext, SignInPolicy, SignInStep,
    Timestamp, next_step,
};

const SIGN_IN: Purpose = Purpose::SignIn;

impl SignIn<'_> {
    /// Returns the current step of the browser's sign-in, on a page that leads on to `next`. Read-only.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn step(self, next: &str) -> Result<CurrentStep<SignInStep>, Fault> {
        let now = self.0.now();
        if self.0.tokens.flow(SIGN_IN).is_none()
            && self.0.tokens.session.is_none()
            && self.0.tokens.flow(Purpose::Reset).is_none()
        {
            return Ok(CurrentStep::first(SignInStep::AskEmail {
                email: None,
                resume: None,
            }));
        }
        let mut conn = self.0.read().await?;
        // A user who is signed in already goes on, whatever else this browser has begun.
        if !next.is_empty() && self.0.find_session(&mut conn, now).await?.is_some() {
            let next = self.0.after_sign_in(next);
            return Ok(CurrentStep::first(SignInStep::SignedIn { next }));
        }
        let found = self.0.look_up_flow(&mut conn, SIGN_IN).await?;
        // After a sign-in, the next one begins anew.
        let kept = found.as_ref().filter(|(flow, _)| flow.progress.finished_at.is_none());
        let kept = kept.map_or("", |(flow, _)| &flow.next_path).to_owned();
        let step = self.step_of(conn, found, now).await?;
        Ok(CurrentStep { step, next: kept })
    }

    async fn step_of(
        self,
        mut conn: ReadConn,
        found: Option<(Flow, Standing)>,
        now: Timestamp,
    ) -> Result<SignInStep, Fault> {
        let mut email = None;
        if let Some((flow, standing)) = &found {
            match shown_step(flow, *standing, now) {
                NextStep::Finished => {}
                // Abandoned for another address, or ended by a reset: only the next path is kept.
                NextStep::Over if flow.progress.ended_at.is_some() => {}
                NextStep::Over => email = Some(flow.email.as_str().to_owned()),
                step => return self.shown(&mut conn, flow, step, now).await,
            }
        }
        if self.0.find_session(&mut conn, now).await?.is_some() {
            let next = found.as_ref().map_or("", |(flow, _)| &flow.next_path);
            let next = self.0.after_sign_in(next);
            return Ok(SignInStep::SignedIn { next });
        }
        if let Some((flow, Standing::Current)) = &found
            && flow.progress.ended_at.is_none()
            && flow.progress.has_just_finished(now.plus_ms(-LOST_ANSWER_MS))
        {
            // This browser hasn't received its session yet.
            return self.shown(&mut conn, flow, flow.progress.previous_step(), now).await;
        }
        drop(conn);
        let resume = match self.0.reset().step().await?.step {
            ResetStep::EnterCode(mailed) => Some(mailed),
            _ => None,
        };
        Ok(SignInStep::AskEmail { email, resume })
    }

    /// Converts a step for the browser.
    async fn shown(
        self,
        conn: &mut ReadConn,
        flow: &Flow,
        step: NextStep,
        now: Timestamp,
    ) -> Result<SignInStep, Fault> {
        Ok(match step {
            NextStep::MailboxCode => SignInStep::ProveMailbox(self.0.backend.mailed_code(conn, flow, now).await?),
            NextStep::Code => SignInStep::EnterCode(self.0.backend.mailed_code(conn, flow, now).await?),
            NextStep::Finished => SignInStep::SignedIn {
                next: self.0.after_sign_in(&flow.next_path),
            },
            _ => SignInStep::EnterPassword {
                email: flow.email.clone(),
            },
        })
    }

    /// Answers with the e-mailed code and begins a session, or continues with the password if the code comes first. An address
    /// instead of a code begins a new sign-in. `next` is the destination of the page with the form.
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer(self, code: &Secret, trust: bool, next: &str) -> Result<Transition<SignInStep>, Error> {
        let (mut tx, flow) = match self.0.answer_code(SIGN_IN, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin(email.as_str(), next, false).await,
        };
        if flow.progress.mailbox_first && !self.needs_only_code(&mut tx, &flow).await? {
            flows::ask_password(&mut tx, &flow.id, trust).await?;
            set_next(&mut tx, &flow, next).await?;
            let token = self.0.step_up(&mut tx, SIGN_IN, &flow, self.0.now()).await?;
            tx.commit().await?;
            self.0.backend.flow_moved(&flow.id);
            return Ok(Transition::new(
                SignInStep::EnterPassword {
                    email: flow.email.clone(),
                },
                vec![token],
            ));
        }
        let now = self.0.now();
        if flow.progress.mailbox_first {
            if !flows::finish_without_password(&mut tx, &flow.id, now).await? {
                return Err(Refusal::StepElsewhere.into());
            }
        } else {
            flows::finish(&mut tx, &flow.id, SIGN_IN, now)
                .await?
                .ok_or(Refusal::StepElsewhere)?;
        }
        let account = flow.account.as_ref().ok_or(Refusal::FlowGone)?;
        let stored = accounts::find(&mut tx, account).await?.ok_or(Refusal::FlowGone)?;
        let account = &stored.account;
        let proven: &[Method] = if flow.progress.mailbox_first {
            &[Method::EmailCode]
        } else {
            &[Method::Password, Method::EmailCode]
        };
        let needed = next_step(
            account.sign_in_methods(),
            account.sign_in_policy(),
            proven,
            DeviceTrust::None,
        );
        // Attack: the account was assigned to an organization or deactivated between password and code.
        let assigned = account.managed_by.is_some() != flow.progress.mailbox_first;
        // Attack: the account's address changed while the code was on its way to the old one.
        if needed != SignInNext::Done || assigned || account.email != flow.email {
            return Err(Refusal::FlowGone.into());
        }
        let mut tokens = self.0.begin_session(&mut tx, account, proven, trust, now).await?;
        tokens.push(drop_flow(SIGN_IN));
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        self.0.backend.flow_moved(&flow.id);
        Ok(Transition::new(self.signed_in(&flow, account, next), tokens))
    }

    /// Returns the last step: on to the destination of the page, or else of the flow.
    fn signed_in(self, flow: &Flow, account: &Account, next: &str) -> SignInStep {
        let next = if next.is_empty() || must_change_password(&flow.next_path) {
            &flow.next_path
        } else {
            next
        };
        SignInStep::SignedIn {
            next: self.0.first_choose(account, self.0.after_sign_in(next)),
        }
    }

    /// Returns whether the code alone signs in to the flow's account: its organization has no provider.
    async fn needs_only_code(self, conn: &mut ReadConn, flow: &Flow) -> Result<bool, Fault> {
        let Some(id) = &flow.account else { return Ok(false) };
        let stored = accounts::find(conn, id).await?;
        Ok(stored.is_some_and(|stored| stored.account.sign_in_policy() == SignInPolicy::OrganizationCode))
    }

    /// Sends a new code for this flow.
    ///
    /// # Errors
    /// A refusal: too early, or no e-mails left.
    pub async fn resend(self) -> Result<Transition<SignInStep>, Error> {
        let (flow, mailed) = self.0.resend_email(SIGN_IN).await?;
        let step = if flow.progress.mailbox_first {
            SignInStep::ProveMailbox
        } else {
            SignInStep::EnterCode
        };
        Ok(Transition::to(step(mailed)))
    }

    /// Abandons the flow ("Use a different e-mail"). The token stays, so that the next flow keeps its next path.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn restart(self) -> Result<Transition<SignInStep>, Error> {
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        if let Some(flow) = self.0.find_flow(&mut tx, SIGN_IN).await? {
            flows::end(&mut tx, &flow.id, now).await?;
            tx.commit().await?;
            self.0.backend.flow_moved(&flow.id);
        }
        Ok(Transition::to(SignInStep::AskEmail {
            email: None,
            resume: None,
        }))
    }
}
