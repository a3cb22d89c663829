//! The `[[clients]]` tables of the configuration file.

use super::tables::{TableKey, Tables, list, secret};
use backend::oauth::ClientSettings;
use std::path::Path;

/// All keys of a `[[clients]]` table, in the order of the documentation.
pub const CLIENT_KEYS: &[TableKey<ClientSettings>] = &[
    TableKey {
        name: "id",
        default: "–",
        takes: "1 to 32 of a-z, 0-9 and -, different for each client",
        meaning: "Identifier that the product sends as `client_id`.",
        set: |client, value| {
            client.id = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "name",
        default: "–",
        takes: "one line of 1 to 40 characters",
        meaning: "Name of the product for users.",
        set: |client, value| {
            client.name = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "redirect_uris",
        default: "–",
        takes: "a list of https://… addresses in their usual spelling, at most 512 characters each (http only on a loopback host)",
        meaning: "Addresses to which the product lets users return, compared exactly. The port of `http://127.0.0.1` and `http://[::1]` is free, for native apps.",
        set: |client, value| {
            client.redirect_uris = list(value);
            Ok(())
        },
    },
    TableKey {
        name: "client_secret_file",
        default: "–",
        takes: "the path of a file with at least 32 characters that only its owner may read (mode 0600)",
        meaning: "File with the secret of the product. Without it, the product is a public client: a native app or a page that runs only in the browser.",
        set: |client, value| {
            client.client_secret = Some(secret(Path::new(value))?);
            Ok(())
        },
    },
    TableKey {
        name: "third_party",
        default: "`false`",
        takes: "true or false",
        meaning: "Whether another company operates the product. If so, users are asked before it learns something about them.",
        set: |client, value| {
            client.third_party = value.parse().map_err(|_| "is neither true nor false".to_owned())?;
            Ok(())
        },
    },
    TableKey {
        name: "post_logout_redirect_uris",
        default: "–",
        takes: "a list like redirect_uris",
        meaning: "Addresses to which users may return after they signed out, compared exactly.",
        set: |client, value| {
            client.post_logout_redirect_uris = list(value);
            Ok(())
        },
    },
    TableKey {
        name: "backchannel_logout_uri",
        default: "–",
        takes: "one address like those of redirect_uris",
        meaning: "Address of the product that is told when a session ends here, so that it ends its own (OpenID Connect Back-Channel Logout 1.0).",
        set: |client, value| {
            client.backchannel_logout_uri = Some(value.to_owned());
            Ok(())
        },
    },
];

/// The `[[clients]]` tables.
pub(super) const CLIENTS: Tables<ClientSettings> = Tables {
    name: "clients",
    keys: CLIENT_KEYS,
    new: ClientSettings::default,
    invalid: |client, earlier| {
        let fields = client.invalid_fields(earlier).into_iter();
        fields.map(|field| (field.name, field.text)).collect()
    },
};
