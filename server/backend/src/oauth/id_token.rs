//! The claims of ID tokens and of the user information.

use super::TOKEN_S;
use super::subjects::KnownAs;
use crate::store::authorization::{AuthorizationCode, Subject};
use account::{Method, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What a client learns about a user, by scope.
#[derive(Serialize)]
pub(super) struct UserClaims<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrganizationClaim<'a>>,
}

/// The claims of an access token for an API (RFC 9068 §2.2).
#[derive(Serialize)]
pub(super) struct AccessToken<'a> {
    pub iss: &'a str,
    pub aud: &'a str,
    pub sub: &'a str,
    pub client_id: &'a str,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub scope: &'a str,
    pub auth_time: i64,
    pub sid: &'a str,
}

/// The organization that manages the account.
#[derive(Serialize)]
struct OrganizationClaim<'a> {
    id: &'a str,
    name: &'a str,
}

/// The claims of an ID token (OpenID Connect Core 1.0 §2).
#[derive(Serialize)]
pub(super) struct IdToken<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    at_hash: String,
    sid: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'static str>,
    #[serde(flatten)]
    user: UserClaims<'a>,
}

impl<'a> UserClaims<'a> {
    pub fn of(subject: &'a Subject, sub: &'a str, scope: &str) -> Self {
        let has = |wanted| scope.split(' ').any(|scope| scope == wanted);
        Self {
            sub,
            email: has("email").then_some(subject.email.as_str()),
            // Every account's address was proven by a code, a provider or the operator.
            email_verified: has("email").then_some(true),
            name: (has("profile") && !subject.name.is_empty()).then_some(subject.name.as_str()),
            nickname: (has("profile") && !subject.preferred_name.is_empty()).then_some(subject.preferred_name.as_str()),
            updated_at: has("profile").then_some(subject.updated_at / 1_000),
            organization: match (&subject.organization_id, &subject.organization) {
                (Some(id), Some(name)) if has("organization") => Some(OrganizationClaim { id, name }),
                _ => None,
            },
        }
    }
}

impl<'a> IdToken<'a> {
    pub fn of(
        issuer: &'a str,
        code: &'a AuthorizationCode,
        (subject, known): (&'a Subject, &'a KnownAs),
        access_token: &str,
        now: Timestamp,
    ) -> Self {
        let iat = now.0 / 1_000;
        Self {
            iss: issuer,
            aud: &code.client_id,
            iat,
            exp: iat + TOKEN_S,
            auth_time: subject.authenticated_at / 1_000,
            nonce: code.nonce.as_deref(),
            // Attack: the access token of another sign-in is injected into the client.
            at_hash: BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16]),
            sid: &known.sid,
            acr: context_class(&subject.methods),
            amr: references(&subject.methods),
            user: UserClaims::of(subject, &known.sub, &code.scope),
        }
    }
}

/// Returns the authentication methods (RFC 8176). A sign-in at another provider has no value there.
fn references(methods: &str) -> Vec<&'static str> {
    let mut references = Vec::new();
    for (method, reference) in [(Method::Password, "pwd"), (Method::EmailCode, "otp")] {
        if methods.split(' ').any(|known| known == method.as_str()) {
            references.push(reference);
        }
    }
    if references.len() > 1 {
        references.push("mfa");
    }
    references
}

/// The authentication context classes, with one factor and with two.
pub(super) const CONTEXT_CLASSES: [&str; 2] = ["one_factor", "two_factors"];

/// Returns the number of factors. 0 after a sign-in at another provider: only that one knows.
pub(crate) fn factors(methods: &str) -> i64 {
    match references(methods).len() {
        0 => 0,
        1 => 1,
        _ => 2,
    }
}

/// Returns the authentication context class.
fn context_class(methods: &str) -> Option<&'static str> {
    match factors(methods) {
        0 => None,
        1 => Some(CONTEXT_CLASSES[0]),
        _ => Some(CONTEXT_CLASSES[1]),
    }
}

#[cfg(test)]
mod tests {
    use super::{context_class, references};

    #[test]
    fn a_class_counts_the_factors() {
        assert_eq!(context_class("password email_code"), Some("two_factors"));
        assert_eq!(context_class("email_code"), Some("one_factor"));
        assert_eq!(context_class("provider"), None);
    }

    #[test]
    fn methods_have_their_registered_names() {
        assert_eq!(references("password email_code"), ["pwd", "otp", "mfa"]);
        assert_eq!(references("password"), ["pwd"]);
        assert!(references("provider").is_empty());
    }
}
