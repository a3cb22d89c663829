//! The step that sign-in, reset and sign-up share: a code was mailed, and is answered.

use super::step_up::{LOST_ANSWER_MS, Standing};
use crate::store::events::Actor;
use crate::store::flows::Flow;
use crate::store::limits::Rule;
use crate::store::{Tx, accounts, codes, events, flows, letters, limits, throttles};
use crate::{Backend, Caller, Error, Fault, Held, random};
use account::{
    AccountId, ActivityKind, Answer, Challenge, Email, FailureCause, IssuedCode, Letter, MailedCode, Notice,
    OwnPassword, Purpose, Refusal, Secret, Timestamp, TypedCode, read_code,
};

/// What came of an answer.
pub(super) enum Answered {
    /// The code was right. The transaction is open: what follows happens with it or not at all.
    Right(Box<(Tx, Flow)>),
    /// An address was typed instead: begin again with that one.
    Mistyped(Email),
}

impl Backend {
    /// Judges a typed code. A wrong one stays counted even though refused.
    pub(super) async fn answer_code(
        &self,
        purpose: Purpose,
        caller: &Caller,
        held: &Held,
        typed: &Secret,
    ) -> Result<Answered, Error> {
        let token = held.flow(purpose).ok_or(Refusal::FlowGone)?;
        let code = match read_code(typed.expose(), purpose.digits())? {
            TypedCode::Email(email) => return Ok(Answered::Mistyped(email)),
            TypedCode::Code(code) => code,
        };
        let (digest, now) = (random::digest(token), self.now());
        let mut tx = self.parts.db.begin().await?;
        let before = flows::find(&mut tx, &digest, purpose).await?.ok_or(Refusal::FlowGone)?;
        if purpose == Purpose::SignIn
            && let Some(account) = before.account()
        {
            accounts::hold(&mut tx, &account).await?;
        }
        let since = now.plus_ms(-LOST_ANSWER_MS);
        let Some(flow) = flows::spend_try(&mut tx, &before.id, purpose, &digest, since, now).await? else {
            return Err(self.why_no_code(&mut tx, purpose, held, now).await?.into());
        };
        let email = flow.address()?;
        let row = failures_in_a_row(purpose, &email);
        // Attack: 100 wrong codes come from somebody who has the mailbox's screen or unlimited patience. The password,
        // which a sign-in has proven by now, lifts it.
        if purpose == Purpose::Reset && throttles::failures(&mut tx, &row).await? >= self.limits().wrong_codes_in_a_row
        {
            return Err(Refusal::CodesOff.into());
        }
        // Attack: five tries, a new flow, five more. The count is the address's and outlives flow, cookie and client.
        let rules = self.wrong_code_rules(purpose, &email);
        if let Some(seconds) = limits::take(&mut tx, &rules, now).await? {
            return Err(Refusal::CodesPaused { seconds }.into());
        }
        let challenge = Challenge {
            flow: flow.id.clone(),
            purpose,
            email: email.clone(),
            tries_left: flow.tries_left,
            hints_left: flow.hints_left,
            codes: codes::of_flow(&mut tx, &flow.id).await?,
        };
        let keys = self
            .parts
            .keys
            .with(challenge.codes.iter().map(|code| code.key_id.as_str()));
        let refusal = match challenge.answer(&code, &keys, now) {
            Answer::Right(passed) => {
                let first = flows::pass_code(&mut tx, passed.flow(), now).await?
                    && codes::mark_used(&mut tx, passed.code_id(), now).await?;
                if !first {
                    // Nothing of it is kept: a right code is no guess, and needs no try.
                    return Err(self.repeated(&mut tx, purpose, held).await?);
                }
                limits::give_back(&mut tx, &rules).await?;
                throttles::clear(&mut tx, &row).await?;
                return Ok(Answered::Right(Box::new((tx, flow))));
            }
            Answer::Known(refusal) => {
                flows::give_try_back(&mut tx, &flow.id).await?;
                limits::give_back(&mut tx, &rules).await?;
                refusal
            }
            Answer::Wrong(refusal) => {
                let in_a_row = throttles::count(&mut tx, &row, now).await?;
                let cause = match purpose {
                    Purpose::SignIn => Some(FailureCause::SignInCodes),
                    Purpose::Reset => Some(FailureCause::ResetCodes),
                    Purpose::SignUp => None,
                };
                self.note_failure(&mut tx, caller, &flow, cause, in_a_row, now).await?;
                refusal
            }
        };
        tx.commit().await?;
        self.flow_moved(&flow.id);
        self.letters_written.notify_one();
        Err(refusal.into())
    }

    /// Writes a failure into the account's log; the owner is told of the tenth. `None` is a code of a sign-up, which opens no
    /// account: that is not worth telling.
    pub(super) async fn note_failure(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        flow: &Flow,
        cause: Option<FailureCause>,
        in_a_row: i64,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let kind = match cause {
            Some(FailureCause::Passwords | FailureCause::CurrentPasswords) => ActivityKind::WrongPassword,
            Some(FailureCause::SignInCodes | FailureCause::ResetCodes) | None => ActivityKind::WrongCode,
        };
        let whose = flow.account().unwrap_or_else(events::nobody);
        events::append(tx, &whose, kind, Actor::Person, caller, now).await?;
        if let (10, Some(account), Some(cause)) = (in_a_row, flow.account(), cause) {
            self.tell_of_failures(tx, &account, cause, caller, now).await?;
        }
        Ok(())
    }

    /// Tells an owner of ten failures in a row. Where the password is not ours to check, or nothing can be signed in to, none of
    /// them could have succeeded, and there is nothing to do: the account's log has them.
    pub(super) async fn tell_of_failures(
        &self,
        tx: &mut Tx,
        account: &AccountId,
        cause: FailureCause,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let stored = accounts::find(tx, account).await?;
        let Some(account) = stored
            .map(|stored| stored.account)
            .filter(|account| account.disabled_at.is_none() && account.own_password() == OwnPassword::Editable)
        else {
            return Ok(());
        };
        let letter = Letter::Notice(Notice::ManyFailures { at: now, cause });
        let language = account.language.as_deref().unwrap_or(&caller.language);
        letters::write(tx, &self.parts.keys, None, &account.email, language, &letter, now).await
    }

    /// Makes and keeps a new code for a flow. `real` is false where the letter holds none: the row is there all the same,
    /// with a digest that no code has (attack: enumeration by what follows).
    pub(super) async fn issue_code(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        flow: &Flow,
        real: bool,
        now: Timestamp,
    ) -> Result<(account::Code, Timestamp), Fault> {
        let email = flow.address()?;
        let code = account::Code::generate(purpose, &mut random::generator());
        let key = self.parts.keys.current();
        let binding = account::CodeBinding {
            purpose,
            email: &email,
            flow: if real { &flow.id } else { "nobody's" },
        };
        let issued = IssuedCode {
            id: random::id_at(now),
            digest: code.digest(&key, binding),
            key_id: key.id().to_owned(),
            sent_at: now,
            expires_at: now.plus_minutes(Challenge::MINUTES),
            superseded_at: None,
        };
        codes::issue(tx, purpose, &email, &flow.id, &issued).await?;
        Ok((code, issued.expires_at))
    }

    /// "Check your e-mail", for a flow that waits for its code.
    pub(super) async fn mailed_code(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<MailedCode, Fault> {
        let newest = codes::of_flow(tx, &flow.id)
            .await?
            .into_iter()
            .next()
            .ok_or(Fault::Corrupt { what: "flow" })?;
        check_your_email(purpose, flow, newest.sent_at, newest.expires_at, now)
    }

    /// Why this browser's flow takes no code.
    pub(super) async fn why_no_code(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        held: &Held,
        now: Timestamp,
    ) -> Result<Refusal, Fault> {
        let flow = match self.look_up_flow(tx, purpose, held).await? {
            Some((flow, Standing::Current)) => Some(flow),
            Some((_, Standing::JustReplaced)) => return Ok(Refusal::StepElsewhere),
            Some((_, Standing::Replaced)) | None => None,
        };
        Ok(match flow {
            Some(flow) if flow.finished_at.is_some() || (flow.is_live(now) && flow.code_passed_at.is_some()) => {
                Refusal::StepElsewhere
            }
            Some(flow) if flow.is_live(now) && flow.codes_sent == 0 => Refusal::StepElsewhere,
            Some(flow) if flow.is_live(now) && flow.tries_left == 0 => Refusal::TriesUsedUp,
            _ => Refusal::FlowGone,
        })
    }

    fn wrong_code_rules(&self, purpose: Purpose, email: &Email) -> [Rule; 2] {
        let (limits, whose) = (self.limits(), whose_codes(purpose));
        [
            Rule {
                key: format!("wrong {whose} hour {email}"),
                most: limits.wrong_codes_an_hour,
                window_ms: HOUR_MS,
            },
            Rule {
                key: format!("wrong {whose} day {email}"),
                most: limits.wrong_codes_a_day,
                window_ms: DAY_MS,
            },
        ]
    }
}

/// "Check your e-mail".
pub(super) fn check_your_email(
    purpose: Purpose,
    flow: &Flow,
    sent_at: Timestamp,
    works_until: Timestamp,
    now: Timestamp,
) -> Result<MailedCode, Fault> {
    Ok(MailedCode {
        email: flow.address()?,
        label: flow.label.clone(),
        digits: purpose.digits(),
        sent_at,
        works_until,
        resend_in_s: Timestamp(flow.resend_at).seconds_after(now),
        sends_left: Challenge::SENDS.saturating_sub(flow.codes_sent).max(0),
    })
}

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// Wrong codes of an address in a row, over flows.
fn failures_in_a_row(purpose: Purpose, email: &Email) -> String {
    format!("{} {email}", whose_codes(purpose))
}

/// Sign-in and reset count together. A sign-up opens no account, and anybody can begin one for somebody else's address: its
/// wrong codes must not use up the owner's (attack: locking the owner out).
const fn whose_codes(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SignIn | Purpose::Reset => "codes",
        Purpose::SignUp => "sign-up codes",
    }
}
