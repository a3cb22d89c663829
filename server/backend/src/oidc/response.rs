//! The authorization response: the query string with which the browser returns.

use super::ProviderError;
use account::Secret;
use std::collections::HashMap;
use subtle::ConstantTimeEq;

/// A checked response.
pub(super) struct Response {
    pub code: Secret,
    /// Whether the response contained the provider's issuer (RFC 9207).
    pub names_issuer: bool,
}

/// Checks a response against the browser's attempt.
pub(super) fn accept(query: &str, state: &str, issuer: &str) -> Result<Response, ProviderError> {
    let mut parameters = HashMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        // Attack: two readers of one response use different values (RFC 6749 §3.1).
        if parameters.insert(name, value).is_some() {
            return Err(ProviderError::Rejected("the response repeats a parameter"));
        }
    }
    let get = |name: &str| parameters.get(name).map(|value| &**value);
    // Attack: another site, or another browser's response, signs this browser in to the attacker's account.
    let sent = get("state").unwrap_or_default();
    if state.is_empty() || !bool::from(sent.as_bytes().ct_eq(state.as_bytes())) {
        return Err(ProviderError::Rejected("the response has another state"));
    }
    // Attack (mix-up): an attacker's provider relays a response, and receives the code of another provider.
    let names_issuer = match get("iss") {
        Some(named) if named == issuer => true,
        Some(_) => return Err(ProviderError::Rejected("the response is from another issuer")),
        None => false,
    };
    match get("error") {
        Some(
            "access_denied"
            | "login_required"
            | "interaction_required"
            | "account_selection_required"
            | "consent_required",
        ) => return Err(ProviderError::Denied),
        Some("server_error" | "temporarily_unavailable") => {
            return Err(ProviderError::Unavailable("the provider reports a failure"));
        }
        Some(_) => return Err(ProviderError::Rejected("the provider refused the request")),
        None => {}
    }
    match get("code") {
        Some(code) if !code.is_empty() => Ok(Response {
            code: code.into(),
            names_issuer,
        }),
        _ => Err(ProviderError::Rejected("the response has no code")),
    }
}
