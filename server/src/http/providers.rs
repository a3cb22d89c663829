//! The links to OpenID providers, and their redirect addresses.

use super::{Problem, Service};
use app::BrowserRedirect;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Returns the routes below `/signin/provider`.
pub fn routes() -> Router<Service> {
    Router::new()
        .route("/signin/provider/{id}", get(begin))
        .route("/signin/provider/{id}/callback", get(finish))
}

async fn begin(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    if service.backend.providers().find(&id).is_none() {
        return Problem::new(StatusCode::NOT_FOUND).into_response();
    }
    let (parts, _) = request.into_parts();
    redirect(app::begin_provider(&service.backend, &parts, &id).await)
}

async fn finish(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    redirect(app::finish_provider(&service.backend, &parts, &id).await)
}

pub(super) fn redirect(to: BrowserRedirect) -> Response {
    let Ok(location) = HeaderValue::try_from(to.location) else {
        return Problem::new(StatusCode::NOT_FOUND).into_response();
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    for cookie in to.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
