//! The password of a sign-in, and what follows a correct one.

use super::SIGN_IN;
use crate::flows::mailed_email::{drop_flow, set_next};
use crate::flows::password_tries::{Tries, wrong_passwords};
use crate::flows::provider::first_change_password;
use crate::flows::request::SignIn;
use crate::flows::step_up::{LOST_ANSWER_MS, Standing};
use crate::leaked::Leak;
use crate::store::accounts::Stored;
use crate::store::flows::Flow;
use crate::store::{accounts, flows, throttles};
use crate::{Error, Fault, Transition, Verdict};
use account::{
    Account, AccountId, ActivityKind, DeviceTrust, FailureCause, Method, NextStep, Refusal, Secret, SignInNext,
    SignInPolicy, SignInStep, next_step,
};

impl SignIn<'_> {
    /// Checks the password. If it is correct, e-mails a code, or signs in on a trusted device. `next` is the destination of the
    /// page with the form.
    ///
    /// # Errors
    /// A refusal: incorrect password, or a wait.
    pub async fn password(self, password: &Secret, next: &str) -> Result<Transition<SignInStep>, Error> {
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
        let told = self
            .password_was_right(&flow, stored, (password, verdict), &tries, next)
            .await;
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
        let (mailed, ended) = self.0.send_first(&mut tx, &flow.id, false, now).await?;
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
        (password, verdict): (&Secret, Verdict),
        tries: &Tries,
        next: &str,
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
        set_next(&mut tx, &flow, next).await?;
        match leak {
            Some(Leak::Found) => {
                self.0
                    .log(&mut tx, &account.id, ActivityKind::PasswordLeaked, now)
                    .await?;
                let next = if next.is_empty() { &flow.next_path } else { next };
                flow.next_path = first_change_password(next);
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
        let needed = next_step(
            account.sign_in_methods(),
            account.sign_in_policy(),
            proven,
            device_trust,
        );
        let mut ended = None;
        let transition = if needed == SignInNext::Done {
            if !flows::finish_without_code(&mut tx, &flow.id, now).await? {
                return Err(Refusal::StepElsewhere.into());
            }
            let mut tokens = self.0.begin_session(&mut tx, account, proven, flow.trust, now).await?;
            tokens.push(drop_flow(SIGN_IN));
            Transition::new(self.signed_in(&flow, account, next), tokens)
        } else {
            self.0.backend.take_confirmation(&mut tx, &account.id, now).await?;
            let mailed;
            (mailed, ended) = self.0.send_first(&mut tx, &flow.id, device.is_some(), now).await?;
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
}
