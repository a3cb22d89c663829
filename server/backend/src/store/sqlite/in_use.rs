//! Marks a SQLite file as in use with a lock file next to it. The system releases the lock when the process ends.

use crate::Fault;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Marks a database file as in use until dropped or released. SQLite's own locks don't last between requests. Attack:
/// replacing a file that a server still writes to.
#[derive(Debug)]
pub struct InUse {
    locked: File,
}

impl InUse {
    /// Takes a shared lock.
    ///
    /// # Errors
    /// [`Fault::InUse`] while another process has an exclusive lock.
    pub fn shared(database: &Path) -> Result<Self, Fault> {
        Self::lock(database, File::try_lock_shared)
    }

    /// Takes an exclusive lock.
    ///
    /// # Errors
    /// [`Fault::InUse`] while any process uses the file.
    pub fn alone(database: &Path) -> Result<Self, Fault> {
        Self::lock(database, File::try_lock)
    }

    /// Releases the lock even if references to this value remain.
    pub fn release(&self) {
        // If this fails, the system releases it at process exit.
        let _ = self.locked.unlock();
    }

    fn lock(database: &Path, lock: impl FnOnce(&File) -> Result<(), TryLockError>) -> Result<Self, Fault> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(beside(database)).map_err(sqlx::Error::Io)?;
        // The first process creates the file, possibly as root. Other users cannot change its owner and don't need to.
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
