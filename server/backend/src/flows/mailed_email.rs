//! The e-mails of a flow, including resends. Attack: enumeration. Only an e-mail's content depends on the account; screens
//! and timing are the same for every address.

use super::email_change::change_rule;
use super::first_form::FlowOfForm;
use super::mailed_code::check_your_email;
use super::request::BrowserRequest;
use crate::store::flows::Flow;
use crate::store::limits::Rule;
use crate::store::waiting::Waiting;
use crate::store::{ReadConn, WriteTx, codes, email_changes, events, flows, limits, outbox};
use crate::{Backend, Caller, Error, Fault, Limits, TokenChange, TokenKind, Transition, random};
use account::{
    Account, AccountId, ActivityKind, Challenge, CodeCounter, CodeEmail, Email, EmailAddress, MailedCode,
    PasswordAccess, Progress, Purpose, Refusal, Request, Secret, SignInPolicy, Timestamp, WaitingFlow, safe_next,
};

/// Maximum duration of a flow, in minutes.
pub(super) const FLOW_MINUTES: i64 = 60;

impl BrowserRequest<'_> {
    /// Begins a flow that sends an e-mail at once: a reset, a sign-up, or a sign-in that verifies the address first. `next` is
    /// the path after a sign-in.
    pub(super) async fn begin_mailed(
        self,
        purpose: Purpose,
        email: &EmailAddress,
        next: &str,
    ) -> Result<Transition<MailedCode>, Error> {
        self.begin_mailed_for(purpose, email, next, None).await
    }

    /// Begins such a flow; `owner` is the signed-in account that gets the address.
    pub(super) async fn begin_mailed_for(
        self,
        purpose: Purpose,
        email: &EmailAddress,
        next: &str,
        owner: Option<&Account>,
    ) -> Result<Transition<MailedCode>, Error> {
        let now = self.now();
        let mailbox_first = purpose == Purpose::SignIn;
        let counter = purpose.counter(mailbox_first);
        let mut tx = self.begin().await?;
        self.backend.take_turn(&mut tx, counter, email, None).await?;
        let FlowOfForm {
            mut token,
            mut begun,
            before,
        } = self.flow_of_form(&mut tx, purpose, email, now).await?;
        if let (Some(flow), Some(owner)) = (&begun, owner)
            && email_changes::account_of(&mut tx, &flow.id).await?.as_ref() != Some(&owner.id)
        {
            // Attack: a change begun in the intruder's account becomes one of the account of a stolen session, without a notice.
            (token, begun) = (random::token(), None);
        }
        // A flow without a code began just before strangers used up the password tries. Its row already exists, so inserting
        // conflicts and the request is retried.
        if let Some(flow) = begun.filter(|flow| flow.progress.codes_sent > 0) {
            // A form that is sent twice has one effect and one screen, and spends no further budget.
            set_next(&mut tx, &flow, next).await?;
            let step = self.backend.mailed_code(&mut tx, &flow, now).await?;
            tx.commit().await?;
            return Ok(Transition::new(step, vec![hold_flow(purpose, token)]));
        }
        let waiting = self.backend.waiting(&mut tx, counter, email, now).await?;
        let account = waiting.account.as_ref().map(|stored| &stored.account);
        let id = account.map(|account| &account.id);
        let mut rules = vec![self.begin_rule()];
        rules.extend(owner.map(change_rule));
        let mut tx = self.take_email(tx, email, id, rules, now).await?;
        // After the budgets, which have longer waits: a request after the announced wait must succeed.
        if self.tokens.visit.is_none() {
            self.demand_first(&waiting.flows, now)?;
        }
        if let Some(before) = &before {
            flows::end(&mut tx, &before.id, now).await?;
        }
        let language = account
            .and_then(|account| account.language.clone())
            .unwrap_or_else(|| self.caller.language.clone());
        let mut flow = Flow {
            account: whose(purpose, &waiting),
            resend_at: now.plus_seconds(Challenge::resend_wait_s(1)),
            known_device: self.is_known(&mut tx, account).await?,
            next_path: next_path(before.as_ref(), next),
            ..new_flow(purpose, &token, self.caller, email, language, before.as_ref(), now)
        };
        (flow.progress.codes_sent, flow.progress.mailbox_first) = (1, mailbox_first);
        let ended = self.backend.admit_code(&mut tx, &mut flow, &waiting, now).await?;
        flows::insert(&mut tx, &flow).await?;
        self.begin_email_change(&mut tx, &flow, owner).await?;
        self.tell_of_email_change(&mut tx, &flow, owner, now).await?;
        let step = self.write_email(&mut tx, &flow, &waiting, now).await?;
        tx.commit().await?;
        self.backend.emails_written.notify_one();
        ended.iter().for_each(|flow| self.backend.flow_moved(&flow.id));
        Ok(Transition::new(step, vec![hold_flow(purpose, token)]))
    }

    /// Sends a new code for the browser's flow without restoring tries.
    pub(super) async fn resend_email(self, purpose: Purpose) -> Result<(Flow, MailedCode), Error> {
        let now = self.now();
        let mut tx = self.begin().await?;
        let before = self.demand_flow(&mut tx, purpose).await?;
        let (counter, email) = (before.progress.counter(), &before.email);
        self.backend
            .take_turn(&mut tx, counter, email, before.account.as_ref())
            .await?;
        let waiting = self.backend.waiting(&mut tx, counter, email, now).await?;
        let account = waiting.account.as_ref().map(|stored| &stored.account);
        if before.may_send(now) {
            let taken = if counter == CodeCounter::AfterPassword {
                let account = before.account.as_ref().ok_or(Refusal::FlowGone)?;
                let taken = self.backend.take_confirmation(&mut tx, account, now).await;
                taken.map(|()| tx)
            } else {
                let id = account.map(|account| &account.id);
                self.take_email(tx, email, id, Vec::new(), now).await
            };
            tx = match taken {
                Err(Error::Refused(Refusal::TooMany { seconds })) => {
                    return Err(self.delay_resend(&before.id, seconds, now).await?.into());
                }
                taken => taken?,
            };
        }
        let wait_s = Challenge::resend_wait_s(before.progress.codes_sent + 1);
        let Some(mut flow) = flows::take_send(&mut tx, &before.id, purpose, wait_s, now).await? else {
            let waits_for_code = before.progress.waits_for_code(now);
            return Err(match before {
                flow if waits_for_code && flow.progress.codes_sent >= Challenge::SENDS => Refusal::SendsUsedUp,
                flow if waits_for_code => Refusal::ResendWait {
                    seconds: flow.resend_at.seconds_after(now).max(1),
                },
                _ => self.why_no_code(&mut tx, purpose, now).await?,
            }
            .into());
        };
        outbox::drop_unsent(&mut tx, &flow.id, now).await?;
        codes::supersede_in(&mut tx, &flow.id, now).await?;
        // The account may have been created or deleted since the flow began.
        flow.account = whose(purpose, &waiting);
        self.backend.admit_code(&mut tx, &mut flow, &waiting, now).await?;
        flows::set_code(&mut tx, &flow).await?;
        let step = self.write_email(&mut tx, &flow, &waiting, now).await?;
        tx.commit().await?;
        self.backend.emails_written.notify_one();
        self.backend.flow_moved(&flow.id);
        Ok((flow, step))
    }

    /// Makes the flow wait as long as the budget does, because the screen must not offer a new code earlier.
    async fn delay_resend(self, flow: &str, seconds: i64, now: Timestamp) -> Result<Refusal, Fault> {
        let mut tx = self.begin().await?;
        flows::delay_send(&mut tx, flow, now.plus_seconds(seconds)).await?;
        tx.commit().await?;
        self.backend.flow_moved(flow);
        Ok(Refusal::TooMany { seconds })
    }

    /// Issues a code and writes the e-mail for this kind of account, in the flow's transaction. Returns the screen's data.
    pub(super) async fn write_email(
        self,
        tx: &mut WriteTx,
        flow: &Flow,
        waiting: &Waiting,
        now: Timestamp,
    ) -> Result<MailedCode, Fault> {
        let purpose = flow.progress.purpose;
        let account = waiting.account.as_ref().map(|stored| &stored.account);
        let mut moved = waiting.moved.clone();
        if purpose == Purpose::ChangeEmail {
            // An account may take an address back that it has left.
            let owner = email_changes::account_of(tx, &flow.id).await?;
            moved = moved.filter(|moved| owner.as_ref() != Some(moved));
        }
        let request = Request {
            reference: flow.reference.clone(),
            asked_at: now,
            browser: self.caller.browser.clone(),
            purpose,
            mailbox_first: flow.progress.mailbox_first,
        };
        let answer = self
            .backend
            .instead_of_code(&flow.progress, account, moved.is_some(), &request);
        let (code, works_until) = self.backend.issue_code(tx, flow, answer.is_none(), now).await?;
        let message = answer.unwrap_or_else(|| {
            Email::Code(CodeEmail {
                purpose,
                code: Secret::from(code.digits()),
                works_until,
                request,
            })
        });
        // Attack: mail to the address as typed. An account's stored address takes precedence.
        let to = account.map_or(&flow.email, |account| &account.email);
        outbox::write(
            tx,
            &self.backend.parts.keys,
            Some(&flow.id),
            to,
            &flow.language,
            &message,
            now,
        )
        .await?;
        if purpose == Purpose::Reset {
            let whose = account.map_or_else(events::unknown_account, |account| account.id.clone());
            self.log(tx, &whose, ActivityKind::ResetAsked, now).await?;
        }
        Ok(check_your_email(flow, now, works_until, now))
    }

    /// Returns the limit on flows that a client begins per minute.
    pub(super) fn begin_rule(self) -> Rule {
        Rule::new(
            format!("begin {}", self.caller.client),
            self.backend.limits().client_a_minute,
            60_000,
        )
    }

    /// Limits a browser without a visit to one flow per address and interval: two forms sent together hold no flow yet, and each
    /// would send an e-mail. Counted per client, so strangers cannot block the owner.
    fn demand_first(self, others: &[WaitingFlow], now: Timestamp) -> Result<(), Refusal> {
        let client = self.caller.network();
        let own = others.iter().filter(|flow| flow.client == client);
        let Some(newest) = own.map(|flow| flow.created_at).max() else {
            return Ok(());
        };
        let next_at = newest.plus_seconds(self.backend.limits().reset_every_s);
        if now < next_at {
            let seconds = next_at.seconds_after(now).max(1);
            return Err(Refusal::TooMany { seconds });
        }
        Ok(())
    }

    /// Sends the first e-mail of a sign-in in progress; also returns the flow that ends for it. Requires the turn and the budget.
    pub(super) async fn send_first(
        self,
        tx: &mut WriteTx,
        flow: &str,
        known_device: bool,
        now: Timestamp,
    ) -> Result<(MailedCode, Option<WaitingFlow>), Error> {
        let purpose = Purpose::SignIn;
        let wait_s = Challenge::resend_wait_s(1);
        let mut flow = flows::take_send(tx, flow, purpose, wait_s, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        flow.known_device = known_device;
        let waiting = self
            .backend
            .waiting(tx, flow.progress.counter(), &flow.email, now)
            .await?;
        let ended = self.backend.admit_code(tx, &mut flow, &waiting, now).await?;
        flows::set_code(tx, &flow).await?;
        let mailed = self.write_email(tx, &flow, &waiting, now).await?;
        Ok((mailed, ended))
    }

    /// Whether the browser has signed in to the account. Attack: enumeration by timing; always looks up a device.
    pub(super) async fn is_known(self, conn: &mut ReadConn, account: Option<&Account>) -> Result<bool, Fault> {
        let account = account.map_or_else(events::unknown_account, |account| account.id.clone());
        Ok(self.find_device(conn, &account).await?.is_some())
    }
}

impl Backend {
    /// Takes one of each rule, or refuses with the wait.
    pub(super) async fn take(&self, tx: &mut WriteTx, rules: &[Rule], now: Timestamp) -> Result<(), Error> {
        let wait_s = limits::take(tx, rules, now).await?;
        wait_s.map_or(Ok(()), |seconds| Err(Refusal::TooMany { seconds }.into()))
    }

    pub(crate) fn limits(&self) -> Limits {
        self.settings().limits
    }

    /// Ends what depends on the old password or on a deactivated account: all codes, and flows with a proven mailbox or password.
    /// Flows that are waiting for a code look unchanged, although the code no longer works. Attack: enumeration through the
    /// owner's actions.
    pub(crate) async fn end_flows(
        &self,
        tx: &mut WriteTx,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Vec<String>, Fault> {
        // Lock flows before their codes, as everywhere, to avoid deadlocks.
        let ended = flows::end_proven(tx, email, now).await?;
        codes::supersede(tx, email, now).await?;
        Ok(ended)
    }

    /// Returns the e-mail for an address without an account, or for an account that gets no code.
    /// `moved` tells that an account has left the address in the last seven days.
    fn instead_of_code(
        &self,
        progress: &Progress,
        account: Option<&Account>,
        moved: bool,
        request: &Request,
    ) -> Option<Email> {
        use CodeCounter::{AfterPassword, Anyone, SignUp};
        // Begun by a signed-in user, for their own address.
        if progress.purpose == Purpose::Confirm {
            return None;
        }
        let counter = progress.counter();
        let mailbox_first = request.mailbox_first;
        let request = || request.clone();
        if progress.purpose == Purpose::ChangeEmail {
            return match account {
                Some(_) => Some(Email::AddressInUse(request())),
                None => moved.then(|| Email::Moved(request())),
            };
        }
        match (counter, account) {
            (AfterPassword, _) => None,
            (Anyone, None) if moved && progress.purpose == Purpose::Secure => None,
            // Attack: a new account at the address keeps its owner from undoing the change.
            (Anyone | SignUp, None) if moved => Some(Email::Moved(request())),
            (SignUp, None) => None,
            (SignUp, Some(account)) if account.disabled_at.is_some() => Some(Email::AlreadyDeactivated(request())),
            (SignUp, Some(account)) => Some(Email::AlreadyHere(request(), self.password_access(account))),
            (Anyone, None) => Some(Email::NoAccount(request())),
            (Anyone, Some(account)) if account.disabled_at.is_some() => Some(Email::Deactivated(request())),
            (Anyone, Some(_)) if progress.purpose == Purpose::Secure => None,
            // Members of an organization without a provider sign in with a code.
            (Anyone, Some(account)) if mailbox_first && account.sign_in_policy() == SignInPolicy::OrganizationCode => {
                None
            }
            (Anyone, Some(account)) => match self.password_access(account) {
                PasswordAccess::ManagedBy(organization) => Some(Email::AskAdministrator(request(), organization)),
                PasswordAccess::NotSet(Some(provider)) => Some(Email::UseProvider(request(), provider)),
                PasswordAccess::Editable | PasswordAccess::NotSet(None) => None,
            },
        }
    }
}

/// Returns the account of a flow. Wrong codes of a change of address say nothing about the account at the new address.
fn whose(purpose: Purpose, waiting: &Waiting) -> Option<AccountId> {
    let account = waiting.account.as_ref().map(|stored| &stored.account.id);
    match purpose {
        Purpose::ChangeEmail => None,
        Purpose::Secure => account.or(waiting.moved.as_ref()).cloned(),
        _ => account.cloned(),
    }
}

/// Returns the path after a sign-in. A flow for another address, or after a reset, keeps the previous flow's path.
pub(super) fn next_path(before: Option<&Flow>, next: &str) -> String {
    let next = match before {
        Some(before) if next.is_empty() && before.progress.finished_at.is_none() => &before.next_path,
        _ => next,
    };
    safe_next(next).to_owned()
}

/// Makes a flow lead to the page that its form comes from: the user may have opened it for another product meanwhile.
pub(super) async fn set_next(tx: &mut WriteTx, flow: &Flow, next: &str) -> Result<(), Fault> {
    if !next.is_empty() && flow.next_path != safe_next(next) {
        flows::set_next(tx, &flow.id, safe_next(next)).await?;
    }
    Ok(())
}

/// Returns a flow in its initial state.
pub(super) fn new_flow(
    purpose: Purpose,
    token: &Secret,
    caller: &Caller,
    email: &EmailAddress,
    language: String,
    before: Option<&Flow>,
    now: Timestamp,
) -> Flow {
    let replaces = before.filter(|before| before.email == *email);
    Flow {
        client: caller.network(),
        known_device: false,
        replaces: replaces.and_then(|before| match before.progress.codes_sent {
            0 => before.replaces.clone(),
            _ => Some(before.id.clone()),
        }),
        code_length: 0,
        trust: false,
        id: random::digest(token),
        email: email.clone(),
        account: None,
        reference: Request::reference(&mut random::generator()),
        language,
        next_path: "/profile".to_owned(),
        progress: Progress {
            purpose,
            mailbox_first: false,
            codes_sent: 0,
            tries_left: Challenge::TRIES,
            password_passed_at: None,
            code_passed_at: None,
            finished_at: None,
            ended_at: None,
            ends_at: now.plus_minutes(FLOW_MINUTES),
        },
        stale_code_allowance: Challenge::HINTS,
        resend_at: now,
        version: 1,
        created_at: now,
        token_digest: None,
        stepped_up_at: None,
    }
}

/// Stores the flow's token in the browser for the flow's maximum duration.
pub(super) const fn hold_flow(purpose: Purpose, token: Secret) -> TokenChange {
    TokenChange {
        kind: TokenKind::Flow(purpose),
        token: Some(token),
        keep_s: FLOW_MINUTES * 60,
    }
}

/// Removes the flow's token from the browser.
pub(super) const fn drop_flow(purpose: Purpose) -> TokenChange {
    TokenChange {
        kind: TokenKind::Flow(purpose),
        token: None,
        keep_s: 0,
    }
}
