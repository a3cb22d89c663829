//! The lies of the providers and of their responses. Each provider has its own issuer, because the service caches documents.

use blackbox::provider::{CLIENT_ID, DISCOVERY, KEYS, Lie, Redirect, Reply, TOKEN};
use serde_json::{Value, json};

/// A correct provider.
pub const HONEST: &str = "honest";
/// Another correct provider.
pub const OTHER: &str = "other";
/// A provider that redeems a code with any PKCE verifier.
pub const LAX: &str = "lax";

/// The providers without a lie about themselves.
pub const ISSUERS: &[(&str, Lie)] = &[(HONEST, Lie::None), (OTHER, Lie::None), (LAX, Lie::AnyVerifier)];

/// False reauthentications: the provider's identifier and its lie.
pub const REAUTHENTICATIONS: &[(&str, Lie)] = &[
    (
        "earlier-authentication",
        Lie::Claims(|c| c["auth_time"] = after_iat(c, -600)),
    ),
    ("no-authentication-time", Lie::Claims(|c| c["auth_time"] = Value::Null)),
];

/// Longer than the longest subject (255 characters).
const LONG: &str = concat!(
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
);

/// False ID tokens: the provider's identifier and its lie.
pub const TOKENS: &[(&str, Lie)] = &[
    ("alg-none", Lie::Unsigned),
    ("hs256-with-the-public-key", Lie::PublicKeyAsSecret),
    ("another-algorithm", Lie::Header(|h| h["alg"] = "ES384".into())),
    ("unpublished-key", Lie::UnpublishedKey),
    ("key-in-the-header", Lie::KeyInHeader),
    ("unknown-key-id", Lie::Header(|h| h["kid"] = "k2".into())),
    ("unknown-extension", Lie::Header(|h| h["crit"] = json!(["b64"]))),
    ("changed-after-signing", Lie::SignedClaims(|c| c["sub"] = "0".into())),
    ("wrong-issuer", Lie::Claims(|c| c["iss"] = "https://id.example".into())),
    (
        "issuer-with-a-slash",
        Lie::Claims(|c| c["iss"] = format!("{}/", text(c, "iss")).into()),
    ),
    ("no-issuer", Lie::Claims(|c| c["iss"] = Value::Null)),
    ("wrong-audience", Lie::Claims(|c| c["aud"] = "other".into())),
    ("no-audience", Lie::Claims(|c| c["aud"] = Value::Null)),
    (
        "audiences-and-wrong-azp",
        Lie::Claims(|c| {
            c["aud"] = json!([CLIENT_ID, "other"]);
            c["azp"] = "other".into();
        }),
    ),
    (
        "audiences-without-azp",
        Lie::Claims(|c| c["aud"] = json!([CLIENT_ID, "other"])),
    ),
    ("wrong-azp", Lie::Claims(|c| c["azp"] = "other".into())),
    ("wrong-nonce", Lie::Claims(|c| c["nonce"] = "other".into())),
    ("no-nonce", Lie::Claims(|c| c["nonce"] = Value::Null)),
    ("expired", Lie::Claims(|c| c["exp"] = after_iat(c, -120))),
    ("no-expiry", Lie::Claims(|c| c["exp"] = Value::Null)),
    ("issued-in-the-future", Lie::Claims(|c| c["iat"] = after_iat(c, 180))),
    ("no-time-of-issue", Lie::Claims(|c| c["iat"] = Value::Null)),
    ("not-valid-yet", Lie::Claims(|c| c["nbf"] = after_iat(c, 180))),
    ("no-subject", Lie::Claims(|c| c["sub"] = Value::Null)),
    ("empty-subject", Lie::Claims(|c| c["sub"] = "".into())),
    ("long-subject", Lie::Claims(|c| c["sub"] = LONG.into())),
    ("subject-outside-ascii", Lie::Claims(|c| c["sub"] = "\u{e9}".into())),
    (
        "another-access-token",
        Lie::Claims(|c| c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into()),
    ),
    (
        "verification-unknown",
        Lie::Claims(|c| c["email_verified"] = Value::Null),
    ),
    (
        "verification-of-another-type",
        Lie::Claims(|c| c["email_verified"] = 1.into()),
    ),
    ("userinfo-of-another-subject", Lie::OtherUserinfo),
];

/// False documents: the provider's identifier, the path of the document and the lie.
pub const DOCUMENTS: &[(&str, &str, Lie)] = &[
    (
        "discovery-of-another-issuer",
        DISCOVERY,
        Lie::Discovery(|d| d["issuer"] = "https://id.example".into()),
    ),
    (
        "discovery-with-a-slash",
        DISCOVERY,
        Lie::Discovery(|d| d["issuer"] = format!("{}/", text(d, "issuer")).into()),
    ),
    (
        "discovery-without-tls",
        DISCOVERY,
        Lie::Discovery(|d| d["token_endpoint"] = "http://id.example/".into()),
    ),
    (
        "discovery-with-a-script",
        DISCOVERY,
        Lie::Discovery(|d| d["authorization_endpoint"] = "javascript:1".into()),
    ),
    ("discovery-of-5-mb", DISCOVERY, Lie::Endpoint(DISCOVERY, Reply::Huge)),
    ("discovery-moved", DISCOVERY, Lie::Endpoint(DISCOVERY, Reply::Moved)),
    ("keys-of-5-mb", KEYS, Lie::Endpoint(KEYS, Reply::Huge)),
    ("keys-moved", KEYS, Lie::Endpoint(KEYS, Reply::Moved)),
    ("keys-missing", KEYS, Lie::Endpoint(KEYS, Reply::Status(404))),
    ("keys-empty", KEYS, Lie::Endpoint(KEYS, Reply::Json(r#"{"keys":[]}"#))),
    ("token-of-5-mb", TOKEN, Lie::Endpoint(TOKEN, Reply::Huge)),
    ("token-moved", TOKEN, Lie::Endpoint(TOKEN, Reply::Moved)),
    ("token-fails", TOKEN, Lie::Endpoint(TOKEN, Reply::Status(500))),
    (
        "token-refused",
        TOKEN,
        Lie::Endpoint(TOKEN, Reply::Json(r#"{"error":"invalid_grant"}"#)),
    ),
    (
        "token-malformed",
        TOKEN,
        Lie::Endpoint(
            TOKEN,
            Reply::Json(r#"{"access_token":"access","token_type":"Bearer","id_token":"e30.e30.e30"}"#),
        ),
    ),
];

/// Returns a changed query string.
type Change = fn(Redirect) -> String;

/// Changed responses of a correct provider, which announces `iss`: a name and the change.
pub const REDIRECTS: &[(&str, Change)] = &[
    ("another state", |r| {
        Redirect {
            state: format!("x{}", r.state),
            ..r
        }
        .to_string()
    }),
    ("no state", |r| r.to_string().replace("state=", "other=")),
    ("an empty state", |r| {
        Redirect {
            state: String::new(),
            ..r
        }
        .to_string()
    }),
    ("no iss", |r| r.to_string().replace("iss=", "other=")),
    ("iss of another provider", |r| {
        Redirect {
            iss: r.iss.replace(HONEST, OTHER),
            ..r
        }
        .to_string()
    }),
    ("no code", |r| r.to_string().replace("code=", "other=")),
    ("an invented code", |r| {
        Redirect {
            code: "invented".into(),
            ..r
        }
        .to_string()
    }),
    ("code twice", |r| format!("{r}&code={}", r.code)),
    ("state twice", |r| format!("{r}&state={}", r.state)),
    ("iss twice", |r| format!("{r}&iss=https%3A%2F%2Fid.example")),
    ("an error with a code", |r| format!("{r}&error=access_denied")),
];

fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap_or_default()
}

fn after_iat(claims: &Value, seconds: i64) -> Value {
    claims["iat"].as_i64().map(|iat| iat + seconds).into()
}
