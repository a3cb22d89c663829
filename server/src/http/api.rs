//! Server functions: what the app's forms and scripts call.

use super::Service;
use super::client::wants_page;
use super::pages::context;
use account::Refusal;
use axum::Router;
use axum::body::Body;
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
    let plain_form = wants_page(request.headers()) && *request.method() != Method::GET;
    // Attack: for a form, the library answers what it cannot read with a redirect to the referrer, the error in the
    // address: open to where anybody likes, and with what was typed in histories and logs. Without the header it cannot.
    request.headers_mut().remove(header::REFERER);
    if !plain_form {
        // Data is answered with data, also at an address bar.
        request
            .headers_mut()
            .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    }
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
