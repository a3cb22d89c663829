//! All randomness of the service, from a CSPRNG seeded by the system.

use account::{EmailAddress, Purpose, Secret, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::Rng;
use sha2::{Digest, Sha256};

/// Returns the generator: ChaCha12, seeded and reseeded by the system (a CSPRNG). Don't hold it across an `await`.
#[expect(clippy::disallowed_methods, reason = "the only maker of the generator")]
pub(crate) fn generator() -> rand::rngs::ThreadRng {
    rand::rng()
}

/// Generates a token for a browser: 256 bits.
pub(crate) fn token() -> Secret {
    let mut bytes = [0; 32];
    generator().fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
}

/// Returns the token of the `n`th flow that a visit begins for an address: as secret as the visit's token, and
/// deterministic, so that a repeated form finds its flow after a lost response. Attack: a copy of the visit's cookie.
/// It never opens later steps, because a flow gets a new token after a correct code.
pub(crate) fn flow_token(visit: &Secret, purpose: Purpose, email: &EmailAddress, n: u32) -> Secret {
    let mut hash = Sha256::new();
    for part in ["flow", visit.expose(), purpose.as_str(), email.as_str(), &n.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    BASE64_URL_SAFE_NO_PAD.encode(hash.finalize()).into()
}

/// Generates an account id: 128 random bits, which grant no access.
pub(crate) fn id() -> String {
    hex::encode(id_bytes())
}

/// Generates a row id for a large table: 48 bits of time in ms, then 80 random bits (like UUID version 7, RFC 9562), so that
/// consecutive rows are adjacent in the primary-key index.
pub(crate) fn id_at(now: Timestamp) -> String {
    let mut bytes = id_bytes();
    bytes[..6].copy_from_slice(&now.0.to_be_bytes()[2..]);
    hex::encode(bytes)
}

fn id_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    generator().fill_bytes(&mut bytes);
    bytes
}

/// Generates the reference of a fault, on screen and in the log: eight letters and digits, without similar-looking ones.
#[must_use]
pub fn fault_reference() -> String {
    const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bytes = [0; 8];
    generator().fill_bytes(&mut bytes);
    bytes
        .map(|byte| char::from(SIGNS[usize::from(byte % 32)]))
        .iter()
        .collect()
}

/// Returns the stored form of a token. Attack: a copy of the database; 256 bits cannot be guessed, so a plain digest suffices.
pub(crate) fn digest(token: &Secret) -> String {
    hex::encode(Sha256::digest(token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_no_similar_looking_signs() {
        for _ in 0..100 {
            let reference = fault_reference();
            assert_eq!(reference.len(), 8);
            assert!(!reference.contains(['I', 'O', '0', '1']), "{reference}");
            assert!(
                reference
                    .bytes()
                    .all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit())
            );
        }
    }

    #[test]
    fn ids_are_unique_and_sorted_by_time() {
        let ids: Vec<String> = (0..1_000).map(|ms| id_at(Timestamp(1_795_000_000_000 + ms))).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == id_at(Timestamp(0)).len()));
        assert_ne!(id_at(Timestamp(7)), id_at(Timestamp(7)));
    }
}
