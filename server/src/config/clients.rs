//! The `[[clients]]` tables of the configuration file.

use super::tables::{TableKey, Tables, list, secret};
use backend::oauth::{ClientOptions, ClientSettings, TokenAlgorithm};
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
    TableKey {
        name: "home_uri",
        default: "–",
        takes: "one address like those of redirect_uris",
        meaning: "Address where the product begins. Users find it on their profile page once they have signed in to the product.",
        set: |client, value| {
            client.options.home_uri = Some(value.to_owned());
            Ok(())
        },
    },
    TableKey {
        name: "logo_file",
        default: "–",
        takes: "the path of a PNG or SVG image of at most 8 KiB; an SVG image begins with `<svg`",
        meaning: "The product's mark, shown beside its name before sign-in.",
        set: |client, value| {
            let image =
                std::fs::read(value).map_err(|error| format!("names a file that cannot be read: {}", error.kind()))?;
            let logo = ClientOptions::logo_of(&image).map_err(|wrong| format!("names a file that {wrong}"))?;
            client.options.logo = Some(logo);
            Ok(())
        },
    },
    TableKey {
        name: "id_token_signed_response_alg",
        default: "`ES256`",
        takes: "ES256, or RS256 with REKEY_RSA_KEY_FILE",
        meaning: "Algorithm of ID tokens and logout tokens. RS256 is for products that verify nothing else.",
        set: |client, value| {
            let algorithm = TokenAlgorithm::read(value).ok_or("is not a known algorithm")?;
            client.options.id_token_signed_response_alg = algorithm;
            Ok(())
        },
    },
    TableKey {
        name: "subject_type",
        default: "`public`",
        takes: "public or pairwise",
        meaning: "With `pairwise`, the product gets identifiers of users (`sub`) that no other product knows. Do not change it later: the product would not recognize its users.",
        set: |client, value| {
            client.options.pairwise = match value {
                "public" => false,
                "pairwise" => true,
                _ => return Err("is neither public nor pairwise".into()),
            };
            Ok(())
        },
    },
    TableKey {
        name: "access_token_audience",
        default: "–",
        takes: "a URI of at most 200 characters",
        meaning: "The API that the product calls with its access tokens. With it, they are JWTs, which the API can verify itself (RFC 9068). Without it, they are opaque.",
        set: |client, value| {
            client.options.access_token_audience = Some(value.to_owned());
            Ok(())
        },
    },
    TableKey {
        name: "jwks_file",
        default: "–",
        takes: "the path of a JSON file with 1 to 10 public keys (RFC 7517 §5)",
        meaning: "The product's public keys. With it, the product proves itself by a signature instead of a secret (`private_key_jwt`).",
        set: |client, value| {
            let keys = std::fs::read_to_string(value);
            let keys = keys.map_err(|error| format!("names a file that cannot be read: {}", error.kind()))?;
            client.options.jwks = Some(keys);
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
