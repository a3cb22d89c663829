//! People from another system, many at a time, with the password hashes that they have there.

use crate::people::operator;
use crate::store::accounts::Stored;
use crate::store::events::Actor;
use crate::store::{accounts, events};
use crate::{Backend, Error, Fault, ForeignHash, random};
use account::{Account, AccountId, AccountKind, ActivityKind, Email, Name, Timestamp};

/// A person of another system. The account will be a local one.
#[derive(Debug)]
pub struct ImportedPerson {
    /// The address, taken as proven by the operator.
    pub email: Email,
    /// As the person writes it.
    pub name: Name,
    /// `None`: the person sets a password by "Forgot password?".
    pub password: Option<ForeignHash>,
    /// `en`, `ar`.
    pub language: Option<String>,
    /// When the account was made there. `None`: it counts as made now.
    pub created_at: Option<Timestamp>,
}

impl Backend {
    /// Makes accounts, all of them in one unit of work, and gives how many. An address that has an account already keeps it as it
    /// is, so that nothing is added twice, and the first of two with one address is added.
    ///
    /// # Errors
    /// A [`Fault`] of the database; nobody is added then.
    pub async fn import(&self, people: &[ImportedPerson]) -> Result<usize, Error> {
        // SQLite takes 32,766 values in one statement; a person is seven.
        const AT_ONCE: usize = 1_000;
        let now = self.now();
        let mut added = 0;
        let mut tx = self.parts.db.begin().await?;
        for some in people.chunks(AT_ONCE) {
            let rows: Vec<_> = some.iter().map(|person| self.row(person)).collect::<Result<_, _>>()?;
            let accounts = accounts::insert_all(&mut tx, &rows, now).await?;
            events::append_all(
                &mut tx,
                &accounts,
                ActivityKind::Added,
                Actor::Operator,
                &operator(),
                now,
            )
            .await?;
            added += accounts.len();
        }
        tx.commit().await?;
        Ok(added)
    }

    fn row(&self, person: &ImportedPerson) -> Result<(Stored, Option<Timestamp>), Fault> {
        let account = Account {
            id: AccountId(random::id()),
            email: person.email.clone(),
            name: person.name.as_str().to_owned(),
            kind: AccountKind::Local,
            language: person.language.clone(),
            // Nobody here knows.
            password_changed_at: None,
            disabled_at: None,
        };
        let keep = |hash| self.parts.hashing.keep(hash);
        let stored = Stored {
            account,
            password: person.password.as_ref().map(keep).transpose()?,
            // The other system may have let leaked passwords in: asked at the first sign-in, when the password is there.
            unchecked: person.password.is_some(),
        };
        Ok((stored, person.created_at))
    }
}
