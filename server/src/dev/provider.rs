//! Stand-ins for identity providers in the development run, so that every way to sign in works without registering anywhere.
//! They are OpenID providers with discovery, authorization code flow, PKCE and ES256, and believe everything about the user.

mod page;

use crate::http::{Problem, Service};
use account::{EmailAddress, Timestamp};
use axum::extract::{Extension, Form, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use backend::Clock;
use backend::oidc::{ProviderSettings, SigningKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::TryRng;
use rand::rngs::SysRng;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The identifier of this service at the stand-ins.
const CLIENT_ID: &str = "rekey-development";
/// The lifetime of a code.
const CODE_MS: i64 = 60_000;

/// A stand-in.
struct StandIn {
    id: &'static str,
    name: &'static str,
    /// Whether the sign-in page has a button for it.
    listed: bool,
    /// Addresses and names of the demo accounts that it knows.
    accounts: &'static [(&'static str, &'static str)],
}

const STAND_INS: [StandIn; 2] = [
    StandIn {
        id: "google",
        name: "Google",
        listed: true,
        accounts: &[("google@example.com", "Grigori Googler")],
    },
    StandIn {
        id: "engines",
        name: "Analytical Engines",
        listed: false,
        accounts: &[
            ("mary@engines.example", "Mary Managed"),
            ("charles@engines.example", "Charles Babbage"),
        ],
    },
];

/// Returns this service's configuration of the stand-ins.
pub fn settings(origin: &str) -> Vec<ProviderSettings> {
    let settings = |stand_in: &StandIn| ProviderSettings {
        id: stand_in.id.into(),
        name: stand_in.name.into(),
        issuer: issuer(origin, stand_in.id),
        client_id: CLIENT_ID.into(),
        client_secret: None,
        scopes: ProviderSettings::DEFAULT_SCOPES.into(),
        listed: stand_in.listed,
    };
    STAND_INS.iter().map(settings).collect()
}

fn issuer(origin: &str, id: &str) -> String {
    format!("{origin}/dev/provider/{id}")
}

/// Returns the routes of the stand-ins.
pub fn routes(clock: Arc<dyn Clock>) -> Result<Router<Service>, String> {
    let issued = Issued {
        key: SigningKey::generate()?,
        grants: Mutex::default(),
        clock,
    };
    Ok(Router::new()
        .route("/dev/provider/{id}/.well-known/openid-configuration", get(discovery))
        .route("/dev/provider/{id}/authorize", get(authorize).post(decide))
        .route("/dev/provider/{id}/token", post(token))
        .route("/dev/provider/{id}/keys", get(keys))
        .layer(Extension(Arc::new(issued))))
}

/// The state of all stand-ins.
struct Issued {
    key: SigningKey,
    grants: Mutex<HashMap<String, Grant>>,
    clock: Arc<dyn Clock>,
}

/// What a code stands for.
struct Grant {
    provider: &'static str,
    asked: Asked,
    email: EmailAddress,
    at: Timestamp,
}

/// An authorization request (OpenID Connect Core 1.0 §3.1.2.1), and on the page's form also the user's decision. `prompt` and
/// `max_age` have no effect, because the page is always shown.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
    login_hint: String,
    /// The button: the address of a demo account, `other` or `cancel`.
    button: String,
    email: String,
    name: String,
    /// A checkbox: absent if unchecked.
    email_verified: Option<String>,
}

/// A token request (RFC 6749 §4.1.3).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Redeemed {
    grant_type: String,
    client_id: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
}

fn find(id: &str) -> Result<&'static StandIn, Problem> {
    let found = STAND_INS.iter().find(|stand_in| stand_in.id == id);
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))
}

async fn discovery(State(service): State<Service>, Path(id): Path<String>) -> Result<Response, Problem> {
    let issuer = issuer(&service.config.origin.text, find(&id)?.id);
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "email", "profile"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
    });
    Ok(Json(document).into_response())
}

async fn keys(Extension(issued): Extension<Arc<Issued>>, Path(id): Path<String>) -> Result<Response, Problem> {
    find(&id)?;
    Ok(Json(json!({"keys": [issued.key.jwk()]})).into_response())
}

/// Refuses requests that must not be answered with a redirect.
fn check_client(service: &Service, stand_in: &StandIn, asked: &Asked) -> Result<(), Problem> {
    let origin = &service.config.origin.text;
    let expected = settings(origin).into_iter().find(|settings| settings.id == stand_in.id);
    let is_known = expected.is_some_and(|settings| {
        asked.client_id == settings.client_id && asked.redirect_uri == settings.redirect_uri(origin)
    });
    let bad_request = || Problem::new(StatusCode::BAD_REQUEST);
    is_known.then_some(()).ok_or_else(bad_request)
}

async fn authorize(
    State(service): State<Service>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let stand_in = find(&id)?;
    check_client(&service, stand_in, &asked)?;
    let origin = &service.config.origin.text;
    let is_complete = asked.response_type == "code"
        && asked.scope.split(' ').any(|scope| scope == "openid")
        && asked.code_challenge_method == "S256"
        && !asked.code_challenge.is_empty();
    Ok(if is_complete {
        page::page(stand_in, &asked, None)
    } else {
        redirect(origin, stand_in, &asked, ("error", "invalid_request"))
    })
}

async fn decide(
    State(service): State<Service>,
    Extension(issued): Extension<Arc<Issued>>,
    Path(id): Path<String>,
    Form(mut asked): Form<Asked>,
) -> Result<Response, Problem> {
    let stand_in = find(&id)?;
    check_client(&service, stand_in, &asked)?;
    let origin = &service.config.origin.text;
    match asked.button.as_str() {
        "cancel" => return Ok(redirect(origin, stand_in, &asked, ("error", "access_denied"))),
        button => {
            if let Some((email, name)) = stand_in.accounts.iter().find(|(email, _)| *email == button) {
                (asked.email, asked.name) = ((*email).into(), (*name).into());
                asked.email_verified = Some("true".into());
            }
        }
    }
    let Ok(email) = EmailAddress::parse(&asked.email) else {
        return Ok(page::page(stand_in, &asked, Some("Enter one e-mail address.")));
    };
    let mut random = [0_u8; 32];
    if SysRng.try_fill_bytes(&mut random).is_err() {
        return Ok(redirect(origin, stand_in, &asked, ("error", "server_error")));
    }
    let code = BASE64_URL_SAFE_NO_PAD.encode(random);
    let response = redirect(origin, stand_in, &asked, ("code", &code));
    let grant = Grant {
        provider: stand_in.id,
        asked,
        email,
        at: issued.clock.now(),
    };
    issued.keep(code, grant);
    Ok(response)
}

/// Returns to this service.
fn redirect(origin: &str, stand_in: &StandIn, asked: &Asked, (name, value): (&str, &str)) -> Response {
    let Ok(mut url) = reqwest::Url::parse(&asked.redirect_uri) else {
        return Problem::new(StatusCode::BAD_REQUEST).into_response();
    };
    url.query_pairs_mut()
        .append_pair(name, value)
        .append_pair("state", &asked.state)
        .append_pair("iss", &issuer(origin, stand_in.id));
    match HeaderValue::try_from(String::from(url)) {
        Ok(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
        Err(_) => Problem::new(StatusCode::BAD_REQUEST).into_response(),
    }
}

async fn token(
    State(service): State<Service>,
    Extension(issued): Extension<Arc<Issued>>,
    Path(id): Path<String>,
    Form(redeemed): Form<Redeemed>,
) -> Result<Response, Problem> {
    let stand_in = find(&id)?;
    let Some(grant) = issued.redeem(stand_in, &redeemed) else {
        let error = Json(json!({"error": "invalid_grant"}));
        return Ok((StatusCode::BAD_REQUEST, error).into_response());
    };
    let now = issued.clock.now().0 / 1_000;
    let claims = json!({
        "iss": issuer(&service.config.origin.text, stand_in.id),
        // The same after a restart.
        "sub": BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(grant.email.as_str())[..15]),
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 300,
        "auth_time": grant.at.0 / 1_000,
        "nonce": grant.asked.nonce,
        "email": grant.email,
        "email_verified": grant.asked.email_verified.is_some(),
        "name": grant.asked.name,
    });
    let signed = issued.key.sign(&claims);
    let id_token = signed.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR))?;
    let response = json!({
        "access_token": "not accepted anywhere",
        "token_type": "Bearer",
        "expires_in": 300,
        "id_token": id_token,
    });
    Ok(Json(response).into_response())
}

impl Issued {
    fn keep(&self, code: String, grant: Grant) {
        let now = self.clock.now();
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.retain(|_, grant| now < grant.at.plus_ms(CODE_MS));
        grants.insert(code, grant);
    }

    /// Returns what a code stands for, once.
    fn redeem(&self, stand_in: &StandIn, redeemed: &Redeemed) -> Option<Grant> {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = grants.remove(&redeemed.code)?;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&redeemed.code_verifier));
        let fits = redeemed.grant_type == "authorization_code"
            && self.clock.now() < grant.at.plus_ms(CODE_MS)
            && grant.provider == stand_in.id
            && grant.asked.client_id == redeemed.client_id
            && grant.asked.redirect_uri == redeemed.redirect_uri
            && grant.asked.code_challenge == challenge;
        fits.then_some(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend::TestClock;

    const VERIFIER: &str = "a verifier";

    fn issued() -> (Issued, Arc<TestClock>) {
        let clock = Arc::new(TestClock::at(Timestamp(0)));
        let issued = Issued {
            key: SigningKey::generate().unwrap(),
            grants: Mutex::default(),
            clock: clock.clone(),
        };
        let asked = Asked {
            client_id: CLIENT_ID.into(),
            redirect_uri: "http://127.0.0.1/callback".into(),
            code_challenge: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)),
            ..Asked::default()
        };
        let grant = Grant {
            provider: "google",
            asked,
            email: EmailAddress::parse("google@example.com").unwrap(),
            at: Timestamp(0),
        };
        issued.keep("code".into(), grant);
        (issued, clock)
    }

    fn request(change: impl FnOnce(&mut Redeemed)) -> Redeemed {
        let mut redeemed = Redeemed {
            grant_type: "authorization_code".into(),
            client_id: CLIENT_ID.into(),
            code: "code".into(),
            redirect_uri: "http://127.0.0.1/callback".into(),
            code_verifier: VERIFIER.into(),
        };
        change(&mut redeemed);
        redeemed
    }

    #[test]
    fn a_code_is_valid_once_for_a_minute() {
        let (issued, clock) = issued();
        clock.advance_ms(CODE_MS - 1);
        assert!(issued.redeem(&STAND_INS[0], &request(|_| {})).is_some());
        assert!(issued.redeem(&STAND_INS[0], &request(|_| {})).is_none());
        let (issued, clock) = self::issued();
        clock.advance_ms(CODE_MS);
        assert!(issued.redeem(&STAND_INS[0], &request(|_| {})).is_none());
    }

    #[test]
    fn a_code_needs_its_verifier_client_and_provider() {
        let changes: [fn(&mut Redeemed); 4] = [
            |request| request.code_verifier.clear(),
            |request| request.client_id.clear(),
            |request| request.redirect_uri.clear(),
            |request| request.grant_type.clear(),
        ];
        for change in changes {
            assert!(issued().0.redeem(&STAND_INS[0], &request(change)).is_none());
        }
        assert!(issued().0.redeem(&STAND_INS[1], &request(|_| {})).is_none());
    }
}
