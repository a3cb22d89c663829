//! Backups, and sessions that end for everybody.

use super::{Failed, need_database, say};
use crate::config::Config;
use crate::start;
use account::Keyring;
use backend::store::Db;
use backend::{BackupError, Clock, Ended, Fault, SystemClock, Take};
use std::path::Path;

/// `rekey backup`.
pub async fn back_up(config: &Config, to: &Path) -> Result<(), Failed> {
    if Db::file(config.database_url.expose()).is_none() {
        return Err(Failed::Other(PG_DUMP.into()));
    }
    need_database(config)?;
    let db = Db::open(config.database_url.expose())
        .await
        .map_err(|fault| format!("the database does not open: {fault}"))?;
    let outcome = backend::back_up(&db, to).await;
    db.close().await;
    outcome.map_err(|error| format!("There is no backup: {error}."))?;
    say(&format!(
        "{} is a whole copy. The key file {} is not in it; keep a copy of that somewhere else.\n",
        to.display(),
        config.key_file.display()
    ))
}

/// `rekey restore`.
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
                    "Nothing is restored: a server runs on {}; stop it first.",
                    database.display()
                )
            }
            BackupError::ForeignHashes { .. } => format!(
                "Nothing is restored: {error}. If they came by an import, and the backup is your own, say so with \
                 --accept-foreign-hashes; the person who made it may know them."
            ),
            error => format!("Nothing is restored: {error}."),
        })?;
    say(&format!(
        "{} is restored from {}.\n",
        database.display(),
        from.display()
    ))?;
    if let Some(kept) = restored.kept {
        say(&format!("What was there before is {}.\n", kept.display()))?;
    }
    match restored.ended {
        Some(ended) => say(&told(ended))?,
        None => say("Sessions, codes and e-mails are as they were in the backup.\n")?,
    }
    let backend = start::backend(&config, keys.clone()).await?;
    let told = super::keys::warn_of_missing(&backend, &keys).await;
    backend.db().close().await;
    told
}

/// `rekey end-sessions`.
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
        "Ended: {sessions} sessions, {flows} flows with their codes. No device is trusted. E-mails dropped: {emails}.\n"
    )
}

const PG_DUMP: &str = "The database is a PostgreSQL server, and its own tool makes the backup:
  (umask 077; pg_dump --format=custom --no-owner --file=FILE \"$REKEY_DATABASE_URL\")
The key file is not in it; keep a copy of that somewhere else.";

const PG_RESTORE: &str =
    "The database is a PostgreSQL server, and its own tools restore a backup, into a new database beside \
the present one. Stop the servers, then:
  createdb NEW
  pg_restore --no-owner --single-transaction --dbname=postgres://USER@HOST/NEW FILE
Name the new one in REKEY_DATABASE_URL, and before any server starts:
  rekey end-sessions --restored";
