//! Links in the e-mails of the operator's own mailers, and the posts of mail programs (RFC 8058).

use super::pages::assets;
use super::{Problem, Service};
use app::PageOutsideRouter;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use backend::{Caller, Error, Subscription, retried};

/// Longest body: mail programs may send it as `multipart/form-data`.
const LONGEST: usize = 4 * 1024;

/// Returns the routes. They read no cookies but those of the frame, and the link alone decides, so other sites may post to them.
pub fn routes() -> Router<Service> {
    Router::new().route("/unsubscribe/{token}", get(show).post(change))
}

/// Changes nothing. Attack: scanners of e-mails open every link.
async fn show(State(service): State<Service>, Path(token): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let caller = caller(&parts);
    let found = service.backend.subscription(&token, &caller.language).await;
    service.answer_link(&parts, &caller, found.map_err(Error::Fault), false)
}

async fn change(State(service): State<Service>, Path(token): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST).await else {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    };
    let body = String::from_utf8_lossy(&body);
    let undo = body == "undo=1";
    let one_click = body.contains("List-Unsubscribe") && body.contains("One-Click");
    if !undo && !one_click {
        return Problem::new(StatusCode::BAD_REQUEST).into_response();
    }
    let caller = caller(&parts);
    let changed = retried(async || {
        let changed = service.backend.change_subscription(&token, &caller.language, undo);
        Ok(changed.await?)
    });
    service.answer_link(&parts, &caller, changed.await, undo)
}

fn caller(parts: &Parts) -> Caller {
    parts.extensions.get::<Caller>().cloned().unwrap_or_default()
}

impl Service {
    fn answer_link(
        &self,
        parts: &Parts,
        caller: &Caller,
        found: Result<Option<Subscription>, Error>,
        undo: bool,
    ) -> Response {
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.failed(error),
        };
        let page = PageOutsideRouter {
            caller,
            headers: &parts.headers,
            address: parts.uri.path(),
        };
        let status = if found.is_some() {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        let html = app::unsubscribe_page(&self.backend, &assets(self), &page, found, undo);
        (status, Html(html)).into_response()
    }
}
