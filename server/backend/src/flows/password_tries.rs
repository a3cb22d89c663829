//! Tries of a password, when signing in and when changing it: whose they count as, and who has to wait.

use super::step_up::LOST_ANSWER_MS;
use crate::hashing::HashPermit;
use crate::store::flows::Flow;
use crate::store::limits::{DAY_MS, Rule};
use crate::store::{ReadConn, WriteTx, accounts, events, flows, limits, throttles};
use crate::{Backend, BrowserTokens, Error, Fault, Verdict, retried};
use account::{Account, AccountId, EmailAddress, Refusal, Secret, Timestamp};

impl Backend {
    /// Verifies a password whose try is spent. Where there is no hash, it is held against somebody else's, in vain. A fault of
    /// ours gives the try back: nothing was looked at, and nobody waits for our being busy.
    pub(super) async fn verify_password(
        &self,
        place: HashPermit,
        tries: &Tries,
        password: &Secret,
        stored: Option<&str>,
        somebody_elses: Option<&str>,
    ) -> Result<Verdict, Error> {
        let hash = stored.or(somebody_elses);
        let verdict = self.parts.hashing.verify_at(place, password, hash).await;
        if verdict.is_err() {
            self.give_back_password(tries).await?;
        }
        let verdict = verdict?;
        Ok(if stored.is_some() { verdict } else { Verdict::Wrong })
    }

    /// The hash of somebody who was drawn for this address, if there is one. Attack: enumeration by the clock. Hashes that came
    /// from another system take as long to check as that system chose, until their person signs in. So an address without a
    /// password here takes the time of a person's who is always the same one, and looks like one more of the crowd: slow at
    /// first and one day fast, as theirs.
    pub(super) async fn decoy_hash(&self, conn: &mut ReadConn, email: &EmailAddress) -> Result<Option<String>, Fault> {
        let drawn = self
            .parts
            .keys
            .current()
            .mac("somebody else", &[email.as_str().as_bytes()]);
        accounts::password_of_next(conn, &AccountId(hex::encode(&drawn[..16]))).await
    }

    /// Gives a try back whose judgement the database put back: all of it is done [`retried`](crate::retried), and would spend two.
    pub(super) async fn unless_put_back<T>(&self, tries: &Tries, judged: Result<T, Error>) -> Result<T, Error> {
        if matches!(judged, Err(Error::Fault(Fault::Conflict(_)))) {
            self.give_back_password(tries).await?;
        }
        judged
    }

    async fn give_back_password(&self, tries: &Tries) -> Result<(), Error> {
        retried(async || {
            let mut tx = self.parts.db.begin_unsynced().await?;
            match tries {
                Tries::Browser(throttle_key) => throttles::give_back(&mut tx, throttle_key).await?,
                Tries::Strangers(rule) => limits::give_back(&mut tx, std::slice::from_ref(rule)).await?,
                Tries::Flow(id) => flows::give_password_back(&mut tx, id).await?,
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The tries of a sign-in's password.
    pub(super) async fn tries(
        &self,
        conn: &mut ReadConn,
        held: &BrowserTokens,
        flow: &Flow,
        email: &EmailAddress,
        account: Option<&Account>,
    ) -> Result<Tries, Fault> {
        if flow.mailbox_first != 0 {
            return Ok(Tries::Flow(flow.id.clone()));
        }
        let account = account.map_or_else(events::nobody, |account| account.id.clone());
        let device = self.find_device(conn, held, &account).await?;
        Ok(device.map_or_else(
            || Tries::Strangers(self.strangers_rule(email)),
            |device| Tries::Browser(device_throttle_key(email, &device.id)),
        ))
    }

    /// Counts a password try before it is looked at (attack: many tries at once). Gives what a wrong password is told; `None` where
    /// strangers have used up theirs, and then nothing of the transaction may be kept.
    pub(super) async fn spend_password(
        &self,
        tx: &mut WriteTx,
        tries: &Tries,
        now: Timestamp,
    ) -> Result<Option<Refusal>, Error> {
        match tries {
            Tries::Browser(throttle_key) => self.spend_throttled_try(tx, throttle_key, now).await?,
            Tries::Strangers(rule) => {
                if limits::take(tx, std::slice::from_ref(rule), now).await?.is_some() {
                    return Ok(None);
                }
            }
            Tries::Flow(id) => {
                let left = flows::spend_password(tx, id, now.plus_ms(-LOST_ANSWER_MS), now).await?;
                match left {
                    Some(1..) => {}
                    Some(_) => return Ok(Some(Refusal::PasswordTriesUsedUp)),
                    None => return Err(Refusal::PasswordTriesUsedUp.into()),
                }
            }
        }
        Ok(Some(Refusal::SignInWrong))
    }

    /// So many tries of a throttle_key are free, then each waits longer.
    pub(super) async fn spend_throttled_try(
        &self,
        tx: &mut WriteTx,
        throttle_key: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let limits = self.limits();
        let in_a_row = throttles::spend(tx, throttle_key, now)
            .await?
            .map_err(|until| Refusal::PasswordWait {
                seconds: until.seconds_after(now).max(1),
            })?;
        let over = in_a_row - limits.free_passwords;
        if over >= 0 {
            let wait_s = limits
                .password_wait_s
                .saturating_mul(1 << over.clamp(0, 20))
                .min(limits.password_wait_max_s);
            throttles::wait_until(tx, throttle_key, now.plus_seconds(wait_s)).await?;
        }
        Ok(())
    }

    /// The password was right: a browser's own tries begin anew, strangers' lose none. Attack: strangers learn from tries that come
    /// back early that the owner was there, and so that there is an account.
    pub(super) async fn clear_tries(&self, tx: &mut WriteTx, tries: &Tries, email: &EmailAddress) -> Result<(), Fault> {
        throttles::clear(tx, &wrong_passwords(email)).await?;
        match tries {
            Tries::Browser(throttle_key) => throttles::clear(tx, throttle_key).await,
            Tries::Strangers(rule) => limits::give_back(tx, std::slice::from_ref(rule)).await,
            Tries::Flow(_) => Ok(()),
        }
    }

    /// Whether strangers have used up the tries of an address, so that they prove the mailbox first.
    pub(super) async fn strangers_prove_mailbox(
        &self,
        conn: &mut ReadConn,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let rule = self.strangers_rule(email);
        Ok(limits::taken(conn, &rule.key, now).await? >= rule.window.most)
    }

    /// The tries of all browsers that never signed in to the account: so many a day, of whatever kind the address is.
    fn strangers_rule(&self, email: &EmailAddress) -> Rule {
        Rule::new(format!("password {email}"), self.limits().free_passwords, DAY_MS)
    }
}

/// Where the tries of a password count.
pub(super) enum Tries {
    /// In the throttle_key of a browser that signed in to the account before, so that no stranger spends the owner's.
    Browser(String),
    /// With those of every other browser. When they are used up the mailbox is proven first: nobody waits, and no more passwords
    /// are looked at for those who cannot read the owner's e-mail.
    Strangers(Rule),
    /// In the flow: its mailbox is proven.
    Flow(String),
}

/// The throttle_key of a browser that signed in to the account before.
pub(super) fn device_throttle_key(email: &EmailAddress, device: &str) -> String {
    format!("password {email} {device}")
}

/// Wrong passwords of an address in a row: the owner is told of the tenth.
pub(super) fn wrong_passwords(email: &EmailAddress) -> String {
    format!("wrong passwords {email}")
}
