//! The current password of a signed-in user, for a change of it or as a new proof.

use super::password_tries::{Tries, browser_throttle_key, wrong_passwords};
use super::request::BrowserRequest;
use super::step_up::LOST_ANSWER_MS;
use crate::store::accounts::Stored;
use crate::store::sessions::{self, Session};
use crate::store::{ReadConn, throttles};
use crate::{BrowserTokens, Error, Fault, TokenChange, Verdict, random};
use account::{Account, ActivityKind, FailureCause, Refusal, Secret, Timestamp};

impl BrowserRequest<'_> {
    /// Verifies the current password. Tries are counted per browser. Attack: strangers or a stolen session use up the owner's
    /// tries. Call it without an open transaction.
    pub(super) async fn verify_current(
        self,
        session: &Session,
        stored: &Stored,
        current: &Secret,
    ) -> Result<(), Error> {
        let account = &stored.account;
        let mut conn = self.read().await?;
        let device = self.find_device(&mut conn, &account.id).await?;
        drop(conn);
        let browser = device.map_or_else(|| session.id.clone(), |device| device.id);
        let throttle_key = browser_throttle_key(&browser);
        let place = self.backend.parts.hashing.place(&self.caller.network()).await?;
        let mut tx = self.begin().await?;
        self.backend
            .spend_throttled_try(&mut tx, &throttle_key, self.now())
            .await?;
        tx.commit().await?;
        let tries = Tries::Browser(throttle_key);
        let hash = stored.password.as_deref();
        let verdict = self.backend.verify_password(place, &tries, current, hash, None).await?;
        if verdict == Verdict::Wrong {
            let noted = self.note_wrong_current(account).await;
            self.backend.unless_put_back(&tries, noted.map_err(Error::from)).await?;
            return Err(Refusal::CurrentWrong.into());
        }
        // The password is correct, so nothing counts as a failure, even if what follows is refused.
        let mut tx = self.begin().await?;
        self.backend.clear_tries(&mut tx, &tries, &account.email).await?;
        Ok(tx.commit().await?)
    }

    /// Verifies the password for a request that replaced this browser's session token within the last 30 s, in case its response
    /// was lost. Returns the new token, and the browser's tokens with it.
    ///
    /// Attack: a copy of the old token. It is useless without the password, and its guesses don't spend the owner's tries.
    pub(super) async fn verify_again(self, password: &Secret) -> Result<(TokenChange, BrowserTokens), Error> {
        let token = self.successor().ok_or(Refusal::SignedOut)?;
        let held = BrowserTokens {
            session: Some(token.clone()),
            ..self.tokens.clone()
        };
        let after = BrowserRequest { tokens: &held, ..self };
        let mut conn = self.read().await?;
        let (session, stored) = after.signed_in(&mut conn).await?;
        drop(conn);
        if self.now().0 >= session.authenticated_at + LOST_ANSWER_MS {
            return Err(Refusal::SignedOut.into());
        }
        let place = self.backend.parts.hashing.place(&self.caller.network()).await?;
        let throttle_key = browser_throttle_key(&["change ", &session.id].concat());
        let mut tx = self.begin().await?;
        self.backend
            .spend_throttled_try(&mut tx, &throttle_key, self.now())
            .await?;
        tx.commit().await?;
        let (tries, hash) = (Tries::Browser(throttle_key), stored.password.as_deref());
        let verdict = self
            .backend
            .verify_password(place, &tries, password, hash, None)
            .await?;
        if verdict == Verdict::Wrong {
            self.note_wrong_current(&stored.account).await?;
            return Err(Refusal::SignedOut.into());
        }
        Ok((self.backend.hold_session(token), held))
    }

    /// Returns the new token of a session whose user has just proven who they are, for a repetition of that proof.
    pub(super) async fn confirmed_again(
        self,
        conn: &mut ReadConn,
        now: Timestamp,
    ) -> Result<Option<TokenChange>, Fault> {
        let Some(token) = self.successor() else { return Ok(None) };
        let session = sessions::find(conn, &random::digest(&token), self.backend.idle_ms(), now).await?;
        let recent = session.filter(|session| now.0 < session.authenticated_at + LOST_ANSWER_MS);
        Ok(recent.map(|_| self.backend.hold_session(token)))
    }

    /// Returns the successor of the browser's session token.
    pub(super) fn successor(self) -> Option<Secret> {
        let token = self.tokens.session.as_ref()?;
        Some(self.backend.next_token(token))
    }

    /// Records an incorrect current password in the account's log and e-mails the owner after every tenth in a row.
    pub(super) async fn note_wrong_current(self, account: &Account) -> Result<(), Fault> {
        let now = self.now();
        let mut tx = self.begin().await?;
        self.log(&mut tx, &account.id, ActivityKind::WrongPassword, now).await?;
        if throttles::count(&mut tx, &wrong_passwords(&account.email), now).await? % 10 == 0 {
            let cause = FailureCause::CurrentPasswords;
            self.tell_of_failures(&mut tx, &account.id, cause, now).await?;
        }
        tx.commit().await?;
        self.backend.emails_written.notify_one();
        Ok(())
    }
}
