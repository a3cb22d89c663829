//! Authentication of a client by a signed statement (`private_key_jwt`, RFC 7523 §3).

use super::{Client, ClientEndpoint};
use crate::store::client_assertions;
use crate::{Backend, Error, random, retried};
use account::{Secret, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

/// The value of `client_assertion_type`.
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest time for which a statement may be valid. Each is remembered until then.
const LIVES_S: i64 = 600;
/// The difference of clocks.
const SKEW_S: i64 = 30;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    /// In seconds, possibly with a fraction (RFC 7519 §2).
    exp: f64,
    nbf: Option<f64>,
    jti: String,
}

/// A verified statement.
pub(super) struct Assertion {
    digest: String,
    ends_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Returns the client that a statement names, without verification.
pub(super) fn named(assertion: &str) -> Option<String> {
    Some(
        jsonwebtoken::dangerous::insecure_decode::<Claims>(assertion)
            .ok()?
            .claims
            .sub,
    )
}

impl Backend {
    /// Marks a statement as used; `false` if it was used before. Attack: someone who has seen it, such as in a log, sends it again.
    pub(super) async fn use_assertion(&self, assertion: &Assertion) -> Result<bool, Error> {
        retried(async || {
            let mut tx = self.parts.db.begin().await?;
            let is_first = client_assertions::use_once(&mut tx, &assertion.digest, assertion.ends_at).await?;
            tx.commit().await?;
            Ok(is_first)
        })
        .await
    }

    /// Verifies that a client has signed a statement for this endpoint.
    pub(super) fn verify_assertion(
        &self,
        client: &Client,
        endpoint: ClientEndpoint,
        assertion: &str,
    ) -> Option<Assertion> {
        let keys = client.keys.as_ref()?;
        let header = decode_header(assertion).ok()?;
        // Attack: `none`, or a public key as the secret of an HMAC.
        let allowed = [Algorithm::ES256, Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA];
        if !allowed.contains(&header.alg) {
            return None;
        }
        let key = match &header.kid {
            Some(id) => keys.find(id)?,
            None if keys.keys.len() == 1 => keys.keys.first()?,
            None => return None,
        };
        let mut rules = Validation::new(header.alg);
        // The library reads the system's clock.
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        rules.set_required_spec_claims(&["exp"]);
        let claims = decode::<Claims>(assertion, &DecodingKey::from_jwk(key).ok()?, &rules)
            .ok()?
            .claims;
        let origin = &self.settings().origin;
        let here = [origin.clone(), [origin, endpoint.path()].concat()];
        // Attack: a statement for another server, too, is passed on by that one.
        let is_for_us = match &claims.aud {
            Audience::One(one) => here.contains(one),
            Audience::Several(several) => !several.is_empty() && several.iter().all(|one| here.contains(one)),
        };
        let now = self.now();
        let at = |seconds: f64| Timestamp((seconds * 1_000.0) as i64);
        let (ends_at, skew_ms) = (at(claims.exp).plus_seconds(SKEW_S), SKEW_S * 1_000);
        let is_timely = now.0 < ends_at.0
            && ends_at.0 <= now.plus_seconds(LIVES_S + SKEW_S).0
            && claims.nbf.is_none_or(|from| at(from).0 <= now.0 + skew_ms);
        let is_own = claims.iss == client.id && claims.sub == client.id;
        let is_valid = is_for_us && is_timely && is_own && (1..=256).contains(&claims.jti.len());
        is_valid.then(|| Assertion {
            digest: random::digest(&Secret::from([&client.id, "\n", &claims.jti].concat())),
            ends_at,
        })
    }
}
