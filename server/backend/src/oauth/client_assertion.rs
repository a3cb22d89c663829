//! Authentication of a client by a signed statement (`private_key_jwt`, RFC 7523 §3).

use super::{Client, ClientEndpoint};
use crate::store::client_assertions;
use crate::{Backend, Fault, random};
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
    exp: i64,
    jti: String,
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
    /// Returns whether a client has signed a statement for this endpoint, and marks it as used. Attack: whoever has seen it, such as in a
    /// log, sends it again.
    pub(super) async fn is_asserted(
        &self,
        client: &Client,
        endpoint: ClientEndpoint,
        assertion: &str,
    ) -> Result<bool, Fault> {
        let now = self.now();
        let Some(claims) = self.verify(client, endpoint, assertion, now) else {
            return Ok(false);
        };
        let digest = random::digest(&Secret::from([&client.id, "\n", &claims.jti].concat()));
        let mut tx = self.parts.db.begin().await?;
        let is_first = client_assertions::use_once(&mut tx, &digest, Timestamp((claims.exp + SKEW_S) * 1_000)).await?;
        tx.commit().await?;
        Ok(is_first)
    }

    fn verify(&self, client: &Client, endpoint: ClientEndpoint, assertion: &str, now: Timestamp) -> Option<Claims> {
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
        // Attack: a statement for another server is passed on to this one.
        let is_for_us = match &claims.aud {
            Audience::One(one) => here.contains(one),
            Audience::Several(several) => several.iter().any(|one| here.contains(one)),
        };
        let now_s = now.0 / 1_000;
        let is_timely = now_s - SKEW_S < claims.exp && claims.exp <= now_s + LIVES_S;
        let is_own = claims.iss == client.id && claims.sub == client.id;
        (is_for_us && is_timely && is_own && (1..=256).contains(&claims.jti.len())).then_some(claims)
    }
}
