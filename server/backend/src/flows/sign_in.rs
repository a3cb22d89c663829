//! Sign-in: e-mail address, password, e-mailed code.

use super::first_form::FlowOfForm;
use super::mailed_code::Answered;
use super::mailed_email::{drop_flow, hold_flow, new_flow, next_path};
use super::password_tries::{Tries, wrong_passwords};
use super::request::SignIn;
use super::step_up::{LOST_ANSWER_MS, Standing, shown_step};
use crate::leaked::Leak;
use crate::store::accounts::Stored;
use crate::store::flows::Flow;
use crate::store::{ReadConn, accounts, flows, organizations, throttles};
use crate::{Error, Fault, Transition, Verdict};
use account::{
    Account, AccountId, ActivityKind, DeviceTrust, EmailAddress, FailureCause, Membership, Method, NextStep, Purpose,
    Refusal, ResetStep, Secret, SignInNext, SignInPolicy, SignInStep, Timestamp, next_step, safe_next,
};

const SIGN_IN: Purpose = Purpose::SignIn;

impl SignIn<'_> {
    /// Returns the current step of the browser's sign-in. Read-only.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn step(self) -> Result<SignInStep, Fault> {
        let now = self.0.now();
        if self.0.tokens.flow(SIGN_IN).is_none()
            && self.0.tokens.session.is_none()
            && self.0.tokens.flow(Purpose::Reset).is_none()
        {
            return Ok(SignInStep::AskEmail {
                email: None,
                resume: None,
            });
        }
        let mut conn = self.0.read().await?;
        let found = self.0.look_up_flow(&mut conn, SIGN_IN).await?;
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
            let next = safe_next(next).to_owned();
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
        let resume = match self.0.reset().step().await? {
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
                next: safe_next(&flow.next_path).to_owned(),
            },
            _ => SignInStep::EnterPassword {
                email: flow.email.clone(),
            },
        })
    }

    /// Accepts the address without revealing anything about it. The next step is the password, or the code if strangers have no
    /// tries left for the address, whether or not an account exists.
    ///
    /// # Errors
    /// A refusal: invalid address or rate limit.
    pub async fn begin(self, email: &str, next: &str) -> Result<Transition<SignInStep>, Error> {
        let email = EmailAddress::read(email, account::domain_to_ascii)?;
        let now = self.0.now();
        // Decided by the domain alone, so that it reveals nothing about an account.
        let mut conn = self.0.read().await?;
        let organization = organizations::of_domain(&mut conn, email.domain()).await?;
        drop(conn);
        if let Some(organization) = organization {
            return self.through(&organization, &email, next).await;
        }
        // Unsynced, because a power failure loses only an address and one count of the client.
        let mut tx = self.0.backend.parts.db.begin_unsynced().await?;
        let FlowOfForm { token, begun, before } = self.0.flow_of_form(&mut tx, SIGN_IN, &email, now).await?;
        if let Some(flow) = begun.filter(|flow| flow.progress.next_step(now) != NextStep::Over) {
            if !next.is_empty() && flow.next_path != safe_next(next) {
                flows::set_next(&mut tx, &flow.id, safe_next(next)).await?;
            }
            let step = flow.progress.next_step(now);
            let step = self.shown(&mut tx, &flow, step, now).await?;
            tx.commit().await?;
            return Ok(Transition::new(step, vec![hold_flow(SIGN_IN, token)]));
        }
        if self.0.backend.strangers_prove_mailbox(&mut tx, &email, now).await? {
            let stored = accounts::find_by_email(&mut tx, &email).await?;
            let account = stored.map(|stored| stored.account);
            if !self.0.is_known(&mut tx, account.as_ref()).await? {
                drop(tx);
                return Ok(self
                    .0
                    .begin_mailed(SIGN_IN, &email, next)
                    .await?
                    .map(SignInStep::ProveMailbox));
            }
        }
        if let Some(before) = &before {
            flows::end(&mut tx, &before.id, now).await?;
        }
        self.0.backend.take(&mut tx, &[self.0.begin_rule()], now).await?;
        let flow = Flow {
            next_path: next_path(before.as_ref(), next),
            ..new_flow(
                SIGN_IN,
                &token,
                self.0.caller,
                &email,
                self.0.caller.language.clone(),
                before.as_ref(),
                now,
            )
        };
        flows::insert(&mut tx, &flow).await?;
        tx.commit().await?;
        Ok(Transition::new(
            SignInStep::EnterPassword { email },
            vec![hold_flow(SIGN_IN, token)],
        ))
    }

    /// Leads to the organization's provider, or e-mails a code if it has none.
    async fn through(
        self,
        organization: &Membership,
        email: &EmailAddress,
        next: &str,
    ) -> Result<Transition<SignInStep>, Error> {
        let provider = organization.provider.as_deref();
        if let Some(provider) = provider.and_then(|id| self.0.backend.providers().find(id)) {
            return Ok(Transition::to(SignInStep::Through {
                organization: organization.organization.name.clone(),
                page: format!("/signin/through/{}?next={}", provider.id(), safe_next(next)),
            }));
        }
        let begun = self.0.begin_mailed(SIGN_IN, email, next).await?;
        Ok(begun.map(SignInStep::ProveMailbox))
    }

    /// Checks the password. If it is correct, e-mails a code, or signs in on a trusted device.
    ///
    /// # Errors
    /// A refusal: incorrect password, or a wait.
    pub async fn password(self, password: &Secret) -> Result<Transition<SignInStep>, Error> {
        if self.0.tokens.flow(SIGN_IN).is_none() {
            return Err(Refusal::FlowGone.into());
        }
        // Attack: a flood of sign-ins. A request refused here has made no database query.
        let place = self.0.backend.parts.hashing.place(&self.0.caller.network()).await?;
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let found = self.0.look_up_flow(&mut tx, SIGN_IN).await?;
        let flow = match found.filter(|(_, standing)| *standing != Standing::Replaced) {
            Some((flow, Standing::Current)) if flow.progress.next_step(now) == NextStep::Password => flow,
            // The response to the correct password may have been lost, so the same password is verified again.
            Some((flow, Standing::JustReplaced))
                if flow.progress.is_live(now) && flow.progress.password_passed_at.is_some() =>
            {
                flow
            }
            // Attack: a client with the password but not the mailbox resends the password after the owner entered the code.
            Some((flow, Standing::Current))
                if flow.progress.has_just_finished(now.plus_ms(-LOST_ANSWER_MS))
                    && flow.progress.ended_with_password() =>
            {
                flow
            }
            Some((flow, _)) if flow.progress.finished_at.is_some() || flow.progress.is_live(now) => {
                return Err(Refusal::StepElsewhere.into());
            }
            _ => return Err(Refusal::FlowGone.into()),
        };
        if password.is_empty() {
            return Err(Refusal::PasswordMissing.into());
        }
        let email = &flow.email;
        let stored = accounts::find_by_email(&mut tx, email).await?;
        let account = stored.as_ref().map(|stored| &stored.account);
        let tries = self.0.tries(&mut tx, &flow, account).await?;
        let Some(refusal) = self.0.backend.spend_password(&mut tx, &tries, now).await? else {
            drop(tx);
            return self.ask_mailbox_first(&flow, account).await;
        };
        let told = match &stored {
            Some(stored) => self.0.notice_copied_device(&mut tx, &stored.account, now).await?,
            None => false,
        };
        // Attack: enumeration by timing. The query runs for every address.
        let decoy = self.0.backend.decoy_hash(&mut tx, email).await?;
        tx.commit().await?;
        if told {
            self.0.backend.emails_written.notify_one();
        }

        let whose = stored.as_ref().map(|stored| stored.account.id.clone());
        let usable = stored.filter(|stored| stored.account.sign_in_policy() == SignInPolicy::Own);
        let hash = usable.as_ref().and_then(|stored| stored.password.as_deref());
        let verdict = self
            .0
            .backend
            .verify_password(place, &tries, password, hash, decoy.as_deref())
            .await?;
        let (Some(stored), true) = (usable, verdict != Verdict::Wrong) else {
            let noted = self.wrong_password(flow, whose).await;
            self.0
                .backend
                .unless_put_back(&tries, noted.map_err(Error::from))
                .await?;
            return Err(refusal.into());
        };
        let told = self.password_was_right(&flow, stored, password, verdict, &tries).await;
        self.0.backend.unless_put_back(&tries, told).await
    }

    /// Records an incorrect password in the account's log. Looks nothing up. Attack: enumeration by timing, because finding a row
    /// takes longer than finding none.
    async fn wrong_password(self, flow: Flow, whose: Option<AccountId>) -> Result<(), Fault> {
        let flow = Flow { account: whose, ..flow };
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let in_a_row = throttles::count(&mut tx, &wrong_passwords(&flow.email), now).await?;
        let cause = Some(FailureCause::Passwords);
        self.0.note_failure(&mut tx, &flow, cause, in_a_row, now).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        self.0.backend.flow_moved(&flow.id);
        Ok(())
    }

    /// Makes the flow prove the mailbox first after strangers' tries are used up. Doesn't check the password.
    async fn ask_mailbox_first(self, flow: &Flow, account: Option<&Account>) -> Result<Transition<SignInStep>, Error> {
        let now = self.0.now();
        let (counter, email) = (SIGN_IN.counter(true), &flow.email);
        let mut tx = self.0.begin().await?;
        self.0.backend.take_turn(&mut tx, counter, email, None).await?;
        let id = account.map(|account| &account.id);
        let mut tx = self.0.take_email(tx, email, id, Vec::new(), now).await?;
        let language = account.and_then(|account| account.language.as_deref());
        let language = language.unwrap_or(&flow.language);
        if !flows::ask_mailbox_first(&mut tx, &flow.id, id, language, now).await? {
            return Err(Refusal::StepElsewhere.into());
        }
        let (mailed, ended) = self.0.send_first(&mut tx, &flow.id, account, false, now).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        let ended = ended.as_ref().map(|ended| &ended.id);
        ended
            .into_iter()
            .chain([&flow.id])
            .for_each(|id| self.0.backend.flow_moved(id));
        Ok(Transition::to(SignInStep::ProveMailbox(mailed)))
    }

    async fn password_was_right(
        self,
        flow: &Flow,
        stored: Stored,
        password: &Secret,
        verdict: Verdict,
        tries: &Tries,
    ) -> Result<Transition<SignInStep>, Error> {
        let upgraded = match verdict {
            Verdict::RightButOld => match self
                .0
                .backend
                .parts
                .hashing
                .hash(&self.0.caller.network(), password)
                .await
            {
                Ok(hash) => Some(hash),
                // Under load, keep the old hash: the password was correct.
                Err(Fault::Busy { .. }) => None,
                Err(fault) => return Err(fault.into()),
            },
            _ => None,
        };
        let leak = if stored.unchecked {
            Some(
                self.0
                    .backend
                    .parts
                    .leaked
                    .look_up(password.as_password(account::nfc).expose())
                    .await,
            )
        } else {
            None
        };
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let account = &stored.account;
        accounts::lock_for_update(&mut tx, &account.id).await?;
        let verified = stored.password.as_deref().unwrap_or_default();
        let Some(mut flow) = flows::pass_password(&mut tx, &flow.id, &account.id, verified, now).await? else {
            let current = accounts::find(&mut tx, &account.id).await?;
            let same = current
                .is_some_and(|current| current.password == stored.password && current.account.disabled_at.is_none());
            if !same {
                return Err(Refusal::SignInWrong.into());
            }
            let told = self.0.repeated(&mut tx, SIGN_IN).await?;
            self.0.backend.clear_tries(&mut tx, tries, &flow.email).await?;
            tx.commit().await?;
            return Err(told);
        };
        if let (Some(new), Some(old)) = (&upgraded, &stored.password) {
            accounts::upgrade_hash(&mut tx, &account.id, old, new).await?;
        }
        match leak {
            Some(Leak::Found) => {
                self.0
                    .log(&mut tx, &account.id, ActivityKind::PasswordLeaked, now)
                    .await?;
                flow.next_path = "/security/password".to_owned();
                flows::set_next(&mut tx, &flow.id, &flow.next_path).await?;
            }
            Some(Leak::NotFound) => accounts::mark_checked(&mut tx, &account.id).await?,
            Some(Leak::Unknown) | None => {}
        }
        let device = self.0.find_device(&mut tx, &account.id).await?;
        // Attack: a copy of the token from before the device was trusted, used within the grace period for lost responses.
        let trusted = device.as_ref().is_some_and(|device| {
            device.replaced_at.is_none() && device.trusted_until.is_some_and(|until| now.0 < until)
        });
        let device_trust = if trusted {
            DeviceTrust::Trusted
        } else {
            DeviceTrust::None
        };
        let proven: &[Method] = if flow.progress.mailbox_first {
            &[Method::EmailCode, Method::Password]
        } else {
            &[Method::Password]
        };
        let next = next_step(
            account.sign_in_methods(),
            account.sign_in_policy(),
            proven,
            device_trust,
        );
        let mut ended = None;
        let transition = if next == SignInNext::Done {
            if !flows::finish_without_code(&mut tx, &flow.id, now).await? {
                return Err(Refusal::StepElsewhere.into());
            }
            let mut tokens = self.0.begin_session(&mut tx, account, proven, flow.trust, now).await?;
            tokens.push(drop_flow(SIGN_IN));
            Transition::new(
                SignInStep::SignedIn {
                    next: safe_next(&flow.next_path).to_owned(),
                },
                tokens,
            )
        } else {
            self.0.backend.take_confirmation(&mut tx, &account.id, now).await?;
            let mailed;
            (mailed, ended) = self
                .0
                .send_first(&mut tx, &flow.id, Some(account), device.is_some(), now)
                .await?;
            let token = self.0.step_up(&mut tx, SIGN_IN, &flow, now).await?;
            Transition::new(SignInStep::EnterCode(mailed), vec![token])
        };
        self.0.backend.clear_tries(&mut tx, tries, &flow.email).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        self.0.backend.flow_moved(&flow.id);
        ended.iter().for_each(|flow| self.0.backend.flow_moved(&flow.id));
        Ok(transition)
    }

    /// Answers with the e-mailed code and begins a session, or continues with the password if the code comes first. An address
    /// instead of a code begins a new sign-in.
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer(self, code: &Secret, trust: bool) -> Result<Transition<SignInStep>, Error> {
        let (mut tx, flow) = match self.0.answer_code(SIGN_IN, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin(email.as_str(), "").await,
        };
        if flow.progress.mailbox_first && !self.needs_only_code(&mut tx, &flow).await? {
            flows::ask_password(&mut tx, &flow.id, trust).await?;
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
        let next = next_step(
            account.sign_in_methods(),
            account.sign_in_policy(),
            proven,
            DeviceTrust::None,
        );
        // Attack: the account was assigned to an organization or deactivated between password and code.
        let assigned = account.managed_by.is_some() != flow.progress.mailbox_first;
        // Attack: the account's address changed while the code was on its way to the old one.
        if next != SignInNext::Done || assigned || account.email != flow.email {
            return Err(Refusal::FlowGone.into());
        }
        let mut tokens = self.0.begin_session(&mut tx, account, proven, trust, now).await?;
        tokens.push(drop_flow(SIGN_IN));
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        self.0.backend.flow_moved(&flow.id);
        Ok(Transition::new(
            SignInStep::SignedIn {
                next: safe_next(&flow.next_path).to_owned(),
            },
            tokens,
        ))
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
