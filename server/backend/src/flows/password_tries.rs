//! Password tries at sign-in and password change: counters and waits.

use super::request::BrowserRequest;
use super::step_up::LOST_ANSWER_MS;
use crate::hashing::HashPermit;
use crate::store::flows::Flow;
use crate::store::limits::{DAY_MS, Rule};
use crate::store::{ReadConn, WriteTx, accounts, events, flows, limits, throttles};
use crate::{Backend, Error, Fault, Verdict, retried};
use account::{Account, AccountId, EmailAddress, Refusal, Secret, Timestamp};

impl BrowserRequest<'_> {
    /// Returns the counter for the password of a sign-in.
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
            |device| Tries::Browser(browser_throttle_key(&device.id)),
        ))
    }
}

impl Backend {
    /// Verifies a password, with its try already spent. Without a stored hash, hashes against the decoy anyway. A server fault
    /// gives the try back, because nothing was checked.
    pub(super) async fn verify_password(
        &self,
        place: HashPermit,
        tries: &Tries,
        password: &Secret,
        stored: Option<&str>,
        decoy: Option<&str>,
    ) -> Result<Verdict, Error> {
        let hash = stored.or(decoy);
        let verdict = self.parts.hashing.verify_at(place, password, hash).await;
        if verdict.is_err() {
            self.give_back_password(tries).await?;
        }
        let verdict = verdict?;
        Ok(if stored.is_some() { verdict } else { Verdict::Wrong })
    }

    /// Picks another account's hash, the same one each time for an address. Attack: enumeration by timing. Imported hashes keep
    /// their cost until the next sign-in, so an address without a password must take as long as a real hash.
    pub(super) async fn decoy_hash(&self, conn: &mut ReadConn, email: &EmailAddress) -> Result<Option<String>, Fault> {
        let drawn = self
            .parts
            .keys
            .current()
            .mac("decoy hash", &[email.as_str().as_bytes()]);
        accounts::password_of_next(conn, &AccountId(hex::encode(&drawn[..16]))).await
    }

    /// Gives a try back after a database conflict: the request is [`retried`](crate::retried) and would spend a second try.
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

    /// Spends a try before the password is checked. Attack: many simultaneous tries. Returns the refusal for an incorrect
    /// password, or `None` if strangers have no tries left; then roll back.
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

    /// Spends a try of a throttle key. The first tries are free; the wait grows with each further try.
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

    /// Resets a browser's own tries after a correct password, but gives strangers back only this one. Attack: a counter
    /// that resets early tells strangers that the owner has signed in, and thus that an account exists.
    pub(super) async fn clear_tries(&self, tx: &mut WriteTx, tries: &Tries, email: &EmailAddress) -> Result<(), Fault> {
        throttles::clear(tx, &wrong_passwords(email)).await?;
        match tries {
            Tries::Browser(throttle_key) => throttles::clear(tx, throttle_key).await,
            Tries::Strangers(rule) => limits::give_back(tx, std::slice::from_ref(rule)).await,
            Tries::Flow(_) => Ok(()),
        }
    }

    /// Whether strangers have no tries left for an address and must prove the mailbox first.
    pub(super) async fn strangers_prove_mailbox(
        &self,
        conn: &mut ReadConn,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let rule = self.strangers_rule(email);
        Ok(limits::taken(conn, &rule.key, now).await? >= rule.window.most)
    }

    /// Returns the daily tries that all unknown browsers share, equal for every kind of address.
    fn strangers_rule(&self, email: &EmailAddress) -> Rule {
        Rule::new(format!("password {email}"), self.limits().free_passwords, DAY_MS)
    }
}

/// The counter that a password try uses.
pub(super) enum Tries {
    /// The throttle key of a browser that has signed in to the account. Strangers cannot use up these tries.
    Browser(String),
    /// The counter that all other browsers share. When used up, the mailbox must be proven first: passwords are no longer checked
    /// for clients without access to the owner's e-mail.
    Strangers(Rule),
    /// The flow's own counter, after its mailbox was proven.
    Flow(String),
}

/// Returns the throttle key of a browser that has signed in to the account: the id of its device or session. Without the address,
/// because it may outlive the account.
pub(super) fn browser_throttle_key(id: &str) -> String {
    format!("password {id}")
}

/// Returns the throttle key for incorrect passwords of an address in a row.
pub(super) fn wrong_passwords(email: &EmailAddress) -> String {
    format!("wrong passwords {email}")
}
