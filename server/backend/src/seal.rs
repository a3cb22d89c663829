//! Sealing of letters that wait: XChaCha20-Poly1305 under a key that is not in the database.

use crate::{Fault, Keys, random};
use account::Letter;
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngCore;
use zeroize::Zeroizing;

const USAGE: &str = "letters";
const NONCE_LEN: usize = 24;

/// Seals a letter to its row (attack: bodies swapped between rows would mail one person's code to another).
pub(crate) fn seal(keys: &Keys, row: &str, letter: &Letter) -> Result<String, Fault> {
    let key = keys.current();
    let plain = Zeroizing::new(serde_json::to_vec(letter).map_err(|_| Fault::Corrupt { what: "letter" })?);
    let mut sealed = vec![0; NONCE_LEN];
    random::generator().fill_bytes(&mut sealed);
    let cipher = XChaCha20Poly1305::new(key.derive(USAGE)[..].into());
    let payload = Payload {
        msg: &plain,
        aad: row.as_bytes(),
    };
    let text = cipher
        .encrypt(XNonce::from_slice(&sealed), payload)
        .map_err(|_| Fault::Corrupt { what: "letter" })?;
    sealed.extend(text);
    Ok(format!("{}.{}", key.id(), BASE64_STANDARD_NO_PAD.encode(sealed)))
}

/// Opens a letter of that row.
pub(crate) fn open(keys: &Keys, row: &str, body: &str) -> Result<Letter, Fault> {
    let corrupt = || Fault::Corrupt { what: "letter" };
    let (id, sealed) = body.split_once('.').ok_or_else(corrupt)?;
    let key = keys.find(id).ok_or_else(|| Fault::KeyGone { id: id.to_owned() })?;
    let sealed = BASE64_STANDARD_NO_PAD.decode(sealed).map_err(|_| corrupt())?;
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(corrupt)?;
    let cipher = XChaCha20Poly1305::new(key.derive(USAGE)[..].into());
    let payload = Payload {
        msg: text,
        aad: row.as_bytes(),
    };
    let plain = Zeroizing::new(
        cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| corrupt())?,
    );
    serde_json::from_slice(&plain).map_err(|_| corrupt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use account::{Key, Keyring, Notice, Timestamp};

    #[test]
    fn a_sealed_letter_opens_in_its_own_row_only() {
        let keys = Keys::from(Keyring::new(Key::new("k1".into(), [1; 32]), vec![]));
        let letter = Letter::Notice(Notice::ManyFailures { at: Timestamp(1) });
        let body = seal(&keys, "row", &letter).unwrap();
        assert!(!body.contains("ManyFailures"));
        assert_eq!(open(&keys, "row", &body).unwrap(), letter);
        assert!(open(&keys, "other row", &body).is_err());
        let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
        let later = Keyring::new(key("k2", 2), vec![key("k1", 1)]);
        assert_eq!(open(&later.into(), "row", &body).unwrap(), letter);
        let without = Keyring::new(key("k2", 2), vec![]);
        let fault = open(&without.into(), "row", &body).unwrap_err();
        assert!(matches!(fault, Fault::KeyGone { id } if id == "k1"));
    }
}
