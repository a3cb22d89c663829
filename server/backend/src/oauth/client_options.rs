//! What few clients need: the optional part of their configuration, stored as JSON.

use super::client_settings::uri_problem;
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};

/// The optional settings of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientOptions {
    /// The address where the product begins, shown on the profile page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_uri: Option<String>,
    /// The product's mark, shown before sign-in: a `data:` URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// The algorithm of ID tokens and logout tokens.
    pub id_token_signed_response_alg: TokenAlgorithm,
    /// Whether the client gets subjects that no other client knows (OpenID Connect Core 1.0 §8.1).
    pub pairwise: bool,
    /// The API for which access tokens are JWTs (RFC 9068). `None` for opaque ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_audience: Option<String>,
    /// The public keys of a client that proves itself by a signature (`private_key_jwt`), as JSON (RFC 7517 §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
}

/// An algorithm of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    #[default]
    ES256,
    /// RSA with SHA-256, for clients that know nothing else.
    RS256,
}

impl TokenAlgorithm {
    /// Returns the algorithm with this name.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::ES256),
            "RS256" => Some(Self::RS256),
            _ => None,
        }
    }

    /// Returns its name (RFC 7518 §3.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
        }
    }
}

/// The largest mark in bytes, before it is encoded.
const LOGO_LEN: usize = 8 * 1024;

impl ClientOptions {
    pub(super) fn problems(&self) -> [(&'static str, Option<&'static str>); 3] {
        let is_audience = |audience: &String| {
            audience.len() <= 200 && audience.bytes().all(|b| b.is_ascii_graphic()) && audience.contains(':')
        };
        [
            ("home_uri", self.home_uri.as_deref().and_then(uri_problem)),
            (
                "access_token_audience",
                (!self.access_token_audience.as_ref().is_none_or(is_audience)).then_some("is not a URI"),
            ),
            (
                "jwks_file",
                (!self.jwks.as_deref().is_none_or(is_key_set)).then_some("names a file without public keys"),
            ),
        ]
    }

    /// Returns the mark for pages, unless something other than [`logo_of`](Self::logo_of) has made it. Attack: someone who can write to
    /// the database puts an address of their own into the pages before sign-in.
    pub(crate) fn mark(&self) -> Option<String> {
        self.logo.clone().filter(|logo| is_mark(logo))
    }

    /// Reads a mark: a PNG or SVG image. Attack: a script in the image. Browsers run none in the images of a page.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn logo_of(image: &[u8]) -> Result<String, &'static str> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let kind = if image.starts_with(b"\x89PNG\r\n\x1a\n") {
            "png"
        } else if image.starts_with(b"<svg") {
            "svg+xml"
        } else {
            return Err("is neither a PNG nor an SVG image");
        };
        if image.len() > LOGO_LEN {
            return Err("is larger than 8 KiB");
        }
        Ok(format!("data:image/{kind};base64,{}", BASE64_STANDARD.encode(image)))
    }
}

fn is_mark(url: &str) -> bool {
    let content = ["data:image/png;base64,", "data:image/svg+xml;base64,"]
        .iter()
        .find_map(|kind| url.strip_prefix(kind));
    content.is_some_and(|content| {
        content
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
    })
}

/// Attack: a private key or a shared secret is registered as a public key.
fn is_key_set(text: &str) -> bool {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
        return false;
    };
    let keys = value["keys"].as_array().map_or(&[][..], Vec::as_slice);
    let is_public = |key: &serde_json::Value| ["d", "p", "q", "k"].iter().all(|part| key.get(part).is_none());
    // Attack: a key that never verifies seems to work until it is needed.
    let is_supported = |key: &serde_json::Value| {
        let is = |name: &str, wanted: &str| key[name] == wanted;
        is("kty", "RSA") || is("kty", "EC") && is("crv", "P-256") || is("kty", "OKP") && is("crv", "Ed25519")
    };
    (1..=10).contains(&keys.len())
        && keys.iter().all(|key| is_public(key) && is_supported(key))
        && serde_json::from_value::<JwkSet>(value.clone()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_keys_are_registered() {
        let point = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
        assert!(is_key_set(&format!(r#"{{"keys":[{{{point}}}]}}"#)));
        for wrong in [
            String::new(),
            "{}".into(),
            r#"{"keys":[]}"#.into(),
            r#"{"keys":[{}]}"#.into(),
            format!(r#"{{"keys":[{{{point},"d":"AA"}}]}}"#),
            r#"{"keys":[{"kty":"oct","k":"AA"}]}"#.into(),
            format!(r#"{{"keys":[{{{}}}]}}"#, point.replace("P-256", "P-384")),
            format!(r#"{{"keys":[{}]}}"#, vec![format!("{{{point}}}"); 11].join(",")),
        ] {
            assert!(!is_key_set(&wrong), "{wrong}");
        }
    }

    #[test]
    fn a_mark_is_a_small_image() {
        let png = [&b"\x89PNG\r\n\x1a\n"[..], &[0; 100]].concat();
        assert!(
            ClientOptions::logo_of(&png)
                .unwrap()
                .starts_with("data:image/png;base64,")
        );
        assert!(
            ClientOptions::logo_of(b"<svg xmlns=''/>")
                .unwrap()
                .starts_with("data:image/svg+xml;base64,")
        );
        let large = [&png[..], &[0; LOGO_LEN]].concat();
        for wrong in [&b""[..], b"GIF89a", b"<html>", &large] {
            assert!(ClientOptions::logo_of(wrong).is_err());
        }
    }

    #[test]
    fn only_a_mark_of_this_service_is_shown() {
        let shown = |logo: &str| {
            let options = ClientOptions {
                logo: Some(logo.into()),
                ..ClientOptions::default()
            };
            options.mark()
        };
        for image in [&b"\x89PNG\r\n\x1a\n"[..], b"<svg onload='alert(1)'>\"><script>"] {
            let logo = ClientOptions::logo_of(image).unwrap();
            assert_eq!(shown(&logo), Some(logo));
        }
        for wrong in [
            "",
            "https://shop.example/mark.png",
            "javascript:alert(1)",
            "data:text/html;base64,PGI+",
            "data:image/svg+xml,<svg onload=alert(1)>",
            "data:image/png;base64,\"><script>alert(1)</script>",
        ] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn options_survive_storage() {
        let options = ClientOptions {
            id_token_signed_response_alg: TokenAlgorithm::RS256,
            pairwise: true,
            home_uri: Some("https://shop.example/".into()),
            ..ClientOptions::default()
        };
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<ClientOptions>(&text).unwrap(), options);
        assert_eq!(
            serde_json::from_str::<ClientOptions>("{}").unwrap(),
            ClientOptions::default()
        );
    }
}
