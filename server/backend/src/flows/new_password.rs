//! Choosing a new password in a reset, change or sign-up: policy, guessability, leaked-password lists, hash.

use super::request::BrowserRequest;
use crate::hashing::HashPermit;
use crate::leaked::Leak;
use crate::store::limits::{self, HOUR_MS, Rule};
use crate::{Error, Fault, Verdict, guessing};
use account::{EmailAddress, Refusal, Secret};

/// An accepted password, ready to be stored.
pub(super) struct Chosen {
    pub(super) hash: String,
    /// Not checked for leaks, because the service didn't answer. Checked at the next sign-in.
    pub(super) unchecked: bool,
}

impl BrowserRequest<'_> {
    /// Checks and hashes a password. Call it without an open transaction. `now` is the hash of the current password, which is
    /// refused as the new one.
    pub(super) async fn choose_password(
        self,
        email: &EmailAddress,
        name: &str,
        password: &Secret,
        again: &Secret,
        now: Option<&str>,
    ) -> Result<Chosen, Error> {
        // Cheap checks first.
        let policy = self.backend.settings().password;
        let new = policy.check_for(password, again, email, name)?;
        // Attack: a series of passwords to be refused, each of which uses a core for as long as a hash.
        let an_hour = self.backend.limits().refused_passwords_an_hour;
        let refused = [Rule::new(format!("refused passwords {email}"), an_hour, HOUR_MS)];
        let place = self.backend.parts.hashing.place(&self.caller.network()).await?;
        let mut tx = self.backend.parts.db.begin_unsynced().await?;
        self.backend.take(&mut tx, &refused, self.now()).await?;
        tx.commit().await?;
        let chosen = self.judge_password(place, email, name, &new, now).await;
        if !matches!(chosen, Err(Error::Refused(_))) {
            let mut tx = self.backend.parts.db.begin_unsynced().await?;
            limits::give_back(&mut tx, &refused).await?;
            tx.commit().await?;
        }
        chosen
    }

    /// Runs the CPU-intensive checks.
    async fn judge_password(
        self,
        place: HashPermit,
        email: &EmailAddress,
        name: &str,
        new: &Secret,
        now: Option<&str>,
    ) -> Result<Chosen, Error> {
        let hashing = &self.backend.parts.hashing;
        let (parts, own_words) = (
            self.backend.parts.clone(),
            [email.to_string(), email.local_part().into(), name.into()],
        );
        let guessed = new.clone();
        let screen = move || {
            guessing::screen(
                &parts.settings.current(),
                guessed.expose(),
                &own_words.each_ref().map(String::as_str),
            )
        };
        hashing.run_at(place, screen).await??;
        if let Some(now) = now {
            match hashing.verify(&self.caller.network(), new, Some(now)).await {
                // A hash with a lost key verifies no password. Users regain access by reset.
                Ok(Verdict::Wrong) | Err(Fault::KeyGone { .. }) => {}
                Ok(_) => return Err(Refusal::PasswordSameAsNow.into()),
                Err(fault) => return Err(fault.into()),
            }
        }
        let leak = self.backend.parts.leaked.look_up(new.expose()).await;
        if leak == Leak::Found {
            return Err(Refusal::PasswordLeaked.into());
        }
        let hash = hashing.hash(&self.caller.network(), new).await?;
        Ok(Chosen {
            hash,
            unchecked: leak == Leak::Unknown,
        })
    }
}
