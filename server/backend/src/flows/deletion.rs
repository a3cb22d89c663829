//! Deletion of the account by its owner: at once out of reach, after some days gone, until then kept with one click.

use super::provider::before;
use super::request::BrowserRequest;
use crate::store::accounts::Stored;
use crate::store::events::Actor;
use crate::store::{ReadConn, accounts, deletions};
use crate::{Error, TokenChange, TokenKind, Transition};
use account::{Account, ActivityKind, DeletionStep, Notice, PrivacyView, Refusal, SecurityDone, SignOutStep};

/// The deletion of the signed-in account.
#[derive(Clone, Copy)]
pub struct Deletion<'a>(pub(super) BrowserRequest<'a>);

impl Deletion<'_> {
    /// Returns the data of the privacy page and of the form that deletes the account.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn view(self) -> Result<PrivacyView, Error> {
        let mut conn = self.0.read().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut conn).await?;
        Ok(PrivacyView {
            managed_by: account.managed_by.map(|of| of.organization),
            grace_days: self.0.backend.settings().deletion_grace_days,
            email: account.email,
            done: None,
        })
    }

    /// Begins the deletion: the account's sessions, codes and trusted devices end at once, its data after some days.
    ///
    /// # Errors
    /// [`Refusal::ManagedByOrganization`]; [`Refusal::ProofTooOld`]; [`Refusal::SignedOut`] without a live session.
    pub async fn request(self) -> Result<Transition<SignOutStep>, Error> {
        let mut conn = self.0.read().await?;
        // Attack: without a session, each form occupies SQLite's only writer.
        self.owner(&mut conn).await?;
        drop(conn);
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let account = self.owner(&mut tx).await?;
        let backend = self.0.backend;
        let by = (Actor::User, self.0.caller);
        if backend.mark_for_deletion(&mut tx, &account, by, now).await?.is_none() {
            // Another request was faster and has ended this session.
            return Err(Refusal::SignedOut.into());
        }
        backend
            .accounts()
            .end_everything(tx, &account.id, &account.email)
            .await?;
        backend.emails_written.notify_one();
        let session = TokenChange::remove(TokenKind::Session);
        Ok(Transition::new(SignOutStep::DeletionRequested, vec![session]))
    }

    /// Attack: someone who holds only a stolen session, or is at a browser that was left open, deletes the account.
    async fn owner(self, conn: &mut ReadConn) -> Result<Account, Error> {
        let (session, stored) = self.0.signed_in(conn).await?;
        stored.account.require_unmanaged()?;
        self.0.require_fresh_proof(&session)?;
        Ok(stored.account)
    }

    /// Returns what the user chooses before anything else.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn step(self) -> Result<DeletionStep, Error> {
        let mut conn = self.0.read().await?;
        let (_, Stored { account, .. }) = self.0.signed_in_or_leaving(&mut conn).await?;
        Ok(match account.delete_after {
            Some(delete_after) => DeletionStep::Choose {
                email: account.email,
                delete_after,
            },
            None => DeletionStep::Nothing { done: None },
        })
    }

    /// Keeps the account. Without a recent proof: every session is younger than the request, and began with a sign-in.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn keep(self) -> Result<Transition<DeletionStep>, Error> {
        let mut conn = self.0.read().await?;
        self.0.signed_in_or_leaving(&mut conn).await?;
        drop(conn);
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let (_, Stored { account, .. }) = self.0.signed_in_or_leaving(&mut tx).await?;
        if deletions::cancel(&mut tx, &account.id).await? {
            self.0
                .log(&mut tx, &account.id, ActivityKind::DeletionCanceled, now)
                .await?;
            let browser = self.0.caller.browser.clone();
            let notice = Notice::DeletionCanceled { at: now, browser };
            self.0.notify(&mut tx, &account, notice, now).await?;
        } else if accounts::find(&mut tx, &account.id).await?.is_none() {
            // Deleted since the first statement of this transaction.
            return Err(Refusal::SignedOut.into());
        }
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        let done = Some(SecurityDone::AccountKept);
        Ok(Transition::to(DeletionStep::Nothing { done }))
    }
}

impl BrowserRequest<'_> {
    /// Returns the path after a sign-in to an account: first the choice, if it waits for its deletion.
    pub(super) fn first_choose(self, account: &Account, next: String) -> String {
        match account.delete_after {
            Some(_) => choice(&next),
            None => next,
        }
    }
}

/// Returns the address of the page on which the owner of an account that waits for its deletion chooses.
pub(super) fn choice(next: &str) -> String {
    before("/account/deletion", next)
}
