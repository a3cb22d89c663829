//! Sign-in with an OpenID provider: the way there and the way back.
//!
//! The attempt is sealed into a cookie, so that following the link changes nothing in the database, and so that a response counts
//! only in the browser that asked for it. An account at the provider is an issuer and a subject, never an address.

mod arrival;

use super::request::BrowserRequest;
use crate::oidc::{Ask, Attempt, GOOGLE, Identity, Provider, ProviderError, Providers};
use crate::store::identities::{self, Identity as Row};
use crate::store::{WriteTx, organizations};
use crate::{Backend, Error, TokenChange, TokenKind, Transition, random, seal};
use account::{
    AccountId, EmailAddress, Method, ProviderButton, ProviderIntent, ProviderStep, Refusal, Secret, Timestamp,
    safe_next, with_next,
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
    /// The destination, or empty.
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
                // Attack: an organization's provider opens an account that the organization does not manage.
                if !provider.is_listed() || organizations::owns_provider(&mut conn, provider.id()).await? {
                    return Err(Refusal::ProviderExpired.into());
                }
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
            next: Some(next)
                .filter(|next| !next.is_empty())
                .map_or("", safe_next)
                .to_owned(),
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

    /// Returns the purpose and the destination of the browser's attempt, for the page that shows a refusal.
    #[must_use]
    pub fn intent_and_next(self) -> (ProviderIntent, String) {
        let kept = self.kept().map(|kept| (kept.intent, kept.next));
        kept.unwrap_or((ProviderIntent::SignIn, String::new()))
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
            let next = safe_next(&kept.next).to_owned();
            return Ok(Transition::new(ProviderStep::SignedIn { next }, tokens));
        }
        if identities::is_redeemed(&mut conn, &state).await? {
            if kept.intent == ProviderIntent::Confirm
                && let Some(token) = self.0.confirmed_again(&mut conn, now).await?
            {
                let next = safe_next(&kept.next).to_owned();
                return Ok(Transition::new(ProviderStep::Confirmed { next }, vec![token]));
            }
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
        stored.account.require_unmanaged()?;
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
        let token = self
            .0
            .confirm_session(&mut tx, &session, &stored.account, (Method::Provider, &kept.next), now)
            .await?;
        tx.commit().await?;
        let next = safe_next(&kept.next).to_owned();
        Ok(Transition::new(ProviderStep::Confirmed { next }, vec![token]))
    }
}

impl BrowserRequest<'_> {
    /// Returns the path after a sign-in: first the page that offers to connect an account, if one is waiting and no leaked
    /// password has to be changed.
    pub(super) fn after_sign_in(self, next: &str) -> String {
        match self.offered(self.now()) {
            Some(_) if !must_change_password(next) => before("/security/connect", next),
            _ => safe_next(next).to_owned(),
        }
    }

    /// Returns the account at a provider that waits to be connected, if the offer is still open.
    pub(super) fn offered(self, now: Timestamp) -> Option<Offer> {
        let sealed = self.tokens.connection.as_ref()?;
        let offer: Offer = seal::open_state(&self.backend.parts.keys, CONNECTION, sealed.expose())?;
        (now < offer.ends_at).then_some(offer)
    }
}

const CHANGE_PASSWORD: &str = "/security/password";

/// Returns the path after a sign-in with a leaked password.
pub(super) fn first_change_password(next: &str) -> String {
    before(CHANGE_PASSWORD, next)
}

/// Returns whether a sign-in leads to [`first_change_password`].
pub(super) fn must_change_password(next: &str) -> bool {
    next.split('?').next() == Some(CHANGE_PASSWORD)
}

/// Returns the address of a page that comes before the destination. The profile is where sign-ins without a destination end, and
/// such a page then has its own end.
pub(super) fn before(page: &str, next: &str) -> String {
    match safe_next(next) {
        "/profile" => page.to_owned(),
        next => with_next(page, next),
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

    /// Returns the provider of an issuer if the sign-in page has a button for it.
    pub(crate) fn usable_provider(&self, issuer: &str) -> Option<account::Provider> {
        let provider = self.providers().by_issuer(issuer)?;
        provider.is_listed().then(|| self.describe_provider(issuer))
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
