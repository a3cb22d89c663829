//! Server functions: what the app's forms and scripts call.

use super::edge::BODY_LIMIT;
use super::pages::context;
use super::{Problem, Service};
use account::Refusal;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use leptos::server_fn::axum::server_fn_paths;

/// Each server function at its own address, so that unknown ones are unknown addresses.
pub fn routes() -> Router<Service> {
    let mut router = Router::new();
    for (path, method) in server_fn_paths() {
        if let Ok(method) = MethodFilter::try_from(method) {
            router = router.route(path, on(method, call));
        }
    }
    router
}

async fn call(State(service): State<Service>, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let plain_form = app::wants_html(request.headers()) && *request.method() != Method::GET;
    // Attack: for a form, the library answers what it cannot read with a redirect to the referrer, the error in the
    // address: open to where anybody likes, and with what was typed in histories and logs. Without the header it cannot.
    request.headers_mut().remove(header::REFERER);
    // Data is answered with data, also at an address bar. The library reads the header as text, and would find none in it where
    // there is an odd byte.
    let wanted = if plain_form { "text/html" } else { "application/json" };
    request
        .headers_mut()
        .insert(header::ACCEPT, HeaderValue::from_static(wanted));
    // Attack: a NUL, which PostgreSQL takes in no text: as a fault of ours it would be told, and logged, each time. This is
    // the one way in for what people type.
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    };
    let query = parts.uri.query().unwrap_or_default();
    if holds_nul(&body) || holds_nul(query.as_bytes()) {
        service.backend.metrics().refused(&Refusal::FormUnreadable);
        if plain_form {
            let (status, headers) = app::unreadable_form(&path, &parts.headers);
            return (status, AppendHeaders(headers)).into_response();
        }
        return Problem::new(StatusCode::BAD_REQUEST).into_response();
    }
    let request = Request::from_parts(parts, Body::from(body));
    let headers = request.headers().clone();
    let response = leptos_axum::handle_server_fns_with_context(context(&service), request)
        .await
        .into_response();
    if !plain_form {
        return response;
    }
    if response.status() != StatusCode::SEE_OTHER {
        // A form's function always leads to a page with 303. Anything else is the library's: it was not reached.
        service.backend.metrics().refused(&Refusal::FormUnreadable);
        let (status, headers) = app::unreadable_form(&path, &headers);
        return (status, AppendHeaders(headers)).into_response();
    }
    // The page shows the step; nobody reads it here.
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

/// Whether a form or a query has a NUL in it, as it is or in its two spellings.
fn holds_nul(form: &[u8]) -> bool {
    form.contains(&0) || form.windows(3).any(|three| three == b"%00")
}
