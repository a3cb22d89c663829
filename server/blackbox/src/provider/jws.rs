//! ES256 keys of a provider, and tokens that they sign or that imitate their signature.

use crate::Fault;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// The name of the published key.
pub const KEY_ID: &str = "k1";

/// A key pair for ES256.
pub struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// Creates a key.
    ///
    /// # Errors
    /// Fails if the system has no random numbers.
    pub fn generate() -> Result<Self, Fault> {
        let (rules, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(rules, &random).map_err(|error| error.to_string())?;
        let pair = EcdsaKeyPair::from_pkcs8(rules, key.as_ref(), &random);
        pair.map(Self).map_err(|error| error.to_string())
    }

    /// Returns the public key as a JSON Web Key.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        json!({
            "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y),
            "kid": KEY_ID, "use": "sig", "alg": "ES256",
        })
    }

    /// Returns the signature of a message.
    pub fn sign(&self, message: &str) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes());
        signature.map_or_else(|_| Vec::new(), |signature| signature.as_ref().to_vec())
    }

    /// Returns an HMAC of a message, with the public key as the secret.
    pub fn sign_with_public_key(&self, message: &str) -> Vec<u8> {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, self.0.public_key().as_ref());
        hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
    }
}

/// Returns the signed part of a token.
pub fn message(header: &Value, claims: &Value) -> String {
    [header, claims]
        .map(|part| base64url(part.to_string().as_bytes()))
        .join(".")
}

/// Returns the left half of a text's hash, as in `at_hash`.
pub fn half_hash(text: &str) -> String {
    base64url(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}

/// Returns the PKCE challenge of a verifier (S256).
pub fn challenge(verifier: &str) -> String {
    base64url(digest(&SHA256, verifier.as_bytes()).as_ref())
}

/// Encodes bytes.
pub fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
