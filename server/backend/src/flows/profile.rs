//! The profile: what the owner and products see about the user.

use super::request::BrowserRequest;
use crate::store::accounts::{self, Stored};
use crate::store::limits::{DAY_MS, Rule};
use crate::store::{ReadConn, WriteTx};
use crate::{Error, Transition};
use account::{AccountId, ActivityKind, Name, ProfileView, Refusal, SecurityDone, parse_optional_name};

/// Number of changes of an account's personal information in a day.
const CHANGES_A_DAY: i64 = 10;

/// The profile of the signed-in account.
#[derive(Clone, Copy)]
pub struct Profile<'a>(pub(super) BrowserRequest<'a>);

impl Profile<'_> {
    /// Returns the data of the profile page.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn view(self) -> Result<ProfileView, Error> {
        let mut conn = self.0.read().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut conn).await?;
        let (job_title, company) = accounts::work(&mut conn, &account.id).await?;
        Ok(ProfileView {
            job_title,
            company,
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
    /// The refusals of [`Name::parse`]; [`Refusal::TooMany`];
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn change_name(self, typed: &str) -> Result<Transition<ProfileView>, Error> {
        self.demand_session().await?;
        let name = Name::parse(typed)?;
        let mut tx = self.0.begin().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut tx).await?;
        if name.as_str() != account.name {
            self.log_change(&mut tx, &account.id).await?;
            accounts::set_name(&mut tx, &account.id, name.as_str(), self.0.now()).await?;
        }
        tx.commit().await?;
        self.saved(SecurityDone::NameSaved).await
    }

    /// Changes the preferred name; an empty one removes it.
    ///
    /// # Errors
    /// [`Refusal::NameUnfit`]; [`Refusal::TooMany`];
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn change_preferred_name(self, typed: &str) -> Result<Transition<ProfileView>, Error> {
        self.demand_session().await?;
        let name = parse_optional_name(typed)?;
        let mut tx = self.0.begin().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut tx).await?;
        if name != account.preferred_name {
            self.log_change(&mut tx, &account.id).await?;
            accounts::set_preferred_name(&mut tx, &account.id, &name, self.0.now()).await?;
        }
        tx.commit().await?;
        self.saved(SecurityDone::PreferredNameSaved).await
    }

    /// Changes the job title; an empty one removes it.
    ///
    /// # Errors
    /// As [`change_preferred_name`](Self::change_preferred_name); [`Refusal::ManagedByOrganization`].
    pub async fn change_job_title(self, typed: &str) -> Result<Transition<ProfileView>, Error> {
        let typed = parse_optional_name(typed);
        self.change_work(typed, SecurityDone::JobTitleSaved).await
    }

    /// Changes the organization that the user works for; an empty one removes it.
    ///
    /// # Errors
    /// As [`change_job_title`](Self::change_job_title).
    pub async fn change_company(self, typed: &str) -> Result<Transition<ProfileView>, Error> {
        let typed = parse_optional_name(typed);
        self.change_work(typed, SecurityDone::CompanySaved).await
    }

    async fn change_work(
        self,
        typed: Result<String, Refusal>,
        done: SecurityDone,
    ) -> Result<Transition<ProfileView>, Error> {
        self.demand_unmanaged(&mut self.0.read().await?).await?;
        let typed = typed?;
        let mut tx = self.0.begin().await?;
        let account = self.demand_unmanaged(&mut tx).await?;
        let now = accounts::work(&mut tx, &account).await?;
        let (job_title, company) = match done {
            SecurityDone::JobTitleSaved => (typed, now.1.clone()),
            _ => (now.0.clone(), typed),
        };
        if (&job_title, &company) != (&now.0, &now.1) {
            self.log_change(&mut tx, &account).await?;
            accounts::set_work(&mut tx, &account, &job_title, &company).await?;
        }
        tx.commit().await?;
        self.saved(done).await
    }

    async fn demand_unmanaged(self, conn: &mut ReadConn) -> Result<AccountId, Error> {
        let (_, Stored { account, .. }) = self.0.signed_in(conn).await?;
        account.require_unmanaged()?;
        Ok(account.id)
    }

    /// Attack: without a session, each form occupies SQLite's only writer.
    async fn demand_session(self) -> Result<(), Error> {
        self.0.signed_in(&mut self.0.read().await?).await.map(drop)
    }

    /// Attack: someone at an open browser buries what they did under events of names.
    async fn log_change(self, tx: &mut WriteTx, account: &AccountId) -> Result<(), Error> {
        let rule = Rule::new(format!("names {}", account.0), CHANGES_A_DAY, DAY_MS);
        self.0.backend.take(tx, &[rule], self.0.now()).await?;
        self.0.log(tx, account, ActivityKind::NameChanged, self.0.now()).await?;
        Ok(())
    }

    async fn saved(self, done: SecurityDone) -> Result<Transition<ProfileView>, Error> {
        let view = ProfileView {
            done: Some(done),
            ..self.view().await?
        };
        Ok(Transition::new(view, Vec::new()))
    }
}
