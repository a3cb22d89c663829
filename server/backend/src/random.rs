//! Randomness from the system's generator, in one place.

use account::Secret;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngCore;
use sha2::{Digest, Sha256};

/// The generator: ChaCha12, seeded by the system and reseeded (a CSPRNG). Not kept over an `await`.
#[allow(clippy::disallowed_methods)] // The one place that makes it.
pub(crate) fn generator() -> rand::rngs::ThreadRng {
    rand::rng()
}

/// A token for a browser to hold: 256 bits.
pub(crate) fn token() -> Secret {
    let mut bytes = [0; 32];
    generator().fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
}

/// A row's key: 128 bits; says nothing and opens nothing.
pub(crate) fn id() -> String {
    let mut bytes = [0; 16];
    generator().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// What is stored of a token. Its 256 bits cannot be tried, so a plain digest is enough (attack: a copy of the database).
pub(crate) fn digest(token: &Secret) -> String {
    hex::encode(Sha256::digest(token.expose()))
}
