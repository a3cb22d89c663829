//! Who uses a SQLite file: told by a lock on a file beside it, which the system lets go when a process ends, however it ends.

use crate::Fault;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// A database file that is in use, until this is dropped or released. SQLite's own locks are held for a moment only, and say nothing of a
/// server that is between two requests (attack on data: a file is put in the place of one that a server goes on writing to).
#[derive(Debug)]
pub struct InUse {
    locked: File,
}

impl InUse {
    /// Uses it beside others.
    ///
    /// # Errors
    /// [`Fault::InUse`] while somebody has it alone.
    pub fn shared(database: &Path) -> Result<Self, Fault> {
        Self::lock(database, File::try_lock_shared)
    }

    /// Has it alone.
    ///
    /// # Errors
    /// [`Fault::InUse`] while anybody uses it.
    pub fn alone(database: &Path) -> Result<Self, Fault> {
        Self::lock(database, File::try_lock)
    }

    /// Uses it no longer, whoever still holds this.
    pub fn release(&self) {
        // Where that fails the end of the process does it.
        let _ = self.locked.unlock();
    }

    fn lock(database: &Path, lock: impl FnOnce(&File) -> Result<(), TryLockError>) -> Result<Self, Fault> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(beside(database)).map_err(sqlx::Error::Io)?;
        // Made by whoever comes first, and that may be root at a terminal. Where it cannot be done it need not be.
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
