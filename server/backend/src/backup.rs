//! Backups of a SQLite file, and what is done with one before it is served.

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

/// Why there is no backup, or why nothing was restored. What was there is as it was.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Nothing is written over.
    #[error("{} already exists", .0.display())]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("{}: {}", .path.display(), .error.kind())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file, or the copy that was just made, is not fit to be served.
    #[error("{} is not a valid database of this service: {what}", .path.display())]
    Unsound {
        /// Which.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// Passwords in it are stored without a key of this service.
    #[error("{} has passwords that were not hashed with a key of this service: {}", .path.display(), .emails.join(", "))]
    ForeignHashes {
        /// Which.
        path: PathBuf,
        /// Whose, a few.
        emails: Vec<String>,
    },
    /// The database is a server, which has tools of its own.
    #[error("the database is not a file")]
    NoFile,
    /// The database refused.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a restore takes over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Take {
    /// Also sessions, trusted devices, flows, codes and e-mails.
    pub keep_sessions: bool,
    /// Also passwords that are stored as other systems store them, as after an import. Attack: a backup from someone else
    /// has a hash of a password that they know; one with a key of the service they cannot make.
    pub foreign_hashes: bool,
}

/// What a restore left.
#[derive(Debug)]
pub struct Restored {
    /// Where the database is that was there before, if there was one.
    pub kept: Option<PathBuf>,
    /// What was ended in the restored one; `None` when it was to stay as it is.
    pub ended: Option<Ended>,
}

/// Copies the database into a new file that only its owner may read, while others go on writing. The file has its name only
/// when it is whole, looked at, and on the disk: what was cut short is never taken for a backup.
///
/// # Errors
/// [`BackupError`]; there is no file `to` then.
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
    // Empty and private before anything is in it (attack: another account of this machine reads addresses and hashes).
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

/// Puts a backup in the place of the database, which is kept beside it. Everything is done to a copy first, so that what fails
/// leaves all as it was.
///
/// A backup brings back what had ended since: sessions and trusted devices that were signed out of, codes and flows that were
/// used, e-mails that were sent (attack: a thief whose session the owner has ended is signed in again; a mailbox gets a second
/// e-mail). So all of that is ended in the copy, unless `keep_sessions`: a service that moves, and lost nothing.
///
/// # Errors
/// [`BackupError`]; [`Fault::InUse`] while a server runs on the file.
pub async fn restore(url: &str, from: &Path, take: Take, now: Timestamp) -> Result<Restored, BackupError> {
    let database = Db::file(url).ok_or(BackupError::NoFile)?;
    let _alone = InUse::alone(&database)?;
    let aside = with_ending(&database, ".restoring");
    // Left by a restore that was cut short; nobody else is at it.
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
    // The last connection writes everything into the one file.
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
    // Refuses what a newer version has written.
    db.migrate_strictly().await?;
    // Attack: a table, an index or a rule that this service has not made, in a backup from someone else.
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

/// Keeps the present database under the first free number, and gives its name to the new one in one move: at no moment is there
/// none, of which a server that starts would make an empty one.
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
    // What a server that was killed had written and not yet put into the file belongs to the one that is kept. Beside the new
    // one it would be taken for its own.
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

/// An operator who is somebody else than the server must not take the file away from it.
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

/// Onto the disk, a file or what a folder lists.
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
