//! Verification of ID tokens (OpenID Connect Core 1.0 §3.1.3.7).

use super::keys::KeySet;
use super::{Attempt, CLOCK_SKEW_MS, ProviderError};
use account::Timestamp;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// What an ID token must agree with.
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub attempt: &'a Attempt,
    pub access_token: &'a str,
    pub now: Timestamp,
}

/// The claims of a verified token.
pub(super) struct Verified {
    pub sub: String,
    pub auth_time: Option<Timestamp>,
    pub person: Person,
}

/// What a provider tells about a person, in the ID token or as user information.
#[derive(Deserialize)]
pub(super) struct Person {
    pub email: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub email_verified: Option<bool>,
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    azp: Option<String>,
    exp: Option<NumericDate>,
    iat: Option<NumericDate>,
    nbf: Option<NumericDate>,
    auth_time: Option<NumericDate>,
    nonce: Option<String>,
    at_hash: Option<String>,
    #[serde(flatten)]
    person: Person,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Seconds since the Unix epoch, possibly with a fraction (RFC 7519 §2).
#[derive(Deserialize, Clone, Copy)]
struct NumericDate(f64);

impl From<NumericDate> for Timestamp {
    fn from(date: NumericDate) -> Self {
        // The conversion saturates.
        Self((date.0 * 1_000.0) as i64)
    }
}

/// Some providers send the text "true" instead of the value.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Some(flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// Reads the header of a token, and refuses algorithms that are not allowed before anything else. Attack: `none`, or an HMAC whose
/// secret is the provider's public key or this service's client secret.
pub(super) fn read_header(token: &str) -> Result<Header, ProviderError> {
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_| ProviderError::Rejected("the ID token's header is malformed"))?;
    match header.alg {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 | Algorithm::EdDSA => Ok(header),
        _ => Err(ProviderError::Rejected("the ID token's algorithm is not allowed")),
    }
}

/// Verifies a token whose header was read by [`read_header`].
pub(super) fn verify(
    token: &str,
    header: &Header,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<Verified, ProviderError> {
    let key = keys
        .find(header)
        .ok_or(ProviderError::Rejected("the ID token's key is unknown"))?;
    // Only the signature is verified by the library, which reads the system clock; the claims are checked below.
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    let claims = decoded.map_err(|error| {
        ProviderError::Rejected(match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => "the ID token's signature is invalid",
            _ => "the ID token is malformed",
        })
    })?;
    check(claims.claims, header.alg, expected).map_err(ProviderError::Rejected)
}

fn check(claims: Claims, algorithm: Algorithm, expected: &Expected<'_>) -> Result<Verified, &'static str> {
    let at_most = expected.now.plus_ms(CLOCK_SKEW_MS);
    let is_future = |date: NumericDate| Timestamp::from(date) > at_most;
    if claims.iss.as_deref() != Some(expected.issuer) {
        return Err("the ID token is from another issuer");
    }
    check_audience(claims.aud, claims.azp.as_deref(), expected.client_id)?;
    let exp = claims.exp.ok_or("the ID token has no expiry")?;
    if Timestamp::from(exp).plus_ms(CLOCK_SKEW_MS) <= expected.now {
        return Err("the ID token has expired");
    }
    if claims.iat.ok_or("the ID token has no time of issue").map(is_future)? {
        return Err("the ID token was issued in the future");
    }
    if claims.nbf.is_some_and(is_future) {
        return Err("the ID token is not valid yet");
    }
    // Attack: a token that was issued for another sign-in, possibly stolen.
    let nonce = claims.nonce.unwrap_or_default();
    let wanted = &expected.attempt.nonce;
    if wanted.is_empty() || !bool::from(nonce.as_bytes().ct_eq(wanted.as_bytes())) {
        return Err("the ID token has another nonce");
    }
    if claims
        .at_hash
        .is_some_and(|hash| hash != half_hash(expected.access_token, algorithm))
    {
        return Err("the ID token belongs to another access token");
    }
    let is_subject = |sub: &String| (1..=255).contains(&sub.len()) && sub.bytes().all(|b| (b' '..=b'~').contains(&b));
    let sub = claims
        .sub
        .filter(is_subject)
        .ok_or("the ID token has no usable subject")?;
    let auth_time = claims.auth_time.map(Timestamp::from);
    if claims.auth_time.is_some_and(is_future) {
        return Err("the ID token's authentication is in the future");
    }
    // Attack: someone at an unlocked computer passes a reauthentication with the provider's earlier session.
    let earliest = expected.attempt.started_at.plus_ms(-CLOCK_SKEW_MS);
    if expected.attempt.fresh && auth_time.is_none_or(|at| at < earliest) {
        return Err("the user was not authenticated again");
    }
    Ok(Verified {
        sub,
        auth_time,
        person: claims.person,
    })
}

/// Attack: a token that the same person's provider issued to another service, whose operator replays it here.
fn check_audience(audience: Option<Audience>, azp: Option<&str>, client_id: &str) -> Result<(), &'static str> {
    let audiences = match audience {
        Some(Audience::One(audience)) => vec![audience],
        Some(Audience::Several(audiences)) => audiences,
        None => Vec::new(),
    };
    if !audiences.iter().any(|audience| audience == client_id) {
        return Err("the ID token is for another client");
    }
    match azp {
        Some(azp) if azp != client_id => Err("the ID token was issued to another client"),
        None if audiences.len() > 1 => {
            Err("the ID token has several audiences and does not say for whom it was issued")
        }
        _ => Ok(()),
    }
}

/// Returns the left half of the hash that belongs to the signature's algorithm (OpenID Connect Core 1.0 §3.1.3.6). Ed25519 uses
/// SHA-512.
fn half_hash(text: &str, algorithm: Algorithm) -> String {
    if algorithm == Algorithm::EdDSA {
        BASE64_URL_SAFE_NO_PAD.encode(&Sha512::digest(text)[..32])
    } else {
        BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16])
    }
}
