//! The keys that sign ID tokens: made on first use, and replaced regularly or when the service's key is.

use super::{Client, TokenAlgorithm};
use crate::oidc::SigningKey;
use crate::store::signing_keys::{self, StoredKey};
use crate::{Backend, Fault, seal};
use account::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The time for which a key signs.
const SIGNS_DAYS: i64 = 90;
/// The time for which a key signs at least. Otherwise, two servers with different current keys of the service would replace each
/// other's signing key at every request.
const SIGNS_AT_LEAST_MS: i64 = 60 * 60 * 1_000;
/// The time for which a replaced key is still published: longer than tokens live and clients cache the keys.
const OVERLAP_DAYS: i64 = 1;
/// The time for which a new key is published before it signs: longer than clients cache the keys, and a server its own.
const ANNOUNCED_MS: i64 = 10 * 60 * 1_000;
/// The time for which a server signs without reading the table: much shorter than the overlap, in which the key is still published.
const READ_EVERY_MS: i64 = 60 * 1_000;

/// The signing key as last read, because opening it takes longer than signing.
#[derive(Default)]
pub(crate) struct KeptKey(Mutex<Option<Kept>>);

struct Kept {
    key: Arc<SigningKey>,
    /// The service's key at that time: its replacement replaces the signing key.
    service_key: String,
    read_at: Timestamp,
}

impl KeptKey {
    fn get(&self, service_key: &str, now: Timestamp) -> Option<Arc<SigningKey>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        let is_recent = (0..READ_EVERY_MS).contains(&(now.0 - kept.read_at.0));
        (is_recent && kept.service_key == service_key).then(|| kept.key.clone())
    }

    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn set(&self, kept: Kept) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

impl Backend {
    /// Returns the public keys (RFC 7517 §5), newest first.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn public_keys(&self) -> Result<Value, Fault> {
        self.signing_key().await?;
        let now = self.now();
        let published = self.stored_keys().await?.into_iter().filter(|row| row.ends_at > now.0);
        self.key_set(published)
    }

    /// Returns the public keys, also those that are no longer published: ID tokens of a session are recognized as long as it can live.
    pub(super) async fn all_public_keys(&self) -> Result<Value, Fault> {
        self.key_set(self.stored_keys().await?.into_iter())
    }

    fn key_set(&self, rows: impl Iterator<Item = StoredKey>) -> Result<Value, Fault> {
        let jwk = |row: StoredKey| serde_json::from_str::<Value>(&row.jwk).map_err(|_| corrupt());
        let mut keys = rows.map(jwk).collect::<Result<Vec<_>, _>>()?;
        keys.extend(self.clients().rsa_keys().public());
        Ok(json!({ "keys": keys }))
    }

    /// Returns the key that signs tokens for a client now.
    pub(super) async fn signing_key_for(&self, client: &Client) -> Result<Arc<SigningKey>, Fault> {
        match client.options.id_token_signed_response_alg {
            TokenAlgorithm::ES256 => self.signing_key().await,
            TokenAlgorithm::RS256 => self
                .clients()
                .rsa_keys()
                .current()
                .ok_or(Fault::Corrupt { what: "RSA key" }),
        }
    }

    /// Returns the key that signs now.
    async fn signing_key(&self) -> Result<Arc<SigningKey>, Fault> {
        let (now, service_key) = (self.now(), self.parts.keys.current().id().to_owned());
        if let Some(key) = self.kept_key.get(&service_key, now) {
            return Ok(key);
        }
        let key = Arc::new(self.read_signing_key(now).await?);
        self.kept_key.set(Kept {
            key: key.clone(),
            service_key,
            read_at: now,
        });
        Ok(key)
    }

    /// Returns the key that signs now, from the table, where it is made on first use and replaced when due.
    async fn read_signing_key(&self, now: Timestamp) -> Result<SigningKey, Fault> {
        let mut rows = self.stored_keys().await?;
        if self.is_due(&rows, now) {
            let row = self.new_signing_key(&rows, now)?;
            let mut tx = self.parts.db.begin().await?;
            // Otherwise, another server was faster.
            if signing_keys::insert(&mut tx, &row).await? {
                signing_keys::retire(&mut tx, row.number - 1, now.plus_days(OVERLAP_DAYS)).await?;
            }
            tx.commit().await?;
            rows = self.stored_keys().await?;
        }
        let opened: Vec<_> = rows.iter().filter_map(|row| self.open(row)).collect();
        let has_signed = |row: &StoredKey| row.created_at <= now.0 - ANNOUNCED_MS && row.ends_at > now.0;
        // The first key of all signs at once.
        let signs = opened.iter().find(|(row, _)| has_signed(row)).or(opened.first());
        let (_, private) = signs.ok_or_else(corrupt)?;
        SigningKey::from_pkcs8(private).map_err(|_| corrupt())
    }

    /// Deletes the keys that sign ID tokens, and makes another, which signs at once; returns its id. Running servers use it within a
    /// minute. Attack: a leaked key signs tokens for any user.
    ///
    /// # Errors
    /// A database [`Fault`]; nothing is then changed.
    pub async fn replace_signing_key(&self) -> Result<String, Fault> {
        let rows = self.stored_keys().await?;
        let row = self.new_signing_key(&rows, self.now())?;
        let mut tx = self.parts.db.begin().await?;
        signing_keys::delete(&mut tx, row.number).await?;
        signing_keys::insert(&mut tx, &row).await?;
        tx.commit().await?;
        self.kept_key.clear();
        let key: Value = serde_json::from_str(&row.jwk).map_err(|_| corrupt())?;
        Ok(key["kid"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes the key after the newest one.
    fn new_signing_key(&self, rows: &[StoredKey], now: Timestamp) -> Result<StoredKey, Fault> {
        let number = rows.first().map_or(1, |row| row.number + 1);
        let private = SigningKey::generate_pkcs8().map_err(|_| corrupt())?;
        let key = SigningKey::from_pkcs8(&private).map_err(|_| corrupt())?;
        Ok(StoredKey {
            number,
            jwk: key.jwk().to_string(),
            sealed: seal::seal_signing_key(&self.parts.keys, number, &private)?,
            created_at: now.0,
            ends_at: now.plus_days(SIGNS_DAYS + OVERLAP_DAYS).0,
        })
    }

    async fn stored_keys(&self) -> Result<Vec<StoredKey>, Fault> {
        let mut conn = self.parts.db.read().await?;
        signing_keys::all(&mut conn).await
    }

    /// Returns a private key, unless another key of the service seals it.
    fn open<'a>(&self, row: &'a StoredKey) -> Option<(&'a StoredKey, Zeroizing<Vec<u8>>)> {
        let private = seal::open_signing_key(&self.parts.keys, row.number, &row.sealed).ok()?;
        Some((row, private))
    }

    /// Returns whether the newest key that this server can open is missing or due for replacement: by age, or because the service's key
    /// that seals it was replaced. Attack: a leaked key of the service opens the signing key in a copy of the database.
    fn is_due(&self, rows: &[StoredKey], now: Timestamp) -> bool {
        let Some((row, _)) = rows.iter().find_map(|row| self.open(row)) else {
            return true;
        };
        let sealed_under = row.sealed.split_once('.').map(|(id, _)| id);
        let replaced = sealed_under != Some(self.parts.keys.current().id());
        now.0 >= Timestamp(row.created_at).plus_days(SIGNS_DAYS).0
            || replaced && now.0 >= row.created_at + SIGNS_AT_LEAST_MS
    }
}

const fn corrupt() -> Fault {
    Fault::Corrupt { what: "signing key" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_for_a_minute_and_for_one_key_of_the_service() {
        let (kept_key, now) = (KeptKey::default(), Timestamp(1_000_000));
        assert!(kept_key.get("k1", now).is_none());
        kept_key.set(Kept {
            key: Arc::new(SigningKey::generate().unwrap()),
            service_key: "k1".into(),
            read_at: now,
        });
        assert!(kept_key.get("k1", now.plus_ms(READ_EVERY_MS - 1)).is_some());
        // Read again, also after the clock was set back.
        for at in [now.plus_ms(READ_EVERY_MS), now.plus_ms(-1)] {
            assert!(kept_key.get("k1", at).is_none(), "{at:?}");
        }
        assert!(kept_key.get("k2", now).is_none());
    }
}
