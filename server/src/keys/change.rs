//! Changes to the key file: written to a temporary file, then renamed, so that readers never see a partial file.

use super::{KeyFile, is_name, parse, random_key, read};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::Path;

/// Adds a random key, makes it the current one, and returns its name.
///
/// # Errors
/// Returns a message and leaves the file unchanged.
pub fn rotate(path: &Path) -> Result<String, String> {
    change(path, |file| {
        let name = put_new(file)?;
        file.current.clone_from(&name);
        Ok(name)
    })
}

/// Adds a random key without using it yet, and returns its name.
///
/// # Errors
/// Fails as described for [`rotate`].
pub fn add(path: &Path) -> Result<String, String> {
    change(path, put_new)
}

/// Makes a key the current one.
///
/// # Errors
/// Fails as described for [`rotate`], and if there is no such key.
pub fn make_current(path: &Path, name: &str) -> Result<(), String> {
    change(path, |file| {
        known(file, name)?;
        name.clone_into(&mut file.current);
        Ok(())
    })
}

/// Removes a key that is not the current one.
///
/// # Errors
/// Fails as described for [`rotate`], and if there is no such key or it is the current one.
pub fn remove(path: &Path, name: &str) -> Result<(), String> {
    change(path, |file| {
        known(file, name)?;
        if file.current == name {
            return Err(format!(
                "{name} is the current key; run `rekey keys rotate` first to replace it"
            ));
        }
        file.keys.remove(name);
        Ok(())
    })
}

fn known(file: &KeyFile, name: &str) -> Result<(), String> {
    let known = file.keys.contains_key(name);
    known.then_some(()).ok_or_else(|| {
        // The input is shown only if it is a valid name: it may be a key.
        let shown = if is_name(name) { name } else { "with that name" };
        format!("the key file has no key {shown}; `rekey keys list` lists all keys")
    })
}

/// Adds a random key and returns its name: `k2` after `k1`.
fn put_new(file: &mut KeyFile) -> Result<String, String> {
    let numbers = file
        .keys
        .keys()
        .filter_map(|name| name.strip_prefix('k')?.parse::<u32>().ok());
    let name = format!("k{}", numbers.max().unwrap_or(0).saturating_add(1));
    file.keys.insert(name.clone(), random_key()?);
    Ok(name)
}

fn change<T>(path: &Path, change: impl FnOnce(&mut KeyFile) -> Result<T, String>) -> Result<T, String> {
    // Resolve symbolic links, as in mounted secrets, and change the target.
    let path = &std::fs::canonicalize(path).map_err(|error| cannot(path, &error))?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    // The temporary file is created before the key file is read, so that one of two concurrent changes is refused.
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    let written = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => format!(
            "{} exists: another change is in progress, or one was interrupted; in that case, remove the file",
            part.display()
        ),
        _ => cannot(part, &error),
    })?;
    let outcome = write(path, part, written, change);
    if outcome.is_err() {
        let _ = std::fs::remove_file(part);
    }
    outcome
}

fn write<T>(
    path: &Path,
    part: &Path,
    mut written: File,
    change: impl FnOnce(&mut KeyFile) -> Result<T, String>,
) -> Result<T, String> {
    read(path)?;
    let text = std::fs::read_to_string(path).map_err(|error| cannot(path, &error))?;
    let mut file: KeyFile = toml::from_str(&text).map_err(|_| format!("{} cannot be parsed", path.display()))?;
    let outcome = change(&mut file)?;
    let text = toml::to_string(&file).map_err(|_| "the keys cannot be written as TOML".to_owned())?;
    // Invalid contents would prevent the next start.
    parse(&text).map_err(|wrong| format!("the changed key file {wrong}"))?;
    let cannot_write = |error: std::io::Error| cannot(part, &error);
    written.write_all(text.as_bytes()).map_err(cannot_write)?;
    // The server must keep access to the file, even if the operator is another user.
    let owner = std::fs::metadata(path).map_err(|error| cannot(path, &error))?;
    let now = written.metadata().map_err(cannot_write)?;
    if (owner.uid(), owner.gid()) != (now.uid(), now.gid()) {
        chown(part, Some(owner.uid()), Some(owner.gid())).map_err(cannot_write)?;
    }
    written.sync_all().map_err(cannot_write)?;
    std::fs::rename(part, path).map_err(|error| cannot(path, &error))?;
    if let Some(folder) = path.parent() {
        // The change is complete. Only a power failure could still undo it.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(outcome)
}

fn cannot(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be changed: {}", path.display(), error.kind())
}
