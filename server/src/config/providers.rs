//! The `[[providers]]` tables of the configuration file.

use super::{Problem, read};
use account::Secret;
use backend::oidc::ProviderSettings;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A key of a `[[providers]]` table.
pub struct ProviderKey {
    /// Its name.
    pub name: &'static str,
    /// Its default, or `–`.
    pub default: &'static str,
    /// The allowed values, as a continuation of "it must be".
    pub takes: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    set: fn(&mut ProviderSettings, &str) -> Result<(), String>,
}

/// All keys of a `[[providers]]` table, in the order of the documentation. `preset` is first, because other keys override it.
pub const PROVIDER_KEYS: &[ProviderKey] = &[
    ProviderKey {
        name: "preset",
        default: "–",
        takes: "google",
        meaning: "Sets `id`, `name` and `issuer` of a well-known provider.",
        set: |provider, value| {
            if value != "google" {
                return Err("is not the name of a preset".into());
            }
            provider.id = "google".into();
            provider.name = "Google".into();
            provider.issuer = "https://accounts.google.com".into();
            Ok(())
        },
    },
    ProviderKey {
        name: "id",
        default: "–",
        takes: "1 to 32 of a-z, 0-9 and -, different for each provider",
        meaning: "Identifier in the redirect address, `ORIGIN/signin/provider/ID/callback`, which must be registered at the provider.",
        set: |provider, value| {
            provider.id = value.into();
            Ok(())
        },
    },
    ProviderKey {
        name: "name",
        default: "–",
        takes: "one line of 1 to 40 characters",
        meaning: "Name for users, such as `Google`.",
        set: |provider, value| {
            provider.name = value.into();
            Ok(())
        },
    },
    ProviderKey {
        name: "issuer",
        default: "–",
        takes: "https://… exactly as in the provider's discovery document, different for each provider (http only on a loopback host)",
        meaning: "The provider's issuer. Accounts are linked to it, so a changed issuer unlinks them.",
        set: |provider, value| {
            provider.issuer = value.into();
            Ok(())
        },
    },
    ProviderKey {
        name: "client_id",
        default: "–",
        takes: "one line of 1 to 255 characters",
        meaning: "Identifier that the provider gave this service.",
        set: |provider, value| {
            provider.client_id = value.into();
            Ok(())
        },
    },
    ProviderKey {
        name: "client_secret_file",
        default: "–",
        takes: "the path of a file that only its owner may read (mode 0600)",
        meaning: "File with the secret that the provider gave this service. Without it, this service is a public client.",
        set: |provider, value| {
            provider.client_secret = Some(secret(Path::new(value))?);
            Ok(())
        },
    },
    ProviderKey {
        name: "scopes",
        default: "`openid email profile`",
        takes: "scopes separated by spaces, with `openid` among them",
        meaning: "What the provider is asked for.",
        set: |provider, value| {
            provider.scopes = value.into();
            Ok(())
        },
    },
    ProviderKey {
        name: "listed",
        default: "`true`",
        takes: "true or false",
        meaning: "Whether the sign-in page has a button for this provider. `false` for an organization's own provider: it signs in members only, and an address without `email_verified` counts as verified.",
        set: |provider, value| {
            provider.listed = read::yes_or_no(value)?;
            Ok(())
        },
    },
];

/// The problem with a value outside the file.
pub(super) const ONLY_IN_THE_FILE: &str =
    "can only be set in the file that REKEY_CONFIG names, as [[providers]] tables";

/// Reads the tables, and reports all problems.
pub(super) fn providers(value: &toml::Value, path: &str, problems: &mut Vec<Problem>) -> Vec<ProviderSettings> {
    let tables: Option<Vec<_>> = value
        .as_array()
        .and_then(|list| list.iter().map(toml::Value::as_table).collect());
    let Some(tables) = tables else {
        problems.push(Problem {
            key: format!("providers in {path}"),
            text: "has the wrong type; it must be [[providers]] tables".into(),
        });
        return Vec::new();
    };
    let mut all = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let place = format!("[[providers]] {} of {path}", index + 1);
        let provider = provider(table, &place, &all, problems);
        all.push(provider);
    }
    all
}

fn provider(
    table: &toml::Table,
    place: &str,
    earlier: &[ProviderSettings],
    problems: &mut Vec<Problem>,
) -> ProviderSettings {
    let mut provider = ProviderSettings {
        id: String::new(),
        name: String::new(),
        issuer: String::new(),
        client_id: String::new(),
        client_secret: None,
        scopes: ProviderSettings::DEFAULT_SCOPES.into(),
        listed: true,
    };
    let mut wrong = |name: &str, text: String| {
        let key = format!("{name} in {place}");
        problems.push(Problem { key, text });
    };
    for name in table
        .keys()
        .filter(|name| !PROVIDER_KEYS.iter().any(|key| key.name == **name))
    {
        let text = if name == "client_secret" {
            "must be in a file of its own; name that file in client_secret_file"
        } else {
            "is not a known key; run `rekey check-config --list` to list all keys"
        };
        wrong(name, text.into());
    }
    for key in PROVIDER_KEYS {
        let Some(value) = table.get(key.name) else { continue };
        let set = super::plain(value).and_then(|value| (key.set)(&mut provider, value.trim()));
        if let Err(text) = set {
            wrong(key.name, format!("{text}; it must be {}", key.takes));
        }
    }
    for field in provider.invalid_fields(earlier) {
        let takes = PROVIDER_KEYS
            .iter()
            .find(|key| key.name == field.name)
            .map_or("", |key| key.takes);
        let text = if table.contains_key(field.name) {
            field.text
        } else {
            "is not set"
        };
        wrong(field.name, format!("{text}; it must be {takes}"));
    }
    provider
}

/// Reads a secret. Attack: another account on this machine reads it, and redeems stolen codes as this service.
fn secret(path: &Path) -> Result<Secret, String> {
    let unreadable = |error: std::io::Error| format!("names a file that cannot be read: {}", error.kind());
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !crate::keys::is_private(about.mode(), about.uid(), about.gid()) {
        let path = path.display();
        return Err(format!("names a file that others can read; run `chmod 600 {path}`"));
    }
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).map_err(unreadable)?;
    let text = Secret::from(text);
    let secret = Secret::from(text.expose().trim());
    if secret.is_empty() {
        return Err("names an empty file".into());
    }
    Ok(secret)
}
