//! Tries of a password, when signing in and when changing it: whose they count as, and who has to wait.

use crate::hashing::Place;
use crate::store::{Tx, accounts, throttles};
use crate::{Backend, Error, Fault, Held, Verdict, retried};
use account::{AccountId, Email, Refusal, Secret, Timestamp};

impl Backend {
    /// Verifies a password whose try is spent. Where there is no hash, it is held against somebody else's, in vain. A fault of
    /// ours gives the try back: nothing was looked at, and nobody waits for our being busy.
    pub(super) async fn verify_password(
        &self,
        place: Place,
        lane: &str,
        password: &Secret,
        stored: Option<&str>,
        somebody_elses: Option<&str>,
    ) -> Result<Verdict, Error> {
        let hash = stored.or(somebody_elses);
        let verdict = self.parts.hashing.verify_at(place, password, hash).await;
        if verdict.is_err() {
            self.give_back_password(lane).await?;
        }
        let verdict = verdict?;
        Ok(if stored.is_some() { verdict } else { Verdict::Wrong })
    }

    /// The hash of somebody who was drawn for this address, if there is one. Attack: enumeration by the clock. Hashes that came
    /// from another system take as long to check as that system chose, until their person signs in. So an address without a
    /// password here takes the time of a person's who is always the same one, and looks like one more of the crowd: slow at
    /// first and one day fast, as theirs.
    pub(super) async fn somebody_elses_hash(&self, tx: &mut Tx, email: &Email) -> Result<Option<String>, Fault> {
        let drawn = self
            .parts
            .keys
            .current()
            .mac("somebody else", &[email.as_str().as_bytes()]);
        accounts::password_of_next(tx, &AccountId(hex::encode(&drawn[..16]))).await
    }

    /// Gives a try back whose judgement the database put back: all of it is done [`retried`](crate::retried), and would spend two.
    pub(super) async fn unless_put_back<T>(&self, lane: &str, judged: Result<T, Error>) -> Result<T, Error> {
        if matches!(judged, Err(Error::Fault(Fault::Conflict(_)))) {
            self.give_back_password(lane).await?;
        }
        judged
    }

    async fn give_back_password(&self, lane: &str) -> Result<(), Error> {
        retried(async || {
            let mut tx = self.parts.db.write().await?;
            throttles::give_back(&mut tx, lane).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The lane of a password try. A browser that signed in to this account before has its own, so that no stranger can
    /// lock the owner out.
    pub(super) async fn lane(
        &self,
        tx: &mut Tx,
        held: &Held,
        email: &Email,
        account: Option<&AccountId>,
    ) -> Result<String, Fault> {
        let device = match account {
            Some(account) => self.find_device(tx, held, account).await?,
            None => None,
        };
        Ok(device.map_or_else(|| strangers_lane(email), |device| devices_lane(email, &device.id)))
    }

    /// Counts a password try before it is looked at (attack: many tries at once); so many are free, then each waits longer.
    pub(super) async fn spend_password(&self, tx: &mut Tx, lane: &str, now: Timestamp) -> Result<i64, Error> {
        let limits = self.limits();
        match throttles::spend(tx, lane, now).await? {
            Err(until) => Err(Refusal::PasswordWait {
                seconds: until.seconds_after(now).max(1),
            }
            .into()),
            Ok(in_a_row) => {
                let over = in_a_row - limits.free_passwords;
                if over >= 0 {
                    let wait_s = limits
                        .password_wait_s
                        .saturating_mul(1 << over.clamp(0, 20))
                        .min(limits.password_wait_max_s);
                    throttles::wait_until(tx, lane, now.plus_seconds(wait_s)).await?;
                }
                Ok(in_a_row)
            }
        }
    }
}

/// The lane of a browser that signed in to the account before.
fn devices_lane(email: &Email, device: &str) -> String {
    format!("password {email} {device}")
}

/// The lane of every browser that never signed in to the account.
pub(super) fn strangers_lane(email: &Email) -> String {
    format!("password {email}")
}
