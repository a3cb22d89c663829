//! The first step of a sign-in: the address, and where it leads.

use super::SIGN_IN;
use crate::flows::first_form::FlowOfForm;
use crate::flows::mailed_email::{hold_flow, new_flow, next_path, set_next};
use crate::flows::request::SignIn;
use crate::store::flows::{self, Flow};
use crate::store::{accounts, organizations};
use crate::{Error, Transition};
use account::{EmailAddress, Membership, NextStep, SignInStep, with_next};

impl SignIn<'_> {
    /// Accepts the address without revealing anything about it. The next step is the password, or the code if strangers have no
    /// tries left for the address, whether or not an account exists.
    ///
    /// `own` is the user's wish to sign in to an account that no organization manages: an address at an organization's domain
    /// is then not led to its provider.
    ///
    /// # Errors
    /// A refusal: invalid address or rate limit.
    pub async fn begin(self, email: &str, next: &str, own: bool) -> Result<Transition<SignInStep>, Error> {
        let email = EmailAddress::read(email, account::domain_to_ascii)?;
        if own {
            return self.begin_with_password(&email, next).await;
        }
        // Decided by the domain alone, so that it reveals nothing about an account.
        let mut conn = self.0.read().await?;
        let organization = organizations::of_domain(&mut conn, email.domain()).await?;
        drop(conn);
        match organization {
            Some(organization) => self.lead_to(&organization, &email, next).await,
            None => self.begin_with_password(&email, next).await,
        }
    }

    /// Begins a sign-in with an account's own methods. Looks up no account.
    pub(in crate::flows) async fn begin_with_password(
        self,
        email: &EmailAddress,
        next: &str,
    ) -> Result<Transition<SignInStep>, Error> {
        let now = self.0.now();
        // Unsynced, because a power failure loses only an address and one count of the client.
        let mut tx = self.0.backend.parts.db.begin_unsynced().await?;
        let FlowOfForm { token, begun, before } = self.0.flow_of_form(&mut tx, SIGN_IN, email, now).await?;
        if let Some(flow) = begun.filter(|flow| flow.progress.next_step(now) != NextStep::Over) {
            set_next(&mut tx, &flow, next).await?;
            let step = flow.progress.next_step(now);
            let step = self.shown(&mut tx, &flow, step, now).await?;
            tx.commit().await?;
            return Ok(Transition::new(step, vec![hold_flow(SIGN_IN, token)]));
        }
        if self.0.backend.strangers_prove_mailbox(&mut tx, email, now).await? {
            let stored = accounts::find_by_email(&mut tx, email).await?;
            let account = stored.map(|stored| stored.account);
            if !self.0.is_known(&mut tx, account.as_ref()).await? {
                drop(tx);
                return Ok(self
                    .0
                    .begin_mailed(SIGN_IN, email, next)
                    .await?
                    .map(SignInStep::ProveMailbox));
            }
        }
        if let Some(before) = &before {
            flows::end(&mut tx, &before.id, now).await?;
        }
        self.0.backend.take(&mut tx, &[self.0.begin_rule()], now).await?;
        let flow = Flow {
            next_path: next_path(before.as_ref(), next),
            ..new_flow(
                SIGN_IN,
                &token,
                self.0.caller,
                email,
                self.0.caller.language.clone(),
                before.as_ref(),
                now,
            )
        };
        flows::insert(&mut tx, &flow).await?;
        tx.commit().await?;
        Ok(Transition::new(
            SignInStep::EnterPassword { email: email.clone() },
            vec![hold_flow(SIGN_IN, token)],
        ))
    }

    /// Leads to the organization's provider, or e-mails a code if it has none.
    async fn lead_to(
        self,
        organization: &Membership,
        email: &EmailAddress,
        next: &str,
    ) -> Result<Transition<SignInStep>, Error> {
        let provider = organization.provider.as_deref();
        if let Some(provider) = provider.and_then(|id| self.0.backend.providers().find(id)) {
            return Ok(Transition::to(SignInStep::Through {
                organization: organization.organization.name.clone(),
                page: with_next(&format!("/signin/through/{}", provider.id()), next),
            }));
        }
        let begun = self.0.begin_mailed(SIGN_IN, email, next).await?;
        Ok(begun.map(SignInStep::ProveMailbox))
    }
}
