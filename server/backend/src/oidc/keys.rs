//! A provider's public keys (RFC 7517).

use super::{ProviderError, fetch};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;

/// The keys that this service can use.
pub(super) struct KeySet(Vec<Jwk>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// Fetches the keys.
pub(super) async fn fetch(client: &Client, url: &Url) -> Result<KeySet, ProviderError> {
    let document: Document = fetch::json(client.get(url.clone()), "the key document is malformed").await?;
    // A key of an unknown type is no reason to reject the others (RFC 7517 §5).
    let keys = document
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value(key).ok());
    Ok(KeySet(keys.collect()))
}

impl KeySet {
    /// Returns the key for verifying a token with this header. A token that names no key needs a set with one fitting key.
    pub fn find(&self, header: &Header) -> Option<DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| fits(key, header.alg));
        let key = match &header.kid {
            Some(_) => fitting.find(|key| key.common.key_id == header.kid)?,
            None => {
                let only = fitting.next()?;
                fitting.next().is_none().then_some(only)?
            }
        };
        DecodingKey::from_jwk(key).ok()
    }
}

/// Attack: a key is used with another algorithm, for example a public RSA key as the secret of an HMAC, or a key that the provider
/// uses for something else.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let common = &key.common;
    let is_for_signatures = common
        .public_key_use
        .as_ref()
        .is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|usages| usages.contains(&KeyOperations::Verify));
    let names_algorithm = common
        .key_algorithm
        .is_none_or(|named| named == KeyAlgorithm::from(algorithm));
    let has_type = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::PS256) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    is_for_signatures && names_algorithm && has_type
}
