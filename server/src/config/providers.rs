//! The `[[providers]]` tables of the configuration file.

use super::read;
use super::tables::{TableKey, Tables, secret};
use backend::oidc::ProviderSettings;
use std::path::Path;

/// All keys of a `[[providers]]` table, in the order of the documentation. `preset` is first, because other keys override it.
pub const PROVIDER_KEYS: &[TableKey<ProviderSettings>] = &[
    TableKey {
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
    TableKey {
        name: "id",
        default: "–",
        takes: "1 to 32 of a-z, 0-9 and -, different for each provider",
        meaning: "Identifier in the redirect address, `ORIGIN/signin/provider/ID/callback`, which must be registered at the provider.",
        set: |provider, value| {
            provider.id = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "name",
        default: "–",
        takes: "one line of 1 to 40 characters",
        meaning: "Name for users, such as `Google`.",
        set: |provider, value| {
            provider.name = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "issuer",
        default: "–",
        takes: "https://… exactly as in the provider's discovery document, different for each provider (http only on a loopback host)",
        meaning: "The provider's issuer. Accounts are linked to it, so a changed issuer unlinks them.",
        set: |provider, value| {
            provider.issuer = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "client_id",
        default: "–",
        takes: "one line of 1 to 255 characters",
        meaning: "Identifier that the provider gave this service.",
        set: |provider, value| {
            provider.client_id = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "client_secret_file",
        default: "–",
        takes: "the path of a file that only its owner may read (mode 0600)",
        meaning: "File with the secret that the provider gave this service. Without it, this service is a public client.",
        set: |provider, value| {
            provider.client_secret = Some(secret(Path::new(value))?);
            Ok(())
        },
    },
    TableKey {
        name: "scopes",
        default: "`openid email profile`",
        takes: "scopes separated by spaces, with `openid` among them",
        meaning: "What the provider is asked for.",
        set: |provider, value| {
            provider.scopes = value.into();
            Ok(())
        },
    },
    TableKey {
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

/// The `[[providers]]` tables.
pub(super) const PROVIDERS: Tables<ProviderSettings> = Tables {
    name: "providers",
    keys: PROVIDER_KEYS,
    new: || ProviderSettings {
        id: String::new(),
        name: String::new(),
        issuer: String::new(),
        client_id: String::new(),
        client_secret: None,
        scopes: ProviderSettings::DEFAULT_SCOPES.into(),
        listed: true,
    },
    invalid: |provider, earlier| {
        let fields = provider.invalid_fields(earlier).into_iter();
        fields.map(|field| (field.name, field.text)).collect()
    },
};
