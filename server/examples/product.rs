//! A product that signs its users in through the service: the Rust sample of `docs/products.md`.

#![expect(clippy::disallowed_methods, reason = "a program of its own reads its own settings")]

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The address of each signed-in user, by the value of the cookie `session`.
type Sessions = Arc<Mutex<HashMap<String, String>>>;

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn issuer() -> String {
    setting("ISSUER", "http://127.0.0.1:3000")
}

fn origin() -> String {
    format!("http://127.0.0.1:{}", setting("PORT", "3001"))
}

fn client_id() -> String {
    setting("CLIENT_ID", "notes")
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let routes = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback));
    let listener = tokio::net::TcpListener::bind(origin().trim_start_matches("http://")).await?;
    Ok(axum::serve(listener, routes.with_state(Sessions::default())).await?)
}

async fn home(State(sessions): State<Sessions>, headers: HeaderMap) -> Html<String> {
    let sessions = sessions.lock().map_or_else(|_| HashMap::new(), |open| open.clone());
    // Addresses at this service are ASCII without `<` and `&`.
    Html(match sessions.get(&cookie(&headers, "session")) {
        Some(email) => format!("You’re signed in as {email}."),
        None => "<a href=\"/login\">Sign in</a>".to_owned(),
    })
}

async fn login() -> Response {
    let [state, nonce, verifier] = [random(), random(), random()];
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", &client_id()),
            ("redirect_uri", &format!("{}/callback", origin())),
            ("scope", "openid email"),
            ("state", &state),
            ("nonce", &nonce),
            (
                "code_challenge",
                &BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
            ),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let attempt = format!("attempt={state}.{nonce}.{verifier}; HttpOnly; SameSite=Lax; Path=/");
    let to = format!("{}/oauth/authorize?{query}", issuer());
    ([(header::SET_COOKIE, attempt)], Redirect::to(&to)).into_response()
}

async fn callback(
    State(sessions): State<Sessions>,
    headers: HeaderMap,
    Query(response): Query<HashMap<String, String>>,
) -> Result<Response, String> {
    let attempt = cookie(&headers, "attempt");
    let [state, nonce, verifier] = attempt.split('.').collect::<Vec<_>>()[..] else {
        return Err("The sign-in began in another browser.".into());
    };
    // Another site's page has sent this response, or another provider.
    if response.get("state").map(String::as_str) != Some(state) || response.get("iss") != Some(&issuer()) {
        return Err("The response belongs to another sign-in.".into());
    }
    let code = response.get("code").ok_or("The sign-in was cancelled.")?;
    let email = email_of(code, nonce, verifier).await;
    let email = email.map_err(|error| format!("The sign-in failed: {error}"))?;
    let session = random();
    if let Ok(mut open) = sessions.lock() {
        open.insert(session.clone(), email);
    }
    let session = format!("session={session}; HttpOnly; SameSite=Lax; Path=/");
    Ok(([(header::SET_COOKIE, session)], Redirect::to("/")).into_response())
}

/// Exchanges the code, and checks the ID token. Its signature need not be verified, because it comes from the service itself, over
/// TLS (OpenID Connect Core 1.0 §3.1.3.7).
async fn email_of(code: &str, nonce: &str, verifier: &str) -> Result<String, Failure> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &format!("{}/callback", origin())),
        ("client_id", &client_id()),
        // A product with a secret adds `client_secret`.
        ("code_verifier", verifier),
    ];
    let token_endpoint = format!("{}/oauth/token", issuer());
    let response = reqwest::Client::new().post(token_endpoint).form(&fields).send().await?;
    let tokens: serde_json::Value = serde_json::from_slice(&response.error_for_status()?.bytes().await?)?;
    let id_token = tokens["id_token"].as_str().ok_or("no ID token")?;
    let claims = id_token.split('.').nth(1).ok_or("not a token")?;
    let claims: serde_json::Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims)?)?;
    if claims["iss"] != issuer() || claims["aud"] != client_id() || claims["nonce"] != nonce {
        return Err("the ID token is for another sign-in".into());
    }
    // Store the account by `sub`, which never changes.
    Ok(claims["email"].as_str().ok_or("no address")?.to_owned())
}

fn random() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn cookie(headers: &HeaderMap, name: &str) -> String {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
    let mut pairs = cookies
        .unwrap_or_default()
        .split("; ")
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map_or_else(String::new, |(_, value)| value.to_owned())
}
