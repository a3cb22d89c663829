//! A product that signs its users in through this service.

use crate::browser::Browser;
use crate::world::World;
use backend::flows::AuthorizationStep;
use backend::oauth::{ClientCredentials, ClientEndpoint, ClientError, ClientSettings, Clients};
use backend::{Caller, TrustedRoots};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

pub const SECRET: &str = "a secret of at least 32 characters";
pub const CALLBACK: &str = "https://shop.example/callback";
pub const PARTNER: &str = "https://partner.example/callback";
pub const GOODBYE: &str = "https://shop.example/goodbye";
pub const VERIFIER: &str = "a-verifier-of-43-to-128-unreserved-characters";

/// The service with four clients.
pub fn with_clients(world: &World) -> World {
    with_backchannel(world, Some("https://shop.example/ended".into()))
}

/// The service with four clients, one of which may be told at an address when a session ends.
pub fn with_backchannel(world: &World, uri: Option<String>) -> World {
    let client = |id: &str, uri: &str, secret: Option<&str>| ClientSettings {
        id: id.into(),
        name: id.to_uppercase(),
        redirect_uris: vec![uri.into()],
        client_secret: secret.map(Into::into),
        ..ClientSettings::default()
    };
    let clients = vec![
        ClientSettings {
            post_logout_redirect_uris: vec![GOODBYE.into()],
            backchannel_logout_uri: uri,
            ..client("shop", CALLBACK, Some(SECRET))
        },
        client(
            "other",
            "https://other.example/callback",
            Some("another secret of 32 characters."),
        ),
        client("app", "http://127.0.0.1/callback", None),
        ClientSettings {
            third_party: true,
            ..client("partner", PARTNER, None)
        },
    ];
    world.with_clients(Clients::new(clients, &TrustedRoots::public()).unwrap())
}

/// A valid request, with other values of some parameters; an empty value removes it.
pub fn query(changes: &[(&str, &str)]) -> String {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut pairs = vec![
        ("client_id", "shop"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email profile"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

pub async fn begin(browser: &Browser, query: &str) -> AuthorizationStep {
    browser.request().authorization().begin(query).await.unwrap()
}

/// The response to the client, after a check of its address.
pub fn returned(step: AuthorizationStep, to: &str) -> HashMap<String, String> {
    let AuthorizationStep::Return { url, .. } = step else {
        panic!("{step:?}")
    };
    let response = url.strip_prefix(to).unwrap().strip_prefix('?').unwrap();
    form_urlencoded::parse(response.as_bytes()).into_owned().collect()
}

/// The request that waits for sign-in, and the page that the browser opens.
pub fn asked(step: AuthorizationStep) -> (String, String) {
    let AuthorizationStep::Ask { page, .. } = step else {
        panic!("{step:?}")
    };
    let (page, id) = page.split_once("?next=/oauth/continue/").unwrap();
    (page.to_owned(), id.to_owned())
}

pub async fn code(browser: &Browser) -> String {
    returned(begin(browser, &query(&[])).await, CALLBACK)["code"].clone()
}

/// A code that also gives refresh tokens.
pub async fn offline_code(browser: &Browser) -> String {
    let query = query(&[("scope", "openid offline_access")]);
    returned(begin(browser, &query).await, CALLBACK)["code"].clone()
}

pub fn shop() -> ClientCredentials {
    ClientCredentials {
        id: "shop".into(),
        secret: SECRET.into(),
        raw_secret: None,
    }
}

pub fn form(code: &str, changes: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Redeems a code as the shop; returns the tokens, or the error.
pub async fn redeem(world: &World, code: &str) -> Result<Value, &'static str> {
    post(world, ClientEndpoint::Token, &form(code, &[]), Some(&shop())).await
}

/// Redeems a refresh token as the shop.
pub async fn refresh(world: &World, tokens: &Value) -> Result<Value, &'static str> {
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(tokens, "refresh_token")
    );
    post(world, ClientEndpoint::Token, &form, Some(&shop())).await
}

pub fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

/// Sends a form of a client; returns the answer, or the error.
pub async fn post(
    world: &World,
    endpoint: ClientEndpoint,
    form: &str,
    credentials: Option<&ClientCredentials>,
) -> Result<Value, &'static str> {
    post_from(world, endpoint, form, credentials, &Caller::default()).await
}

/// The same from a network.
pub async fn post_from(
    world: &World,
    endpoint: ClientEndpoint,
    form: &str,
    credentials: Option<&ClientCredentials>,
    caller: &Caller,
) -> Result<Value, &'static str> {
    error_of(world.backend.answer_client(endpoint, form, credentials, caller).await)
}

fn error_of(redeemed: Result<Value, ClientError>) -> Result<Value, &'static str> {
    redeemed.map_err(|error| match error {
        ClientError::Refused(error, _) => error,
        ClientError::TooMany(_) => "temporarily_unavailable",
        ClientError::Fault(fault) => panic!("{fault}"),
    })
}

pub async fn user_info(world: &World, tokens: &Value) -> Option<Value> {
    let token = tokens["access_token"].as_str().unwrap();
    world.backend.user_info(&token.into()).await.unwrap()
}

pub fn claims(tokens: &Value) -> Value {
    let payload = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Returns the header of a signed token.
pub fn header_of(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}
