//! Answering an e-mailed code, as sign-in, reset and sign-up do.

use super::password_tries::wrong_passwords;
use super::request::BrowserRequest;
use super::step_up::{LOST_ANSWER_MS, Standing};
use crate::store::flows::Flow;
use crate::store::limits::{DAY_MS, Rule};
use crate::store::waiting::{self, Waiting};
use crate::store::{ReadConn, WriteTx, accounts, codes, events, flows, limits, throttles};
use crate::{Backend, Error, Fault, random};
use account::{
    AccountId, ActivityKind, Answer, Challenge, CodeCounter, EarlierFlow, EmailAddress, FailureCause, IssuedCode,
    MailedCode, NextStep, Notice, Purpose, Refusal, Secret, SignInPolicy, Timestamp, TypedCode, WaitingFlow, read_code,
};

/// The outcome of an answer.
pub(super) enum Answered {
    /// Correct code. What follows belongs in the same open transaction.
    Right(Box<(WriteTx, Flow)>),
    /// An address was typed instead of a code: restart with it.
    Mistyped(EmailAddress),
}

impl BrowserRequest<'_> {
    /// Checks a code. An incorrect code stays counted although the request is refused.
    pub(super) async fn answer_code(self, purpose: Purpose, typed: &Secret) -> Result<Answered, Error> {
        let token = self.tokens.flow(purpose).ok_or(Refusal::FlowGone)?;
        let (digest, now) = (random::digest(token), self.now());
        let mut tx = self.begin().await?;
        let before = flows::find(&mut tx, &digest, purpose).await?;
        let digits = before.as_ref().map_or(0, |before| before.code_length);
        let (code, before) = match (read_code(typed.expose(), digits, account::domain_to_ascii), before) {
            (Ok(TypedCode::Email(email)), _) => return Ok(Answered::Mistyped(email)),
            (Ok(TypedCode::Code(code)), Some(before)) => (code, before),
            (Err(refusal), Some(before)) if before.progress.waits_for_code(now) => return Err(refusal.into()),
            _ => return Err(self.why_no_code(&mut tx, purpose, now).await?.into()),
        };
        // Attack: enumeration by timing. Flows that strangers can begin take no lock: it takes longer with an account.
        if before.progress.counter() == CodeCounter::AfterPassword
            && let Some(account) = &before.account
        {
            accounts::lock_for_update(&mut tx, account).await?;
        }
        let since = now.plus_ms(-LOST_ANSWER_MS);
        let Some(flow) = flows::spend_try(&mut tx, &before.id, purpose, &digest, since, now).await? else {
            return Err(self.why_no_code(&mut tx, purpose, now).await?.into());
        };
        let (email, counter) = (&flow.email, flow.progress.counter());
        let challenge = Challenge {
            flow: flow.id.clone(),
            purpose,
            email: email.clone(),
            tries_left: flow.progress.tries_left,
            stale_code_allowance: flow.stale_code_allowance,
            codes: codes::of_flow(&mut tx, &flow.id).await?,
            earlier: self.backend.earlier_flows(&mut tx, &flow).await?,
        };
        let earlier = challenge.earlier.iter().flat_map(|flow| &flow.codes);
        let keys = challenge.codes.iter().chain(earlier).map(|code| code.key_id.as_str());
        let keys = self.backend.parts.keys.with(keys);
        let refusal = match challenge.answer(&code, &keys, now) {
            Answer::Right(passed) => {
                let first = flows::pass_code(&mut tx, passed.flow(), now).await?
                    && codes::mark_used(&mut tx, passed.code_id(), now).await?;
                if !first {
                    // Roll back, so that a correct code doesn't spend a try.
                    return Err(self.repeated(&mut tx, purpose).await?);
                }
                // The daily count stays. Attack: each sign-in of the owner gives the attacker another day's worth of guesses.
                throttles::clear(&mut tx, &failures_in_a_row(counter, email)).await?;
                return Ok(Answered::Right(Box::new((tx, flow))));
            }
            Answer::Known(refusal) => {
                flows::give_try_back(&mut tx, &flow.id).await?;
                refusal
            }
            Answer::Wrong(refusal) => {
                codes::count_wrong(&mut tx, counter, email, now).await?;
                let in_a_row = throttles::count(&mut tx, &failures_in_a_row(counter, email), now).await?;
                let cause = match (counter, purpose) {
                    (CodeCounter::AfterPassword, _) => Some(FailureCause::SignInCodes),
                    (CodeCounter::Anyone, Purpose::SignIn) => Some(FailureCause::MailboxCodes),
                    (CodeCounter::Anyone, _) => Some(FailureCause::ResetCodes),
                    (CodeCounter::SignUp, _) => None,
                };
                self.note_failure(&mut tx, &flow, cause, in_a_row, now).await?;
                refusal
            }
        };
        tx.commit().await?;
        self.backend.flow_moved(&flow.id);
        self.backend.emails_written.notify_one();
        Err(refusal.into())
    }

    /// Records a failure in the account's log and e-mails the owner after every tenth in a row. `None` means a sign-up code,
    /// which opens no account and causes no notice.
    pub(super) async fn note_failure(
        self,
        tx: &mut WriteTx,
        flow: &Flow,
        cause: Option<FailureCause>,
        in_a_row: i64,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let kind = match cause {
            Some(FailureCause::Passwords | FailureCause::CurrentPasswords) => ActivityKind::WrongPassword,
            _ => ActivityKind::WrongCode,
        };
        let mut account = flow.account.clone();
        if flow.progress.purpose == Purpose::Secure {
            // Attack: an intruder who changed the address learns that its owner is undoing it. Looked up for every address.
            let id = account.clone().unwrap_or_else(events::unknown_account);
            let current = accounts::find(tx, &id).await?;
            account = account.filter(|_| current.is_some_and(|stored| stored.account.email == flow.email));
        }
        let whose = account.clone().unwrap_or_else(events::unknown_account);
        self.log(tx, &whose, kind, now).await?;
        if let (true, Some(account), Some(cause)) = (in_a_row % 10 == 0, &account, cause) {
            self.tell_of_failures(tx, account, cause, now).await?;
        }
        Ok(())
    }

    /// Notifies the owner of ten failures in a row, at most once a day. Attack: a notice for every ten failures floods the
    /// mailbox. An account that cannot be opened in this way gets no notice.
    pub(super) async fn tell_of_failures(
        self,
        tx: &mut WriteTx,
        account: &AccountId,
        cause: FailureCause,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let stored = accounts::find(tx, account).await?;
        let Some(account) = stored
            .map(|stored| stored.account)
            .filter(|account| match account.sign_in_policy() {
                SignInPolicy::Own => account.require_password().is_ok(),
                SignInPolicy::OrganizationCode => cause == FailureCause::MailboxCodes,
                SignInPolicy::OrganizationProvider | SignInPolicy::Deactivated => false,
            })
        else {
            return Ok(());
        };
        let once_a_day = Rule::new(format!("failures told {cause:?} {}", account.id.0), 1, DAY_MS);
        if limits::count(tx, &[once_a_day], now)
            .await?
            .iter()
            .any(|count| count.wait_s.is_some())
        {
            return Ok(());
        }
        let notice = Notice::ManyFailures { at: now, cause };
        self.notify(tx, &account, notice, now).await
    }

    /// Explains why this browser's flow accepts no code.
    pub(super) async fn why_no_code(
        self,
        tx: &mut WriteTx,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Refusal, Fault> {
        let progress = match self.look_up_flow(tx, purpose).await? {
            Some((flow, Standing::Current)) => flow.progress,
            Some((_, Standing::JustReplaced)) => return Ok(Refusal::StepElsewhere),
            Some((_, Standing::Replaced)) | None => return Ok(Refusal::FlowGone),
        };
        let guessed = progress.tries_left == 0 && progress.code_passed_at.is_none();
        Ok(match progress.next_step(now) {
            NextStep::Over if guessed && progress.is_live(now) => Refusal::TriesUsedUp,
            NextStep::Over => Refusal::FlowGone,
            _ => Refusal::StepElsewhere,
        })
    }
}

impl Backend {
    /// Finds the previous flows of the browser, up to [`EARLIER_FLOWS`].
    async fn earlier_flows(&self, conn: &mut ReadConn, flow: &Flow) -> Result<Vec<EarlierFlow>, Fault> {
        let purpose = flow.progress.purpose;
        let (mut earlier, mut next) = (Vec::new(), flow.replaces.clone());
        while let Some(id) = next.take().filter(|_| earlier.len() < EARLIER_FLOWS) {
            next = flows::find(conn, &id, purpose).await?.and_then(|flow| flow.replaces);
            earlier.push(EarlierFlow {
                codes: codes::of_flow(conn, &id).await?,
                id,
            });
        }
        Ok(earlier)
    }

    /// Serializes the creation of codes for a counter and address. Taken before any flow is locked: creating a code may end
    /// another flow of the address, so two requests could otherwise deadlock.
    pub(super) async fn take_turn(
        &self,
        tx: &mut WriteTx,
        counter: CodeCounter,
        email: &EmailAddress,
        account: Option<&AccountId>,
    ) -> Result<(), Fault> {
        match account {
            // Answering such a code takes the account's lock, too.
            Some(account) if counter == CodeCounter::AfterPassword => accounts::lock_for_update(tx, account).await,
            _ => codes::take_turn(tx, counter, email).await,
        }
    }

    /// Loads the state that determines the next code of an address.
    pub(super) async fn waiting(
        &self,
        tx: &mut WriteTx,
        counter: CodeCounter,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Waiting, Fault> {
        waiting::find(tx, counter, email, now.plus_ms(-LOST_ANSWER_MS), now).await
    }

    /// Chooses the length of a flow's next code. Before the first code, ends and returns one other flow if too many are waiting.
    /// Requires [`take_turn`](Self::take_turn).
    pub(super) async fn admit_code(
        &self,
        tx: &mut WriteTx,
        flow: &mut Flow,
        waiting: &Waiting,
        now: Timestamp,
    ) -> Result<Option<WaitingFlow>, Fault> {
        let mut others = waiting.flows.clone();
        others.retain(|other| other.id != flow.id);
        let is_first = flow.progress.codes_sent == 1;
        let ended = WaitingFlow::to_end(&others, &flow.client).filter(|_| is_first).cloned();
        if let Some(ended) = &ended {
            // A flow with an accepted code continues; it just no longer counts as waiting.
            if ended.has_passed {
                flows::stop_counting(tx, &ended.id).await?;
            } else {
                flows::end(tx, &ended.id, now).await?;
            }
            others.retain(|other| other.id != ended.id);
        }
        let counter = flow.progress.counter();
        flow.code_length = counter.digits(waiting.wrong_codes, &others, flow.progress.tries_left);
        Ok(ended)
    }

    /// Creates and stores a flow's new code. Unless `real`, the e-mail contains no code, but a row is written, with a digest that
    /// no code matches. Attack: enumeration by later behaviour.
    pub(super) async fn issue_code(
        &self,
        tx: &mut WriteTx,
        flow: &Flow,
        real: bool,
        now: Timestamp,
    ) -> Result<(account::Code, Timestamp), Fault> {
        let code = account::Code::generate(flow.code_length, &mut random::generator());
        let key = self.parts.keys.current();
        let binding = account::CodeBinding {
            purpose: flow.progress.purpose,
            email: &flow.email,
            flow: if real { &flow.id } else { "no flow" },
        };
        let issued = IssuedCode {
            id: random::id_at(now),
            digest: code.digest(&key, binding),
            key_id: key.id().to_owned(),
            sent_at: now,
            expires_at: now.plus_minutes(Challenge::MINUTES),
            superseded_at: None,
        };
        codes::issue(tx, flow.progress.purpose, &flow.email, &flow.id, &issued).await?;
        Ok((code, issued.expires_at))
    }

    /// Returns "Check your e-mail" for a flow that is waiting for its code.
    pub(super) async fn mailed_code(
        &self,
        conn: &mut ReadConn,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<MailedCode, Fault> {
        let newest = codes::of_flow(conn, &flow.id)
            .await?
            .into_iter()
            .next()
            .ok_or(Fault::Corrupt { what: "flow" })?;
        Ok(check_your_email(flow, newest.sent_at, newest.expires_at, now))
    }
}

/// Returns the step "Check your e-mail".
pub(super) fn check_your_email(flow: &Flow, sent_at: Timestamp, works_until: Timestamp, now: Timestamp) -> MailedCode {
    MailedCode {
        email: flow.email.clone(),
        reference: flow.reference.clone(),
        digits: flow.code_length,
        sent_at,
        works_until,
        resend_in_s: flow.resend_at.seconds_after(now),
        sends_left: Challenge::SENDS.saturating_sub(flow.progress.codes_sent).max(0),
    }
}

impl Backend {
    /// Forgets the failures in a row at an address, whose account is deleted.
    pub(crate) async fn clear_failures(&self, tx: &mut WriteTx, email: &EmailAddress) -> Result<(), Fault> {
        throttles::clear(tx, &wrong_passwords(email)).await?;
        for counter in [CodeCounter::AfterPassword, CodeCounter::Anyone, CodeCounter::SignUp] {
            throttles::clear(tx, &failures_in_a_row(counter, email)).await?;
        }
        Ok(())
    }
}

/// Maximum number of earlier flows of a browser that are checked.
const EARLIER_FLOWS: usize = 3;

/// Returns the throttle key for incorrect codes of an address in a row, across flows.
fn failures_in_a_row(counter: CodeCounter, email: &EmailAddress) -> String {
    format!("codes {} {email}", counter.as_str())
}
