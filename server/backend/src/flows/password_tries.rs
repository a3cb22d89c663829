//! Password tries at sign-in and password change: which counter they use, and who has to wait.

use super::request::BrowserRequest;
use super::step_up::LOST_ANSWER_MS;
use crate::hashing::HashPermit;
use crate::store::flows::Flow;
use crate::store::limits::{DAY_MS, Rule};
use crate::store::{ReadConn, WriteTx, accounts, events, flows, limits, throttles};
use crate::{Backend, Error, Fault, Verdict, retried};
use account::{Account, AccountId, EmailAddress, Refusal, Secret, Timestamp};

impl BrowserRequest<'_> {
    /// The counter for a sign-in's password.
    pub(super) async fn tries(
        self,
        conn: &mut ReadConn,
        flow: &Flow,
        account: Option<&Account>,
    ) -> Result<Tries, Fault> {
        if flow.progress.mailbox_first {
            return Ok(Tries::Flow(flow.id.clone()));
        }
        let account = account.map_or_else(events::unknown_account, |account| account.id.clone());
        let device = self.find_device(conn, &account).await?;
        Ok(device.map_or_else(
            || Tries::Strangers(self.backend.strangers_rule(&flow.email)),
            |device| Tries::Browser(device_throttle_key(&flow.email, &device.id)),
        ))
    }
}

impl Backend {
    /// Verifies a password whose try is already spent. Without a hash, it is verified against the decoy, in vain. A fault of the
    /// server gives the try back, because nothing was checked.
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

    /// A stored hash, drawn deterministically by address. Attack: enumeration by the clock. Imported hashes are as slow as their
    /// system chose until the next sign-in, so an address without a password must take the time of a real hash.
    pub(super) async fn decoy_hash(&self, conn: &mut ReadConn, email: &EmailAddress) -> Result<Option<String>, Fault> {
        let drawn = self
            .parts
            .keys
            .current()
            .mac("somebody else", &[email.as_str().as_bytes()]);
        accounts::password_of_next(conn, &AccountId(hex::encode(&drawn[..16]))).await
    }

    /// Gives a try back when the database rolled its check back: the request is [`retried`](crate::retried), and would spend two.
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

    /// Counts a password try before the password is checked (attack: many simultaneous tries). Returns the state that a wrong
    /// password leads to, or `None` if strangers have used up theirs; the transaction must then be rolled back.
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

    /// The first tries of a throttle key are free; each further try waits longer.
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

    /// Whether strangers have used up the tries of an address, so that they must prove the mailbox first.
    pub(super) async fn strangers_prove_mailbox(
        &self,
        conn: &mut ReadConn,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let rule = self.strangers_rule(email);
        Ok(limits::taken(conn, &rule.key, now).await? >= rule.window.most)
    }

    /// The daily tries of all browsers that never signed in to the account; the same for every kind of address.
    fn strangers_rule(&self, email: &EmailAddress) -> Rule {
        Rule::new(format!("password {email}"), self.limits().free_passwords, DAY_MS)
    }
}

/// The counter that a password try uses.
pub(super) enum Tries {
    /// The throttle key of a browser that signed in to the account before, so that strangers cannot use up the owner's tries.
    Browser(String),
    /// One counter shared by all other browsers. When it is used up, the mailbox must be proven first: there is no wait, and
    /// passwords are no longer checked for clients that cannot read the owner's e-mail.
    Strangers(Rule),
    /// The flow's own counter, because its mailbox is proven.
    Flow(String),
}

/// The throttle key of a browser that signed in to the account before.
pub(super) fn device_throttle_key(email: &EmailAddress, device: &str) -> String {
    format!("password {email} {device}")
}

/// Wrong passwords of an address in a row. The owner is e-mailed at the tenth.
pub(super) fn wrong_passwords(email: &EmailAddress) -> String {
    format!("wrong passwords {email}")
}
