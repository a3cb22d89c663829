//! Joining an organization by invitation.

use super::request::{BrowserRequest, Joining};
use crate::store::sessions::Session;
use crate::store::{ReadConn, WriteTx, accounts, devices, email_changes, invitations, organizations, sessions};
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
        let (id, name) = (&invitation.organization_id, &invitation.organization);
        let ended = self.0.join(&mut tx, &session, &account, id, name).await?;
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
    /// Makes an organization manage the locked account of this session, and tells its owner. Returns the ended flows.
    pub(super) async fn join(
        self,
        tx: &mut WriteTx,
        session: &Session,
        account: &Account,
        id: &str,
        organization: &str,
    ) -> Result<Vec<String>, Error> {
        let now = self.now();
        // Attack: an intruder makes their own organization manage the account, so that its owner cannot undo the change of address.
        if email_changes::undoable_until(tx, &account.id, now).await?.is_some() {
            return Err(Refusal::EmailMoved.into());
        }
        accounts::set_managed(tx, &account.id, Some(id), now).await?;
        self.log(tx, &account.id, ActivityKind::Joined, now).await?;
        // Attack: a session or device from before keeps access to what is the organization's account now.
        let ended = self.backend.end_flows(tx, &account.email, now).await?;
        sessions::end_all_but(tx, &account.id, &session.id).await?;
        devices::forget_all_but(tx, &account.id, "").await?;
        let notice = Notice::Joined {
            at: now,
            browser: self.caller.browser.clone(),
            organization: organization.to_owned(),
        };
        self.notify(tx, account, notice, now).await?;
        Ok(ended)
    }

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
