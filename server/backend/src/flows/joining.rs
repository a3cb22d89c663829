//! Joining an organization by invitation.

use super::request::{BrowserRequest, Joining};
use crate::store::{ReadConn, accounts, devices, invitations, organizations, sessions};
use crate::{Error, Fault, Transition};
use account::{Account, ActivityKind, InvitationOffer, JoinStep, Notice, Refusal};

impl Joining<'_> {
    /// Returns the oldest open invitation of the signed-in user.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn step(self) -> Result<JoinStep, Error> {
        let mut conn = self.0.read().await?;
        let (_, stored) = self.0.signed_in(&mut conn).await?;
        self.next(&mut conn, &stored.account).await
    }

    async fn next(self, conn: &mut ReadConn, account: &Account) -> Result<JoinStep, Error> {
        let mut offers = self.0.invitation_offers(conn, account).await?.into_iter();
        Ok(offers.next().map_or(JoinStep::Nothing, JoinStep::Ask))
    }

    /// Accepts an invitation: the organization manages the account from then on. Other sessions and trusted devices end.
    ///
    /// # Errors
    /// A refusal: the proof is too old, managed by an organization already, or the invitation is not open.
    pub async fn accept(self, id: &str) -> Result<Transition<JoinStep>, Error> {
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        self.0.require_fresh_proof(&session)?;
        accounts::lock_for_update(&mut tx, &stored.account.id).await?;
        let account = accounts::find(&mut tx, &stored.account.id).await?;
        let account = account.ok_or(Refusal::SignedOut)?.account;
        account.require_unmanaged()?;
        let open = invitations::of_address(&mut tx, &account.email, now).await?;
        let invitation = open.into_iter().find(|invitation| invitation.id == id);
        let invitation = invitation.ok_or(Refusal::InvitationGone)?;
        if !organizations::has_verified(&mut tx, &invitation.organization_id, account.email.domain()).await? {
            return Err(Refusal::DomainUnverified.into());
        }
        if !invitations::close(&mut tx, &account.email, id, now).await? {
            return Err(Refusal::InvitationGone.into());
        }
        accounts::set_managed(&mut tx, &account.id, Some(&invitation.organization_id)).await?;
        self.0.log(&mut tx, &account.id, ActivityKind::Joined, now).await?;
        // Attack: a session or device from before keeps access to what is the organization's account now.
        sessions::end_all_but(&mut tx, &account.id, &session.id).await?;
        devices::forget_all_but(&mut tx, &account.id, "").await?;
        let ended = self.0.backend.end_flows(&mut tx, &account.email, now).await?;
        let notice = Notice::Joined {
            at: now,
            browser: self.0.caller.browser.clone(),
            organization: invitation.organization,
        };
        self.0.notify(&mut tx, &account, notice, now).await?;
        tx.commit().await?;
        ended.iter().for_each(|flow| self.0.backend.flow_moved(flow));
        self.0.backend.emails_written.notify_one();
        Ok(Transition::to(JoinStep::Nothing))
    }

    /// Declines an invitation; succeeds if it is not open.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn decline(self, id: &str) -> Result<Transition<JoinStep>, Error> {
        let mut tx = self.0.begin().await?;
        let (_, stored) = self.0.signed_in(&mut tx).await?;
        invitations::close(&mut tx, &stored.account.email, id, self.0.now()).await?;
        tx.commit().await?;
        Ok(Transition::to(JoinStep::Nothing))
    }
}

impl BrowserRequest<'_> {
    /// Lists the organizations that invite an account, unless an organization manages it.
    pub(super) async fn invitation_offers(
        self,
        conn: &mut ReadConn,
        account: &Account,
    ) -> Result<Vec<InvitationOffer>, Fault> {
        if account.managed_by.is_some() {
            return Ok(Vec::new());
        }
        let open = invitations::of_address(conn, &account.email, self.now()).await?;
        let offers = open.into_iter().map(|invitation| InvitationOffer {
            id: invitation.id,
            organization: invitation.organization,
        });
        Ok(offers.collect())
    }
}
