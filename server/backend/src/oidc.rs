//! Sign-in with an identity provider: the relying party of OpenID Connect Core 1.0 (authorization code flow) with PKCE (RFC 7636)
//! and issuer identification (RFC 9207), by the rules of RFC 9700.

mod cached;
mod discovery;
mod fetch;
mod id_token;
mod keys;
mod response;
mod ring_provider;
mod settings;
mod signing;
mod tokens;

pub use settings::{InvalidField, ProviderSettings};
pub use signing::SigningKey;

use crate::random;
use crate::{Clock, TrustedRoots};
use account::{EmailAddress, Name, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cached::Cached;
use discovery::Discovery;
use id_token::Person;
use keys::KeySet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::time::timeout;

/// The time limits of requests to providers, while a user is waiting.
#[derive(Debug, Clone, Copy)]
struct TimeLimits {
    /// For one request.
    request: Duration,
    /// For all requests that one page needs.
    total: Duration,
}

const TIME_LIMITS: TimeLimits = TimeLimits {
    request: Duration::from_secs(3),
    total: Duration::from_secs(5),
};

/// Clocks of providers and of this server may differ by this much.
const CLOCK_SKEW_MS: i64 = 60_000;

/// Google's issuer.
pub const GOOGLE: &str = "https://accounts.google.com";

/// The configured identity providers. Clones share their caches. None by default.
#[derive(Clone, Default)]
pub struct Providers(Arc<Vec<Provider>>);

/// An identity provider.
pub struct Provider {
    settings: ProviderSettings,
    redirect_uri: String,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    limits: TimeLimits,
    discovery: Cached<Discovery>,
    keys: Cached<KeySet>,
}

/// One attempt to sign in with a provider: what the browser keeps between the request and the response. The caller seals it into
/// a cookie, which binds `state`, `nonce` and the PKCE verifier to the browser.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// The identifier of the provider.
    pub provider: String,
    /// Returned unchanged by the provider. Attack: another site makes the browser finish a sign-in of the attacker (CSRF).
    pub state: String,
    /// Repeated in the ID token. Attack: an ID token from another sign-in is injected.
    pub nonce: String,
    /// The PKCE verifier (RFC 7636). Attack: a stolen code is redeemed from another browser.
    pub verifier: String,
    /// Whether the user must authenticate again at the provider, even with a session there.
    pub fresh: bool,
    /// The time of the request.
    pub started_at: Timestamp,
}

/// The optional parts of an authorization request.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The address that the user has entered.
    pub login_hint: Option<&'a str>,
    /// The language of the page (`ui_locales`): `en`, `ar`.
    pub language: &'a str,
}

/// A person as identified by a provider. Only `issuer` and `subject` identify the person; the rest can change.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The provider's issuer.
    pub issuer: String,
    /// The provider's permanent identifier of the person: 1 to 255 ASCII characters.
    pub subject: String,
    /// The address, if the provider sent a usable one. It can belong to another person: see `email_verified`.
    pub email: Option<EmailAddress>,
    /// Whether the provider has verified that address, if it said so.
    pub email_verified: Option<bool>,
    /// The name, if the provider sent a usable one.
    pub name: Option<Name>,
    /// The time when the person last authenticated at the provider, if it said so. Always set for a fresh [`Attempt`].
    pub authenticated_at: Option<Timestamp>,
}

/// Why a sign-in with a provider failed. The texts are for the log: fixed, never what a provider or a browser sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The user canceled, or the provider did not sign the user in.
    #[error("the user was not signed in at the provider")]
    Denied,
    /// The provider cannot be reached or reports a failure; a later attempt may succeed.
    #[error("{0}")]
    Unavailable(&'static str),
    /// The response or a document of the provider breaks a rule.
    #[error("{0}")]
    Rejected(&'static str),
}

impl Providers {
    /// Creates the providers. Nothing is requested from them yet. `origin` is the public origin of this service.
    ///
    /// # Errors
    /// A sentence for the operator about the first invalid provider.
    pub fn new(
        list: Vec<ProviderSettings>,
        origin: &str,
        roots: &TrustedRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        Self::with_limits(list, origin, roots, &clock, TIME_LIMITS)
    }

    fn with_limits(
        list: Vec<ProviderSettings>,
        origin: &str,
        roots: &TrustedRoots,
        clock: &Arc<dyn Clock>,
        limits: TimeLimits,
    ) -> Result<Self, String> {
        settings::check(&list)?;
        if list.is_empty() {
            return Ok(Self::default());
        }
        ring_provider::install();
        let client = roots
            .http()?
            .timeout(limits.request)
            .user_agent(concat!("Rekey/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        let provider = |settings: ProviderSettings| Provider {
            redirect_uri: settings.redirect_uri(origin),
            settings,
            client: client.clone(),
            clock: clock.clone(),
            limits,
            discovery: Cached::default(),
            keys: Cached::default(),
        };
        Ok(Self(Arc::new(list.into_iter().map(provider).collect())))
    }

    /// Returns the provider with an identifier.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.id() == id)
    }

    /// Returns the provider with an issuer.
    #[must_use]
    pub fn by_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.issuer() == issuer)
    }

    /// Returns the providers with a button on the sign-in page, in the operator's order.
    pub fn listed(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter().filter(|provider| provider.settings.listed)
    }
}

impl Provider {
    /// Returns the identifier in URLs and in the configuration.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// Returns the name for users, such as `Google`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Returns the issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Returns whether the sign-in page has a button for it.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.settings.listed
    }

    /// Returns whether the provider can be asked to authenticate its user again. Google ignores `prompt=login` and `max_age`.
    #[must_use]
    pub fn reauthenticates(&self) -> bool {
        self.settings.issuer != GOOGLE
    }

    /// Returns the address for the browser: the provider's authorization endpoint with the request of this attempt.
    ///
    /// # Errors
    /// If the provider's discovery document cannot be fetched or is invalid.
    pub async fn authorization_url(&self, attempt: &Attempt, ask: &Ask<'_>) -> Result<String, ProviderError> {
        let discovery = self.in_time(self.discovery()).await?;
        let mut url = discovery.authorization_endpoint.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.settings.scopes)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256")
            .append_pair("ui_locales", ask.language);
        if let Some(hint) = ask.login_hint {
            query.append_pair("login_hint", hint);
        }
        if attempt.fresh {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        drop(query);
        Ok(url.into())
    }

    /// Checks the provider's response (the raw query string of the redirect), redeems its code and verifies the ID token.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn redeem(&self, attempt: &Attempt, query: &str) -> Result<Identity, ProviderError> {
        self.in_time(self.identity(attempt, query)).await
    }

    async fn identity(&self, attempt: &Attempt, query: &str) -> Result<Identity, ProviderError> {
        // Attack (mix-up, RFC 9700 §4.4): another provider's response arrives at this provider's redirect address.
        if attempt.provider != self.id() {
            return Err(ProviderError::Rejected("the attempt is for another provider"));
        }
        if self.clock.now() > attempt.started_at.plus_ms(Attempt::LIFETIME_MS) {
            return Err(ProviderError::Rejected("the attempt is too old"));
        }
        let response = response::accept(query, &attempt.state, self.issuer())?;
        let discovery = self.discovery().await?;
        if discovery.sends_issuer && !response.names_issuer {
            return Err(ProviderError::Rejected("the response lacks its issuer"));
        }
        let tokens = self.tokens(&discovery, &response.code, &attempt.verifier).await?;
        let header = id_token::read_header(tokens.id_token.expose())?;
        let keys = self.keys_for(&discovery, &header).await?;
        let expected = id_token::Expected {
            issuer: self.issuer(),
            client_id: &self.settings.client_id,
            attempt,
            access_token: tokens.access_token.expose(),
            now: self.clock.now(),
        };
        let claims = id_token::verify(tokens.id_token.expose(), &header, &keys, &expected)?;
        let mut person = claims.person;
        if let Some(endpoint) = &discovery.userinfo_endpoint
            && person.email.is_none()
        {
            let asked = self.userinfo(endpoint, &tokens, &claims.sub).await?;
            person = Person {
                name: person.name.or(asked.name),
                ..asked
            };
        }
        let email = person.email.and_then(|email| EmailAddress::parse(&email).ok());
        Ok(Identity {
            issuer: self.issuer().to_owned(),
            subject: claims.sub,
            email_verified: email.as_ref().and(person.email_verified),
            email,
            name: person.name.and_then(|name| Name::parse(&name).ok()),
            authenticated_at: claims.auth_time,
        })
    }

    async fn discovery(&self) -> Result<Arc<Discovery>, ProviderError> {
        let fetched = discovery::fetch(&self.client, self.issuer());
        self.discovery.get(&*self.clock, cached::FRESH_MS, fetched).await
    }

    /// Returns the keys, which are fetched again if the ID token's key is missing: the provider may have rotated its keys.
    async fn keys_for(
        &self,
        discovery: &Discovery,
        header: &jsonwebtoken::Header,
    ) -> Result<Arc<KeySet>, ProviderError> {
        let fetched = || keys::fetch(&self.client, &discovery.jwks_uri);
        let keys = self.keys.get(&*self.clock, cached::FRESH_MS, fetched()).await?;
        if keys.find(header).is_some() {
            return Ok(keys);
        }
        // Attack: tokens with invented key names make this server flood the provider.
        self.keys.get(&*self.clock, cached::PAUSE_MS, fetched()).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, ProviderError>>) -> Result<T, ProviderError> {
        let result = timeout(self.limits.total, work).await;
        result.unwrap_or(Err(ProviderError::Unavailable("the provider is too slow")))
    }
}

impl Attempt {
    /// The time for signing in at the provider.
    pub const LIFETIME_MS: i64 = 600_000;

    /// Creates an attempt with new secrets of 256 bits each.
    #[must_use]
    pub fn new(provider: &str, fresh: bool, now: Timestamp) -> Self {
        Self {
            provider: provider.to_owned(),
            state: random::token().into(),
            nonce: random::token().into(),
            verifier: random::token().into(),
            fresh,
            started_at: now,
        }
    }

    /// Returns whether a response (its raw query string) has this attempt's state.
    #[must_use]
    pub fn is_answered_by(&self, query: &str) -> bool {
        let mut states = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
        states
            .next()
            .is_some_and(|(_, state)| bool::from(state.as_bytes().ct_eq(self.state.as_bytes())))
    }

    /// Returns the PKCE challenge (method S256).
    fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }
}

#[cfg(test)]
mod tests;
