//! The token endpoint (RFC 6749 §4.1.3) and the user information (OpenID Connect Core 1.0 §5.3).

use super::id_token::{IdToken, Person};
use super::parameters::{Parameters, is_printable};
use super::{Client, TOKEN_S};
use crate::store::authorization::{self, AuthorizationCode};
use crate::{Backend, Fault, random};
use account::Secret;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The client's id and secret from the header `Authorization: Basic`.
pub struct ClientCredentials {
    /// The client's id.
    pub id: String,
    /// The client's secret.
    pub secret: Secret,
}

/// Why a client gets no token.
#[derive(Debug)]
pub enum TokenError {
    /// An error code (RFC 6749 §5.2) and its description.
    Refused(&'static str, &'static str),
    /// A failure of this service.
    Fault(Fault),
}

impl From<Fault> for TokenError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

const INVALID_CLIENT: TokenError =
    TokenError::Refused("invalid_client", "the client is unknown, or its secret is wrong");
/// One answer for all codes that cannot be redeemed. Attack: the answer tells which part of a guess was right.
const INVALID_GRANT: TokenError = TokenError::Refused(
    "invalid_grant",
    "the code is invalid, expired, used or revoked, or belongs to another client, address or verifier",
);

impl Backend {
    /// Redeems an authorization code and returns the tokens, as JSON.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn redeem_code(&self, form: &str, credentials: Option<&ClientCredentials>) -> Result<Value, TokenError> {
        let asked = Parameters::parse(form);
        if asked.repeats_any() {
            return Err(TokenError::Refused("invalid_request", "a parameter is repeated"));
        }
        let client = self.authenticate(&asked, credentials)?;
        match asked.get("grant_type") {
            Some("authorization_code") => {}
            Some(_) => {
                return Err(TokenError::Refused(
                    "unsupported_grant_type",
                    "grant_type must be authorization_code",
                ));
            }
            None => return Err(TokenError::Refused("invalid_request", "grant_type is missing")),
        }
        let text = |name| asked.get(name).filter(|text| is_printable(text, 512));
        let missing = TokenError::Refused("invalid_request", "code, redirect_uri or code_verifier is missing");
        let (Some(code), Some(redirect_uri), Some(verifier)) =
            (text("code"), text("redirect_uri"), text("code_verifier"))
        else {
            return Err(missing);
        };
        // Made before the transaction, because it may write the key.
        let key = self.signing_key().await?;
        let now = self.now();
        let digest = random::digest(&Secret::from(code));
        let mut tx = self.parts.db.begin().await?;
        let code = authorization::find_code(&mut tx, &digest).await?.ok_or(INVALID_GRANT)?;
        // A thief without the verifier or with another client's secret changes nothing.
        if code.client_id != client.id || code.redirect_uri != redirect_uri || !is_verified(&code, verifier) {
            return Err(INVALID_GRANT);
        }
        if !authorization::use_code(&mut tx, &digest, now).await? {
            // Attack: a thief redeems the code before or after the client. Both lose what it gave.
            authorization::revoke_code(&mut tx, &digest).await?;
            tx.commit().await?;
            tracing::warn!(client = client.id, "a code was used twice; its tokens were revoked");
            return Err(INVALID_GRANT);
        }
        if code.expires_at <= now.0 {
            return Err(INVALID_GRANT);
        }
        let subject = authorization::find_subject(&mut tx, &code.session_id, now).await?;
        let subject = subject.ok_or(INVALID_GRANT)?;
        let token = random::token();
        let expires_at = now.plus_seconds(TOKEN_S);
        authorization::insert_token(&mut tx, &random::digest(&token), &digest, expires_at).await?;
        tx.commit().await?;
        let issuer = &self.settings().origin;
        let claims = IdToken::of(issuer, &code, &subject, token.expose(), now);
        let id_token = key.sign(&claims).map_err(|_| Fault::Corrupt { what: "ID token" })?;
        Ok(json!({
            "access_token": token.expose(),
            "token_type": "Bearer",
            "expires_in": TOKEN_S,
            "scope": code.scope,
            "id_token": id_token,
        }))
    }

    /// Returns the client that proves who it is: by the header, by the form, or by its id alone if it is public.
    fn authenticate(&self, asked: &Parameters, credentials: Option<&ClientCredentials>) -> Result<&Client, TokenError> {
        let in_form = asked.get("client_secret").map(Secret::from);
        let named = asked.get("client_id");
        let (id, secret) = match credentials {
            Some(_) if in_form.is_some() => {
                return Err(TokenError::Refused(
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
        let proven = match secret {
            Some(secret) => client.has_secret(&secret),
            None => !client.is_confidential(),
        };
        if proven { Ok(client) } else { Err(INVALID_CLIENT) }
    }

    /// Returns what an access token tells about its user, as JSON; `None` if it is invalid.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn user_info(&self, token: &Secret) -> Result<Option<Value>, Fault> {
        let mut conn = self.parts.db.read().await?;
        let access = authorization::find_access(&mut conn, &random::digest(token), self.now()).await?;
        Ok(access.map(|access| json!(Person::of(&access.subject, &access.scope))))
    }
}

/// Attack: a stolen code is redeemed without the secret of the browser or app that asked for it (RFC 7636 §4.6).
fn is_verified(code: &AuthorizationCode, verifier: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(is_allowed)
        && bool::from(challenge.as_bytes().ct_eq(code.challenge.as_bytes()))
}
