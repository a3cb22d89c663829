//! Marks a SQLite file as in use, by a lock on a file beside it that the system releases when a process ends, however it ends.

use crate::Fault;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// A database file in use, until this is dropped or released. SQLite's own locks are held for a moment only, and not by a server
/// between two requests (attack on data: a file replaces one that a server still writes to).
#[derive(Debug)]
pub struct InUse {
    locked: File,
}

impl InUse {
    /// Shares it with others.
    ///
    /// # Errors
    /// [`Fault::InUse`] while a process has it alone.
    pub fn shared(database: &Path) -> Result<Self, Fault> {
        Self::lock(database, File::try_lock_shared)
    }

    /// Has it alone.
    ///
    /// # Errors
    /// [`Fault::InUse`] while any process uses it.
    pub fn alone(database: &Path) -> Result<Self, Fault> {
        Self::lock(database, File::try_lock)
    }

    /// Releases it, also where this is still referenced.
    pub fn release(&self) {
        // Where that fails the end of the process does it.
        let _ = self.locked.unlock();
    }

    fn lock(database: &Path, lock: impl FnOnce(&File) -> Result<(), TryLockError>) -> Result<Self, Fault> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(beside(database)).map_err(sqlx::Error::Io)?;
        // The first process creates it, which may be root's at a terminal. Where this fails it is not needed.
        let _ = give_to_owner(&file, database);
        match lock(&file) {
            Ok(()) => Ok(Self { locked: file }),
            Err(TryLockError::WouldBlock) => Err(Fault::InUse),
            Err(TryLockError::Error(error)) => Err(sqlx::Error::Io(error).into()),
        }
    }
}

fn give_to_owner(file: &File, database: &Path) -> io::Result<()> {
    let owner = std::fs::metadata(database)?;
    let now = file.metadata()?;
    if (owner.uid(), owner.gid()) == (now.uid(), now.gid()) {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
