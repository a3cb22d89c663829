//! Choosing a new password, in a reset, a change or a sign-up: policy, guessability, lists, hash.

use crate::leaked::Leak;
use crate::{Backend, Error, Fault, Verdict, guessing};
use account::{Email, Refusal, Secret};

/// A password that passed, ready to be stored.
pub(super) struct Chosen {
    /// Its hash.
    pub(super) hash: String,
    /// The leaked-password service did not answer: ask again at the next sign-in.
    pub(super) unchecked: bool,
}

impl Backend {
    /// Checks and hashes; no transaction is open meanwhile. `now` is the hash of the password in use, which may not be
    /// chosen again.
    pub(super) async fn choose_password(
        &self,
        email: &Email,
        name: &str,
        password: &Secret,
        again: &Secret,
        now: Option<&str>,
    ) -> Result<Chosen, Error> {
        let settings = &self.parts.settings;
        let new = settings.password.choose(password, again, email, name, |password| {
            guessing::screen(settings, password, &[email.as_str(), email.local_part(), name])
        })?;
        if let Some(now) = now {
            match self.parts.hashing.verify(new.secret(), Some(now)).await {
                // A hash whose key is gone opens nothing any more. Whoever lost the key file lets people in again by resets.
                Ok(Verdict::Wrong) | Err(Fault::KeyGone { .. }) => {}
                Ok(_) => return Err(Refusal::PasswordSameAsNow.into()),
                Err(fault) => return Err(fault.into()),
            }
        }
        let leak = self.parts.leaked.look_up(new.secret().expose()).await;
        if leak == Leak::Found {
            return Err(Refusal::PasswordLeaked.into());
        }
        let hash = self.parts.hashing.hash(new.secret()).await?;
        Ok(Chosen {
            hash,
            unchecked: leak == Leak::Unknown,
        })
    }
}
