//! RSA keys of the operator, for clients that verify only RS256.

use crate::oidc::SigningKey;
use account::Secret;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::sync::Arc;

/// The keys, the current one first. The others are only published, so that tokens that they signed stay valid.
#[derive(Default)]
pub(super) struct RsaKeys(Vec<Arc<SigningKey>>);

impl RsaKeys {
    /// Reads PEM (RFC 7468) with `PRIVATE KEY` blocks (PKCS #8).
    pub fn read(pem: &Secret) -> Result<Self, String> {
        let mut keys = Vec::new();
        let blocks = pem.expose().split("-----BEGIN PRIVATE KEY-----").skip(1);
        for block in blocks {
            let body = block.split("-----END PRIVATE KEY-----").next().unwrap_or_default();
            let body: String = body.split_ascii_whitespace().collect();
            let der = BASE64_STANDARD
                .decode(body)
                .map_err(|_| "a block is not base64".to_owned())?;
            keys.push(Arc::new(SigningKey::from_rsa_pkcs8(&der)?));
        }
        if keys.is_empty() {
            return Err(
                "there is no block `PRIVATE KEY`; use `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`"
                    .into(),
            );
        }
        Ok(Self(keys))
    }

    pub fn current(&self) -> Option<Arc<SigningKey>> {
        self.0.first().cloned()
    }

    pub fn public(&self) -> Vec<Value> {
        self.0.iter().map(|key| key.jwk()).collect()
    }
}
