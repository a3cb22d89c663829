//! The server's keys, in a file readable by its owner only.
//!
//! ```toml
//! current = "k1"
//! [keys]
//! k1 = "32 random bytes in base64"
//! ```
//! A new key is added and named in `current`; older keys still verify their results.

mod change;
mod follow;

pub use change::{add, make_current, remove, rotate};
pub use follow::{follow, from_file};

use account::{Key, Keyring};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    current: String,
    keys: BTreeMap<String, String>,
}

/// Reads the keys.
///
/// # Errors
/// Returns a message about the problem without the contents of the file.
pub fn read(path: &Path) -> Result<Keyring, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => format!(
            "{shown} does not exist; create it with mode 0600 and three lines: `current = \"k1\"`, `[keys]` and \
             `k1 = \"…\"` with the output of `openssl rand -base64 32`"
        ),
        kind => format!("{shown} cannot be read: {kind}"),
    };
    let file = std::fs::metadata(path).map_err(unreadable)?;
    let mode = file.mode();
    if !is_private(mode, file.uid(), file.gid()) {
        return Err(format!(
            "{shown} has mode {:04o}, so others can use it; run `chmod 600 {shown}`",
            mode & 0o7777
        ));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).map_err(|wrong| format!("{shown} {wrong}"))
}

/// Attack: another account on this machine reads the keys and guesses the codes in a copy of the database offline.
///
/// A systemd credential belongs to root and has an access list for the service only; on file systems with such lists, the group
/// bits of the mode are the upper bound of the list (acl(5)).
pub(crate) const fn is_private(mode: u32, owner: u32, group: u32) -> bool {
    let credential = mode & 0o777 == 0o440 && owner == 0 && group == 0;
    mode & 0o077 == 0 || credential
}

/// Creates the file with one random key if it does not exist, then reads it.
///
/// # Errors
/// Fails as described for [`read`], and if the file cannot be created.
pub fn read_or_make(path: &Path) -> Result<Keyring, String> {
    let failed = |error: std::io::Error| format!("{} cannot be created: {}", path.display(), error.kind());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
    }
    match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(mut file) => {
            let text = format!("current = \"k1\"\n\n[keys]\nk1 = \"{}\"\n", random_key()?);
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(failed)?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    read(path)
}

fn random_key() -> Result<String, String> {
    let mut bytes = [0_u8; 32];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| "the system returned no random bytes".to_owned())?;
    Ok(STANDARD.encode(bytes))
}

/// Returns whether a name is valid. Names are stored as prefixes of results, separated by `$` or `.`.
fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=32).contains(&name.len()) && name.chars().all(is_allowed)
}

fn parse(text: &str) -> Result<Keyring, String> {
    // The parser's own message quotes the line, which contains a key.
    let file: KeyFile = toml::from_str(text).map_err(|_| "is not TOML with `current` and `[keys]`".to_owned())?;
    let mut current = None;
    let mut older = Vec::new();
    for (id, encoded) in file.keys {
        if !is_name(&id) {
            return Err("has a key name that is not 1 to 32 letters, digits, - or _".into());
        }
        let bytes = STANDARD
            .decode(encoded.trim())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| format!("has a key `{id}` that is not 32 bytes in base64"))?;
        if bytes == [0; 32] {
            return Err(format!("has a key `{id}` that consists only of zeros"));
        }
        let key = Key::new(id, bytes);
        if key.id() == file.current {
            current = Some(key)
        } else {
            older.push(key)
        }
    }
    let current = current.ok_or_else(|| format!("names `{}` as current, which is not among its keys", file.current))?;
    Ok(Keyring::new(current, older))
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn only_its_owner_or_a_service_in_roots_acl_may_read_a_key_file() {
        for (mode, owner, group, private) in [
            (0o100_600, 1000, 1000, true),
            (0o100_400, 0, 0, true),
            (0o100_440, 0, 0, true),
            (0o100_440, 0, 1000, false),
            (0o100_440, 1000, 0, false),
            (0o100_640, 0, 0, false),
            (0o100_444, 0, 0, false),
            (0o100_604, 1000, 1000, false),
        ] {
            assert_eq!(is_private(mode, owner, group), private, "{mode:o} {owner} {group}");
        }
    }
}
