//! Signing of tokens.

use super::ring_provider;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const RULES: &EcdsaSigningAlgorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;

/// A key that signs tokens, with ES256 or RS256.
pub struct SigningKey {
    id: String,
    algorithm: Algorithm,
    private: EncodingKey,
    /// The public key without the fields that all keys have.
    public: Value,
}

impl SigningKey {
    /// Generates a key. It comes from the system's generator, which the library reads itself.
    ///
    /// # Errors
    /// If the system returns no random bytes.
    pub fn generate() -> Result<Self, String> {
        Self::from_pkcs8(&Self::generate_pkcs8()?)
    }

    /// Generates a private key for storage (PKCS #8).
    pub(crate) fn generate_pkcs8() -> Result<Zeroizing<Vec<u8>>, String> {
        let failed = |_| "the system returned no random bytes".to_owned();
        let private = EcdsaKeyPair::generate_pkcs8(RULES, &SystemRandom::new()).map_err(failed)?;
        Ok(private.as_ref().to_vec().into())
    }

    /// Reads a private key.
    pub(crate) fn from_pkcs8(private: &[u8]) -> Result<Self, String> {
        ring_provider::install();
        let pair = EcdsaKeyPair::from_pkcs8(RULES, private, &SystemRandom::new());
        let pair = pair.map_err(|_| "the key cannot be read".to_owned())?;
        let public = pair.public_key().as_ref();
        // An uncompressed point: 4, x, y.
        let (x, y) = public[1..].split_at(32);
        Ok(Self {
            id: key_id(public),
            algorithm: Algorithm::ES256,
            private: EncodingKey::from_ec_der(private),
            public: json!({
                "kty": "EC",
                "crv": "P-256",
                "x": BASE64_URL_SAFE_NO_PAD.encode(x),
                "y": BASE64_URL_SAFE_NO_PAD.encode(y),
            }),
        })
    }

    /// Reads a private RSA key of 2,048 to 4,096 bits, which signs with RS256.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_rsa_pkcs8(private: &[u8]) -> Result<Self, String> {
        ring_provider::install();
        let pair = ring::rsa::KeyPair::from_pkcs8(private)
            .map_err(|_| "a block is not an RSA key of 2,048 to 4,096 bits".to_owned())?;
        let parts: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
        Ok(Self {
            id: key_id(&parts.n),
            algorithm: Algorithm::RS256,
            private: EncodingKey::from_rsa_der(private),
            public: json!({
                "kty": "RSA",
                "n": BASE64_URL_SAFE_NO_PAD.encode(&parts.n),
                "e": BASE64_URL_SAFE_NO_PAD.encode(&parts.e),
            }),
        })
    }

    /// Returns the public key (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut key = self.public.clone();
        key["use"] = "sig".into();
        key["alg"] = format!("{:?}", self.algorithm).into();
        key["kid"] = self.id.clone().into();
        key
    }

    /// Returns a signed token (RFC 7519).
    ///
    /// # Errors
    /// If the claims are not a JSON object.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, String> {
        self.sign_as("JWT", claims)
    }

    /// Returns a signed token of a type (RFC 8725 §3.11). Attack: a token of one type is taken for one of another.
    pub(crate) fn sign_as(&self, kind: &str, claims: &impl Serialize) -> Result<String, String> {
        let mut header = Header::new(self.algorithm);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.private).map_err(|error| error.to_string())
    }
}

/// Returns the identifier of a public key.
fn key_id(public: &[u8]) -> String {
    hex::encode(&Sha256::digest(public)[..8])
}
