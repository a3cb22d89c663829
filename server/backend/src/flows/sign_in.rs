//! Sign in: e-mail, password, mailed code.

use super::mailed_code::Answered;
use super::mailed_letter::{drop_flow, hold_flow, new_flow};
use super::step_up::Standing;
use crate::leaked::Leak;
use crate::store::accounts::Stored;
use crate::store::events::Actor;
use crate::store::flows::Flow;
use crate::store::{accounts, events, flows, throttles};
use crate::{Backend, Caller, Error, Fault, Held, Moved, TokenChange, TokenKind, Verdict, random};
use account::{
    AccountId, AccountKind, ActivityKind, Email, FailureCause, Purpose, Refusal, ResetStep, Secret, SignIn, SignInStep,
    SignOutStep, safe_next,
};

const SIGN_IN: Purpose = Purpose::SignIn;

impl Backend {
    /// Where the browser's sign-in stands. Reads only.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn sign_in_step(&self, held: &Held) -> Result<SignInStep, Fault> {
        let now = self.now();
        if held.sign_in.is_none() && held.session.is_none() && held.reset.is_none() {
            return Ok(SignInStep::AskEmail {
                email: None,
                resume: None,
            });
        }
        let mut tx = self.parts.db.read().await?;
        let found = self.look_up_flow(&mut tx, SIGN_IN, held).await?;
        let (flow, standing) = found.map_or((None, Standing::Current), |(flow, standing)| (Some(flow), standing));
        let state = match &flow {
            // As it was, for the browser that has not heard of the step up yet.
            Some(flow) if standing == Standing::JustReplaced && flow.is_live(now) => Some(SignIn::AwaitingPassword),
            _ if standing != Standing::Current => None,
            Some(flow) if flow.finished_at.is_some() => Some(SignIn::Finished),
            Some(flow) if flow.is_live(now) && flow.password_passed_at.is_none() => Some(SignIn::AwaitingPassword),
            Some(flow) if flow.is_live(now) && flow.tries_left > 0 => Some(SignIn::AwaitingCode),
            _ => None,
        };
        let mut email = None;
        if let Some(flow) = &flow {
            match state {
                Some(SignIn::AwaitingPassword) => return Ok(SignInStep::EnterPassword { email: flow.address()? }),
                Some(SignIn::AwaitingCode) => {
                    return Ok(SignInStep::EnterCode(self.mailed_code(&mut tx, flow, now).await?));
                }
                Some(SignIn::Finished) => {}
                // Let go for another address, or over with a reset: nothing to carry on but where it was going.
                None if flow.ended_at.is_some() => {}
                None => email = Some(flow.email.clone()),
            }
        }
        if self.find_session(&mut tx, held, now).await?.is_some() {
            let next = flow.map_or_else(
                || safe_next("").to_owned(),
                |flow| safe_next(&flow.next_path).to_owned(),
            );
            return Ok(SignInStep::SignedIn { next });
        }
        drop(tx);
        let resume = match self.reset_step(held).await? {
            ResetStep::EnterCode(mailed) => Some(mailed),
            _ => None,
        };
        Ok(SignInStep::AskEmail { email, resume })
    }

    /// Takes the address down; tells nothing about it. Begins anew each time.
    ///
    /// # Errors
    /// A refusal of the address or a limit.
    pub async fn begin_sign_in(
        &self,
        caller: &Caller,
        held: &Held,
        email: &str,
        next: &str,
    ) -> Result<Moved<SignInStep>, Error> {
        let email = Email::read(email, account::domain_to_ascii)?;
        let now = self.now();
        // Lost with the power it is typed once more: so far there is an address, and the count of the client that sent it.
        let mut tx = self.parts.db.begin_unsynced().await?;
        let before = self.find_flow(&mut tx, SIGN_IN, held).await?;
        if let Some(before) = &before {
            flows::end(&mut tx, &before.id, now).await?;
        }
        // Another address, or the same after a reset: the way goes on to where it was going.
        let next = match &before {
            Some(before) if next.is_empty() && before.finished_at.is_none() => &before.next_path,
            _ => next,
        };
        self.take(&mut tx, &[self.begin_rule(caller)], now).await?;
        let token = random::token();
        let flow = Flow {
            next_path: safe_next(next).to_owned(),
            ..new_flow(&token, caller, &email, caller.language.clone(), before.as_ref(), now)
        };
        flows::insert(&mut tx, SIGN_IN, &flow).await?;
        tx.commit().await?;
        Ok(Moved {
            step: SignInStep::EnterPassword { email },
            tokens: vec![hold_flow(SIGN_IN, token)],
        })
    }

    /// Checks the password; when right, mails a code, or lets a trusted device in.
    ///
    /// # Errors
    /// A refusal: wrong, or wait.
    pub async fn password_sign_in(
        &self,
        caller: &Caller,
        held: &Held,
        password: &Secret,
    ) -> Result<Moved<SignInStep>, Error> {
        if held.sign_in.is_none() {
            return Err(Refusal::FlowGone.into());
        }
        // Attack: a flood of sign-ins. Who is told to come later has asked the database for nothing.
        let place = self.parts.hashing.place(&caller.client).await?;
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        let found = self.look_up_flow(&mut tx, SIGN_IN, held).await?;
        let flow = match found.filter(|(_, standing)| *standing != Standing::Replaced) {
            Some((flow, Standing::Current)) if flow.is_live(now) && flow.password_passed_at.is_none() => flow,
            // The answer to the right password was lost, maybe: the same one is verified once more.
            Some((flow, Standing::JustReplaced)) if flow.is_live(now) && flow.password_passed_at.is_some() => flow,
            Some((flow, _)) if flow.finished_at.is_some() || flow.is_live(now) => {
                return Err(Refusal::StepElsewhere.into());
            }
            _ => return Err(Refusal::FlowGone.into()),
        };
        if password.is_empty() {
            return Err(Refusal::PasswordMissing.into());
        }
        let email = flow.address()?;
        let stored = accounts::find_by_email(&mut tx, &email).await?;
        let lane = self
            .lane(&mut tx, held, &email, stored.as_ref().map(|stored| &stored.account.id))
            .await?;
        let in_a_row = self.spend_password(&mut tx, &lane, now).await?;
        let told = match &stored {
            Some(stored) => {
                self.notice_copied_device(&mut tx, caller, held, &stored.account, now)
                    .await?
            }
            None => false,
        };
        // Asked for every address, so that asking tells nothing either.
        let somebody_elses = self.somebody_elses_hash(&mut tx, &email).await?;
        tx.commit().await?;
        if told {
            self.letters_written.notify_one();
        }

        let whose = stored.as_ref().map(|stored| stored.account.id.0.clone());
        let usable =
            stored.filter(|stored| stored.account.kind == AccountKind::Local && stored.account.disabled_at.is_none());
        let hash = usable.as_ref().and_then(|stored| stored.password.as_deref());
        let verdict = self
            .verify_password(place, &lane, password, hash, somebody_elses.as_deref())
            .await?;
        let (Some(stored), true) = (usable, verdict != Verdict::Wrong) else {
            let refusal = self.wrong_password(caller, flow, whose, in_a_row).await;
            return Err(self.unless_put_back(&lane, refusal.map_err(Error::from)).await?.into());
        };
        let told = self
            .password_was_right(caller, held, &flow, stored, password, verdict, &lane)
            .await;
        self.unless_put_back(&lane, told).await
    }

    /// Tells the owner's log of a wrong password; the person is told the same for every address. Nothing is looked up here:
    /// finding a row takes longer than finding none (attack: enumeration by the clock).
    async fn wrong_password(
        &self,
        caller: &Caller,
        flow: Flow,
        whose: Option<String>,
        in_a_row: i64,
    ) -> Result<Refusal, Fault> {
        let flow = Flow {
            account_id: whose,
            ..flow
        };
        let mut tx = self.parts.db.begin().await?;
        self.note_failure(
            &mut tx,
            caller,
            &flow,
            Some(FailureCause::Passwords),
            in_a_row,
            self.now(),
        )
        .await?;
        tx.commit().await?;
        self.letters_written.notify_one();
        Ok(Refusal::SignInWrong)
    }

    #[allow(clippy::too_many_arguments)] // One step of one flow; a struct for it would be read once.
    async fn password_was_right(
        &self,
        caller: &Caller,
        held: &Held,
        flow: &Flow,
        stored: Stored,
        password: &Secret,
        verdict: Verdict,
        lane: &str,
    ) -> Result<Moved<SignInStep>, Error> {
        let upgraded = match verdict {
            Verdict::RightButOld => Some(self.parts.hashing.hash(&caller.client, password).await?),
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
        accounts::hold(&mut tx, &account.id).await?;
        let verified = stored.password.as_deref().unwrap_or_default();
        let Some(mut flow) = flows::pass_password(&mut tx, &flow.id, &account.id, verified, now).await? else {
            let current = accounts::find(&mut tx, &account.id).await?;
            let same = current
                .is_some_and(|current| current.password == stored.password && current.account.disabled_at.is_none());
            if !same {
                return Err(Refusal::SignInWrong.into());
            }
            let told = self.repeated(&mut tx, SIGN_IN, held).await?;
            throttles::clear(&mut tx, lane).await?;
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
        // Attack: a copy of the token from before the device was trusted, within the time of a lost answer.
        let trusted = device.as_ref().is_some_and(|device| {
            device.replaced_at.is_none() && device.trusted_until.is_some_and(|until| now.0 < until)
        });
        let mut ended = None;
        let moved = if trusted {
            if !flows::finish_without_code(&mut tx, &flow.id, now).await? {
                return Err(Refusal::StepElsewhere.into());
            }
            let mut tokens = self.begin_session(&mut tx, caller, held, account, false, now).await?;
            tokens.push(drop_flow(SIGN_IN));
            Moved {
                step: SignInStep::SignedIn {
                    next: safe_next(&flow.next_path).to_owned(),
                },
                tokens,
            }
        } else {
            let mailed;
            (mailed, ended) = self
                .send_first(&mut tx, caller, &flow, account, device.is_some(), now)
                .await?;
            let token = self.step_up(&mut tx, SIGN_IN, held, &flow, now).await?;
            Moved {
                step: SignInStep::EnterCode(mailed),
                tokens: vec![token],
            }
        };
        throttles::clear(&mut tx, lane).await?;
        tx.commit().await?;
        self.letters_written.notify_one();
        self.flow_moved(&flow.id);
        ended.iter().for_each(|flow| self.flow_moved(&flow.id));
        Ok(moved)
    }

    /// Answers with the mailed code; a session begins. An address instead of a code begins again with that one.
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer_sign_in(
        &self,
        caller: &Caller,
        held: &Held,
        code: &Secret,
        trust: bool,
    ) -> Result<Moved<SignInStep>, Error> {
        let (mut tx, flow) = match self.answer_code(SIGN_IN, caller, held, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(email) => return self.begin_sign_in(caller, held, email.as_str(), "").await,
        };
        let now = self.now();
        flows::finish(&mut tx, &flow.id, SIGN_IN, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        let account = flow.account().ok_or(Refusal::FlowGone)?;
        let stored = accounts::find(&mut tx, &account).await?.ok_or(Refusal::FlowGone)?;
        // Attack: the account was handed to an organization, or switched off, between password and code.
        let usable = stored.account.kind == AccountKind::Local && stored.account.disabled_at.is_none();
        if !usable {
            return Err(Refusal::FlowGone.into());
        }
        let mut tokens = self
            .begin_session(&mut tx, caller, held, &stored.account, trust, now)
            .await?;
        tokens.push(drop_flow(SIGN_IN));
        tx.commit().await?;
        self.letters_written.notify_one();
        self.flow_moved(&flow.id);
        Ok(Moved {
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
    pub async fn resend_sign_in(&self, caller: &Caller, held: &Held) -> Result<Moved<SignInStep>, Error> {
        let Moved { step, tokens } = self.resend_letter(SIGN_IN, caller, held).await?;
        Ok(Moved {
            step: SignInStep::EnterCode(step),
            tokens,
        })
    }

    /// "Use a different e-mail": lets the flow go. Its token stays, so that the next one goes on to where it was going.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn restart_sign_in(&self, held: &Held) -> Result<Moved<SignInStep>, Error> {
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        if let Some(flow) = self.find_flow(&mut tx, SIGN_IN, held).await? {
            flows::end(&mut tx, &flow.id, now).await?;
            tx.commit().await?;
            self.flow_moved(&flow.id);
        }
        Ok(Moved {
            step: SignInStep::AskEmail {
                email: None,
                resume: None,
            },
            tokens: Vec::new(),
        })
    }

    /// Ends the browser's session. Signed out already is fine; a browser that names no session is told so, and keeps what it
    /// holds. Attack: something on the way hides the cookie, and a session lives on of which the person believes that it ended.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn sign_out(&self, caller: &Caller, held: &Held) -> Result<Moved<SignOutStep>, Error> {
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
            return Ok(Moved::to(SignOutStep::SessionUnknown));
        }
        let session = TokenChange {
            kind: TokenKind::Session,
            token: None,
            keep_s: 0,
        };
        Ok(Moved {
            step: SignOutStep::SignedOut,
            tokens: vec![session, drop_flow(SIGN_IN)],
        })
    }
}
