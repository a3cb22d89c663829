//! Sign-in: e-mail address, password, e-mailed code.

use super::mailed_code::Answered;
use super::mailed_email::{FlowOfForm, drop_flow, hold_flow, new_flow, next_path};
use super::password_tries::{Tries, wrong_passwords};
use super::step_up::{LOST_ANSWER_MS, Standing, shown_step};
use crate::leaked::Leak;
use crate::store::accounts::Stored;
use crate::store::events::Actor;
use crate::store::flows::Flow;
use crate::store::{ReadConn, accounts, events, flows, throttles};
use crate::{Backend, BrowserTokens, Caller, Error, Fault, TokenChange, TokenKind, Transition, Verdict};
use account::{
    Account, AccountId, AccountKind, ActivityKind, EmailAddress, FailureCause, NextStep, Purpose, Refusal, ResetStep,
    Secret, SignInStep, SignOutStep, Timestamp, safe_next,
};

const SIGN_IN: Purpose = Purpose::SignIn;

impl Backend {
    /// The current step of the browser's sign-in. Read-only.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn sign_in_step(&self, held: &BrowserTokens) -> Result<SignInStep, Fault> {
        let now = self.now();
        if held.sign_in.is_none() && held.session.is_none() && held.reset.is_none() {
            return Ok(SignInStep::AskEmail {
                email: None,
                resume: None,
            });
        }
        let mut conn = self.parts.db.read().await?;
        let found = self.look_up_flow(&mut conn, SIGN_IN, held).await?;
        let mut email = None;
        if let Some((flow, standing)) = &found {
            match shown_step(flow, *standing, now) {
                NextStep::Finished => {}
                // Abandoned for another address, or ended by a reset: only the destination is kept.
                NextStep::Over if flow.progress.ended_at.is_some() => {}
                NextStep::Over => email = Some(flow.email.as_str().to_owned()),
                step => return self.shown(&mut conn, flow, step, now).await,
            }
        }
        if self.find_session(&mut conn, held, now).await?.is_some() {
            let next = found.as_ref().map_or("", |(flow, _)| &flow.next_path);
            let next = safe_next(next).to_owned();
            return Ok(SignInStep::SignedIn { next });
        }
        if let Some((flow, Standing::Current)) = &found
            && flow.progress.ended_at.is_none()
            && flow.progress.has_just_finished(now.plus_ms(-LOST_ANSWER_MS))
        {
            // This browser has not received its session yet.
            return self.shown(&mut conn, flow, flow.progress.previous_step(), now).await;
        }
        drop(conn);
        let resume = match self.reset_step(held).await? {
            ResetStep::EnterCode(mailed) => Some(mailed),
            _ => None,
        };
        Ok(SignInStep::AskEmail { email, resume })
    }

    /// A step as the browser sees it.
    async fn shown(
        &self,
        conn: &mut ReadConn,
        flow: &Flow,
        step: NextStep,
        now: Timestamp,
    ) -> Result<SignInStep, Fault> {
        Ok(match step {
            NextStep::MailboxCode => SignInStep::ProveMailbox(self.mailed_code(conn, flow, now).await?),
            NextStep::Code => SignInStep::EnterCode(self.mailed_code(conn, flow, now).await?),
            NextStep::Finished => SignInStep::SignedIn {
                next: safe_next(&flow.next_path).to_owned(),
            },
            _ => SignInStep::EnterPassword {
                email: flow.email.clone(),
            },
        })
    }

    /// Accepts the address and reveals nothing about it. The next step is the password, or the code if strangers have used up the
    /// address's tries. It is the same for every kind of address.
    ///
    /// # Errors
    /// A refusal of the address or a limit.
    pub async fn begin_sign_in(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        email: &str,
        next: &str,
    ) -> Result<Transition<SignInStep>, Error> {
        let email = EmailAddress::read(email, account::domain_to_ascii)?;
        let now = self.now();
        // A power failure loses only the address, which is typed again, and one count of the client.
        let mut tx = self.parts.db.begin_unsynced().await?;
        let FlowOfForm { token, begun, before } = self.flow_of_form(&mut tx, SIGN_IN, held, &email, now).await?;
        if let Some(flow) = begun.filter(|flow| flow.progress.next_step(now) != NextStep::Over) {
            if !next.is_empty() && flow.next_path != safe_next(next) {
                flows::set_next(&mut tx, &flow.id, safe_next(next)).await?;
            }
            let step = flow.progress.next_step(now);
            let step = self.shown(&mut tx, &flow, step, now).await?;
            tx.commit().await?;
            return Ok(Transition {
                step,
                tokens: vec![hold_flow(SIGN_IN, token)],
            });
        }
        if self.strangers_prove_mailbox(&mut tx, &email, now).await? {
            let stored = accounts::find_by_email(&mut tx, &email).await?;
            let account = stored.map(|stored| stored.account);
            if !self.is_known(&mut tx, held, account.as_ref()).await? {
                drop(tx);
                let Transition { step, tokens } = self.begin_mailed(SIGN_IN, caller, held, &email, next).await?;
                return Ok(Transition {
                    step: SignInStep::ProveMailbox(step),
                    tokens,
                });
            }
        }
        if let Some(before) = &before {
            flows::end(&mut tx, &before.id, now).await?;
        }
        self.take(&mut tx, &[self.begin_rule(caller)], now).await?;
        let flow = Flow {
            next_path: next_path(before.as_ref(), next),
            ..new_flow(
                SIGN_IN,
                &token,
                caller,
                &email,
                caller.language.clone(),
                before.as_ref(),
                now,
            )
        };
        flows::insert(&mut tx, &flow).await?;
        tx.commit().await?;
        Ok(Transition {
            step: SignInStep::EnterPassword { email },
            tokens: vec![hold_flow(SIGN_IN, token)],
        })
    }

    /// Checks the password. If it is right, e-mails a code, or signs a trusted device in.
    ///
    /// # Errors
    /// A refusal: wrong, or wait.
    pub async fn password_sign_in(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        password: &Secret,
    ) -> Result<Transition<SignInStep>, Error> {
        if held.sign_in.is_none() {
            return Err(Refusal::FlowGone.into());
        }
        // Attack: a flood of sign-ins. A request that is turned away here has not queried the database.
        let place = self.parts.hashing.place(&caller.network()).await?;
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        let found = self.look_up_flow(&mut tx, SIGN_IN, held).await?;
        let flow = match found.filter(|(_, standing)| *standing != Standing::Replaced) {
            Some((flow, Standing::Current)) if flow.progress.next_step(now) == NextStep::Password => flow,
            // The answer to the right password may have been lost, so the same password is verified again.
            Some((flow, Standing::JustReplaced))
                if flow.progress.is_live(now) && flow.progress.password_passed_at.is_some() =>
            {
                flow
            }
            // Attack: a client with the password but without the mailbox sends the password again after the code was right.
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
        let tries = self.tries(&mut tx, held, &flow, account).await?;
        let Some(refusal) = self.spend_password(&mut tx, &tries, now).await? else {
            drop(tx);
            return self.ask_mailbox_first(caller, held, &flow, account).await;
        };
        let told = match &stored {
            Some(stored) => {
                self.notice_copied_device(&mut tx, caller, held, &stored.account, now)
                    .await?
            }
            None => false,
        };
        // Queried for every address, so that the query itself reveals nothing.
        let somebody_elses = self.decoy_hash(&mut tx, email).await?;
        tx.commit().await?;
        if told {
            self.emails_written.notify_one();
        }

        let whose = stored.as_ref().map(|stored| stored.account.id.clone());
        let usable =
            stored.filter(|stored| stored.account.kind == AccountKind::Local && stored.account.disabled_at.is_none());
        let hash = usable.as_ref().and_then(|stored| stored.password.as_deref());
        let verdict = self
            .verify_password(place, &tries, password, hash, somebody_elses.as_deref())
            .await?;
        let (Some(stored), true) = (usable, verdict != Verdict::Wrong) else {
            let noted = self.wrong_password(caller, flow, whose).await;
            self.unless_put_back(&tries, noted.map_err(Error::from)).await?;
            return Err(refusal.into());
        };
        let told = self
            .password_was_right(caller, held, &flow, stored, password, verdict, &tries)
            .await;
        self.unless_put_back(&tries, told).await
    }

    /// Records a wrong password in the account's log; the screen is the same for every address. Nothing is looked up here,
    /// because finding a row takes longer than finding none (attack: enumeration by timing).
    async fn wrong_password(&self, caller: &Caller, flow: Flow, whose: Option<AccountId>) -> Result<(), Fault> {
        let flow = Flow { account: whose, ..flow };
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        let in_a_row = throttles::count(&mut tx, &wrong_passwords(&flow.email), now).await?;
        let cause = Some(FailureCause::Passwords);
        self.note_failure(&mut tx, caller, &flow, cause, in_a_row, now).await?;
        tx.commit().await?;
        self.emails_written.notify_one();
        self.flow_moved(&flow.id);
        Ok(())
    }

    /// Strangers' tries are used up: the flow proves the mailbox first. The submitted password is not checked.
    async fn ask_mailbox_first(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        flow: &Flow,
        account: Option<&Account>,
    ) -> Result<Transition<SignInStep>, Error> {
        let now = self.now();
        let (counter, email) = (SIGN_IN.counter(true), &flow.email);
        let mut tx = self.parts.db.begin().await?;
        self.take_turn(&mut tx, counter, email, None).await?;
        let id = account.map(|account| &account.id);
        let mut tx = self.take_email(tx, caller, held, email, id, Vec::new(), now).await?;
        let language = account.and_then(|account| account.language.as_deref());
        let language = language.unwrap_or(&flow.language);
        if !flows::ask_mailbox_first(&mut tx, &flow.id, id, language, now).await? {
            return Err(Refusal::StepElsewhere.into());
        }
        let (mailed, ended) = self.send_first(&mut tx, caller, &flow.id, account, false, now).await?;
        tx.commit().await?;
        self.emails_written.notify_one();
        let ended = ended.as_ref().map(|ended| &ended.id);
        ended.into_iter().chain([&flow.id]).for_each(|id| self.flow_moved(id));
        Ok(Transition::to(SignInStep::ProveMailbox(mailed)))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of one flow; a struct for it would be read once"
    )]
    async fn password_was_right(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        flow: &Flow,
        stored: Stored,
        password: &Secret,
        verdict: Verdict,
        tries: &Tries,
    ) -> Result<Transition<SignInStep>, Error> {
        let upgraded = match verdict {
            Verdict::RightButOld => match self.parts.hashing.hash(&caller.network(), password).await {
                Ok(hash) => Some(hash),
                // Under load the old hash is kept for now; the password was right.
                Err(Fault::Busy { .. }) => None,
                Err(fault) => return Err(fault.into()),
            },
            _ => None,
        };
        let leak = if stored.unchecked {
            Some(
                self.parts
                    .leaked
                    .look_up(password.as_password(account::nfc).expose())
                    .await,
            )
        } else {
            None
        };
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
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
            let told = self.repeated(&mut tx, SIGN_IN, held).await?;
            self.clear_tries(&mut tx, tries, &flow.email).await?;
            tx.commit().await?;
            return Err(told);
        };
        if let (Some(new), Some(old)) = (&upgraded, &stored.password) {
            accounts::upgrade_hash(&mut tx, &account.id, old, new).await?;
        }
        match leak {
            Some(Leak::Found) => {
                events::append(
                    &mut tx,
                    &account.id,
                    ActivityKind::PasswordLeaked,
                    Actor::Person,
                    caller,
                    now,
                )
                .await?;
                flow.next_path = "/security/password".to_owned();
                flows::set_next(&mut tx, &flow.id, &flow.next_path).await?;
            }
            Some(Leak::NotFound) => accounts::mark_checked(&mut tx, &account.id).await?,
            Some(Leak::Unknown) | None => {}
        }
        let device = self.find_device(&mut tx, held, &account.id).await?;
        // Attack: a copy of the token from before the device was trusted, used within the time allowed for lost answers.
        let trusted = device.as_ref().is_some_and(|device| {
            device.replaced_at.is_none() && device.trusted_until.is_some_and(|until| now.0 < until)
        });
        let mut ended = None;
        let transition = if trusted || flow.progress.mailbox_first {
            if !flows::finish_without_code(&mut tx, &flow.id, now).await? {
                return Err(Refusal::StepElsewhere.into());
            }
            let mut tokens = self
                .begin_session(&mut tx, caller, held, account, flow.trust, now)
                .await?;
            tokens.push(drop_flow(SIGN_IN));
            Transition {
                step: SignInStep::SignedIn {
                    next: safe_next(&flow.next_path).to_owned(),
                },
                tokens,
            }
        } else {
            self.take_confirmation(&mut tx, &account.id, now).await?;
            let mailed;
            (mailed, ended) = self
                .send_first(&mut tx, caller, &flow.id, Some(account), device.is_some(), now)
                .await?;
            let token = self.step_up(&mut tx, SIGN_IN, held, &flow, now).await?;
            Transition {
                step: SignInStep::EnterCode(mailed),
                tokens: vec![token],
            }
        };
        self.clear_tries(&mut tx, tries, &flow.email).await?;
        tx.commit().await?;
        self.emails_written.notify_one();
        self.flow_moved(&flow.id);
        ended.iter().for_each(|flow| self.flow_moved(&flow.id));
        Ok(transition)
    }

    /// Answers with the e-mailed code. A session begins, or the password follows if the code comes first. An address instead of a
    /// code begins a new sign-in with that address.
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer_sign_in(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        code: &Secret,
        trust: bool,
    ) -> Result<Transition<SignInStep>, Error> {
        let (mut tx, flow) = match self.answer_code(SIGN_IN, caller, held, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin_sign_in(caller, held, email.as_str(), "").await,
        };
        if flow.progress.mailbox_first {
            flows::ask_password(&mut tx, &flow.id, trust).await?;
            let token = self.step_up(&mut tx, SIGN_IN, held, &flow, self.now()).await?;
            tx.commit().await?;
            self.flow_moved(&flow.id);
            return Ok(Transition {
                step: SignInStep::EnterPassword {
                    email: flow.email.clone(),
                },
                tokens: vec![token],
            });
        }
        let now = self.now();
        flows::finish(&mut tx, &flow.id, SIGN_IN, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        let account = flow.account.as_ref().ok_or(Refusal::FlowGone)?;
        let stored = accounts::find(&mut tx, account).await?.ok_or(Refusal::FlowGone)?;
        // Attack: the account was assigned to an organization, or deactivated, between password and code.
        let usable = stored.account.kind == AccountKind::Local && stored.account.disabled_at.is_none();
        // Attack: the account moved to another address while the code was on its way to the old one.
        if !usable || stored.account.email != flow.email {
            return Err(Refusal::FlowGone.into());
        }
        let mut tokens = self
            .begin_session(&mut tx, caller, held, &stored.account, trust, now)
            .await?;
        tokens.push(drop_flow(SIGN_IN));
        tx.commit().await?;
        self.emails_written.notify_one();
        self.flow_moved(&flow.id);
        Ok(Transition {
            step: SignInStep::SignedIn {
                next: safe_next(&flow.next_path).to_owned(),
            },
            tokens,
        })
    }

    /// Sends a new code of this flow.
    ///
    /// # Errors
    /// A refusal: too early, or too many.
    pub async fn resend_sign_in(&self, caller: &Caller, held: &BrowserTokens) -> Result<Transition<SignInStep>, Error> {
        let (flow, mailed) = self.resend_email(SIGN_IN, caller, held).await?;
        let step = if flow.progress.mailbox_first {
            SignInStep::ProveMailbox
        } else {
            SignInStep::EnterCode
        };
        Ok(Transition::to(step(mailed)))
    }

    /// "Use a different e-mail": abandons the flow. Its token stays, so that the next flow keeps its destination.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn restart_sign_in(&self, held: &BrowserTokens) -> Result<Transition<SignInStep>, Error> {
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        if let Some(flow) = self.find_flow(&mut tx, SIGN_IN, held).await? {
            flows::end(&mut tx, &flow.id, now).await?;
            tx.commit().await?;
            self.flow_moved(&flow.id);
        }
        Ok(Transition {
            step: SignInStep::AskEmail {
                email: None,
                resume: None,
            },
            tokens: Vec::new(),
        })
    }

    /// Ends the browser's session. Succeeds if already signed out; a browser that sends no session token is told so, and keeps
    /// its cookies. Attack: an intermediary hides the cookie, and a session lives on that its owner believes to have ended.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn sign_out(&self, caller: &Caller, held: &BrowserTokens) -> Result<Transition<SignOutStep>, Error> {
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        if let Some(session) = self.find_session(&mut tx, held, now).await? {
            let account = AccountId(session.account_id);
            if crate::store::sessions::end(&mut tx, &account, &session.id).await? {
                events::append(&mut tx, &account, ActivityKind::SignedOut, Actor::Person, caller, now).await?;
            }
        }
        if let Some(flow) = self.find_flow(&mut tx, SIGN_IN, held).await? {
            flows::end(&mut tx, &flow.id, now).await?;
        }
        tx.commit().await?;
        if held.session.is_none() {
            return Ok(Transition::to(SignOutStep::SessionUnknown));
        }
        let session = TokenChange {
            kind: TokenKind::Session,
            token: None,
            keep_s: 0,
        };
        Ok(Transition {
            step: SignOutStep::SignedOut,
            tokens: vec![session, drop_flow(SIGN_IN)],
        })
    }
}
