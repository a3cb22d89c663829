//! The sign-out request of a product (OpenID Connect RP-Initiated Logout 1.0 §2).

use super::Client;
use super::parameters::{Parameters, is_printable};
use crate::{Backend, Fault};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use std::sync::Arc;

/// The longest query of a request.
const QUERY_LEN: usize = 8 * 1024;

/// A sign-out request that passed all checks.
pub(crate) struct LogoutRequest {
    /// The client and its id of the session in the ID token, if there is one.
    pub session: Option<(Arc<Client>, String)>,
    /// The client's name, and the registered address to return to.
    pub back: Option<(String, String)>,
    /// Whether all sessions of the account end; only from the form of this service.
    pub everywhere: bool,
    /// Returned unchanged to the client.
    pub state: Option<String>,
}

/// The claims of an ID token that was issued here.
#[derive(Deserialize)]
pub(crate) struct Hint {
    pub aud: String,
    pub sub: String,
    pub sid: String,
}

impl Backend {
    /// Checks a query. The inner error is a reason for the log.
    pub(crate) async fn logout_request(&self, query: &str) -> Result<Result<LogoutRequest, &'static str>, Fault> {
        if query.len() > QUERY_LEN {
            return Ok(Err("the request is too long"));
        }
        let asked = Parameters::parse(query);
        if asked.repeats_any() {
            return Ok(Err("a parameter is repeated"));
        }
        let hint = match asked.get("id_token_hint") {
            Some(token) => self.read_hint(token).await?,
            None => None,
        };
        let named = asked.get("client_id");
        // Attack: a client returns the browser to an address of another one.
        if let (Some(hint), Some(named)) = (&hint, named)
            && hint.aud != named
        {
            return Ok(Err("client_id is not the client of the ID token"));
        }
        let client = hint.as_ref().map(|hint| hint.aud.as_str()).or(named);
        let client = client.and_then(|id| self.clients().find(id));
        let back = match (asked.get("post_logout_redirect_uri"), &client) {
            // Attack: an open redirect.
            (Some(uri), Some(client)) if client.accepts_after_logout(uri) => {
                Some((client.name.clone(), uri.to_owned()))
            }
            // The user is signed out nevertheless, or believes so on a shared computer.
            _ => None,
        };
        let state = asked.get("state").filter(|state| is_printable(state, 1024));
        Ok(Ok(LogoutRequest {
            session: hint.and_then(|hint| Some((client?, hint.sid))),
            back,
            everywhere: asked.get("everywhere").is_some(),
            state: state.map(str::to_owned),
        }))
    }

    /// Reads an ID token that was issued here, also an expired one. `None` if it is not valid.
    pub(crate) async fn read_hint(&self, token: &str) -> Result<Option<Hint>, Fault> {
        let keys = self.all_public_keys().await?;
        Ok(verify(token, keys, &self.settings().origin))
    }
}

fn verify(token: &str, keys: serde_json::Value, issuer: &str) -> Option<Hint> {
    let keys: JwkSet = serde_json::from_value(keys).ok()?;
    let header = decode_header(token).ok()?;
    // Attack: a logout token, which another product got, is sent as an ID token.
    if header.typ.as_deref() != Some("JWT") {
        return None;
    }
    let key = keys.find(header.kid.as_deref()?)?;
    // Attack: `none`, or a public key as the secret of an HMAC.
    if ![Algorithm::ES256, Algorithm::RS256].contains(&header.alg) {
        return None;
    }
    let mut rules = Validation::new(header.alg);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.set_required_spec_claims(&["iss", "aud"]);
    rules.set_issuer(&[issuer]);
    let decoded = decode::<Hint>(token, &DecodingKey::from_jwk(key).ok()?, &rules).ok()?;
    Some(decoded.claims)
}

/// Returns the client's address after sign-out.
pub(crate) fn logout_redirect(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let mut query = form_urlencoded::Serializer::new(String::new());
    let sign = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{sign}{}", query.append_pair("state", state).finish())
}
