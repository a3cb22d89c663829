//! Server functions: the endpoints of the app's forms and scripts.

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

/// Returns one route per server function, so that unknown ones get 404.
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
    // Attack: for an invalid form, the library redirects to the referrer with the error in the URL: an open redirect that leaves
    // user input in histories and logs. Without the header, it cannot.
    request.headers_mut().remove(header::REFERER);
    // Data requests get data, even from an address bar or with an invalid byte in the header, which the library would ignore.
    let wanted = if plain_form { "text/html" } else { "application/json" };
    request
        .headers_mut()
        .insert(header::ACCEPT, HeaderValue::from_static(wanted));
    // Attack: a NUL, which PostgreSQL rejects in text, is logged as a server fault. All user input passes through here.
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
        // A form's function always redirects with 303. Any other response comes from the library, without running the function.
        service.backend.metrics().refused(&Refusal::FormUnreadable);
        let (status, headers) = app::unreadable_form(&path, &headers);
        return (status, AppendHeaders(headers)).into_response();
    }
    // The redirect's target page shows the step; this body would not be displayed.
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

/// Returns whether a form or a query contains a NUL, raw or escaped.
fn holds_nul(form: &[u8]) -> bool {
    form.contains(&0) || form.windows(3).any(|three| three == b"%00")
}
