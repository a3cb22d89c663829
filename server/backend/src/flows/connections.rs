//! Connected accounts at providers, on the security page.

use super::provider::Offer;
use super::request::{BrowserRequest, Connections};
use crate::store::identities::{self, Identity};
use crate::store::sessions::Session;
use crate::store::{ReadConn, WriteTx, accounts};
use crate::{Error, Fault, TokenChange, TokenKind, Transition, random};
use account::{
    Account, AccountId, ActivityKind, ConnectStep, ConnectionRow, Membership, Notice, Refusal, SecurityDone,
    SecurityView, Timestamp,
};

impl Connections<'_> {
    /// Returns what the page offers to connect, to the signed-in account.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn step(self) -> Result<ConnectStep, Error> {
        let mut conn = self.0.read().await?;
        let (_, stored) = self.0.signed_in(&mut conn).await?;
        let Some(offer) = self.0.offered(self.0.now()) else {
            return Ok(ConnectStep::Nothing);
        };
        let connected = identities::find(&mut conn, &offer.issuer, &offer.subject).await?;
        if connected.is_some_and(|row| row.account_id == stored.account.id.0) {
            return Ok(ConnectStep::Nothing);
        }
        let organization = self.0.organization_of(&mut conn, &offer).await?;
        if organization.is_some() && offer.email != stored.account.email.as_str() {
            return Ok(ConnectStep::Nothing);
        }
        Ok(ConnectStep::Ask {
            provider: self.0.backend.describe_provider(&offer.issuer).name,
            email: offer.email,
            organization: organization.map(|membership| membership.organization.name),
        })
    }

    /// Connects the offered account. If it is at an organization's provider, the organization manages the account from then on.
    ///
    /// # Errors
    /// A refusal: signed out, the proof is too old, or connected to another account.
    pub async fn accept(self) -> Result<Transition<ConnectStep>, Error> {
        let now = self.0.now();
        let (mut tx, session, account) = self.begin().await?;
        let offer = self.0.offered(now).ok_or(Refusal::ProviderExpired)?;
        let organization = self.0.organization_of(&mut tx, &offer).await?;
        // Attack: on a shared browser, another user's account becomes the organization's.
        if organization.is_some() && offer.email != account.email.as_str() {
            return Err(Refusal::ProviderExpired.into());
        }
        let name = self.0.backend.describe_provider(&offer.issuer).name;
        self.0
            .connect_identity(&mut tx, &account, &name, &row(&account.id, &offer, now), now)
            .await?;
        let ended = match organization {
            Some(of) => {
                self.0
                    .join(&mut tx, &session, &account, &of.id, &of.organization.name)
                    .await?
            }
            None => Vec::new(),
        };
        tx.commit().await?;
        ended.iter().for_each(|flow| self.0.backend.flow_moved(flow));
        self.0.backend.emails_written.notify_one();
        Ok(decided())
    }

    /// Declines the offer.
    #[must_use]
    pub fn decline(self) -> Transition<ConnectStep> {
        decided()
    }

    /// Disconnects an account at a provider by row id, if another way to sign in remains.
    ///
    /// # Errors
    /// A refusal: signed out, the proof is too old, managed by an organization, or the last way to sign in.
    pub async fn disconnect(self, id: &str) -> Result<Transition<SecurityView>, Error> {
        let now = self.0.now();
        let (mut tx, session, account) = self.begin().await?;
        let connected = identities::of_account(&mut tx, &account.id).await?;
        let Some(row) = connected.iter().find(|row| row.id == id) else {
            return self.0.show_connections(tx, &session, account).await;
        };
        let usable = |other: &&Identity| self.0.backend.usable_provider(&other.issuer).is_some();
        let others = connected.iter().filter(|other| other.id != id).filter(usable);
        if !account.has_password && others.count() == 0 {
            return Err(Refusal::LastMethod.into());
        }
        identities::delete(&mut tx, &account.id, id).await?;
        self.0
            .log(&mut tx, &account.id, ActivityKind::ProviderDisconnected, now)
            .await?;
        let notice = Notice::ProviderDisconnected {
            at: now,
            browser: self.0.caller.browser.clone(),
            provider: self.0.backend.describe_provider(&row.issuer).name,
        };
        self.0.notify(&mut tx, &account, notice, now).await?;
        let account = accounts::find(&mut tx, &account.id)
            .await?
            .ok_or(Refusal::SignedOut)?
            .account;
        let shown = self.0.show_connections(tx, &session, account).await?;
        self.0.backend.emails_written.notify_one();
        Ok(shown)
    }
}

impl Connections<'_> {
    /// Begins a change of how the account signs in, and locks the account. Two requests that each disconnect the last but one
    /// identity would leave none.
    async fn begin(self) -> Result<(WriteTx, Session, Account), Error> {
        let mut tx = self.0.begin().await?;
        let (_, stored) = self.0.signed_in(&mut tx).await?;
        accounts::lock_for_update(&mut tx, &stored.account.id).await?;
        // Again, because it may have changed before the lock.
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        self.0.require_fresh_proof(&session)?;
        stored.account.require_unmanaged()?;
        Ok((tx, session, stored.account))
    }
}

/// Removes the offer from the browser.
fn decided() -> Transition<ConnectStep> {
    Transition::new(ConnectStep::Nothing, vec![TokenChange::remove(TokenKind::Connection)])
}

impl BrowserRequest<'_> {
    async fn show_connections(
        self,
        mut tx: WriteTx,
        session: &Session,
        account: Account,
    ) -> Result<Transition<SecurityView>, Error> {
        let view = self.security_in(&mut tx, session, account).await?;
        tx.commit().await?;
        Ok(Transition::to(SecurityView {
            done: Some(SecurityDone::ProviderDisconnected),
            ..view
        }))
    }

    /// Connects an identity to an account and notifies its owner.
    pub(super) async fn connect_identity(
        self,
        tx: &mut WriteTx,
        account: &Account,
        provider: &str,
        row: &Identity,
        now: Timestamp,
    ) -> Result<(), Error> {
        let subject = row.subject.as_deref().unwrap_or_default();
        match identities::find(tx, &row.issuer, subject).await? {
            Some(found) if found.account_id == account.id.0 => return Ok(()),
            // Attack: an account at a provider that opens one account is moved to another.
            Some(_) => {
                return Err(Refusal::IdentityTaken {
                    provider: provider.to_owned(),
                }
                .into());
            }
            None => {}
        }
        if !identities::insert(tx, row).await? {
            return Err(Refusal::ProviderExpired.into());
        }
        self.log(tx, &account.id, ActivityKind::ProviderConnected, now).await?;
        let notice = Notice::ProviderConnected {
            at: now,
            browser: self.caller.browser.clone(),
            provider: provider.to_owned(),
        };
        Ok(self.notify(tx, account, notice, now).await?)
    }

    /// Returns the connected accounts for the security page.
    pub(super) async fn connection_rows(
        self,
        conn: &mut ReadConn,
        account: &AccountId,
    ) -> Result<Vec<ConnectionRow>, Fault> {
        let rows = identities::of_account(conn, account).await?;
        Ok(rows
            .into_iter()
            .map(|row| ConnectionRow {
                provider: self.backend.describe_provider(&row.issuer).name,
                id: row.id,
                email: row.email,
                last_used_at: row.last_used_at.map(Timestamp),
            })
            .collect())
    }

    /// Returns the organization that an offered account belongs to.
    async fn organization_of(self, conn: &mut ReadConn, offer: &Offer) -> Result<Option<Membership>, Fault> {
        let Some(provider) = self.backend.providers().by_issuer(&offer.issuer) else {
            return Ok(None);
        };
        let domain = offer.email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let found = crate::store::organizations::of_domain(conn, domain).await?;
        Ok(found.filter(|membership| membership.provider.as_deref() == Some(provider.id())))
    }
}

fn row(account: &AccountId, offer: &Offer, now: Timestamp) -> Identity {
    Identity {
        id: random::id(),
        account_id: account.0.clone(),
        issuer: offer.issuer.clone(),
        subject: Some(offer.subject.clone()),
        email: offer.email.clone(),
        linked_at: now.0,
        last_used_at: None,
    }
}
