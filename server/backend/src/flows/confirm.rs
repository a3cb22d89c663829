//! Reauthentication: a signed-in user proves again who they are, before a sensitive action (ASVS 5.0, 7.5.1).
//!
//! Attack: a session from a stolen cookie changes how its account is signed in to.

use super::authorization::{NeededProof, methods_after, needed_for};
use super::mailed_code::Answered;
use super::mailed_email::drop_flow;
use super::provider::button;
use super::request::{BrowserRequest, Confirmation};
use crate::store::sessions::{self, Session};
use crate::store::{ReadConn, WriteTx, flows, identities};
use crate::{CurrentStep, Error, Fault, TokenChange, Transition, random};
use account::{
    Account, AccountId, ActivityKind, ConfirmStep, Method, NextStep, ProviderButton, Purpose, Refusal, Secret,
    Timestamp, safe_next,
};

const CONFIRM: Purpose = Purpose::Confirm;
/// Maximum age of the proof for a sensitive action.
const PROOF_MS: i64 = 10 * 60_000;

impl Confirmation<'_> {
    /// Returns the current step. Read-only.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn step(self, next: &str) -> Result<CurrentStep<ConfirmStep>, Error> {
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let (session, stored) = self.0.signed_in(&mut conn).await?;
        let flow = self.0.find_flow(&mut conn, CONFIRM).await?.filter(|flow| {
            flow.account.as_ref() == Some(&stored.account.id) && flow.progress.next_step(now) == NextStep::Code
        });
        // The page that asks for a mailed code has no destination in its address.
        let next = match &flow {
            Some(flow) if next.is_empty() => &flow.next_path,
            _ => next,
        };
        let has_password = stored.account.require_password().is_ok();
        let needed = match needed_for(&mut conn, next, &session, has_password, now).await? {
            Some(needed) => needed,
            None if is_fresh(&session, now) => NeededProof::Nothing,
            None => NeededProof::Any,
        };
        let email = stored.account.email.clone();
        let step = match (needed, &flow) {
            (NeededProof::Nothing, _) => done(next),
            (NeededProof::By(Method::EmailCode) | NeededProof::Any, Some(flow)) => {
                ConfirmStep::EnterCode(self.0.backend.mailed_code(&mut conn, flow, now).await?)
            }
            (NeededProof::Any, None) => ConfirmStep::Choose {
                email,
                password: has_password,
                provider: self.provider(&mut conn, &stored.account.id).await?,
            },
            (NeededProof::By(method), _) => ConfirmStep::Choose {
                email,
                password: method == Method::Password,
                provider: None,
            },
        };
        let next = next.to_owned();
        Ok(CurrentStep { step, next })
    }

    /// Returns a connected provider that can authenticate its user again.
    async fn provider(self, conn: &mut ReadConn, account: &AccountId) -> Result<Option<ProviderButton>, Fault> {
        let rows = identities::of_account(conn, account).await?;
        let mut providers = rows
            .iter()
            .filter_map(|row| self.0.backend.providers().by_issuer(&row.issuer));
        Ok(providers.find(|provider| provider.reauthenticates()).map(button))
    }

    /// Accepts the account's password.
    ///
    /// # Errors
    /// A refusal: signed out, incorrect, a wait, or no password.
    pub async fn password(self, password: &Secret, next: &str) -> Result<Transition<ConfirmStep>, Error> {
        let mut conn = self.0.read().await?;
        let (session, stored) = match self.0.signed_in(&mut conn).await {
            Err(Error::Refused(Refusal::SignedOut)) => {
                drop(conn);
                let (token, _) = self.0.verify_again(password).await?;
                return Ok(Transition::new(done(next), vec![token]));
            }
            found => found?,
        };
        drop(conn);
        stored.account.require_password()?;
        if password.is_empty() {
            return Err(Refusal::CurrentMissing.into());
        }
        // Counted together with those of a password change. Attack: a stolen session guesses here instead.
        self.0.verify_current(&session, &stored, password).await?;
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let (session, current) = self.0.signed_in(&mut tx).await?;
        // Attack: the password was changed while this hash was being computed.
        if current.password != stored.password {
            return Err(Refusal::CurrentWrong.into());
        }
        let token = self
            .0
            .confirm_session(&mut tx, &session, &stored.account, (Method::Password, next), now)
            .await?;
        tx.commit().await?;
        Ok(Transition::new(done(next), vec![token]))
    }

    /// E-mails a code to the account's address; `next` is the destination after it.
    ///
    /// # Errors
    /// A refusal: signed out, or no e-mails left.
    pub async fn send(self, next: &str) -> Result<Transition<ConfirmStep>, Error> {
        let mut conn = self.0.read().await?;
        let (_, stored) = self.0.signed_in(&mut conn).await?;
        drop(conn);
        let begun = self.0.begin_mailed(CONFIRM, &stored.account.email, next).await?;
        Ok(begun.map(ConfirmStep::EnterCode))
    }

    /// Sends a new code for this flow.
    ///
    /// # Errors
    /// A refusal: too early, or no e-mails left.
    pub async fn resend(self) -> Result<Transition<ConfirmStep>, Error> {
        let (_, mailed) = self.0.resend_email(CONFIRM).await?;
        Ok(Transition::to(ConfirmStep::EnterCode(mailed)))
    }

    /// Accepts the e-mailed code.
    ///
    /// # Errors
    /// A refusal of the code.
    pub async fn answer(self, code: &Secret) -> Result<Transition<ConfirmStep>, Error> {
        let (mut tx, flow) = match self.0.answer_code(CONFIRM, code).await? {
            Answered::Right(passed) => *passed,
            Answered::Mistyped(_) => return Err(Refusal::CodeAmbiguous.into()),
        };
        let now = self.0.now();
        flows::finish(&mut tx, &flow.id, CONFIRM, now)
            .await?
            .ok_or(Refusal::StepElsewhere)?;
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        // Attack: on a shared browser, one user's code confirms another user's session.
        if flow.account.as_ref() != Some(&stored.account.id) || flow.email != stored.account.email {
            return Err(Refusal::FlowGone.into());
        }
        let token = self
            .0
            .confirm_session(
                &mut tx,
                &session,
                &stored.account,
                (Method::EmailCode, &flow.next_path),
                now,
            )
            .await?;
        tx.commit().await?;
        Ok(Transition::new(done(&flow.next_path), vec![token, drop_flow(CONFIRM)]))
    }
}

fn done(next: &str) -> ConfirmStep {
    ConfirmStep::Done {
        next: safe_next(next).to_owned(),
    }
}

/// Returns whether a session's user proved who they are less than ten minutes ago.
pub(super) fn is_fresh(session: &Session, now: Timestamp) -> bool {
    now.0 < session.authenticated_at + PROOF_MS
}

impl BrowserRequest<'_> {
    /// Refuses unless the session's user proved who they are less than ten minutes ago.
    pub(super) fn require_fresh_proof(self, session: &Session) -> Result<(), Refusal> {
        if is_fresh(session, self.now()) {
            Ok(())
        } else {
            Err(Refusal::ProofTooOld)
        }
    }

    /// Records that the session's user has proven who they are by a method, before the path `next`, and returns the session's new token. Attack: a copy of the old
    /// token waits for the owner's proof.
    pub(super) async fn confirm_session(
        self,
        tx: &mut WriteTx,
        session: &Session,
        account: &Account,
        (method, next): (Method, &str),
        now: Timestamp,
    ) -> Result<TokenChange, Error> {
        let token = self.successor().ok_or(Refusal::SignedOut)?;
        let methods = methods_after(tx, next, session, method, now).await?;
        sessions::authenticate(tx, &session.id, &random::digest(&token), &methods, now).await?;
        self.log(tx, &account.id, ActivityKind::Confirmed, now).await?;
        Ok(self.backend.hold_session(token))
    }
}
