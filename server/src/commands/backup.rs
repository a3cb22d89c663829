//! The commands `backup`, `restore` and `end-sessions`.

use super::{Failed, need_database, say};
use crate::config::Config;
use crate::start;
use account::Keyring;
use backend::store::Db;
use backend::{BackupError, Clock, Ended, Fault, SystemClock, Take};
use std::path::Path;

/// Runs `rekey backup`.
pub async fn back_up(config: &Config, to: &Path) -> Result<(), Failed> {
    if Db::file(config.database_url.expose()).is_none() {
        return Err(Failed::Other(PG_DUMP.into()));
    }
    need_database(config)?;
    let db = Db::open(config.database_url.expose())
        .await
        .map_err(|fault| format!("the database cannot be opened: {fault}"))?;
    let outcome = backend::back_up(&db, to).await;
    db.close().await;
    outcome.map_err(|error| format!("Nothing was backed up: {error}."))?;
    say(&format!(
        "Backed up to {}. The key file {} is not included; keep a copy of it elsewhere.\n",
        to.display(),
        config.key_file.display()
    ))
}

/// Runs `rekey restore`.
pub async fn restore(config: Config, keys: Keyring, from: &Path, take: Take) -> Result<(), Failed> {
    let url = config.database_url.clone();
    let database = Db::file(url.expose()).ok_or_else(|| Failed::Other(PG_RESTORE.into()))?;
    start::folder_of(&database)?;
    let now = SystemClock::default().now();
    let restored = backend::restore(url.expose(), from, take, now)
        .await
        .map_err(|error| match error {
            BackupError::Fault(Fault::InUse) => {
                format!(
                    "Nothing was restored: a server is using {}. Stop it first.",
                    database.display()
                )
            }
            BackupError::ForeignHashes { .. } => format!(
                "Nothing was restored: {error}. If they were imported and the backup is your own, add \
                 --accept-foreign-hashes. The author of the backup may know these passwords."
            ),
            error => format!("Nothing was restored: {error}."),
        })?;
    say(&format!("Restored {} from {}.\n", database.display(), from.display()))?;
    if let Some(kept) = restored.kept {
        say(&format!("The previous database was kept as {}.\n", kept.display()))?;
    }
    match restored.ended {
        Some(ended) => say(&told(ended))?,
        None => say("Sessions, codes and e-mails were kept from the backup.\n")?,
    }
    let backend = start::backend(&config, keys.clone()).await?;
    let told = super::keys::warn_of_missing(&backend, &keys).await;
    backend.db().close().await;
    told
}

/// Runs `rekey end-sessions`.
pub async fn end_sessions(config: &Config, restored: bool) -> Result<(), Failed> {
    need_database(config)?;
    let db = start::database(config).await?;
    let now = SystemClock::default().now();
    let outcome = backend::retried(async || Ok(backend::end_sessions(&db, now, restored).await?)).await;
    db.close().await;
    say(&told(outcome.map_err(|fault| fault.to_string())?))
}

fn told(ended: Ended) -> String {
    let Ended {
        sessions,
        flows,
        emails,
    } = ended;
    format!(
        "Ended: {sessions} sessions, {flows} flows and their codes. Devices are no longer trusted. E-mails dropped: {emails}.\n"
    )
}

const PG_DUMP: &str = "The database is PostgreSQL. Back it up with its own tool:
  (umask 077; pg_dump --format=custom --no-owner --file=FILE \"$REKEY_DATABASE_URL\")
The key file is not included; keep a copy of it elsewhere.";

const PG_RESTORE: &str =
    "The database is PostgreSQL. Restore the backup with its own tools, into a new database next to the current \
one. Stop the servers, then run:
  createdb NEW
  pg_restore --no-owner --single-transaction --dbname=postgres://USER@HOST/NEW FILE
Set REKEY_DATABASE_URL to the new database. Before you start a server, run:
  rekey end-sessions --restored";
