//! The clients of the database in the memory of a server. Requests do not read their table.

use super::{Client, TokenAlgorithm};
use crate::store::clients;
use crate::{Backend, Fault};
use std::sync::{Arc, PoisonError, RwLock};

/// The clients of the database, replaced together when one changes.
#[derive(Default)]
pub(super) struct StoredClients(RwLock<Arc<Snapshot>>);

#[derive(Default)]
struct Snapshot {
    /// The version of the table; `None` before it is read.
    version: Option<i64>,
    list: Arc<Vec<Arc<Client>>>,
}

impl StoredClients {
    /// Returns the clients without those that the configuration file also has.
    pub fn list(&self) -> Arc<Vec<Arc<Client>>> {
        self.snapshot().list.clone()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the clients. Requests in progress continue with the previous ones.
    fn replace(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

impl Backend {
    /// Reads the clients of the database if one has changed since the last time. Returns their number if so. After a fault, the
    /// previous ones stay.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn refresh_clients(&self) -> Result<Option<usize>, Fault> {
        let mut conn = self.parts.db.read().await?;
        // Read first: a change in between is then read twice, and not missed.
        let version = clients::version(&mut conn).await?;
        let stored = &self.clients().stored;
        if stored.snapshot().version == Some(version) {
            return Ok(None);
        }
        let mut list = Vec::new();
        for row in clients::all(&mut conn).await? {
            let id = &row.settings.id;
            if self.clients().is_configured(id) {
                tracing::warn!(
                    client = id,
                    "a client of the database is not used, because the configuration has one with its id"
                );
                continue;
            }
            let needs_rsa = row.settings.options.id_token_signed_response_alg == TokenAlgorithm::RS256;
            if needs_rsa && self.clients().rsa_keys().current().is_none() {
                tracing::error!(
                    client = id,
                    "a client is not used, because it needs RS256 and REKEY_RSA_KEY_FILE is not set"
                );
                continue;
            }
            self.metrics().count_client(id);
            list.push(Arc::new(Client::from(row)));
        }
        let count = list.len();
        stored.replace(Snapshot {
            version: Some(version),
            list: Arc::new(list),
        });
        Ok(Some(count))
    }
}
