//! Refresh tokens: the random part of a family, a number, and a MAC of both under the service's key.
//!
//! Each use replaces the token by the next number. All numbers of a family can be recognized without storing them, and the same
//! use always gives the same next token, so that a repeated request after a lost response changes nothing.

use crate::{Keys, random};
use account::{Key, Secret};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

/// A refresh token.
#[derive(Debug)]
pub(super) struct RefreshToken {
    /// The random part: 256 bits.
    pub family: Secret,
    /// The number in its family, from 0.
    pub number: i64,
}

impl RefreshToken {
    /// Begins a family.
    pub fn new() -> Self {
        Self {
            family: random::token(),
            number: 0,
        }
    }

    /// Returns the token for the client.
    pub fn write(&self, keys: &Keys) -> Secret {
        let key = keys.current();
        let (family, number) = (self.family.expose(), self.number);
        Secret::from(format!("{family}.{number}.{}.{}", self.mac(&key), key.id()))
    }

    /// Reads a token of a client; `None` if this service has not issued it. Attack: a thief of an old token computes the current one.
    pub fn read(keys: &Keys, text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let (family, number, mac, key) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let token = Self {
            family: family.into(),
            number: number.parse().ok()?,
        };
        let expected = token.mac(&keys.find(key)?);
        bool::from(expected.as_bytes().ct_eq(mac.as_bytes())).then_some(token)
    }

    fn mac(&self, key: &Key) -> String {
        let parts = [self.family.expose().as_bytes(), &self.number.to_be_bytes()];
        BASE64_URL_SAFE_NO_PAD.encode(key.mac("refresh token", &parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use account::Keyring;

    #[test]
    fn only_issued_tokens_are_read() {
        let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
        let keys = Keys::from(Keyring::new(key("k1", 1), vec![]));
        let token = RefreshToken::new();
        let text = token.write(&keys);
        let read = RefreshToken::read(&keys, text.expose()).unwrap();
        assert_eq!((read.family.expose(), read.number), (token.family.expose(), 0));
        let next = text.expose().replacen(".0.", ".1.", 1);
        for forged in ["", "a.0.b.k1", next.as_str(), &text.expose().replace(".k1", ".k2")] {
            assert!(RefreshToken::read(&keys, forged).is_none(), "{forged}");
        }
        // After the service's key was replaced.
        let later = Keys::from(Keyring::new(key("k2", 2), vec![key("k1", 1)]));
        assert!(RefreshToken::read(&later, text.expose()).is_some());
    }
}
