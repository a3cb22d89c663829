//! Reloads the keys when their file changes while a server runs.

use super::read;
use account::Keyring;
use backend::Keys;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// Returns keys that can be reloaded from their file.
#[must_use]
pub fn from_file(path: &Path, ring: Keyring) -> Keys {
    let path = path.to_owned();
    Keys::from_source(ring, move || {
        read(&path)
            .inspect_err(|wrong| tracing::error!(%wrong, "the keys were not reloaded"))
            .ok()
    })
}

/// Checks the file for changes once a second, until dropped.
pub async fn follow(keys: Keys, path: PathBuf) {
    const PAUSE: Duration = Duration::from_secs(1);
    // The file may have changed since the start, so the first check always reloads.
    let mut seen = None;
    loop {
        let now = Some(stamp(&path));
        if now != seen {
            keys.read_again();
            seen = now;
        }
        sleep(PAUSE).await;
    }
}

/// Returns a value that changes when the file is replaced or rewritten.
fn stamp(path: &Path) -> Option<(u64, i64, i64, u64)> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
}
