//! Changes the password from the security page.

use super::password_tries::{Tries, device_throttle_key, wrong_passwords};
use super::step_up::LOST_ANSWER_MS;
use crate::proof::PasswordProof;
use crate::store::events::Actor;
use crate::store::{accounts, events, outbox, sessions, throttles};
use crate::{Backend, BrowserTokens, Caller, Error, Fault, Transition, Verdict};
use account::{Account, ActivityKind, Email, FailureCause, Notice, Refusal, Secret, SecurityDone, SecurityView};

impl Backend {
    /// Takes the current password once and the new one twice. This browser gets a new session token; with `end_others`, all other
    /// sessions end and all other devices are forgotten.
    ///
    /// # Errors
    /// A refusal: signed out, managed by an organization, wrong current password, or unsuitable new password.
    pub async fn change_password(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        current: &Secret,
        password: &Secret,
        again: &Secret,
        end_others: bool,
    ) -> Result<Transition<SecurityView>, Error> {
        let mut conn = self.parts.db.read().await?;
        let (session, stored) = match self.signed_in(&mut conn, held).await {
            Err(Error::Refused(Refusal::SignedOut)) => {
                drop(conn);
                return self.change_again(caller, held, password).await;
            }
            found => found?,
        };
        let account = stored.account;
        account.password_access().require_editable()?;
        if current.is_empty() {
            return Err(Refusal::CurrentMissing.into());
        }
        // Checks that need no hash come first and cost no try.
        self.settings()
            .password
            .check_for(password, again, &account.email, &account.name)?;
        // Of this browser only. Attack: strangers, or a stolen session, spend the owner's tries.
        let device = self.find_device(&mut conn, held, &account.id).await?;
        let throttle_key = device_throttle_key(&account.email, &device.map_or(session.id, |device| device.id));
        drop(conn);

        let place = self.parts.hashing.place(&caller.network()).await?;
        let mut tx = self.parts.db.begin().await?;
        self.spend_throttled_try(&mut tx, &throttle_key, self.now()).await?;
        tx.commit().await?;
        let hash = stored.password.ok_or(Refusal::CurrentWrong)?;
        let tries = Tries::Browser(throttle_key);
        let verdict = self.verify_password(place, &tries, current, Some(&hash), None).await?;
        if verdict == Verdict::Wrong {
            let noted = self.note_wrong_current(caller, &account).await;
            self.unless_put_back(&tries, noted.map_err(Error::from)).await?;
            return Err(Refusal::CurrentWrong.into());
        }
        // The current password is right, so no failure is counted even if the new one is refused.
        let mut tx = self.parts.db.begin().await?;
        self.clear_tries(&mut tx, &tries, &account.email).await?;
        tx.commit().await?;
        let chosen = self
            .choose_password(caller, &account.email, &account.name, password, again, Some(&hash))
            .await?;

        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        accounts::lock_for_update(&mut tx, &account.id).await?;
        // Signed out, switched off, managed or changed meanwhile: each ends it here.
        let (session, _) = match self.signed_in(&mut tx, held).await {
            Err(Error::Refused(Refusal::SignedOut)) => {
                drop(tx);
                return self.change_again(caller, held, password).await;
            }
            found => found?,
        };
        let proof = PasswordProof::verified(account.id.clone(), hash);
        if !accounts::set_password(&mut tx, &proof, &chosen.hash, chosen.unchecked, now).await? {
            let stored = accounts::find(&mut tx, &account.id).await?.ok_or(Refusal::SignedOut)?;
            stored.account.password_access().require_editable()?;
            return Err(Refusal::CurrentWrong.into());
        }
        sessions::end(&mut tx, &account.id, &session.id).await?;
        let mut device = None;
        if end_others {
            sessions::end_all_but(&mut tx, &account.id, "").await?;
            device = self.forget_other_devices(&mut tx, held, &account.id, now).await?;
        }
        self.clear_confirmations(&mut tx, &account.id).await?;
        let next = self.next_token(held.session.as_ref().ok_or(Refusal::SignedOut)?);
        let token = self.insert_session(&mut tx, caller, &account.id, next, now).await?;
        let transition = self.end_flows(&mut tx, &account.email, now).await?;
        events::append(
            &mut tx,
            &account.id,
            ActivityKind::PasswordChanged,
            Actor::Person,
            caller,
            now,
        )
        .await?;
        let email = Email::Notice(Notice::PasswordChanged {
            at: now,
            browser: caller.browser.clone(),
        });
        let language = account.language.as_deref().unwrap_or(&caller.language);
        outbox::write(&mut tx, &self.parts.keys, None, &account.email, language, &email, now).await?;
        let tokens: Vec<_> = [token].into_iter().chain(device).collect();
        let mut held = held.clone();
        tokens.iter().for_each(|token| held.apply(token));
        let (session, stored) = self.signed_in(&mut tx, &held).await?;
        let view = self.security_in(&mut tx, &held, &session, stored.account).await?;
        tx.commit().await?;
        self.emails_written.notify_one();
        transition.iter().for_each(|id| self.flow_moved(id));
        Ok(Transition {
            step: SecurityView {
                done: Some(SecurityDone::PasswordChanged),
                ..view
            },
            tokens,
        })
    }

    /// Repeats the answer to a password change that ended this browser's session within the last 30 s, because the new tokens may
    /// have been lost on the way.
    ///
    /// Attack: a copy of the token from before the change. Without the new password it gains nothing, and its guesses count
    /// separately from the owner's tries.
    async fn change_again(
        &self,
        caller: &Caller,
        held: &BrowserTokens,
        password: &Secret,
    ) -> Result<Transition<SecurityView>, Error> {
        let token = self.next_token(held.session.as_ref().ok_or(Refusal::SignedOut)?);
        let after = BrowserTokens {
            session: Some(token.clone()),
            ..held.clone()
        };
        let mut conn = self.parts.db.read().await?;
        let (session, stored) = self.signed_in(&mut conn, &after).await?;
        drop(conn);
        if self.now().0 >= session.signed_in_at + LOST_ANSWER_MS {
            return Err(Refusal::SignedOut.into());
        }
        let place = self.parts.hashing.place(&caller.network()).await?;
        let mut tx = self.parts.db.begin().await?;
        let tries = Tries::Browser(device_throttle_key(
            &stored.account.email,
            &["change ", &session.id].concat(),
        ));
        if let Tries::Browser(throttle_key) = &tries {
            self.spend_throttled_try(&mut tx, throttle_key, self.now()).await?;
        }
        tx.commit().await?;
        let hash = stored.password.as_deref();
        if self.verify_password(place, &tries, password, hash, None).await? == Verdict::Wrong {
            self.note_wrong_current(caller, &stored.account).await?;
            return Err(Refusal::SignedOut.into());
        }
        let mut conn = self.parts.db.read().await?;
        let (session, stored) = self.signed_in(&mut conn, &after).await?;
        let device = self.device_again(&mut conn, held, None, &stored.account.id).await?;
        let view = self.security_in(&mut conn, &after, &session, stored.account).await?;
        Ok(Transition {
            step: SecurityView {
                done: Some(SecurityDone::PasswordChanged),
                ..view
            },
            tokens: std::iter::once(self.hold_session(token)).chain(device).collect(),
        })
    }

    /// Records a wrong current password in the account's log and e-mails the owner at the tenth.
    async fn note_wrong_current(&self, caller: &Caller, account: &Account) -> Result<(), Fault> {
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        events::append(
            &mut tx,
            &account.id,
            ActivityKind::WrongPassword,
            Actor::Person,
            caller,
            now,
        )
        .await?;
        if throttles::count(&mut tx, &wrong_passwords(&account.email), now).await? % 10 == 0 {
            let cause = FailureCause::CurrentPasswords;
            self.tell_of_failures(&mut tx, &account.id, cause, caller, now).await?;
        }
        tx.commit().await?;
        self.emails_written.notify_one();
        Ok(())
    }
}
