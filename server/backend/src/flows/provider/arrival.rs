//! A user who comes back from a provider: whose account it is, or what has to be proven first.

use super::{CONNECTION, CONNECTION_MS, Kept, Offer, ProviderSignIn, row};
use crate::flows::devices::DeviceEntry;
use crate::oidc::{Identity, Provider};
use crate::store::{ReadConn, WriteTx, accounts, email_changes, identities, invitations, organizations};
use crate::{Error, Fault, TokenChange, TokenKind, Transition, random, seal};
use account::{
    Account, AccountId, ActivityKind, DeviceTrust, EmailAddress, Membership, Method, ProviderStep, Refusal,
    SignInMethods, SignInNext, Timestamp, next_step, safe_next,
};

impl ProviderSignIn<'_> {
    /// Signs in to the account of the identity, creates one, or says what must be proven first.
    pub(super) async fn arrive(
        self,
        mut tx: WriteTx,
        kept: &Kept,
        provider: &Provider,
        identity: Identity,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        if let Some(account) = self.known(&mut tx, provider, &identity, now).await? {
            let entry = DeviceEntry::Remember;
            return self.sign_in(tx, kept, provider, &account, entry, now).await;
        }
        let email = identity.email.clone().ok_or_else(|| failed(provider))?;
        let organization = self.organization(&mut tx, provider, &email).await?;
        if !has_verified(provider, &identity) {
            // Attack: a member sets another member's address at the organization's provider.
            if organization.is_some() {
                return Err(failed(provider));
            }
            return self.prove_email(tx, kept, &identity, &email, now).await;
        }
        if let Some(stored) = accounts::find_by_email(&mut tx, &email).await? {
            return self
                .offer_connection(tx, kept, provider, &identity, &stored.account, now)
                .await;
        }
        // Attack: an account at an organization's domain that the organization does not manage.
        if organization.is_none()
            && let Some(of) = organizations::of_domain(&mut tx, email.domain()).await?
            && invitations::of_address(&mut tx, &email, now).await?.is_empty()
        {
            return Err(use_organization(&of));
        }
        if organization.is_none() && !self.0.backend.settings().sign_up {
            return Err(Refusal::SignUpClosed.into());
        }
        // Attack: a new account at the address keeps the owner of a stolen one from undoing its change.
        if email_changes::is_reserved(&mut tx, &email, now).await? {
            return Err(Refusal::EmailMoved.into());
        }
        let account = self.create(&mut tx, &identity, email, organization, now).await?;
        self.sign_in(tx, kept, provider, &account, DeviceEntry::OfNewAccount, now)
            .await
    }

    /// Returns the organization whose domain a new user's address has, and whose provider this is. Refuses an address of an
    /// organization with another provider, and any other address at an organization's provider.
    async fn organization(
        self,
        conn: &mut ReadConn,
        provider: &Provider,
        email: &EmailAddress,
    ) -> Result<Option<Membership>, Error> {
        match organizations::of_domain(conn, email.domain()).await? {
            Some(membership) if membership.provider.as_deref() == Some(provider.id()) => Ok(Some(membership)),
            // Attack: a former member keeps access through an account at another provider.
            Some(membership) if membership.provider.is_some() => Err(use_organization(&membership)),
            // Attack: an organization's provider claims addresses of other domains.
            _ if !provider.is_listed() || organizations::owns_provider(conn, provider.id()).await? => {
                Err(failed(provider))
            }
            _ => Ok(None),
        }
    }

    /// Finds the account of an identity: by issuer and subject; or an account that an operator has added for this address there;
    /// or an account with this address that the organization of this provider manages already.
    async fn known(
        self,
        tx: &mut WriteTx,
        provider: &Provider,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Option<Account>, Error> {
        let mut found = identities::find(tx, &identity.issuer, &identity.subject).await?;
        if let (None, Some(email), Some(true)) = (&found, &identity.email, identity.email_verified) {
            found = identities::find_declared(tx, &identity.issuer, email).await?;
        }
        // Attack: a user of the organization's provider sets a member's address there.
        if let (None, Some(email), true) = (&found, &identity.email, has_verified(provider, identity)) {
            let is_member = |stored: &accounts::Stored| {
                let of = stored.account.managed_by.as_ref().and_then(|of| of.provider.as_deref());
                of == Some(provider.id())
            };
            if let Some(member) = accounts::find_by_email(tx, email).await?.filter(is_member) {
                let id = &member.account.id;
                // Attack: the address was given to another user of the provider.
                let connected = identities::of_account(tx, id).await?;
                if connected.iter().any(|other| other.issuer == identity.issuer) {
                    return Err(failed(provider));
                }
                let row = row(id, identity, now);
                if identities::insert(tx, &row).await? {
                    self.0.log(tx, id, ActivityKind::ProviderConnected, now).await?;
                    found = Some(row);
                }
            }
        }
        let Some(row) = found else { return Ok(None) };
        let id = AccountId(row.account_id);
        accounts::lock_for_update(tx, &id).await?;
        if !identities::used(tx, &row.id, &identity.subject, identity.email.as_ref(), now).await? {
            return Err(Refusal::ProviderExpired.into());
        }
        let stored = accounts::find(tx, &id).await?.ok_or(Refusal::ProviderExpired)?;
        Ok(Some(stored.account))
    }

    async fn sign_in(
        self,
        mut tx: WriteTx,
        kept: &Kept,
        provider: &Provider,
        account: &Account,
        entry: DeviceEntry,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        // Attack: an account that an organization manages is opened by a connected account elsewhere.
        if let Some(membership) = &account.managed_by
            && membership.provider.as_deref() != Some(provider.id())
        {
            return Err(use_organization(membership));
        }
        // Attack: a previous provider of an organization opens an account that the organization has given back.
        if account.managed_by.is_none() && !provider.is_listed() {
            return Err(failed(provider));
        }
        let has = SignInMethods {
            provider: true,
            ..account.sign_in_methods()
        };
        let next = next_step(has, account.sign_in_policy(), &[Method::Provider], DeviceTrust::None);
        if next != SignInNext::Done {
            return Err(Refusal::AccountDeactivated.into());
        }
        let methods = [Method::Provider];
        let mut tokens = self
            .0
            .begin_session_from(&mut tx, account, &methods, &kept.seed(), entry, now)
            .await?;
        let mut next = self.0.after_sign_in(&kept.next);
        // An offer of this account's own identity has nothing to connect.
        if let Some(offer) = self.0.offered(now)
            && let Some(row) = identities::find(&mut tx, &offer.issuer, &offer.subject).await?
            && row.account_id == account.id.0
        {
            tokens.push(TokenChange::remove(TokenKind::Connection));
            next = safe_next(&kept.next).to_owned();
        }
        tx.commit().await?;
        let next = self.0.first_choose(account, next);
        Ok(Transition::new(ProviderStep::SignedIn { next }, tokens))
    }

    /// Creates the account of a new user, whose address is proven by the provider or the organization's domain.
    async fn create(
        self,
        tx: &mut WriteTx,
        identity: &Identity,
        email: EmailAddress,
        managed_by: Option<Membership>,
        now: Timestamp,
    ) -> Result<Account, Error> {
        let account = Account {
            id: AccountId(random::id()),
            email,
            name: identity.name.as_ref().map_or("", account::Name::as_str).to_owned(),
            preferred_name: String::new(),
            managed_by,
            has_password: false,
            issuer: Some(identity.issuer.clone()),
            language: Some(self.0.caller.language.clone()),
            password_changed_at: None,
            disabled_at: None,
            delete_after: None,
        };
        // Another request was faster.
        if !accounts::insert(tx, &account, None, now).await?
            || !identities::insert(tx, &row(&account.id, identity, now)).await?
        {
            return Err(Refusal::ProviderExpired.into());
        }
        self.0.log(tx, &account.id, ActivityKind::SignedUp, now).await?;
        // Attack: the address was prepared before: a stranger's open sign-up ends here.
        self.0.backend.end_flows(tx, &account.email, now).await?;
        Ok(account)
    }

    /// The account here has the same address: its owner signs in to it as usual, then connects.
    ///
    /// Attack: an account at a provider is made with another user's address, and signs in as them.
    async fn offer_connection(
        self,
        tx: WriteTx,
        kept: &Kept,
        provider: &Provider,
        identity: &Identity,
        account: &Account,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        if account.disabled_at.is_some() {
            return Err(Refusal::AccountDeactivated.into());
        }
        if let Some(membership) = &account.managed_by {
            return Err(use_organization(membership));
        }
        tx.commit().await?;
        let offer = self.offer(identity, &account.email, now)?;
        let step = ProviderStep::SignInToConnect {
            provider: provider.name().to_owned(),
            next: kept.next.clone(),
        };
        // Without a password, its owner chooses the other provider on the sign-in page.
        let mut tokens = if account.has_password {
            let begun = self.0.sign_in().begin_with_password(&account.email, &kept.next).await?;
            begun.tokens
        } else {
            Vec::new()
        };
        tokens.push(offer);
        Ok(Transition::new(step, tokens))
    }

    /// The provider has not verified the address: the user proves it with a code, signs up, then connects.
    async fn prove_email(
        self,
        tx: WriteTx,
        kept: &Kept,
        identity: &Identity,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        tx.commit().await?;
        let offer = self.offer(identity, email, now)?;
        let begun = self.0.sign_up().begin(email.as_str(), &kept.next).await?;
        let mut transition = begun.map(|_| ProviderStep::ProveEmail);
        transition.tokens.push(offer);
        Ok(transition)
    }

    fn offer(self, identity: &Identity, email: &EmailAddress, now: Timestamp) -> Result<TokenChange, Fault> {
        let offer = Offer {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            email: email.to_string(),
            ends_at: now.plus_ms(CONNECTION_MS),
        };
        let sealed = seal::seal_state(&self.0.backend.parts.keys, CONNECTION, &offer)?;
        Ok(TokenChange {
            kind: TokenKind::Connection,
            token: Some(sealed.into()),
            keep_s: CONNECTION_MS / 1_000,
        })
    }
}

/// Returns whether the provider has verified the address. An organization's own provider need not say so, but a denial counts.
fn has_verified(provider: &Provider, identity: &Identity) -> bool {
    identity.email_verified.unwrap_or(!provider.is_listed())
}

/// Refuses a sign-in that is not through the organization's provider.
fn use_organization(membership: &Membership) -> Error {
    Refusal::UseOrganization {
        organization: membership.organization.name.clone(),
    }
    .into()
}

fn failed(provider: &Provider) -> Error {
    Refusal::ProviderFailed {
        provider: provider.name().to_owned(),
    }
    .into()
}
