//! Signing of tokens.

use super::ring_provider;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A key that signs tokens with ES256.
pub struct SigningKey {
    id: String,
    private: EncodingKey,
    public: Vec<u8>,
}

impl SigningKey {
    /// Generates a key. It comes from the system's generator, which the library reads itself.
    ///
    /// # Errors
    /// If the system returns no random bytes.
    pub fn generate() -> Result<Self, String> {
        ring_provider::install();
        let failed = |_| "the system returned no random bytes".to_owned();
        let random = SystemRandom::new();
        let rules = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let private = EcdsaKeyPair::generate_pkcs8(rules, &random).map_err(failed)?;
        let pair = EcdsaKeyPair::from_pkcs8(rules, private.as_ref(), &random);
        let pair = pair.map_err(|_| "the key cannot be read".to_owned())?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self {
            id: hex::encode(&Sha256::digest(&public)[..8]),
            private: EncodingKey::from_ec_der(private.as_ref()),
            public,
        })
    }

    /// Returns the public key (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let (x, y) = self.public[1..].split_at(32);
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": BASE64_URL_SAFE_NO_PAD.encode(x),
            "y": BASE64_URL_SAFE_NO_PAD.encode(y),
            "use": "sig",
            "alg": "ES256",
            "kid": self.id,
        })
    }

    /// Returns a signed token (RFC 7519).
    ///
    /// # Errors
    /// If the claims are not a JSON object.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, String> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.private).map_err(|error| error.to_string())
    }
}
