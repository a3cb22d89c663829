//! The e-mail that a flow sends: first, and again on request. Which one it is depends on the account; everything else is the
//! same for every address, so that neither the screen nor the time tells who has an account (attack: enumeration).

use super::mailed_code::check_your_email;
use crate::store::events::Actor;
use crate::store::flows::Flow;
use crate::store::limits::Rule;
use crate::store::{ReadConn, WriteTx, codes, events, flows, limits, outbox};
use crate::{Backend, BrowserTokens, Caller, Error, Fault, Limits, TokenChange, TokenKind, Transition, random};
use account::{
    Account, AccountKind, ActivityKind, Challenge, CodeCounter, CodeEmail, Email, EmailAddress, MailedCode, Purpose,
    Refusal, Request, Secret, Timestamp, WaitingFlow, safe_next,
};

/// How long a flow may take in all, in minutes.
pub(super) const FLOW_MINUTES: i64 = 60;

impl Backend {
    /// Begins a flow that mails at once: a reset, a sign-up, or a sign-in that proves the mailbox first and then leads to `next`.
    pub(super) async fn begin_mailed(
        &self,
        purpose: Purpose,
        caller: &Caller,
        held: &BrowserTokens,
        email: &EmailAddress,
        next: &str,
    ) -> Result<Transition<MailedCode>, Error> {
        let now = self.now();
        let mailbox_first = purpose == Purpose::SignIn;
        let counter = purpose.counter(mailbox_first);
        let mut tx = self.parts.db.begin().await?;
        self.take_turn(&mut tx, counter, email, None).await?;
        let FlowOfForm { token, begun, before } = self.flow_of_form(&mut tx, purpose, held, email, now).await?;
        // One without a code was begun at this moment, before strangers used up the passwords: its row is found taken, and all of
        // this is done again.
        if let Some(flow) = begun.filter(|flow| flow.codes_sent > 0) {
            // The same form sent twice has one effect, one screen, and takes no budget.
            let step = self.mailed_code(&mut tx, &flow, now).await?;
            return Ok(Transition {
                step,
                tokens: vec![hold_flow(purpose, token)],
            });
        }
        let waiting = self.waiting(&mut tx, counter, email, now).await?;
        let account = waiting.account.as_ref().map(|stored| &stored.account);
        let id = account.map(|account| &account.id);
        let rules = vec![self.begin_rule(caller)];
        let mut tx = self.take_email(tx, caller, held, email, id, rules, now).await?;
        // After the budgets, whose waits are longer: a request after the wait that was told is let through.
        if held.visit.is_none() {
            self.demand_first(&waiting.flows, caller, now)?;
        }
        if let Some(before) = &before {
            flows::end(&mut tx, &before.id, now).await?;
        }
        let language = account
            .and_then(|account| account.language.clone())
            .unwrap_or_else(|| caller.language.clone());
        let mut flow = Flow {
            account_id: id.map(|id| id.0.clone()),
            codes_sent: 1,
            resend_at: now.plus_seconds(Challenge::resend_wait_s(1)).0,
            known_device: self.is_known(&mut tx, held, account).await?.into(),
            mailbox_first: mailbox_first.into(),
            next_path: next_path(before.as_ref(), next),
            ..new_flow(&token, caller, email, language, before.as_ref(), now)
        };
        let ended = self.admit_code(&mut tx, purpose, &mut flow, &waiting, now).await?;
        flows::insert(&mut tx, purpose, &flow).await?;
        let step = self.write_email(&mut tx, purpose, caller, &flow, account, now).await?;
        tx.commit().await?;
        self.emails_written.notify_one();
        ended.iter().for_each(|flow| self.flow_moved(&flow.id));
        Ok(Transition {
            step,
            tokens: vec![hold_flow(purpose, token)],
        })
    }

    /// The flow that a first form is about: its token, the flow where it has begun already, and the one that the browser held.
    ///
    /// A form is the same one as a few seconds ago when a double press or a reload sends it again, or when its answer was lost. The
    /// browser holds no flow then; so the token is made from its visit, and leads to the flow that the first one has begun.
    pub(super) async fn flow_of_form(
        &self,
        tx: &mut WriteTx,
        purpose: Purpose,
        held: &BrowserTokens,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<FlowOfForm, Fault> {
        let before = self.find_flow(tx, purpose, held).await?;
        let span_ms = self.limits().reset_every_s * 1_000;
        let is_same = |flow: &Flow| {
            // Either way: another server's clock may be a moment ahead.
            let is_fresh = (now.0 - flow.created_at).abs() < span_ms;
            let goes_on = flow.is_live(now) && flow.code_passed_at.is_none() && flow.tries_left > 0;
            is_fresh && goes_on && flow.email == email.as_str()
        };
        if let (Some(token), Some(flow)) = (held.flow(purpose), before.as_ref().filter(|flow| is_same(flow))) {
            return Ok(FlowOfForm {
                token: token.clone(),
                begun: Some(flow.clone()),
                before,
            });
        }
        // Attack: a visit that others guess. Ours are 256 bits, written so.
        if let Some(visit) = held.visit.as_ref().filter(|visit| visit.expose().len() == VISIT_LENGTH) {
            let mut before = before.clone();
            for number in 0..FLOWS_OF_A_VISIT {
                let token = random::flow_token(visit, purpose, email, number);
                let digest = random::digest(&token);
                let begun = flows::find(tx, &digest, purpose).await?;
                // Once it has stepped up it is another token's.
                if begun
                    .as_ref()
                    .is_none_or(|flow| is_same(flow) && flow.is_held_by(&digest))
                {
                    return Ok(FlowOfForm { token, begun, before });
                }
                // A request of this browser whose answer was lost for longer: its code is known as an earlier one.
                before = before.or(begun.filter(|flow| flow.is_live(now) && flow.is_held_by(&digest)));
            }
        }
        Ok(FlowOfForm {
            token: random::token(),
            begun: None,
            before,
        })
    }

    /// Sends a new code of the browser's flow. Tries are not given back with it.
    pub(super) async fn resend_email(
        &self,
        purpose: Purpose,
        caller: &Caller,
        held: &BrowserTokens,
    ) -> Result<(Flow, MailedCode), Error> {
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        let before = self.demand_flow(&mut tx, purpose, held).await?;
        let (counter, email) = (before.counter(purpose), before.address()?);
        self.take_turn(&mut tx, counter, &email, before.account().as_ref())
            .await?;
        let waiting = self.waiting(&mut tx, counter, &email, now).await?;
        let account = waiting.account.as_ref().map(|stored| &stored.account);
        if before.may_send(now) {
            if counter == CodeCounter::AfterPassword {
                let account = before.account().ok_or(Refusal::FlowGone)?;
                self.take_confirmation(&mut tx, &account, now).await?;
            } else {
                let id = account.map(|account| &account.id);
                tx = self.take_email(tx, caller, held, &email, id, Vec::new(), now).await?;
            }
        }
        let wait_s = Challenge::resend_wait_s(before.codes_sent + 1);
        let Some(mut flow) = flows::take_send(&mut tx, &before.id, purpose, wait_s, now).await? else {
            let waits_for_code = before.is_live(now)
                && before.code_passed_at.is_none()
                && before.tries_left > 0
                && before.codes_sent > 0;
            return Err(match before {
                flow if waits_for_code && flow.codes_sent >= Challenge::SENDS => Refusal::SendsUsedUp,
                flow if waits_for_code => Refusal::ResendWait {
                    seconds: Timestamp(flow.resend_at).seconds_after(now).max(1),
                },
                _ => self.why_no_code(&mut tx, purpose, held, now).await?,
            }
            .into());
        };
        outbox::drop_unsent(&mut tx, &flow.id, now).await?;
        codes::supersede_in(&mut tx, &flow.id, now).await?;
        // Made or gone since the flow began.
        flow.account_id = account.map(|account| account.id.0.clone());
        self.admit_code(&mut tx, purpose, &mut flow, &waiting, now).await?;
        flows::set_code(&mut tx, &flow).await?;
        let step = self.write_email(&mut tx, purpose, caller, &flow, account, now).await?;
        tx.commit().await?;
        self.emails_written.notify_one();
        self.flow_moved(&flow.id);
        Ok((flow, step))
    }

    /// Issues a code and writes the e-mail that goes with the account, in the flow's transaction. Gives what the screen tells.
    pub(super) async fn write_email(
        &self,
        tx: &mut WriteTx,
        purpose: Purpose,
        caller: &Caller,
        flow: &Flow,
        account: Option<&Account>,
        now: Timestamp,
    ) -> Result<MailedCode, Fault> {
        let request = Request {
            reference: flow.reference.clone(),
            asked_at: now,
            browser: caller.browser.clone(),
            mailbox_first: flow.mailbox_first != 0,
        };
        let answer = instead_of_code(flow.counter(purpose), account, &request);
        let (code, works_until) = self.issue_code(tx, purpose, flow, answer.is_none(), now).await?;
        let message = answer.unwrap_or_else(|| {
            Email::Code(CodeEmail {
                purpose,
                code: Secret::from(code.digits()),
                works_until,
                request,
            })
        });
        // Attack: mail to what was typed. Where there is an account, its stored address counts.
        let to = account.map_or(flow.address()?, |account| account.email.clone());
        outbox::write(tx, &self.parts.keys, Some(&flow.id), &to, &flow.language, &message, now).await?;
        if purpose == Purpose::Reset {
            let whose = account.map_or_else(events::nobody, |account| account.id.clone());
            events::append(tx, &whose, ActivityKind::ResetAsked, Actor::Person, caller, now).await?;
        }
        check_your_email(flow, now, works_until, now)
    }

    /// Takes one of each, or tells how long to wait.
    pub(super) async fn take(&self, tx: &mut WriteTx, rules: &[Rule], now: Timestamp) -> Result<(), Error> {
        let wait_s = limits::take(tx, rules, now).await?;
        wait_s.map_or(Ok(()), |seconds| Err(Refusal::TooMany { seconds }.into()))
    }

    /// A client begins so many flows a minute.
    pub(super) fn begin_rule(&self, caller: &Caller) -> Rule {
        Rule::new(
            format!("begin {}", caller.client),
            self.limits().client_a_minute,
            60_000,
        )
    }

    /// A browser without a visit begins a flow of an address once in a while: two forms that it sends together hold no flow yet,
    /// and would each get an e-mail. For this client only: strangers take nothing from the owner by it.
    fn demand_first(&self, others: &[WaitingFlow], caller: &Caller, now: Timestamp) -> Result<(), Refusal> {
        let client = caller.network();
        let own = others.iter().filter(|flow| flow.client == client);
        let Some(newest) = own.map(|flow| flow.created_at).max() else {
            return Ok(());
        };
        let next_at = newest.plus_seconds(self.limits().reset_every_s);
        if now < next_at {
            let seconds = next_at.seconds_after(now).max(1);
            return Err(Refusal::TooMany { seconds });
        }
        Ok(())
    }

    /// The first e-mail of a sign-in that has begun before, and the flow that ends for it. The turn and the budget are taken.
    pub(super) async fn send_first(
        &self,
        tx: &mut WriteTx,
        caller: &Caller,
        flow: &str,
        account: Option<&Account>,
        known_device: bool,
        now: Timestamp,
    ) -> Result<(MailedCode, Option<WaitingFlow>), Error> {
        let purpose = Purpose::SignIn;
        let wait_s = Challenge::resend_wait_s(1);
        let mut flow = flows::take_send(tx, flow, purpose, wait_s, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        flow.known_device = known_device.into();
        let waiting = self.waiting(tx, flow.counter(purpose), &flow.address()?, now).await?;
        let ended = self.admit_code(tx, purpose, &mut flow, &waiting, now).await?;
        flows::set_code(tx, &flow).await?;
        let mailed = self.write_email(tx, purpose, caller, &flow, account, now).await?;
        Ok((mailed, ended))
    }

    /// Whether the browser signed in to the account before. Looked for alike where there is none (attack: enumeration by the clock).
    pub(super) async fn is_known(
        &self,
        conn: &mut ReadConn,
        held: &BrowserTokens,
        account: Option<&Account>,
    ) -> Result<bool, Fault> {
        let account = account.map_or_else(events::nobody, |account| account.id.clone());
        Ok(self.find_device(conn, held, &account).await?.is_some())
    }

    pub(crate) fn limits(&self) -> Limits {
        self.settings().limits
    }

    /// Ends what a changed password or a deactivated account leaves behind: the flows of the address that have proven its
    /// mailbox or password, and every code. Flows that still wait for a code are not told (attack: enumeration by what happens
    /// at the owner's side): their codes are dead, and the rest stays as it is for an address without an account.
    pub(crate) async fn end_flows(
        &self,
        tx: &mut WriteTx,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<String>, Fault> {
        // Flows before their codes, as everywhere: so no two wait for each other.
        let ended = flows::end_proven(tx, email, now).await?;
        codes::supersede(tx, email, now).await?;
        Ok(ended)
    }
}

/// The e-mail for an account that gets no code, or for none.
fn instead_of_code(counter: CodeCounter, account: Option<&Account>, request: &Request) -> Option<Email> {
    use CodeCounter::{AfterPassword, Anyone, SignUp};
    let request = || request.clone();
    match (counter, account) {
        (AfterPassword, _) | (SignUp, None) => None,
        (SignUp, Some(account)) if account.disabled_at.is_some() => Some(Email::AlreadyDeactivated(request())),
        (SignUp, Some(account)) => Some(Email::AlreadyHere(request(), account.password_access())),
        (Anyone, None) => Some(Email::NoAccount(request())),
        (Anyone, Some(account)) if account.disabled_at.is_some() => Some(Email::Deactivated(request())),
        (Anyone, Some(account)) => match &account.kind {
            AccountKind::Local => None,
            AccountKind::Google => Some(Email::UseGoogle(request())),
            AccountKind::Managed(organization) => Some(Email::AskAdministrator(request(), organization.clone())),
        },
    }
}

/// Flows of a visit for one purpose and address are looked for so far; those after them have tokens of their own.
const FLOWS_OF_A_VISIT: u32 = 16;
/// 256 bits in base64.
const VISIT_LENGTH: usize = 43;

/// See [`Backend::flow_of_form`].
pub(super) struct FlowOfForm {
    /// For the browser to hold.
    pub token: Secret,
    /// The flow, where this form has begun it already.
    pub begun: Option<Flow>,
    /// The flow that the browser held.
    pub before: Option<Flow>,
}

/// Where a sign-in goes to. Another address, or the same after a reset, goes on to where the flow before was going.
pub(super) fn next_path(before: Option<&Flow>, next: &str) -> String {
    let next = match before {
        Some(before) if next.is_empty() && before.finished_at.is_none() => &before.next_path,
        _ => next,
    };
    safe_next(next).to_owned()
}

/// A flow at its start.
pub(super) fn new_flow(
    token: &Secret,
    caller: &Caller,
    email: &EmailAddress,
    language: String,
    before: Option<&Flow>,
    now: Timestamp,
) -> Flow {
    let replaces = before.filter(|before| before.email == email.as_str());
    Flow {
        client: caller.network(),
        known_device: 0,
        replaces: replaces.and_then(|before| match before.codes_sent {
            0 => before.replaces.clone(),
            _ => Some(before.id.clone()),
        }),
        digits: 0,
        mailbox_first: 0,
        trust: 0,
        id: random::digest(token),
        email: email.as_str().to_owned(),
        account_id: None,
        reference: Request::reference(&mut random::generator()),
        language,
        next_path: "/profile".to_owned(),
        tries_left: Challenge::TRIES,
        stale_code_allowance: Challenge::HINTS,
        codes_sent: 0,
        resend_at: 0,
        version: 1,
        created_at: now.0,
        ends_at: now.plus_minutes(FLOW_MINUTES).0,
        password_passed_at: None,
        code_passed_at: None,
        finished_at: None,
        ended_at: None,
        token_digest: None,
        stepped_up_at: None,
    }
}

/// The browser holds the flow's token as long as the flow may take.
pub(super) const fn hold_flow(purpose: Purpose, token: Secret) -> TokenChange {
    TokenChange {
        kind: TokenKind::Flow(purpose),
        token: Some(token),
        keep_s: FLOW_MINUTES * 60,
    }
}

/// The browser lets the flow's token go.
pub(super) const fn drop_flow(purpose: Purpose) -> TokenChange {
    TokenChange {
        kind: TokenKind::Flow(purpose),
        token: None,
        keep_s: 0,
    }
}
