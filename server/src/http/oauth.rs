//! The endpoints of the OpenID provider.

use super::client::LANGUAGES;
use super::{Problem, Service, pages};
use account::{Secret, with_next};
use app::PageOutsideRouter;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use backend::flows::{AuthorizationStep, ClientLogoutStep};
use backend::oauth::{ClientCredentials, ClientEndpoint, ClientError, Hints, discovery};
use backend::{Caller, Error, Transition, retried};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;

/// Returns the routes that a browser opens, with its cookies.
pub fn routes() -> Router<Service> {
    Router::new()
        .route("/oauth/authorize", get(authorize))
        .route("/oauth/continue/{id}", get(resume))
        .route("/oauth/consent", post(decide))
        .route("/oauth/cancel", get(cancel))
        .route("/oauth/logout", get(begin_logout))
        .route("/oauth/logout/confirm", post(confirm_logout))
}

/// Returns the routes that clients call. They read no cookies, so scripts of all origins may call them.
pub fn client_routes() -> Router<Service> {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/oauth/keys", get(keys))
        .route("/oauth/token", post(token))
        .route("/oauth/par", post(push))
        .route("/oauth/introspect", post(introspect))
        .route("/oauth/revoke", post(revoke))
        .route("/oauth/mail-choice", post(mail_choice))
        .route("/oauth/userinfo", get(user_info).post(user_info))
        .layer(from_fn(share))
        .route("/oauth/authorize", post(authorize_by_form))
        .route("/oauth/logout", post(logout_by_form))
}

async fn authorize(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (caller, held) = (caller(&parts), app::held(&parts.headers));
    let query = parts.uri.query().unwrap_or_default();
    let request = service.backend.request(&caller, &held).authorization();
    match retried(|| request.begin(query)).await {
        Ok(AuthorizationStep::Return { url, .. }) => pages::see_other(&url),
        other => service.answer(&parts, other),
    }
}

/// Turns a form into a query, because browsers send no cookies with a form of another site (OpenID Connect Core 1.0 §3.1.2.1).
async fn authorize_by_form(body: String) -> Response {
    as_query("/oauth/authorize?", &body)
}

/// Likewise (OpenID Connect RP-Initiated Logout 1.0 §2).
async fn logout_by_form(body: String) -> Response {
    as_query("/oauth/logout?", &body)
}

fn as_query(path: &str, body: &str) -> Response {
    if body.len() > LONGEST_FORM || !body.bytes().all(|b| b.is_ascii_graphic()) {
        return Problem::new(StatusCode::BAD_REQUEST).into_response();
    }
    pages::see_other(&[path, body].concat())
}

async fn resume(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (caller, held) = (caller(&parts), app::held(&parts.headers));
    let request = service.backend.request(&caller, &held).authorization();
    let step = retried(|| request.resume(&id)).await;
    service.answer(&parts, step)
}

/// The form of the page that asks. It is behind the same-origin check.
async fn decide(State(service): State<Service>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_FORM).await else {
        return Problem::new(StatusCode::BAD_REQUEST).into_response();
    };
    let form = fields(&String::from_utf8_lossy(&body));
    let field = |name: &str| {
        form.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let (id, session) = (
        field("request").unwrap_or_default(),
        field("session").unwrap_or_default(),
    );
    let allowed = field("allow") == Some("1");
    let (caller, held) = (caller(&parts), app::held(&parts.headers));
    let request = service.backend.request(&caller, &held).authorization();
    let step = retried(|| request.decide(id, session, allowed)).await;
    service.answer(&parts, step)
}

/// A link of the page that asks a signed-in user to confirm. It needs no proof, because it only leads back to the product.
async fn cancel(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (caller, held) = (caller(&parts), app::held(&parts.headers));
    let query = fields(parts.uri.query().unwrap_or_default());
    let next = query.iter().find(|(name, _)| name == "next");
    let next = next.map_or("", |(_, next)| next.as_str());
    let request = service.backend.request(&caller, &held).authorization();
    match retried(|| request.cancel(next)).await {
        Ok(AuthorizationStep::Return { url, .. }) => pages::see_other(&url),
        other => service.answer(&parts, other),
    }
}

async fn begin_logout(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (caller, held) = (caller(&parts), app::held(&parts.headers));
    let query = parts.uri.query().unwrap_or_default();
    let request = service.backend.request(&caller, &held).client_logout();
    let step = retried(|| request.begin(query)).await;
    service.answer_logout(&parts, query, step)
}

/// The form of the page that asks. It is behind the same-origin check.
async fn confirm_logout(State(service): State<Service>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_FORM).await else {
        return Problem::new(StatusCode::BAD_REQUEST).into_response();
    };
    let form = String::from_utf8_lossy(&body);
    let (caller, held) = (caller(&parts), app::held(&parts.headers));
    let request = service.backend.request(&caller, &held).client_logout();
    let step = retried(|| request.confirm(&form)).await;
    service.answer_logout(&parts, &form, step)
}

fn caller(parts: &Parts) -> Caller {
    parts.extensions.get::<Caller>().cloned().unwrap_or_default()
}

fn fields(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Maximum length of the form that confirms a sign-out.
const LONGEST_FORM: usize = 16 * 1024;

impl Service {
    fn answer_logout(&self, parts: &Parts, query: &str, step: Result<Transition<ClientLogoutStep>, Error>) -> Response {
        let mut caller = caller(parts);
        if let Ok(Transition {
            step: ClientLogoutStep::Return { .. },
            ..
        }) = &step
        {
            // The session has just ended.
            (caller.signed_in, caller.administers) = (false, false);
        }
        let page = PageOutsideRouter {
            caller: &caller,
            headers: &parts.headers,
            address: parts.uri.path_and_query().map_or("/", |address| address.as_str()),
        };
        let assets = pages::assets(self);
        let Transition { step, tokens } = match step {
            Ok(done) => done,
            Err(error) => return self.failed(error),
        };
        let mut response = match step {
            ClientLogoutStep::Ask => {
                Html(app::sign_out_page(&self.backend, &assets, &page, fields(query))).into_response()
            }
            ClientLogoutStep::Return { client, url } => Html(app::return_page(
                &self.backend,
                &assets,
                &page,
                "signed_out.title",
                &client,
                &url,
            ))
            .into_response(),
            ClientLogoutStep::SignedOut => pages::see_other("/signed-out"),
            ClientLogoutStep::Refused(reason) => {
                tracing::info!(reason, "a sign-out request of a client was refused");
                let html = Html(app::refused_product_page(&self.backend, &assets, &page));
                (StatusCode::BAD_REQUEST, html).into_response()
            }
        };
        for cookie in app::token_cookies(&tokens) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    pub(super) fn failed(&self, error: Error) -> Response {
        match error {
            Error::Refused(refusal) => {
                self.backend.metrics().refused(&refusal);
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
                let mut response = Problem::new(status).into_response();
                if let Some(seconds) = refusal.retry_after_s() {
                    response
                        .headers_mut()
                        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
            Error::Repeated(_) => Problem::new(StatusCode::BAD_REQUEST).into_response(),
            Error::Fault(fault) => Problem::of(&fault).into_response(),
        }
    }

    fn answer(&self, parts: &Parts, step: Result<AuthorizationStep, Error>) -> Response {
        let caller = caller(parts);
        // A user who signs out there goes on after the next sign-in.
        let path = parts.uri.path();
        let address = with_next(path, if path.starts_with("/oauth/continue/") { path } else { "" });
        let page = PageOutsideRouter {
            caller: &caller,
            headers: &parts.headers,
            address: &address,
        };
        let assets = pages::assets(self);
        match step {
            Ok(AuthorizationStep::Return { client, url }) => Html(app::return_page(
                &self.backend,
                &assets,
                &page,
                "sign_in.done",
                &client,
                &url,
            ))
            .into_response(),
            Ok(AuthorizationStep::Consent(asked)) => {
                Html(app::consent_page(&self.backend, &assets, &page, &asked)).into_response()
            }
            Ok(AuthorizationStep::Ask { page, hints }) => with_hints(pages::see_other(&page), &parts.headers, &hints),
            Ok(AuthorizationStep::Refused(reason)) => {
                tracing::info!(reason, "a request of a client was refused");
                let html = Html(app::refused_product_page(&self.backend, &assets, &page));
                (StatusCode::BAD_REQUEST, html).into_response()
            }
            Err(error) => self.failed(error),
        }
    }
}

/// Fills in the address on the sign-in page, and chooses the language in a browser where none was chosen.
fn with_hints(mut response: Response, headers: &HeaderMap, hints: &Hints) -> Response {
    let kept = response.headers_mut();
    if let Some(cookie) = hints.login_hint.as_ref().and_then(app::email_filled_in) {
        kept.append(header::SET_COOKIE, cookie);
    }
    let tags = hints.ui_locales.as_deref().unwrap_or_default().split(' ');
    let known = |tag: &str| {
        let primary = tag.split('-').next().unwrap_or_default();
        LANGUAGES
            .into_iter()
            .find(|language| language.eq_ignore_ascii_case(primary))
    };
    if let Some(language) = tags.into_iter().find_map(known)
        && app::cookie(headers, app::LANGUAGE_COOKIE).is_none()
    {
        let cookie = format!(
            "{}={language}; Path=/; Secure; HttpOnly; SameSite=Lax",
            app::LANGUAGE_COOKIE
        );
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            kept.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

async fn metadata(State(service): State<Service>) -> Response {
    cacheable(discovery(
        &service.config.origin.text,
        &LANGUAGES,
        service.config.rsa_key_file.is_some(),
    ))
}

async fn keys(State(service): State<Service>) -> Response {
    match service.backend.public_keys().await {
        Ok(keys) => cacheable(keys),
        Err(fault) => Problem::of(&fault).into_response(),
    }
}

/// Five minutes: a new key is published for longer before it signs.
fn cacheable(document: serde_json::Value) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response()
}

async fn token(service: State<Service>, caller: Extension<Caller>, headers: HeaderMap, body: String) -> Response {
    answer_client(&service, ClientEndpoint::Token, &caller, &headers, &body).await
}

async fn push(service: State<Service>, caller: Extension<Caller>, headers: HeaderMap, body: String) -> Response {
    let mut response = answer_client(&service, ClientEndpoint::Push, &caller, &headers, &body).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

async fn introspect(service: State<Service>, caller: Extension<Caller>, headers: HeaderMap, body: String) -> Response {
    answer_client(&service, ClientEndpoint::Introspect, &caller, &headers, &body).await
}

async fn revoke(service: State<Service>, caller: Extension<Caller>, headers: HeaderMap, body: String) -> Response {
    answer_client(&service, ClientEndpoint::Revoke, &caller, &headers, &body).await
}

async fn mail_choice(service: State<Service>, caller: Extension<Caller>, headers: HeaderMap, body: String) -> Response {
    answer_client(&service, ClientEndpoint::MailChoice, &caller, &headers, &body).await
}

async fn answer_client(
    service: &Service,
    endpoint: ClientEndpoint,
    caller: &Caller,
    headers: &HeaderMap,
    body: &str,
) -> Response {
    let refused = |error, description| refused(error, description, headers.contains_key(header::AUTHORIZATION));
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if !is_form {
        return refused("invalid_request", "the body must be application/x-www-form-urlencoded");
    }
    let credentials = match headers.get(header::AUTHORIZATION).map(credentials) {
        Some(None) => return refused("invalid_client", "the Authorization header is malformed"),
        Some(found) => found,
        None => None,
    };
    match service
        .backend
        .answer_client(endpoint, body, credentials.as_ref(), caller)
        .await
    {
        Ok(answer) => Json(answer).into_response(),
        Err(ClientError::Refused(error, description)) => refused(error, description),
        Err(ClientError::TooMany(wait_s)) => too_many(wait_s),
        Err(ClientError::Fault(fault)) => service.failed(Error::Fault(fault)),
    }
}

/// Reads `Basic`: the form-encoded id and secret (RFC 6749 §2.3.1).
fn credentials(value: &HeaderValue) -> Option<ClientCredentials> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced)
            .decode_utf8()
            .ok()
            .map(std::borrow::Cow::into_owned)
    };
    let found = ClientCredentials {
        id: plain(id)?,
        secret: Secret::from(plain(secret)?),
        raw_secret: Some(Secret::from(secret)),
    };
    scheme.eq_ignore_ascii_case("basic").then_some(found)
}

/// Returns an error (RFC 6749 §5.2).
fn refused(error: &str, description: &str, by_header: bool) -> Response {
    let body = Json(serde_json::json!({ "error": error, "error_description": description }));
    if error != "invalid_client" {
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    let mut response = (StatusCode::UNAUTHORIZED, body).into_response();
    if by_header {
        let challenge = HeaderValue::from_static("Basic realm=\"token\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn too_many(wait_s: i64) -> Response {
    let body =
        Json(serde_json::json!({ "error": "temporarily_unavailable", "error_description": "too many requests" }));
    let wait = [(header::RETRY_AFTER, HeaderValue::from(wait_s))];
    (StatusCode::TOO_MANY_REQUESTS, wait, body).into_response()
}

async fn user_info(State(service): State<Service>, headers: HeaderMap) -> Response {
    // Only in the header. Attack: a token in a URL ends up in histories and logs.
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| Secret::from(token.trim()))
    });
    let Some(token) = token else {
        return (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
            Json(serde_json::json!({})),
        )
            .into_response();
    };
    match service.backend.user_info(&token).await {
        Ok(Some(claims)) => Json(claims).into_response(),
        Ok(None) => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            let body = Json(serde_json::json!({ "error": "invalid_token" }));
            (StatusCode::UNAUTHORIZED, challenge, body).into_response()
        }
        Err(fault) => Problem::of(&fault).into_response(),
    }
}

/// Lets scripts of all origins read the response (CORS), for products that run only in the browser. Without credentials, so that
/// cookies are never sent.
async fn share(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        let allowed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        (StatusCode::NO_CONTENT, allowed).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
