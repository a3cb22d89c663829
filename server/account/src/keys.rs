use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A 256-bit server secret and its name, which is stored with its results. `Debug` prints only the name.
#[derive(Clone)]
pub struct Key {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    /// Creates a key from the key file.
    #[must_use]
    pub fn new(id: String, bytes: [u8; 32]) -> Self {
        Self {
            id,
            bytes: Zeroizing::new(bytes),
        }
    }

    /// Returns the name that is stored with the key's results.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the HMAC-SHA-256 (RFC 2104) of the parts, each preceded by its length, so that no two lists of parts collide.
    /// `usage` separates domains: one key never makes the same value for two purposes.
    #[must_use]
    pub fn mac(&self, usage: &str, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC accepts a key of any length; the error cannot occur.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.bytes[..]) else {
            return [0; 32];
        };
        for part in std::iter::once(usage.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Returns a value that distinguishes this key from others of the same name, and reveals nothing about it.
    #[must_use]
    pub fn check_value(&self) -> [u8; 32] {
        self.mac("key check", &[])
    }

    /// Derives a separate key for one use, such as sealing e-mails.
    #[must_use]
    pub fn derive(&self, usage: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.mac("derive", &[usage.as_bytes()]))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// The current key and its predecessors, which still verify older results.
#[derive(Debug, Clone)]
pub struct Keyring {
    current: Key,
    older: Vec<Key>,
}

impl Keyring {
    /// Creates a key ring.
    #[must_use]
    pub fn new(current: Key, older: Vec<Key>) -> Self {
        Self { current, older }
    }

    /// Returns the key for new values.
    #[must_use]
    pub fn current(&self) -> &Key {
        &self.current
    }

    /// Returns the key of that name, if the ring still contains it.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.current)
            .chain(&self.older)
            .find(|key| key.id == id)
    }

    /// Returns all keys, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// Returns the names of all keys, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current).chain(&self.older).map(Key::id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_differ_by_part_boundaries_and_usage() {
        let key = Key::new("k1".into(), [7; 32]);
        assert_ne!(key.mac("code", &[b"ab", b"c"]), key.mac("code", &[b"a", b"bc"]));
        assert_ne!(key.mac("code", &[b"a"]), key.mac("password", &[b"a"]));
    }

    /// The expected value comes from Python's HMAC. It must not change, so that e-mailed codes survive an upgrade.
    #[test]
    fn a_mac_matches_the_reference_value() {
        let key = Key::new("k1".into(), [7; 32]);
        let mac = key.mac("code", &[b"reset", b"ada@example.com", b"flow", b"01234567"]);
        let expected = "58a0c5144863a7976b9d5f277dda0d472036d20f6a00abd392d5955f5d2a18ff";
        assert_eq!(hex::encode(mac), expected);
    }

    #[test]
    fn each_usage_derives_its_own_key() {
        let (one, other) = (Key::new("k1".into(), [7; 32]), Key::new("k2".into(), [8; 32]));
        assert_eq!(one.derive("emails"), one.derive("emails"));
        assert_ne!(one.derive("emails"), one.derive("cookies"));
        assert_ne!(one.derive("emails"), other.derive("emails"));
        assert_eq!(Keyring::new(one, vec![other]).find("k2").map(Key::id), Some("k2"));
    }

    #[test]
    fn debug_output_hides_the_key() {
        assert_eq!(format!("{:?}", Key::new("k1".into(), [7; 32])), "Key(k1)");
    }
}
