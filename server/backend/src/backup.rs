//! Backup and restore of a SQLite file.

use crate::store::Db;
use crate::store::sqlite::{InUse, backup};
use crate::{Ended, Fault, end_sessions};
use account::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The reason why a backup or restore failed. Existing files are unchanged.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Existing files are never overwritten.
    #[error("{} already exists", .0.display())]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("{}: {}", .path.display(), .error.kind())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// The file, or the new copy, is unusable.
    #[error("{} is not a valid database of this service: {what}", .path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// The problem found.
        what: String,
    },
    /// The file contains password hashes without a key of this service.
    #[error("{} has passwords that were not hashed with a key of this service: {}", .path.display(), .emails.join(", "))]
    ForeignHashes {
        /// The file.
        path: PathBuf,
        /// Some of the affected addresses.
        emails: Vec<String>,
    },
    /// The database is PostgreSQL, which has its own tools.
    #[error("the database is not a file")]
    NoFile,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Optional content of a restore, besides accounts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Take {
    /// Sessions, trusted devices, flows, codes and e-mails.
    pub keep_sessions: bool,
    /// Password hashes in other systems' formats, as after an import. Attack: a forged backup contains the hash of a
    /// known password.
    pub foreign_hashes: bool,
}

/// The result of a restore.
#[derive(Debug)]
pub struct Restored {
    /// The path of the previous database, if any.
    pub kept: Option<PathBuf>,
    /// What was ended in the restored database; `None` if it was kept unchanged.
    pub ended: Option<Ended>,
}

/// Copies the database into a new file that only its owner can read, without blocking writers. The file gets its name only
/// when complete, checked and synced, so that an interrupted copy is never mistaken for a backup.
///
/// # Errors
/// [`BackupError`]; the file `to` then doesn't exist.
pub async fn back_up(db: &Db, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let part = with_ending(to, &format!(".{}.part", std::process::id()));
    let outcome = write_backup(db, &part, to).await;
    if outcome.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    outcome
}

async fn write_backup(db: &Db, part: &Path, to: &Path) -> Result<(), BackupError> {
    // Created empty and private. Attack: another account on this machine reads addresses and hashes.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)
        .map_err(at(part))?;
    if !backup::copy(db, part).await? {
        return Err(BackupError::NoFile);
    }
    sound(part).await?;
    sync(part)?;
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    std::fs::rename(part, to).map_err(at(to))?;
    sync(folder_of(to))
}

/// Replaces the database with a backup and keeps the previous file next to it. Works on a copy first, so that a failure
/// changes nothing.
///
/// A backup revives sessions, trusted devices, codes, flows and e-mails that have ended since. They are therefore ended again
/// in the copy, unless `keep_sessions` is set for a lossless move to another host. Attack: a thief is signed in again with a
/// session that the owner has ended.
///
/// # Errors
/// [`BackupError`]; [`Fault::InUse`] while a server uses the file.
pub async fn restore(url: &str, from: &Path, take: Take, now: Timestamp) -> Result<Restored, BackupError> {
    let database = Db::file(url).ok_or(BackupError::NoFile)?;
    let _alone = InUse::alone(&database)?;
    let aside = with_ending(&database, ".restoring");
    // Left by an interrupted restore. The lock excludes a concurrent one.
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(at(&aside))?;
    }
    DirBuilder::new().mode(0o700).create(&aside).map_err(at(&aside))?;
    let outcome = prepare_and_swap(&database, &aside, from, take, now).await;
    let _ = std::fs::remove_dir_all(&aside);
    outcome
}

async fn prepare_and_swap(
    database: &Path,
    aside: &Path,
    from: &Path,
    take: Take,
    now: Timestamp,
) -> Result<Restored, BackupError> {
    let copy = aside.join("rekey.db");
    if with_ending(from, "-wal").exists() {
        return Err(BackupError::Unsound {
            path: from.to_owned(),
            what: "it has a -wal file beside it, like a database in use; make backups with `rekey backup`".into(),
        });
    }
    std::fs::copy(from, &copy).map_err(at(from))?;
    std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o600)).map_err(at(&copy))?;
    sound(&copy).await.map_err(|error| match error {
        BackupError::Unsound { what, .. } => BackupError::Unsound {
            path: from.to_owned(),
            what,
        },
        error => error,
    })?;
    let db = open(&copy).await?;
    let ended = ready(&db, aside, from, take, now).await;
    // Closing the last connection merges the WAL into the file.
    db.close().await;
    let ended = ended?;
    if std::fs::metadata(with_ending(&copy, "-wal")).is_ok_and(|wal| wal.len() > 0) {
        return Err(BackupError::Unsound {
            path: copy,
            what: "it could not be merged into one file".into(),
        });
    }
    keep_owner(database, &copy)?;
    sync(&copy)?;
    let kept = swap(database, &copy)?;
    Ok(Restored { kept, ended })
}

async fn open(file: &Path) -> Result<Db, Fault> {
    let file = utf8_percent_encode(&file.to_string_lossy(), NON_ALPHANUMERIC).to_string();
    Db::open(&format!("sqlite://{file}")).await
}

async fn ready(db: &Db, aside: &Path, from: &Path, take: Take, now: Timestamp) -> Result<Option<Ended>, BackupError> {
    // Rejects a database that was written by a later version.
    db.migrate_strictly().await?;
    // Attack: a forged backup contains a table, an index or a trigger of its own.
    let fresh = open(&aside.join("fresh.db")).await?;
    fresh.migrate_strictly().await?;
    let ours = backup::schema(&fresh).await;
    fresh.close().await;
    let (ours, theirs) = (ours?, backup::schema(db).await?);
    let differs = |(one, other): (&Vec<_>, &Vec<_>)| -> Option<String> {
        let (kind, name, _): &(String, String, String) = one.iter().find(|object| !other.contains(*object))?;
        Some(format!("{kind} {name}"))
    };
    if let Some(object) = differs((&theirs, &ours)).or_else(|| differs((&ours, &theirs))) {
        return Err(BackupError::Unsound {
            path: from.to_owned(),
            what: format!("its {object} is not what this service creates"),
        });
    }
    let emails = backup::hashes_without_key(db, 10).await?;
    if !emails.is_empty() && !take.foreign_hashes {
        return Err(BackupError::ForeignHashes {
            path: from.to_owned(),
            emails,
        });
    }
    if take.keep_sessions {
        return Ok(None);
    }
    Ok(Some(end_sessions(db, now, true).await?))
}

/// Moves the current database to the first free number and renames the new one over it. The file exists at every moment, so
/// that a starting server doesn't create an empty one.
fn swap(database: &Path, new: &Path) -> Result<Option<PathBuf>, BackupError> {
    let mut kept = None;
    if database.exists() {
        let free = (1_u32..).map(|number| with_ending(database, &format!(".before-restore-{number}")));
        for place in free {
            match std::fs::hard_link(database, &place) {
                Ok(()) => {
                    kept = Some(place);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(at(&place)(error)),
            }
        }
    }
    // The WAL of a killed server belongs to the previous database, but SQLite would apply it to the new one.
    for ending in ["-wal", "-shm"] {
        let stale = with_ending(database, ending);
        let gone = match &kept {
            Some(kept) if ending == "-wal" => std::fs::rename(&stale, with_ending(kept, ending)),
            _ => std::fs::remove_file(&stale),
        };
        match gone {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&stale)(error)),
            _ => {}
        }
    }
    std::fs::rename(new, database).map_err(at(database))?;
    sync(folder_of(database))?;
    Ok(kept)
}

/// Preserves the owner, because the operator may be another user than the server, which needs access.
fn keep_owner(database: &Path, copy: &Path) -> Result<(), BackupError> {
    let like = if database.exists() {
        database
    } else {
        folder_of(database)
    };
    let wanted = std::fs::metadata(like).map_err(at(like))?;
    let found = std::fs::metadata(copy).map_err(at(copy))?;
    if (wanted.uid(), wanted.gid()) != (found.uid(), found.gid()) {
        chown(copy, Some(wanted.uid()), Some(wanted.gid())).map_err(at(copy))?;
    }
    Ok(())
}

async fn sound(file: &Path) -> Result<(), BackupError> {
    match backup::fault_of(file).await {
        None => Ok(()),
        Some(what) => Err(BackupError::Unsound {
            path: file.to_owned(),
            what,
        }),
    }
}

/// Syncs a file or directory to disk.
fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(at(path))
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::File {
        path: path.clone(),
        error,
    }
}
