//! Encryption of data that only the service reads: XChaCha20-Poly1305 with a key outside the database.

use crate::{Fault, Keys, random};
use account::{AccountId, Email};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

const NONCE_LEN: usize = 24;

/// A kind of sealed data with its own derived key.
struct Seal {
    usage: &'static str,
    what: &'static str,
}

const EMAILS: Seal = Seal {
    usage: "letters",
    what: "e-mail",
};

const FOREIGN_HASHES: Seal = Seal {
    usage: "foreign hashes",
    what: "password hash",
};

const PROVIDER_STATE: Seal = Seal {
    usage: "provider state",
    what: "provider state",
};

const UNSUBSCRIBE_LINKS: Seal = Seal {
    usage: "unsubscribe links",
    what: "unsubscribe link",
};

const SIGNING_KEYS: Seal = Seal {
    usage: "signing keys",
    what: "signing key",
};

/// Seals a private key that signs tokens. Attack: a copy of the database signs in to every product as anyone.
pub(crate) fn seal_signing_key(keys: &Keys, number: i64, private: &[u8]) -> Result<String, Fault> {
    SIGNING_KEYS.seal(keys, &number.to_string(), private)
}

/// Opens a private key that signs tokens.
pub(crate) fn open_signing_key(keys: &Keys, number: i64, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
    SIGNING_KEYS.open(keys, &number.to_string(), sealed)
}

/// Seals the account and the group of a link that unsubscribes. Attack: a link names the reader's account to those who see it.
pub(crate) fn seal_unsubscribe_link(keys: &Keys, account: &AccountId, group: &str) -> Result<String, Fault> {
    UNSUBSCRIBE_LINKS.seal(keys, "", format!("{} {group}", account.0).as_bytes())
}

/// Opens what a link that unsubscribes is for. `None` if this service has not sealed it.
pub(crate) fn open_unsubscribe_link(keys: &Keys, sealed: &str) -> Option<(AccountId, String)> {
    let plain = UNSUBSCRIBE_LINKS.open(keys, "", sealed).ok()?;
    let (account, group) = str::from_utf8(&plain).ok()?.rsplit_once(' ')?;
    Some((AccountId(account.to_owned()), group.to_owned()))
}

/// Seals what a browser keeps while its user is at a provider. `kind` keeps two kinds of cookies apart.
pub(crate) fn seal_state(keys: &Keys, kind: &str, state: &impl Serialize) -> Result<String, Fault> {
    let plain = Zeroizing::new(serde_json::to_vec(state).map_err(|_| PROVIDER_STATE.corrupt())?);
    PROVIDER_STATE.seal(keys, kind, &plain)
}

/// Opens what a browser has kept. `None` if this service has not sealed it.
pub(crate) fn open_state<T: DeserializeOwned>(keys: &Keys, kind: &str, sealed: &str) -> Option<T> {
    let plain = PROVIDER_STATE.open(keys, kind, sealed).ok()?;
    serde_json::from_slice(&plain).ok()
}

/// Seals an e-mail to its row. Attack: swapping bodies between rows to get another user's code.
pub(crate) fn seal(keys: &Keys, row: &str, email: &Email) -> Result<String, Fault> {
    let plain = Zeroizing::new(serde_json::to_vec(email).map_err(|_| EMAILS.corrupt())?);
    EMAILS.seal(keys, row, &plain)
}

/// Opens a row's e-mail.
pub(crate) fn open(keys: &Keys, row: &str, body: &str) -> Result<Email, Fault> {
    serde_json::from_slice(&EMAILS.open(keys, row, body)?).map_err(|_| EMAILS.corrupt())
}

/// Seals an unkeyed password hash from another system. Attack: offline guessing with a stolen copy of the database.
pub(crate) fn seal_foreign_hash(keys: &Keys, hash: &str) -> Result<String, Fault> {
    FOREIGN_HASHES.seal(keys, "", hash.as_bytes())
}

/// Opens a password hash from another system.
pub(crate) fn open_foreign_hash(keys: &Keys, sealed: &str) -> Result<Zeroizing<String>, Fault> {
    let hash = FOREIGN_HASHES.open(keys, "", sealed)?;
    let hash = str::from_utf8(&hash).map_err(|_| FOREIGN_HASHES.corrupt())?;
    Ok(Zeroizing::new(hash.to_owned()))
}

impl Seal {
    fn seal(&self, keys: &Keys, row: &str, plain: &[u8]) -> Result<String, Fault> {
        let key = keys.current();
        let mut nonce = [0; NONCE_LEN];
        random::generator().fill_bytes(&mut nonce);
        let cipher = XChaCha20Poly1305::new((&*key.derive(self.usage)).into());
        let payload = Payload {
            msg: plain,
            aad: row.as_bytes(),
        };
        let text = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| self.corrupt())?;
        let sealed = [&nonce[..], &text].concat();
        Ok(format!("{}.{}", key.id(), BASE64_STANDARD_NO_PAD.encode(sealed)))
    }

    fn open(&self, keys: &Keys, row: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let (id, sealed) = sealed.split_once('.').ok_or_else(|| self.corrupt())?;
        let key = keys.find(id).ok_or_else(|| Fault::KeyGone { id: id.to_owned() })?;
        let sealed = BASE64_STANDARD_NO_PAD.decode(sealed).map_err(|_| self.corrupt())?;
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(|| self.corrupt())?;
        let cipher = XChaCha20Poly1305::new((&*key.derive(self.usage)).into());
        let payload = Payload {
            msg: text,
            aad: row.as_bytes(),
        };
        let plain = cipher.decrypt(&XNonce::from(*nonce), payload);
        plain.map(Zeroizing::new).map_err(|_| self.corrupt())
    }

    const fn corrupt(&self) -> Fault {
        Fault::Corrupt { what: self.what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use account::{FailureCause, Key, Keyring, Notice, Timestamp};

    #[test]
    fn a_sealed_email_opens_only_in_its_own_row() {
        let keys = Keys::from(Keyring::new(Key::new("k1".into(), [1; 32]), vec![]));
        let email = Email::Notice(Notice::ManyFailures {
            at: Timestamp(1),
            cause: FailureCause::Passwords,
        });
        let body = seal(&keys, "row", &email).unwrap();
        assert!(!body.contains("ManyFailures"));
        assert_eq!(open(&keys, "row", &body).unwrap(), email);
        assert!(open(&keys, "other row", &body).is_err());
        let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
        let later = Keyring::new(key("k2", 2), vec![key("k1", 1)]);
        assert_eq!(open(&later.into(), "row", &body).unwrap(), email);
        let without = Keyring::new(key("k2", 2), vec![]);
        let fault = open(&without.into(), "row", &body).unwrap_err();
        assert!(matches!(fault, Fault::KeyGone { id } if id == "k1"));
    }

    /// Generated by the build of 2026-11, with chacha20poly1305 0.10 and hmac 0.12.
    #[test]
    fn data_sealed_by_an_earlier_release_opens() {
        let keys = Keys::from(Keyring::new(Key::new("k1".into(), [1; 32]), vec![]));
        let email = Email::Notice(Notice::ManyFailures {
            at: Timestamp(1),
            cause: FailureCause::Passwords,
        });
        let sealed = "k1.01CfkHae70ZdUPPs0gv6FGEwXX9RvC/vgKTWH2QiM1hoq3HU5gmSGXph03lESO66OvYyBgJT25JSWzgQxC35OfL8/GwnZ/RSjreXjX\
                      houD6nR3ujXFI1r3w+yqFeSkUi";
        assert_eq!(open(&keys, "row", sealed).unwrap(), email);
        let hash = "k1.46M3dfvblt2qNS07vqihpaWRLpcbLWmUTgc1pYJK1WGhSMYbKwpMAIoQ6JLWSBcSCkv3";
        assert_eq!(open_foreign_hash(&keys, hash).unwrap().as_str(), "$2b$12$hash");
    }

    #[test]
    fn a_sealed_hash_does_not_open_as_an_email() {
        let keys = Keys::from(Keyring::new(Key::new("k1".into(), [1; 32]), vec![]));
        let sealed = seal_foreign_hash(&keys, "$2b$12$hash").unwrap();
        assert_eq!(open_foreign_hash(&keys, &sealed).unwrap().as_str(), "$2b$12$hash");
        assert!(EMAILS.open(&keys, "", &sealed).is_err());
    }
}
