//! Sign-up: e-mail address, code, name and password.

use super::mailed_code::Answered;
use super::request::SignUp;
use super::step_up::shown_step;
use crate::store::{accounts, flows, invitations, organizations};
use crate::{CurrentStep, Error, Fault, Transition, random};
use account::{Account, AccountId, ActivityKind, EmailAddress, Name, NextStep, Purpose, Refusal, Secret, SignUpStep};

const SIGN_UP: Purpose = Purpose::SignUp;

impl SignUp<'_> {
    /// Returns the current step of the browser's sign-up. Read-only.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn step(self) -> Result<CurrentStep<SignUpStep>, Fault> {
        let first = CurrentStep::first(SignUpStep::AskEmail { email: None });
        if self.0.tokens.flow(Purpose::SignUp).is_none() {
            return Ok(first);
        }
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let Some((flow, standing)) = self.0.look_up_flow(&mut conn, SIGN_UP).await? else {
            return Ok(first);
        };
        let next = flow.next_path.clone();
        let step = match shown_step(&flow, standing, now) {
            NextStep::Code => SignUpStep::EnterCode(self.0.backend.mailed_code(&mut conn, &flow, now).await?),
            NextStep::Details => SignUpStep::ChooseDetails {
                email: flow.email,
                min: self.0.backend.settings().password.min,
            },
            NextStep::Finished if now < flow.progress.ends_at => SignUpStep::Done { email: flow.email },
            _ => SignUpStep::AskEmail {
                email: Some(flow.email.into()),
            },
        };
        Ok(CurrentStep { step, next })
    }

    /// Begins a sign-up. An address with an account gets the same screen; only the e-mail differs. `next` is the path after the
    /// sign-in that follows.
    ///
    /// # Errors
    /// A refusal: invalid address or rate limit.
    pub async fn begin(self, email: &str, next: &str) -> Result<Transition<SignUpStep>, Error> {
        let email = EmailAddress::read(email, account::domain_to_ascii)?;
        self.begin_for(&email, next).await
    }

    async fn begin_for(self, email: &EmailAddress, next: &str) -> Result<Transition<SignUpStep>, Error> {
        if !self.0.backend.settings().sign_up {
            return Err(Refusal::FlowGone.into());
        }
        // Decided by the domain alone. Attack: an account at the organization's domain that the organization does not manage.
        let mut conn = self.0.read().await?;
        // An invited user of an organization without a provider needs an account to join with. Their screen tells that the address
        // was invited, not whether it has an account.
        if let Some(membership) = organizations::of_domain(&mut conn, email.domain()).await?
            && (membership.provider.is_some()
                || invitations::of_address(&mut conn, email, self.0.now())
                    .await?
                    .is_empty())
        {
            return Err(Refusal::UseOrganization {
                organization: membership.organization.name,
            }
            .into());
        }
        drop(conn);
        Ok(self
            .0
            .begin_mailed(SIGN_UP, email, next)
            .await?
            .map(SignUpStep::EnterCode))
    }

    /// Answers with the e-mailed code. An address instead of a code begins a new sign-up; `next` as for [`begin`](Self::begin).
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer(self, code: &Secret, next: &str) -> Result<Transition<SignUpStep>, Error> {
        let (mut tx, flow) = match self.0.answer_code(SIGN_UP, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin_for(&email, next).await,
        };
        let token = self.0.step_up(&mut tx, SIGN_UP, &flow, self.0.now()).await?;
        tx.commit().await?;
        self.0.backend.flow_moved(&flow.id);
        Ok(Transition::new(
            SignUpStep::ChooseDetails {
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
    pub async fn resend(self) -> Result<Transition<SignUpStep>, Error> {
        let (_, mailed) = self.0.resend_email(SIGN_UP).await?;
        Ok(Transition::to(SignUpStep::EnterCode(mailed)))
    }

    /// Creates the account without signing in.
    ///
    /// # Errors
    /// A refusal of the name, the password or the step.
    pub async fn finish(self, name: &str, password: &Secret, again: &Secret) -> Result<Transition<SignUpStep>, Error> {
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let flow = self.0.demand_flow(&mut conn, SIGN_UP).await?;
        match flow.progress.next_step(now) {
            NextStep::Details => {}
            NextStep::Over => return Err(Refusal::FlowGone.into()),
            _ => return Err(Refusal::StepElsewhere.into()),
        }
        drop(conn);
        let email = flow.email.clone();
        let name = Name::parse(name)?;
        let chosen = self
            .0
            .choose_password(&email, name.as_str(), password, again, None)
            .await?;

        let now = self.0.now();
        let account = Account {
            id: AccountId(random::id()),
            email: email.clone(),
            name: name.as_str().to_owned(),
            preferred_name: String::new(),
            managed_by: None,
            has_password: true,
            issuer: None,
            language: Some(flow.language.clone()),
            password_changed_at: Some(now),
            disabled_at: None,
            delete_after: None,
        };
        let mut tx = self.0.begin().await?;
        // Lock the account before its flows, as everywhere, to avoid deadlocks.
        if !accounts::insert(&mut tx, &account, Some(&chosen.hash), now).await? {
            // The form was sent twice, or another browser with the same mailbox was faster.
            let flow = flows::find(&mut tx, &flow.id, SIGN_UP).await?;
            let twice = flow.is_some_and(|flow| flow.progress.finished_at.is_some());
            return Err(if twice {
                Refusal::StepElsewhere
            } else {
                Refusal::FlowGone
            }
            .into());
        }
        flows::finish(&mut tx, &flow.id, SIGN_UP, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        if chosen.unchecked {
            accounts::mark_unchecked(&mut tx, &account.id, now).await?;
        }
        self.0.log(&mut tx, &account.id, ActivityKind::SignedUp, now).await?;
        let transition = self.0.backend.end_flows(&mut tx, &email, now).await?;
        tx.commit().await?;
        transition
            .iter()
            .chain([&flow.id])
            .for_each(|id| self.0.backend.flow_moved(id));
        Ok(Transition::to(SignUpStep::Done { email }))
    }
}
