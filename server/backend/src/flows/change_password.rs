//! Password change from the security page.

use super::request::{BrowserRequest, PasswordChange};
use crate::proof::PasswordProof;
use crate::store::{accounts, sessions};
use crate::{Error, Transition};
use account::{ActivityKind, Method, Notice, Refusal, Secret, SecurityDone, SecurityView};

impl PasswordChange<'_> {
    /// Requires the current password and the new one twice. Replaces this browser's session token; `end_others` also ends all
    /// other sessions and forgets all other devices.
    ///
    /// # Errors
    /// A refusal: signed out, managed by an organization, incorrect current password, or unsuitable new password.
    pub async fn change(
        self,
        current: &Secret,
        password: &Secret,
        again: &Secret,
        end_others: bool,
    ) -> Result<Transition<SecurityView>, Error> {
        let mut conn = self.0.read().await?;
        let (session, stored) = match self.0.signed_in(&mut conn).await {
            Err(Error::Refused(Refusal::SignedOut)) => {
                drop(conn);
                return self.change_again(password).await;
            }
            found => found?,
        };
        let account = stored.account.clone();
        account.require_password()?;
        if current.is_empty() {
            return Err(Refusal::CurrentMissing.into());
        }
        // Checks that need no hash run first and spend no try.
        self.0
            .backend
            .settings()
            .password
            .check_for(password, again, &account.email, &account.name)?;
        drop(conn);
        self.0.verify_current(&session, &stored, current).await?;
        let hash = stored.password.ok_or(Refusal::CurrentWrong)?;
        let chosen = self
            .0
            .choose_password(&account.email, &account.name, password, again, Some(&hash))
            .await?;

        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        accounts::lock_for_update(&mut tx, &account.id).await?;
        // Fails if the session ended, or the account was deactivated, assigned or changed in the meantime.
        let (session, _) = match self.0.signed_in(&mut tx).await {
            Err(Error::Refused(Refusal::SignedOut)) => {
                drop(tx);
                return self.change_again(password).await;
            }
            found => found?,
        };
        let proof = PasswordProof::verified(account.id.clone(), hash);
        if !accounts::set_password(&mut tx, &proof, &chosen.hash, chosen.unchecked, now).await? {
            let stored = accounts::find(&mut tx, &account.id).await?.ok_or(Refusal::SignedOut)?;
            stored.account.require_password()?;
            return Err(Refusal::CurrentWrong.into());
        }
        sessions::end(&mut tx, &account.id, &session.id).await?;
        let mut device = None;
        if end_others {
            sessions::end_all_but(&mut tx, &account.id, "").await?;
            device = self.0.forget_other_devices(&mut tx, &account.id, now).await?;
        }
        self.0.backend.clear_confirmations(&mut tx, &account.id).await?;
        let next = self
            .0
            .backend
            .next_token(self.0.tokens.session.as_ref().ok_or(Refusal::SignedOut)?);
        let token = self
            .0
            .insert_session(&mut tx, &account.id, &[Method::Password], next, now)
            .await?;
        let transition = self.0.backend.end_flows(&mut tx, &account.email, now).await?;
        self.0
            .log(&mut tx, &account.id, ActivityKind::PasswordChanged, now)
            .await?;
        let notice = Notice::PasswordChanged {
            at: now,
            browser: self.0.caller.browser.clone(),
        };
        self.0.notify(&mut tx, &account, notice, now).await?;
        let tokens: Vec<_> = [token].into_iter().chain(device).collect();
        let mut held = self.0.tokens.clone();
        tokens.iter().for_each(|token| held.apply(token));
        let after = BrowserRequest {
            tokens: &held,
            ..self.0
        };
        let (session, stored) = after.signed_in(&mut tx).await?;
        let view = after.security_in(&mut tx, &session, stored.account).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        transition.iter().for_each(|id| self.0.backend.flow_moved(id));
        Ok(Transition::new(
            SecurityView {
                done: Some(SecurityDone::PasswordChanged),
                ..view
            },
            tokens,
        ))
    }

    /// Adds a password to an account without one. The user must have proven who they are less than ten minutes ago.
    ///
    /// # Errors
    /// A refusal: signed out, managed by an organization, an old proof, or an unsuitable password.
    pub async fn add(self, password: &Secret, again: &Secret) -> Result<Transition<SecurityView>, Error> {
        let mut conn = self.0.read().await?;
        let (session, stored) = self.0.signed_in(&mut conn).await?;
        drop(conn);
        let account = stored.account;
        account.require_unmanaged()?;
        // Sent twice, or in another tab.
        if account.has_password {
            return Err(Refusal::StepElsewhere.into());
        }
        self.0.require_fresh_proof(&session)?;
        let chosen = self
            .0
            .choose_password(&account.email, &account.name, password, again, None)
            .await?;
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        accounts::lock_for_update(&mut tx, &account.id).await?;
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        stored.account.require_unmanaged()?;
        let proof = PasswordProof::fresh(account.id.clone());
        if !accounts::set_password(&mut tx, &proof, &chosen.hash, chosen.unchecked, now).await? {
            return Err(Refusal::StepElsewhere.into());
        }
        let mut transition = self.0.backend.end_flows(&mut tx, &account.email, now).await?;
        self.0
            .log(&mut tx, &account.id, ActivityKind::PasswordAdded, now)
            .await?;
        let notice = Notice::PasswordAdded {
            at: now,
            browser: self.0.caller.browser.clone(),
        };
        self.0.notify(&mut tx, &account, notice, now).await?;
        let account = accounts::find(&mut tx, &account.id)
            .await?
            .ok_or(Refusal::SignedOut)?
            .account;
        let view = self.0.security_in(&mut tx, &session, account).await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        transition.drain(..).for_each(|id| self.0.backend.flow_moved(&id));
        Ok(Transition::to(SecurityView {
            done: Some(SecurityDone::PasswordAdded),
            ..view
        }))
    }

    /// Repeats the response to a password change that replaced this browser's token within the last 30 s, in case it was lost.
    async fn change_again(self, password: &Secret) -> Result<Transition<SecurityView>, Error> {
        let (token, held) = self.0.verify_again(password).await?;
        let after = BrowserRequest {
            tokens: &held,
            ..self.0
        };
        let mut conn = self.0.read().await?;
        let (session, stored) = after.signed_in(&mut conn).await?;
        let device = self.0.device_again(&mut conn, None, &stored.account.id).await?;
        let view = after.security_in(&mut conn, &session, stored.account).await?;
        Ok(Transition::new(
            SecurityView {
                done: Some(SecurityDone::PasswordChanged),
                ..view
            },
            [token].into_iter().chain(device).collect(),
        ))
    }
}
