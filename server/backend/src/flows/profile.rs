//! The profile: what the owner and products see about the user.

use super::request::BrowserRequest;
use crate::store::accounts::{self, Stored};
use crate::{Error, Transition};
use account::{ActivityKind, Name, ProfileView, SecurityDone, parse_preferred_name};

/// The profile of the signed-in account.
#[derive(Clone, Copy)]
pub struct Profile<'a>(pub(super) BrowserRequest<'a>);

impl Profile<'_> {
    /// Returns the data of the profile page.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`](account::Refusal::SignedOut) without a live session.
    pub async fn view(self) -> Result<ProfileView, Error> {
        let mut conn = self.0.read().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut conn).await?;
        Ok(ProfileView {
            products: self.0.product_links(&mut conn, &account.id).await?,
            own: self.0.backend.password_access(&account),
            name: account.name,
            preferred_name: account.preferred_name,
            email: account.email,
            done: None,
        })
    }

    /// Changes the name. Without a recent proof, because it gives no access.
    ///
    /// # Errors
    /// The refusals of [`Name::parse`]; [`Refusal::ManagedByOrganization`](account::Refusal::ManagedByOrganization), because products
    /// of an organization know its members by the name; [`Refusal::SignedOut`](account::Refusal::SignedOut) without a live session.
    pub async fn change_name(self, typed: &str) -> Result<Transition<ProfileView>, Error> {
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut tx).await?;
        account.require_unmanaged()?;
        let name = Name::parse(typed)?;
        // Saving the same name twice is one change.
        if name.as_str() != account.name {
            accounts::set_name(&mut tx, &account.id, name.as_str(), now).await?;
            self.0.log(&mut tx, &account.id, ActivityKind::NameChanged, now).await?;
        }
        tx.commit().await?;
        self.saved(SecurityDone::NameSaved).await
    }

    /// Changes how the user is called; an empty text: by the name.
    ///
    /// # Errors
    /// [`Refusal::NameUnfit`](account::Refusal::NameUnfit); [`Refusal::SignedOut`](account::Refusal::SignedOut) without a live session.
    pub async fn change_preferred_name(self, typed: &str) -> Result<Transition<ProfileView>, Error> {
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut tx).await?;
        let name = parse_preferred_name(typed)?;
        if name != account.preferred_name {
            accounts::set_preferred_name(&mut tx, &account.id, &name, now).await?;
            self.0.log(&mut tx, &account.id, ActivityKind::NameChanged, now).await?;
        }
        tx.commit().await?;
        self.saved(SecurityDone::PreferredNameSaved).await
    }

    async fn saved(self, done: SecurityDone) -> Result<Transition<ProfileView>, Error> {
        let view = ProfileView {
            done: Some(done),
            ..self.view().await?
        };
        Ok(Transition::new(view, Vec::new()))
    }
}
