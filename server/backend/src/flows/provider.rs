//! Sign-in with an OpenID provider: the way there and the way back.
//!
//! The attempt is sealed into a cookie, so that following the link changes nothing in the database, and so that a response counts
//! only in the browser that asked for it. An account at the provider is an issuer and a subject, never an address.

use super::devices::DeviceEntry;
use super::request::BrowserRequest;
use crate::oidc::{Ask, Attempt, GOOGLE, Identity, Provider, ProviderError, Providers};
use crate::store::identities::{self, Identity as Row};
use crate::store::{ReadConn, WriteTx, accounts, organizations};
use crate::{Backend, Error, Fault, TokenChange, TokenKind, Transition, random, seal};
use account::{
    Account, AccountId, ActivityKind, DeviceTrust, EmailAddress, Membership, Method, ProviderButton, ProviderIntent,
    ProviderStep, Refusal, Secret, SignInMethods, SignInNext, Timestamp, next_step, safe_next,
};
use serde::{Deserialize, Serialize};

/// The kinds of sealed cookies.
const ATTEMPT: &str = "attempt";
const CONNECTION: &str = "connection";
/// Time to sign in to the account here before a connection is offered.
const CONNECTION_MS: i64 = 30 * 60_000;

/// Sign-in with a provider.
#[derive(Clone, Copy)]
pub struct ProviderSignIn<'a>(pub(super) BrowserRequest<'a>);

/// What the browser keeps while its user is at the provider.
#[derive(Serialize, Deserialize)]
struct Kept {
    attempt: Attempt,
    intent: ProviderIntent,
    next: String,
    /// The signed-in account, unless signing in.
    account: Option<AccountId>,
}

impl Kept {
    /// Returns the secret from which the session's tokens are derived, so that a response that arrives twice leads to the same
    /// session.
    fn seed(&self) -> Secret {
        Secret::from(self.attempt.verifier.as_str())
    }
}

/// An account at a provider that is offered for connection after the next sign-in.
#[derive(Serialize, Deserialize)]
pub(super) struct Offer {
    pub issuer: String,
    pub subject: String,
    pub email: String,
    pub ends_at: Timestamp,
}

impl ProviderSignIn<'_> {
    /// Returns the provider's address for the browser, and the attempt that the browser keeps. Changes nothing.
    ///
    /// # Errors
    /// A refusal: the provider doesn't respond, or isn't configured.
    pub async fn begin(self, id: &str, intent: ProviderIntent, next: &str) -> Result<(String, TokenChange), Error> {
        let provider = self.0.backend.providers().find(id).ok_or(Refusal::ProviderExpired)?;
        let mut account = None;
        if intent != ProviderIntent::SignIn {
            let mut conn = self.0.read().await?;
            let (session, stored) = self.0.signed_in(&mut conn).await?;
            if intent == ProviderIntent::Connect {
                self.0.require_fresh_proof(&session)?;
                stored.account.require_unmanaged()?;
            }
            account = Some(stored.account.id);
        }
        let attempt = Attempt::new(id, intent == ProviderIntent::Confirm, self.0.now());
        let ask = Ask {
            // An address in a URL ends up in histories and logs.
            login_hint: None,
            language: &self.0.caller.language,
        };
        let url = provider
            .authorization_url(&attempt, &ask)
            .await
            .map_err(|error| refused(provider, error))?;
        let kept = Kept {
            attempt,
            intent,
            next: safe_next(next).to_owned(),
            account,
        };
        let sealed = seal::seal_state(&self.0.backend.parts.keys, ATTEMPT, &kept)?;
        Ok((
            url,
            TokenChange {
                kind: TokenKind::Provider,
                token: Some(sealed.into()),
                keep_s: Attempt::LIFETIME_MS / 1_000,
            },
        ))
    }

    /// Returns the purpose of the browser's attempt, for the page that shows a refusal.
    #[must_use]
    pub fn intent(self) -> ProviderIntent {
        self.kept().map_or(ProviderIntent::SignIn, |kept| kept.intent)
    }

    fn kept(self) -> Option<Kept> {
        let sealed = self.0.tokens.provider.as_ref()?;
        seal::open_state(&self.0.backend.parts.keys, ATTEMPT, sealed.expose())
    }

    /// Accepts the provider's response: the raw query string of its redirect to this provider's address.
    ///
    /// # Errors
    /// A refusal: canceled, too late, another browser's response, an invalid one, or no account that may sign in.
    pub async fn finish(self, id: &str, query: &str) -> Result<Transition<ProviderStep>, Error> {
        let now = self.0.now();
        let kept = self
            .kept()
            .filter(|kept| kept.attempt.provider == id && now < kept.attempt.started_at.plus_ms(Attempt::LIFETIME_MS))
            .ok_or(Refusal::ProviderExpired)?;
        let provider = self.0.backend.providers().find(id).ok_or(Refusal::ProviderExpired)?;
        // Attack: another site makes this browser finish an attempt of the attacker, and so sign in to the attacker's account.
        if !kept.attempt.is_answered_by(query) {
            return Err(Refusal::ProviderExpired.into());
        }
        let state = random::digest(&Secret::from(kept.attempt.state.as_str()));
        let mut conn = self.0.read().await?;
        if kept.intent == ProviderIntent::SignIn
            && let Some(tokens) = self.0.session_again(&mut conn, &kept.seed(), now).await?
        {
            return Ok(Transition::new(ProviderStep::SignedIn { next: kept.next }, tokens));
        }
        if identities::is_redeemed(&mut conn, &state).await? {
            return Err(Refusal::ProviderExpired.into());
        }
        drop(conn);
        // Attack: a flood of invented responses, each of which makes this server ask the provider.
        let mut tx = self.0.backend.parts.db.begin_unsynced().await?;
        self.0.backend.take(&mut tx, &[self.0.begin_rule()], now).await?;
        tx.commit().await?;
        let identity = provider
            .redeem(&kept.attempt, query)
            .await
            .map_err(|error| refused(provider, error))?;
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        if !identities::redeem(&mut tx, &state, kept.attempt.started_at.plus_ms(Attempt::LIFETIME_MS)).await? {
            return Err(Refusal::ProviderExpired.into());
        }
        let mut transition = match kept.intent {
            ProviderIntent::SignIn => self.arrive(tx, &kept, provider, identity, now).await?,
            ProviderIntent::Connect => self.connect(tx, &kept, provider, identity, now).await?,
            ProviderIntent::Confirm => self.confirm(tx, &kept, identity, now).await?,
        };
        transition.tokens.push(TokenChange::remove(TokenKind::Provider));
        self.0.backend.emails_written.notify_one();
        Ok(transition)
    }

    async fn arrive(
        self,
        mut tx: WriteTx,
        kept: &Kept,
        provider: &Provider,
        identity: Identity,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        if let Some(account) = self.known(&mut tx, provider, &identity, now).await? {
            return self
                .sign_in(tx, kept, provider, &account, DeviceEntry::Remember, now)
                .await;
        }
        let email = identity.email.clone().ok_or(Refusal::ProviderFailed {
            provider: provider.name().to_owned(),
        })?;
        let organization = self.organization(&mut tx, provider, &email).await?;
        let is_verified = organization.is_some() || identity.email_verified == Some(true);
        if !is_verified {
            return self.prove_email(tx, &identity, &email, now).await;
        }
        if let Some(stored) = accounts::find_by_email(&mut tx, &email).await? {
            return self
                .offer_connection(tx, provider, &identity, &stored.account, now)
                .await;
        }
        if organization.is_none() && !self.0.backend.settings().sign_up {
            return Err(Refusal::SignUpClosed.into());
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
            Some(membership) if membership.provider.is_some() => Err(Refusal::UseOrganization {
                organization: membership.organization.name,
            }
            .into()),
            // Attack: an organization's provider claims addresses of other domains.
            _ if organizations::owns_provider(conn, provider.id()).await? => Err(Refusal::ProviderFailed {
                provider: provider.name().to_owned(),
            }
            .into()),
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
        let verified = identity.email_verified == Some(true);
        if let (None, Some(email), true) = (&found, &identity.email, verified) {
            found = identities::find_declared(tx, &identity.issuer, email).await?;
        }
        if let (None, Some(email)) = (&found, &identity.email) {
            let is_member = |stored: &accounts::Stored| {
                let of = stored.account.managed_by.as_ref().and_then(|of| of.provider.as_deref());
                of == Some(provider.id())
            };
            if let Some(member) = accounts::find_by_email(tx, email).await?.filter(is_member) {
                let row = row(&member.account.id, identity, now);
                found = identities::insert(tx, &row).await?.then_some(row);
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
            return Err(Refusal::UseOrganization {
                organization: membership.organization.name.clone(),
            }
            .into());
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
        let tokens = self
            .0
            .begin_session_from(&mut tx, account, &methods, &kept.seed(), entry, now)
            .await?;
        tx.commit().await?;
        Ok(Transition::new(
            ProviderStep::SignedIn {
                next: safe_next(&kept.next).to_owned(),
            },
            tokens,
        ))
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
            managed_by,
            has_password: false,
            issuer: Some(identity.issuer.clone()),
            language: Some(self.0.caller.language.clone()),
            password_changed_at: None,
            disabled_at: None,
        };
        // Another request was faster.
        if !accounts::insert(tx, &account, None, now).await?
            || !identities::insert(tx, &row(&account.id, identity, now)).await?
        {
            return Err(Refusal::ProviderExpired.into());
        }
        self.0.log(tx, &account.id, ActivityKind::SignedUp, now).await?;
        // Attack: the address was prepared before: an open sign-up with somebody else's password ends here.
        self.0.backend.end_flows(tx, &account.email, now).await?;
        Ok(account)
    }

    /// The account here has the same address: its owner signs in to it as usual, then connects.
    ///
    /// Attack: an account at a provider is made with another user's address, and signs in as them.
    async fn offer_connection(
        self,
        tx: WriteTx,
        provider: &Provider,
        identity: &Identity,
        account: &Account,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        if account.disabled_at.is_some() {
            return Err(Refusal::AccountDeactivated.into());
        }
        if let Some(membership) = &account.managed_by {
            return Err(Refusal::UseOrganization {
                organization: membership.organization.name.clone(),
            }
            .into());
        }
        tx.commit().await?;
        let offer = self.offer(identity, &account.email, now)?;
        let begun = self
            .0
            .sign_in()
            .begin(account.email.as_str(), "/security/connect")
            .await?;
        let mut transition = begun.map(|_| ProviderStep::SignInToConnect {
            provider: provider.name().to_owned(),
        });
        transition.tokens.push(offer);
        Ok(transition)
    }

    /// The provider has not verified the address: the user proves it with a code, signs up, then connects.
    async fn prove_email(
        self,
        tx: WriteTx,
        identity: &Identity,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        tx.commit().await?;
        let offer = self.offer(identity, email, now)?;
        let begun = self.0.sign_up().begin(email.as_str()).await?;
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

    /// Connects the identity to the account that was signed in when the attempt began.
    async fn connect(
        self,
        mut tx: WriteTx,
        kept: &Kept,
        provider: &Provider,
        identity: Identity,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        let (_, stored) = self.0.signed_in(&mut tx).await?;
        // Attack: on a shared browser, another user has signed in meanwhile and gets this user's identity.
        if Some(&stored.account.id) != kept.account.as_ref() {
            return Err(Refusal::ProviderExpired.into());
        }
        self.0
            .connect_identity(
                &mut tx,
                &stored.account,
                provider.name(),
                &row(&stored.account.id, &identity, now),
                now,
            )
            .await?;
        tx.commit().await?;
        Ok(Transition::to(ProviderStep::Connected))
    }

    /// Accepts the identity as a new proof of the signed-in user.
    async fn confirm(
        self,
        mut tx: WriteTx,
        kept: &Kept,
        identity: Identity,
        now: Timestamp,
    ) -> Result<Transition<ProviderStep>, Error> {
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        let found = identities::find(&mut tx, &identity.issuer, &identity.subject).await?;
        // Attack: a thief of the session proves an account of their own at the provider.
        let is_owner = found.is_some_and(|row| row.account_id == stored.account.id.0);
        if !is_owner || Some(&stored.account.id) != kept.account.as_ref() {
            return Err(Refusal::ProviderExpired.into());
        }
        self.0
            .confirm_session(&mut tx, &session, &stored.account, Method::Provider, now)
            .await?;
        tx.commit().await?;
        Ok(Transition::to(ProviderStep::Confirmed {
            next: safe_next(&kept.next).to_owned(),
        }))
    }
}

impl BrowserRequest<'_> {
    /// Returns the account at a provider that waits to be connected, if the offer is still open.
    pub(super) fn offered(self, now: Timestamp) -> Option<Offer> {
        let sealed = self.tokens.connection.as_ref()?;
        let offer: Offer = seal::open_state(&self.backend.parts.keys, CONNECTION, sealed.expose())?;
        (now < offer.ends_at).then_some(offer)
    }
}

impl Backend {
    /// Returns the configured providers.
    #[must_use]
    pub fn providers(&self) -> &Providers {
        &self.parts.providers
    }

    /// Returns the providers with a button on the sign-in page.
    #[must_use]
    pub fn provider_buttons(&self) -> Vec<ProviderButton> {
        self.providers().listed().map(button).collect()
    }

    /// Returns the provider of an issuer, for screens and e-mails. One that is not configured is named by its host.
    pub(crate) fn describe_provider(&self, issuer: &str) -> account::Provider {
        let configured = self.providers().by_issuer(issuer);
        let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or(host);
        account::Provider {
            name: match configured {
                Some(provider) => provider.name(),
                None if issuer == GOOGLE => "Google",
                None => host,
            }
            .to_owned(),
            password_url: (issuer == GOOGLE).then(|| "https://myaccount.google.com/signinoptions/password".to_owned()),
        }
    }
}

/// Returns a provider's button.
pub(super) fn button(provider: &Provider) -> ProviderButton {
    ProviderButton {
        id: provider.id().to_owned(),
        name: provider.name().to_owned(),
    }
}

/// Returns the row that connects an identity to an account.
fn row(account: &AccountId, identity: &Identity, now: Timestamp) -> Row {
    Row {
        id: random::id(),
        account_id: account.0.clone(),
        issuer: identity.issuer.clone(),
        subject: Some(identity.subject.clone()),
        email: identity.email.as_ref().map(EmailAddress::to_string).unwrap_or_default(),
        linked_at: now.0,
        last_used_at: Some(now.0),
    }
}

/// Returns the refusal of a failed attempt, whose reason only the log contains.
fn refused(provider: &Provider, error: ProviderError) -> Refusal {
    if error != ProviderError::Denied {
        tracing::warn!(provider = provider.id(), %error, "a sign-in with a provider failed");
    }
    let provider = provider.name().to_owned();
    match error {
        ProviderError::Denied => Refusal::ProviderDenied { provider },
        ProviderError::Unavailable(_) => Refusal::ProviderUnavailable { provider },
        ProviderError::Rejected(_) => Refusal::ProviderFailed { provider },
    }
}
