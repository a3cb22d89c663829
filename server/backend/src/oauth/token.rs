//! The token endpoint (RFC 6749 §4.1.3 and §6).

use super::id_token::{AccessToken, IdToken};
use super::parameters::{Parameters, is_printable};
use super::refresh_token::RefreshToken;
use super::request::SCOPES;
use super::{Client, ClientError, OFFLINE, TOKEN_S, has_scope, subjects};
use crate::oidc::SigningKey;
use crate::store::authorization::{self, AuthorizationCode, Family, Subject};
use crate::store::events::Actor;
use crate::store::{WriteTx, connected_products, events, logout_notices, sessions};
use crate::{Backend, Caller, Fault, random};
use account::{AccountId, ActivityKind, Secret, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The time in which a replaced refresh token is answered again, because the response may have been lost.
const LOST_RESPONSE_MS: i64 = 30_000;

/// One error for all codes and refresh tokens that are refused. Attack: it tells which part of a guess was right.
const INVALID_GRANT: ClientError = ClientError::Refused(
    "invalid_grant",
    "it is invalid, expired, used or revoked, or belongs to another client, address or verifier",
);

impl Backend {
    /// Issues tokens for an authorization code or a refresh token, as JSON.
    pub(super) async fn issue(&self, asked: &Parameters, client: &Client) -> Result<Value, ClientError> {
        match asked.get("grant_type") {
            Some("authorization_code") => self.redeem_code(asked, client).await,
            Some("refresh_token") => self.refresh(asked, client).await,
            Some(_) => Err(ClientError::Refused(
                "unsupported_grant_type",
                "grant_type must be authorization_code or refresh_token",
            )),
            None => Err(ClientError::Refused("invalid_request", "grant_type is missing")),
        }
    }

    async fn redeem_code(&self, asked: &Parameters, client: &Client) -> Result<Value, ClientError> {
        let text = |name| asked.get(name).filter(|text| is_printable(text, 512));
        let missing = ClientError::Refused("invalid_request", "code, redirect_uri or code_verifier is missing");
        let (Some(code), Some(redirect_uri), Some(verifier)) =
            (text("code"), text("redirect_uri"), text("code_verifier"))
        else {
            return Err(missing);
        };
        let digest = random::digest(&Secret::from(code));
        // Attack: with the id of a public client, anyone sends invented codes, and each occupies SQLite's only writer.
        if !client.is_confidential() {
            let mut conn = self.parts.db.read().await?;
            authorization::find_code(&mut conn, &digest)
                .await?
                .ok_or(INVALID_GRANT)?;
        }
        // Made before the transaction, because it may write the key.
        let key = self.signing_key_for(client).await?;
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        let code = authorization::find_code(&mut tx, &digest).await?.ok_or(INVALID_GRANT)?;
        // A thief without the verifier or with another client's secret changes nothing.
        if code.client_id != client.id || code.redirect_uri != redirect_uri || !is_verified(&code, verifier) {
            return Err(INVALID_GRANT);
        }
        lock_session(&mut tx, &code).await?;
        if !authorization::use_code(&mut tx, &digest, now).await? {
            // Disconnected meanwhile.
            authorization::find_code(&mut tx, &digest).await?.ok_or(INVALID_GRANT)?;
            // Attack: a thief redeems the code before or after the client. Both lose what it gave.
            return self.revoke(tx, &code, "a code was used twice", now).await;
        }
        if code.expires_at <= now.0 {
            return Err(INVALID_GRANT);
        }
        let subject = self.subject(&mut tx, &code, now).await?;
        let refresh_token = if has_scope(&code.scope, OFFLINE) {
            let token = RefreshToken::new();
            let family = random::digest(&token.family);
            let key_id = self.parts.keys.current().id().to_owned();
            authorization::begin_family(&mut tx, &digest, (&family, &key_id), subject.ends_at).await?;
            Some(token.write(&self.parts.keys))
        } else {
            None
        };
        let response = self
            .give(tx, &key, (&code, client), &subject, refresh_token, now)
            .await?;
        self.metrics().client_event(&client.id, "tokens");
        Ok(response)
    }

    async fn refresh(&self, asked: &Parameters, client: &Client) -> Result<Value, ClientError> {
        let text = asked.get("refresh_token").filter(|text| is_printable(text, 512));
        let text = text.ok_or(ClientError::Refused("invalid_request", "refresh_token is missing"))?;
        let token = RefreshToken::read(&self.parts.keys, text).ok_or(INVALID_GRANT)?;
        let key = self.signing_key_for(client).await?;
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
        let family = random::digest(&token.family);
        let found = authorization::find_family(&mut tx, &family)
            .await?
            .ok_or(INVALID_GRANT)?;
        let Family { code, .. } = found;
        if code.client_id != client.id || code.ends_at <= now.0 {
            return Err(INVALID_GRANT);
        }
        lock_session(&mut tx, &code).await?;
        let key_id = self.parts.keys.current().id().to_owned();
        if !authorization::replace_refresh_token(&mut tx, &code.digest, token.number, &key_id, now).await? {
            let current = authorization::find_family(&mut tx, &family)
                .await?
                .ok_or(INVALID_GRANT)?;
            let is_repeated = current.refreshes == token.number + 1
                && current.refreshed_at.is_some_and(|at| now.0 - at <= LOST_RESPONSE_MS);
            if !is_repeated {
                // Attack: a thief uses an old token, or the client one that a thief has already used. Both lose all tokens.
                return self.revoke(tx, &code, "a refresh token was used again", now).await;
            }
        }
        let subject = self.subject(&mut tx, &code, now).await?;
        sessions::touch_in(&mut tx, &subject.session_id, now).await?;
        let next = RefreshToken {
            number: token.number + 1,
            ..token
        };
        let next = next.write(&self.parts.keys);
        let response = self.give(tx, &key, (&code, client), &subject, Some(next), now).await?;
        self.metrics().client_event(&client.id, "refreshed");
        Ok(response)
    }

    /// Stores an access token, and returns the response.
    async fn give(
        &self,
        mut tx: WriteTx,
        key: &SigningKey,
        (code, client): (&AuthorizationCode, &Client),
        subject: &Subject,
        refresh_token: Option<Secret>,
        now: Timestamp,
    ) -> Result<Value, ClientError> {
        let (session, account) = (subject.session_id.as_str(), subject.account_id.as_str());
        let known = subjects::make_known(&mut tx, client, account, session).await?;
        connect(&mut tx, account, &client.id, &code.scope, &Caller::default(), now).await?;
        let issuer = &self.settings().origin;
        let token = match &client.options.access_token_audience {
            None => random::token(),
            // Also stored, so that it ends with its session at all endpoints of this service.
            Some(audience) => {
                let iat = now.0 / 1_000;
                let claims = AccessToken {
                    iss: issuer,
                    aud: audience,
                    sub: &known.sub,
                    client_id: &client.id,
                    iat,
                    exp: iat + TOKEN_S,
                    jti: random::id(),
                    scope: &code.scope,
                    auth_time: subject.authenticated_at / 1_000,
                    sid: &known.sid,
                };
                let signed = key.sign_as("at+jwt", &claims);
                Secret::from(signed.map_err(|_| Fault::Corrupt { what: "access token" })?)
            }
        };
        authorization::insert_token(
            &mut tx,
            &random::digest(&token),
            &code.digest,
            now.plus_seconds(TOKEN_S),
        )
        .await?;
        if client.backchannel_logout_uri.is_some() {
            // Also at a refresh: the product may not have had the address at sign-in.
            let told = (known.sid.as_str(), known.sub.as_str());
            logout_notices::insert(&mut tx, &random::id(), session, told, &client.id).await?;
        }
        tx.commit().await?;
        let claims = IdToken::of(issuer, code, (subject, &known), token.expose(), now);
        let id_token = key.sign(&claims).map_err(|_| Fault::Corrupt { what: "ID token" })?;
        let mut response = json!({
            "access_token": token.expose(),
            "token_type": "Bearer",
            "expires_in": TOKEN_S,
            "scope": code.scope,
            "id_token": id_token,
        });
        if let Some(refresh_token) = refresh_token {
            response["refresh_token"] = refresh_token.expose().into();
        }
        Ok(response)
    }

    async fn subject(
        &self,
        tx: &mut WriteTx,
        code: &AuthorizationCode,
        now: Timestamp,
    ) -> Result<Subject, ClientError> {
        let subject = authorization::find_subject(tx, &code.session_id, self.idle_ms(), now).await?;
        subject.ok_or(INVALID_GRANT)
    }

    /// Deletes a code and what it gave, and records the reuse for its user. Once: the next one finds nothing.
    async fn revoke(
        &self,
        mut tx: WriteTx,
        code: &AuthorizationCode,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<Value, ClientError> {
        if let Some(subject) = authorization::find_subject(&mut tx, &code.session_id, self.idle_ms(), now).await? {
            let (id, kind) = (AccountId(subject.account_id), ActivityKind::ProductTokenReused);
            // Without a client: the request comes from the product or from a thief, not from the user.
            events::append(&mut tx, &id, kind, Actor::User, &Caller::default(), now).await?;
        }
        authorization::revoke_code(&mut tx, &code.digest).await?;
        tx.commit().await?;
        let client = code.client_id.as_str();
        self.metrics().client_event(client, "revoked");
        tracing::warn!(client, reason, "the tokens of a client were revoked");
        Err(INVALID_GRANT)
    }
}

/// Locks the session before its code, in the order in which the end of a session reaches them. Attack: a thief who refreshes in a
/// loop makes the command that ends all sessions fail with deadlocks on PostgreSQL.
async fn lock_session(tx: &mut WriteTx, code: &AuthorizationCode) -> Result<(), ClientError> {
    if sessions::lock_for_update(tx, &code.session_id).await? {
        Ok(())
    } else {
        Err(INVALID_GRANT)
    }
}

/// Records that a client may learn about a user, and the first time as an event.
pub(crate) async fn connect(
    tx: &mut WriteTx,
    account: &str,
    client: &str,
    scope: &str,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), Fault> {
    let known = connected_products::find(tx, account, client).await?;
    if known.is_none() {
        let (id, kind) = (AccountId(account.to_owned()), ActivityKind::ProductConnected);
        events::append(tx, &id, kind, Actor::User, caller, now).await?;
    }
    let scope = union(known.as_ref().map_or("", |known| &known.scope), scope);
    connected_products::record(tx, account, client, &scope, now).await
}

/// Returns the scopes of both lists.
fn union(one: &str, other: &str) -> String {
    let all = SCOPES
        .into_iter()
        .filter(|scope| has_scope(one, scope) || has_scope(other, scope));
    all.collect::<Vec<_>>().join(" ")
}

/// Attack: a stolen code is redeemed without the secret of the browser or app that asked for it (RFC 7636 §4.6).
pub(crate) fn is_verified(code: &AuthorizationCode, verifier: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(is_allowed)
        && bool::from(challenge.as_bytes().ct_eq(code.challenge.as_bytes()))
}
