//! The current server keys, which can change while the service runs.

use account::{Key, Keyring};
use std::sync::{Arc, PoisonError, RwLock};

/// Reads the keys from their source; returns `None` after logging a failure.
type Source = dyn Fn() -> Option<Keyring> + Send + Sync;

/// The current keys. Clones share one ring and see a new one at once.
#[derive(Clone)]
pub struct Keys {
    ring: Arc<RwLock<Arc<Keyring>>>,
    source: Arc<Source>,
}

impl Keys {
    /// Creates keys that are reloaded from `source` on request, and when stored data refers to an unknown key.
    #[must_use]
    pub fn from_source(ring: Keyring, source: impl Fn() -> Option<Keyring> + Send + Sync + 'static) -> Self {
        Self {
            ring: Arc::new(RwLock::new(Arc::new(ring))),
            source: Arc::new(source),
        }
    }

    /// Returns the key for new values.
    #[must_use]
    pub fn current(&self) -> Key {
        self.ring().current().clone()
    }

    /// Finds a key by name. An unknown name causes a reload: another server may have read the new key file first and issued a
    /// code with the key, which must not be rejected.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Key> {
        if let Some(key) = self.ring().find(id) {
            return Some(key.clone());
        }
        self.read_again();
        self.ring().find(id).cloned()
    }

    /// Returns all keys, after a reload if any name is unknown, as in [`find`](Self::find).
    #[must_use]
    pub fn with<'a>(&self, mut ids: impl Iterator<Item = &'a str>) -> Arc<Keyring> {
        let ring = self.ring();
        if ids.all(|id| ring.find(id).is_some()) {
            return ring;
        }
        self.read_again();
        self.ring()
    }

    /// Reloads the keys from their source. Changes nothing on failure.
    pub fn read_again(&self) {
        // Locked while reading, so that an older ring never replaces a newer one.
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let Some(read) = (self.source)() else { return };
        let is_another = |key: &Key| {
            ring.find(key.id())
                .is_some_and(|known| known.check_value() != key.check_value())
        };
        if let Some(key) = read.all().find(|key| is_another(key)) {
            tracing::error!(
                key = key.id(),
                "the key file has a different key under a known name; the keys were not changed"
            );
            return;
        }
        if read.ids().ne(ring.ids()) {
            tracing::info!(current = read.current().id(), "the keys were reloaded");
        }
        *ring = Arc::new(read);
    }

    fn ring(&self) -> Arc<Keyring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Keys without a source.
impl From<Keyring> for Keys {
    fn from(ring: Keyring) -> Self {
        Self::from_source(ring, || None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn ring(current: &str, older: &[&str]) -> Keyring {
        let key = |id: &str| Key::new(id.into(), [1; 32]);
        Keyring::new(key(current), older.iter().copied().map(key).collect())
    }

    /// Keys and their source.
    fn kept() -> (Keys, Arc<Mutex<Option<Keyring>>>) {
        let place = Arc::new(Mutex::new(Some(ring("k1", &[]))));
        let read = place.clone();
        let keys = Keys::from_source(ring("k1", &[]), move || read.lock().unwrap().clone());
        (keys, place)
    }

    #[test]
    fn an_unknown_key_causes_a_reload() {
        let (keys, place) = kept();
        *place.lock().unwrap() = Some(ring("k2", &["k1"]));
        assert_eq!(keys.find("k1").unwrap().id(), "k1");
        assert_eq!(keys.current().id(), "k1", "a known key causes no reload");
        let other = keys.clone();
        assert_eq!(keys.find("k2").unwrap().id(), "k2");
        assert_eq!(other.current().id(), "k2");
        assert!(keys.find("k3").is_none());
    }

    #[test]
    fn a_failed_reload_keeps_the_keys() {
        let (keys, place) = kept();
        *place.lock().unwrap() = None;
        keys.read_again();
        assert!(keys.find("k2").is_none());
        assert_eq!(keys.current().id(), "k1");
    }

    #[test]
    fn a_different_key_under_a_known_name_is_refused() {
        let (keys, place) = kept();
        let other = |id: &str| Key::new(id.into(), [2; 32]);
        *place.lock().unwrap() = Some(Keyring::new(other("k2"), vec![other("k1")]));
        keys.read_again();
        assert_eq!(keys.current().id(), "k1");
        assert_eq!(
            keys.current().check_value(),
            Key::new("k1".into(), [1; 32]).check_value()
        );
    }

    #[test]
    fn one_reload_finds_several_unknown_keys() {
        let (keys, place) = kept();
        *place.lock().unwrap() = Some(ring("k2", &["k1"]));
        assert!(keys.with(["k1"].into_iter()).find("k2").is_none());
        assert!(keys.with(["k1", "k2"].into_iter()).find("k2").is_some());
    }
}
