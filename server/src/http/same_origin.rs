//! Requests that another site made a browser send act nowhere.

use super::{Problem, Service};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Lets through what this origin's own pages send, and what is no browser at all.
///
/// Attack: another site's page posts a form or fetches an address here with the person's cookies (cross-site request
/// forgery), or tells from an answer whether somebody is signed in. `SameSite=Lax` is the second fence, not the only one:
/// a sister subdomain is same-site.
pub async fn only(State(service): State<Service>, request: Request, next: Next) -> Response {
    let acts = !matches!(*request.method(), Method::GET | Method::HEAD);
    let tells = request.uri().path().starts_with("/api/");
    if (acts || tells) && !is_ours(request.headers(), &service.config.origin.text) {
        return Problem::new(StatusCode::FORBIDDEN).into_response();
    }
    next.run(request).await
}

/// Judges by what browsers themselves write and pages cannot. Each header is judged when it is there; a browser sends at
/// least one of them with whatever acts, so neither means that no browser, and no person's cookies, are involved.
fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    // `none`: the person's own doing, from the address bar or a bookmark.
    let site = headers
        .get_all("sec-fetch-site")
        .iter()
        .all(|site| site == "same-origin" || site == "none");
    // `null`, as of a sandboxed frame or a file, is nobody's and so refused.
    let from = headers.get_all(header::ORIGIN).iter().all(|from| from == origin);
    site && from
}
