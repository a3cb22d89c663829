//! The cryptography of the `jsonwebtoken` library, with `ring`.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // Only for deriving JWKs from private keys.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes the library use `ring`; it panics without a provider. A second call changes nothing.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

/// Signs with ES256.
struct Es256(EcdsaKeyPair, SystemRandom);

/// Signs with RS256.
struct Rs256(ring::rsa::KeyPair, SystemRandom);

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    match algorithm {
        Algorithm::ES256 => {}
        Algorithm::RS256 => {
            let pair = ring::rsa::KeyPair::from_pkcs8(key.as_bytes());
            let pair = pair.map_err(|_| new_error(ErrorKind::InvalidKeyFormat))?;
            return Ok(Box::new(Rs256(pair, SystemRandom::new())));
        }
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    }
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, key.as_bytes(), &random);
    let pair = pair.map_err(|_| new_error(ErrorKind::InvalidEcdsaKey))?;
    Ok(Box::new(Es256(pair, random)))
}

impl Signer<Vec<u8>> for Es256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let signature = self.0.sign(&self.1, message).map_err(|_| Error::new())?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

impl Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let signed = self
            .0
            .sign(&signature::RSA_PKCS1_SHA256, &self.1, message, &mut signature);
        signed.map_err(|_| Error::new())?;
        Ok(signature)
    }
}

impl JwtSigner for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

/// Verifies with a public key.
struct PublicKey(Algorithm, DecodingKey);

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    // Attack: a key is used with an algorithm of another family.
    if key.family() != algorithm.family() {
        return Err(new_error(ErrorKind::InvalidKeyFormat));
    }
    Ok(Box::new(PublicKey(*algorithm, key.clone())))
}

impl PublicKey {
    fn verify_rsa(
        &self,
        rules: &'static RsaParameters,
        message: &[u8],
        signature: &[u8],
    ) -> std::result::Result<(), Error> {
        let DecodingKeyKind::RsaModulusExponent { n, e } = self.1.kind() else {
            return Err(Error::new());
        };
        let key = RsaPublicKeyComponents { n, e };
        key.verify(rules, message, signature).map_err(|_| Error::new())
    }

    fn verify_point(
        &self,
        rules: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> std::result::Result<(), Error> {
        let key = self.1.try_get_as_bytes().map_err(|_| Error::new())?;
        let key = UnparsedPublicKey::new(rules, key);
        key.verify(message, signature).map_err(|_| Error::new())
    }
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        match self.0 {
            Algorithm::RS256 => self.verify_rsa(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature),
            Algorithm::PS256 => self.verify_rsa(&signature::RSA_PSS_2048_8192_SHA256, message, signature),
            Algorithm::ES256 => self.verify_point(&signature::ECDSA_P256_SHA256_FIXED, message, signature),
            Algorithm::EdDSA => self.verify_point(&signature::ED25519, message, signature),
            _ => Err(Error::new()),
        }
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}
