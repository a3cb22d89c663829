//! The provider's metadata (OpenID Connect Discovery 1.0 §3, RFC 8414).

use serde_json::{Value, json};

/// Returns the discovery document of the provider at an origin. `languages` are those of the pages;
/// `has_rsa_key` says whether RS256 is offered.
#[must_use]
pub fn discovery(origin: &str, languages: &[&str], has_rsa_key: bool) -> Value {
    let algorithms: &[&str] = if has_rsa_key { &["ES256", "RS256"] } else { &["ES256"] };
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let all_methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let assertion_algorithms = ["ES256", "RS256", "PS256", "EdDSA"];
    json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/oauth/authorize"),
        "token_endpoint": format!("{origin}/oauth/token"),
        "userinfo_endpoint": format!("{origin}/oauth/userinfo"),
        "pushed_authorization_request_endpoint": format!("{origin}/oauth/par"),
        "introspection_endpoint": format!("{origin}/oauth/introspect"),
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "revocation_endpoint": format!("{origin}/oauth/revoke"),
        "revocation_endpoint_auth_methods_supported": all_methods,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "end_session_endpoint": format!("{origin}/oauth/logout"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "jwks_uri": format!("{origin}/oauth/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": all_methods,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "id_token_signing_alg_values_supported": algorithms,
        "subject_types_supported": ["public", "pairwise"],
        "scopes_supported": super::request::SCOPES,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr", "acr", "email", "email_verified",
            "name", "nickname", "updated_at", "organization",
        ],
        "acr_values_supported": super::id_token::CONTEXT_CLASSES,
        "ui_locales_supported": languages,
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
