//! Requests of clients: who sends them, and the endpoints for their tokens.

use super::client_assertion::{self, Assertion, JWT_BEARER};
use super::id_token::UserClaims;
use super::parameters::{Parameters, is_printable};
use super::refresh_token::RefreshToken;
use super::request::{InvalidRequest, ValidRequest};
use super::{Client, subjects};
use crate::store::authorization::{self, Subject};
use crate::{Backend, Caller, Error, Fault, random, retried};
use account::Secret;
use serde_json::{Value, json};
use std::sync::Arc;

/// The client's id and secret from the header `Authorization: Basic`.
pub struct ClientCredentials {
    /// The client's id.
    pub id: String,
    /// The client's secret.
    pub secret: Secret,
    /// The same without decoding, because some libraries do not form-encode it.
    pub raw_secret: Option<Secret>,
}

/// An endpoint for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientEndpoint {
    /// Issues tokens (RFC 6749 §3.2).
    Token,
    /// Takes an authorization request from the client itself (RFC 9126).
    Push,
    /// Says what a token is worth (RFC 7662).
    Introspect,
    /// Ends tokens (RFC 7009).
    Revoke,
    /// Says whether a user wants a group of e-mails.
    MailChoice,
}

/// Why a client's request is refused.
#[derive(Debug)]
pub enum ClientError {
    /// An error code (RFC 6749 §5.2) and its description.
    Refused(&'static str, &'static str),
    /// The client sends too many requests. Contains the seconds until it may try again.
    TooMany(i64),
    /// A failure of this service.
    Fault(Fault),
}

impl ClientError {
    /// Requests of clients are refused in their own way, so only a fault remains.
    fn of(error: Error) -> Self {
        match error {
            Error::Fault(fault) => Self::Fault(fault),
            Error::Refused(_) | Error::Repeated(_) => INVALID_CLIENT,
        }
    }
}

impl From<Fault> for ClientError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The prefix of the name of a pushed request.
const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";
/// The time for which a pushed request waits for the browser.
const PUSHED_S: i64 = 90;
/// The part of a product's requests that each network may send in the name of a public client.
const PUBLIC_SHARE: i64 = 10;

impl ClientEndpoint {
    /// Returns its path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Token => "/oauth/token",
            Self::Push => "/oauth/par",
            Self::Introspect => "/oauth/introspect",
            Self::Revoke => "/oauth/revoke",
            Self::MailChoice => "/oauth/mail-choice",
        }
    }
}

pub(super) const INVALID_CLIENT: ClientError =
    ClientError::Refused("invalid_client", "the client is unknown, or its secret is wrong");

impl Backend {
    /// Answers a client's form with JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn answer_client(
        &self,
        endpoint: ClientEndpoint,
        form: &str,
        credentials: Option<&ClientCredentials>,
        caller: &Caller,
    ) -> Result<Value, ClientError> {
        let asked = Parameters::parse(form);
        if asked.repeats_any() {
            return Err(ClientError::Refused("invalid_request", "a parameter is repeated"));
        }
        let (client, assertion) = self.authenticate(&asked, endpoint, credentials)?;
        // Attack: a product with a fault sends requests in a loop, and slows down the sign-ins of all others.
        let most = self.limits().product_requests_a_minute;
        let (network, most) = if client.is_confidential() {
            (String::new(), most)
        } else {
            // Attack: anyone sends requests in the name of a public client, and its users cannot sign in.
            (caller.network(), (most / PUBLIC_SHARE).max(1))
        };
        if let Some(wait_s) = self.clients().rates.count(&client.id, &network, most, self.now()) {
            return Err(ClientError::TooMany(wait_s));
        }
        // Once, before the work that may be repeated.
        if let Some(assertion) = assertion
            && !self.use_assertion(&assertion).await.map_err(ClientError::of)?
        {
            return Err(INVALID_CLIENT);
        }
        let answer = retried(async || match self.answer(endpoint, form, &asked, &client).await {
            Err(ClientError::Fault(fault)) => Err(Error::Fault(fault)),
            answer => Ok(answer),
        });
        answer.await.map_err(ClientError::of)?
    }

    async fn answer(
        &self,
        endpoint: ClientEndpoint,
        form: &str,
        asked: &Parameters,
        client: &Client,
    ) -> Result<Value, ClientError> {
        match endpoint {
            ClientEndpoint::Token => self.issue(asked, client).await,
            ClientEndpoint::Push => self.push(form, asked, client).await,
            ClientEndpoint::Introspect => self.introspect(token(asked)?, client).await,
            ClientEndpoint::Revoke => self.revoke_token(token(asked)?, client).await,
            ClientEndpoint::MailChoice => self.tell_mail_choice(asked, client).await,
        }
    }

    /// Returns the client that proves who it is: by the header, by the form, or by its id alone if it is public.
    fn authenticate(
        &self,
        asked: &Parameters,
        endpoint: ClientEndpoint,
        credentials: Option<&ClientCredentials>,
    ) -> Result<(Arc<Client>, Option<Assertion>), ClientError> {
        if let Some(assertion) = asked.get("client_assertion") {
            let (client, assertion) = self.authenticate_by_key(asked, endpoint, assertion, credentials)?;
            return Ok((client, Some(assertion)));
        }
        let in_form = asked.get("client_secret").map(Secret::from);
        let named = asked.get("client_id");
        let (id, secret) = match credentials {
            Some(_) if in_form.is_some() => {
                return Err(ClientError::Refused(
                    "invalid_request",
                    "the client authenticates in two ways",
                ));
            }
            Some(credentials) => (credentials.id.as_str(), Some(credentials.secret.clone())),
            None => (named.ok_or(INVALID_CLIENT)?, in_form),
        };
        // Attack: a client proves itself, and acts for another one.
        if named.is_some_and(|named| named != id) {
            return Err(INVALID_CLIENT);
        }
        let client = self.clients().find(id).ok_or(INVALID_CLIENT)?;
        let now = self.now();
        let proven = match secret {
            Some(secret) => {
                let raw = credentials.and_then(|credentials| credentials.raw_secret.as_ref());
                client.has_secret(&secret, now) || raw.is_some_and(|raw| client.has_secret(raw, now))
            }
            None => !client.is_confidential(),
        };
        if proven {
            Ok((client, None))
        } else {
            Err(INVALID_CLIENT)
        }
    }

    /// Returns the client that has signed the request's `client_assertion`.
    fn authenticate_by_key(
        &self,
        asked: &Parameters,
        endpoint: ClientEndpoint,
        assertion: &str,
        credentials: Option<&ClientCredentials>,
    ) -> Result<(Arc<Client>, Assertion), ClientError> {
        if credentials.is_some() || asked.get("client_secret").is_some() {
            return Err(ClientError::Refused(
                "invalid_request",
                "the client authenticates in two ways",
            ));
        }
        let is_plain = is_printable(assertion, 4_096) && asked.get("client_assertion_type") == Some(JWT_BEARER);
        let named = is_plain.then(|| client_assertion::named(assertion)).flatten();
        let client = named.and_then(|id| self.clients().find(&id)).ok_or(INVALID_CLIENT)?;
        // Attack: a client proves itself, and acts for another one.
        if asked.get("client_id").is_some_and(|id| id != client.id) {
            return Err(INVALID_CLIENT);
        }
        let assertion = self
            .verify_assertion(&client, endpoint, assertion)
            .ok_or(INVALID_CLIENT)?;
        Ok((client, assertion))
    }

    /// Stores an authorization request. Only the client's id and the returned name then travel through the browser.
    async fn push(&self, form: &str, asked: &Parameters, client: &Client) -> Result<Value, ClientError> {
        // Attack: anyone who knows a public client's id fills the database.
        if !client.is_confidential() {
            return Err(INVALID_CLIENT);
        }
        let query = without_secret(form, asked.get("client_id").is_none().then_some(&client.id));
        let issuer = &self.settings().origin;
        match ValidRequest::read(self.clients(), issuer, &query) {
            Ok(_) => {}
            Err(InvalidRequest::Unproven(reason)) => return Err(ClientError::Refused("invalid_request", reason)),
            Err(InvalidRequest::Returned { error, description, .. }) => {
                return Err(ClientError::Refused(error, description));
            }
        }
        let (id, now) = (random::id(), self.now());
        let mut tx = self.parts.db.begin_unsynced().await?;
        authorization::insert_pushed(&mut tx, &id, &client.id, &query, now.plus_seconds(PUSHED_S)).await?;
        tx.commit().await?;
        let uri = [PUSHED, &id].concat();
        Ok(json!({ "request_uri": uri, "expires_in": PUSHED_S }))
    }

    /// Returns the query that a client has sent itself, if a request in the browser refers to one.
    pub(crate) async fn pushed_query(&self, query: &str) -> Result<Option<String>, Fault> {
        let asked = Parameters::parse(query);
        let (Some(id), Some(client)) = (
            asked.get("request_uri").and_then(|uri| uri.strip_prefix(PUSHED)),
            asked.get("client_id"),
        ) else {
            return Ok(None);
        };
        if !is_printable(id, 64) || !is_printable(client, 64) || asked.repeats_any() {
            return Ok(None);
        }
        let mut conn = self.parts.db.read().await?;
        authorization::find_pushed(&mut conn, id, client, self.now()).await
    }

    /// Returns what an access token or a refresh token of the client is worth. Attack: a client learns about tokens that a user gave
    /// to another one; they are inactive for it, like unknown ones.
    async fn introspect(&self, token: &str, client: &Client) -> Result<Value, ClientError> {
        // Attack: anyone who knows a public client's id tests stolen tokens.
        if !client.is_confidential() {
            return Err(INVALID_CLIENT);
        }
        let now = self.now();
        let mut conn = self.parts.db.read().await?;
        let (scope, subject, expires_at, token_type) = match RefreshToken::read(&self.parts.keys, token) {
            Some(token) => {
                let family = authorization::find_family(&mut conn, &random::digest(&token.family)).await?;
                let family =
                    family.filter(|found| found.refreshes == token.number && found.code.client_id == client.id);
                let Some(family) = family else { return Ok(inactive()) };
                let session = &family.code.session_id;
                let subject = authorization::find_subject(&mut conn, session, self.idle_ms(), now).await?;
                (family.code.scope, subject, family.code.ends_at, None)
            }
            None => {
                let digest = random::digest(&Secret::from(token));
                let access = authorization::find_access(&mut conn, &digest, self.idle_ms(), now).await?;
                let Some(access) = access.filter(|access| access.client_id == client.id) else {
                    return Ok(inactive());
                };
                // Attack: an API takes a refresh token for an access token. Only these have a type.
                (access.scope, Some(access.subject), access.expires_at, Some("Bearer"))
            }
        };
        let Some(subject) = subject.filter(|_| expires_at > now.0) else {
            return Ok(inactive());
        };
        let known = subjects::known_as(&mut conn, client, &subject.account_id, &subject.session_id).await?;
        let Some(known) = known else { return Ok(inactive()) };
        let mut told = json!({
            "active": true,
            "client_id": client.id,
            "sub": known.sub,
            "scope": scope,
            "exp": expires_at / 1_000,
            "iss": self.settings().origin,
            "sid": known.sid,
        });
        if let Some(token_type) = token_type {
            told["token_type"] = token_type.into();
        }
        Ok(told)
    }

    /// Ends an access token, or a refresh token with all tokens of its family. An unknown token is no error (RFC 7009 §2.2), nor
    /// is another client's, which stays. Attack: a client ends the tokens of another one.
    async fn revoke_token(&self, token: &str, client: &Client) -> Result<Value, ClientError> {
        // Attack: with the id of a public client, anyone sends invented tokens, and each occupies SQLite's only writer.
        let mut conn = self.parts.db.read().await?;
        match RefreshToken::read(&self.parts.keys, token) {
            Some(token) => {
                let family = authorization::find_family(&mut conn, &random::digest(&token.family)).await?;
                drop(conn);
                if let Some(family) = family.filter(|family| family.code.client_id == client.id) {
                    let mut tx = self.parts.db.begin().await?;
                    authorization::revoke_code(&mut tx, &family.code.digest).await?;
                    tx.commit().await?;
                }
            }
            None => {
                let digest = random::digest(&Secret::from(token));
                let access = authorization::find_access(&mut conn, &digest, self.idle_ms(), self.now()).await?;
                drop(conn);
                if access.is_some_and(|access| access.client_id == client.id) {
                    let mut tx = self.parts.db.begin().await?;
                    authorization::revoke_token(&mut tx, &digest).await?;
                    tx.commit().await?;
                }
            }
        }
        Ok(json!({}))
    }

    /// Returns what an access token tells about its user (OpenID Connect Core 1.0 §5.3), as JSON; `None` if it is invalid.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn user_info(&self, token: &Secret) -> Result<Option<Value>, Fault> {
        let mut conn = self.parts.db.read().await?;
        let access = authorization::find_access(&mut conn, &random::digest(token), self.idle_ms(), self.now()).await?;
        // Attack: a client that the operator has removed reads on until its token expires.
        let access = access.filter(|access| self.clients().find(&access.client_id).is_some());
        let Some(access) = access else { return Ok(None) };
        let Some(client) = self.clients().find(&access.client_id) else {
            return Ok(None);
        };
        let Subject {
            account_id, session_id, ..
        } = &access.subject;
        let known = subjects::known_as(&mut conn, &client, account_id, session_id).await?;
        Ok(known.map(|known| json!(UserClaims::of(&access.subject, &known.sub, &access.scope))))
    }
}

/// Returns a request's parameters without the client's secret, and with its id if that was only in the header.
fn without_secret(form: &str, id: Option<&String>) -> String {
    let fields = form_urlencoded::parse(form.as_bytes())
        .filter(|(name, _)| !["client_secret", "client_assertion", "client_assertion_type"].contains(&name.as_ref()));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    if let Some(id) = id {
        query.append_pair("client_id", id);
    }
    query.finish()
}

/// Returns the token; one that cannot be ours is like an unknown one.
fn token(asked: &Parameters) -> Result<&str, ClientError> {
    let token = asked
        .get("token")
        .ok_or(ClientError::Refused("invalid_request", "token is missing"))?;
    Ok(if is_printable(token, 4_096) { token } else { "" })
}

fn inactive() -> Value {
    json!({ "active": false })
}
