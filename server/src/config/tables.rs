//! Tables of the configuration file, such as `[[providers]]`.

use super::Problem;
use account::Secret;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A key of a table.
pub struct TableKey<T> {
    /// Its name.
    pub name: &'static str,
    /// Its default, or `–`.
    pub default: &'static str,
    /// The allowed values, as a continuation of "it must be".
    pub takes: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    pub(super) set: fn(&mut T, &str) -> Result<(), String>,
}

/// The names of invalid keys and their problems.
pub(super) type InvalidKeys = Vec<(&'static str, &'static str)>;

/// A kind of table. It is no value and therefore only in the file.
pub(super) struct Tables<T: 'static> {
    pub name: &'static str,
    pub keys: &'static [TableKey<T>],
    /// Returns an empty table.
    pub new: fn() -> T,
    /// Returns the invalid keys, also those that must differ from earlier tables.
    pub invalid: fn(&T, &[T]) -> InvalidKeys,
}

/// Returns the problem with a value outside the file.
pub(super) fn only_in_the_file(name: &str) -> String {
    format!("can only be set in the file that REKEY_CONFIG names, as [[{name}]] tables")
}

impl<T> Tables<T> {
    /// Reads the tables, and reports all problems.
    pub fn read(&self, value: &toml::Value, path: &str, problems: &mut Vec<Problem>) -> Vec<T> {
        let name = self.name;
        let tables: Option<Vec<_>> = value
            .as_array()
            .and_then(|list| list.iter().map(toml::Value::as_table).collect());
        let Some(tables) = tables else {
            problems.push(Problem {
                key: format!("{name} in {path}"),
                text: format!("has the wrong type; it must be [[{name}]] tables"),
            });
            return Vec::new();
        };
        let mut all = Vec::new();
        for (index, table) in tables.into_iter().enumerate() {
            let place = format!("[[{name}]] {} of {path}", index + 1);
            let one = self.read_one(table, &place, &all, problems);
            all.push(one);
        }
        all
    }

    fn read_one(&self, table: &toml::Table, place: &str, earlier: &[T], problems: &mut Vec<Problem>) -> T {
        let mut read = (self.new)();
        let mut wrong = |name: &str, text: String| {
            let key = format!("{name} in {place}");
            problems.push(Problem { key, text });
        };
        for name in table
            .keys()
            .filter(|name| !self.keys.iter().any(|key| key.name == **name))
        {
            let text = if name == "client_secret" {
                "must be in a file of its own; name that file in client_secret_file"
            } else {
                "is not a known key; run `rekey check-config --list` to list all keys"
            };
            wrong(name, text.into());
        }
        for key in self.keys {
            let Some(value) = table.get(key.name) else { continue };
            let set = text_of(value).and_then(|value| (key.set)(&mut read, value.trim()));
            if let Err(text) = set {
                wrong(key.name, format!("{text}; it must be {}", key.takes));
            }
        }
        for (name, text) in (self.invalid)(&read, earlier) {
            let takes = self
                .keys
                .iter()
                .find(|key| key.name == name)
                .map_or("", |key| key.takes);
            let text = if table.contains_key(name) { text } else { "is not set" };
            wrong(name, format!("{text}; it must be {takes}"));
        }
        read
    }
}

/// Returns the text of a value. The entries of a list are its lines, because names may contain commas.
fn text_of(value: &toml::Value) -> Result<String, String> {
    let Some(entries) = value.as_array() else {
        return super::plain(value);
    };
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| entry.as_str().filter(|entry| !entry.contains(char::is_control)))
        .collect::<Option<_>>()
        .ok_or("has the wrong type, or an entry of several lines")?;
    Ok(entries.join("\n"))
}

/// Returns the entries of a list.
pub(super) fn list(value: &str) -> Vec<String> {
    value.lines().map(|entry| entry.trim().to_owned()).collect()
}

/// Reads a secret. Attack: another account on this machine reads it, and redeems stolen codes with it.
pub(crate) fn secret(path: &Path) -> Result<Secret, String> {
    let unreadable = |error: std::io::Error| format!("names a file that cannot be read: {}", error.kind());
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !crate::keys::is_private(about.mode(), about.uid(), about.gid()) {
        let path = path.display();
        return Err(format!("names a file that others can read; run `chmod 600 {path}`"));
    }
    let mut text = String::new();
    file.take(64 * 1024).read_to_string(&mut text).map_err(unreadable)?;
    let text = Secret::from(text);
    let secret = Secret::from(text.expose().trim());
    if secret.is_empty() {
        return Err("names an empty file".into());
    }
    Ok(secret)
}
