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
    if (acts || tells)
        && let Err(cause) = is_ours(request.headers(), &service.config.origin.text)
    {
        // An operator whose proxy changes these headers finds out here.
        tracing::info!(cause, "a request from another site was rejected");
        return Problem::new(StatusCode::FORBIDDEN).into_response();
    }
    next.run(request).await
}

/// Judges by what browsers themselves write and pages cannot. Each header is judged when it is there; a browser sends at
/// least one of them with whatever acts, so neither means that no browser, and no person's cookies, are involved.
fn is_ours(headers: &HeaderMap, origin: &str) -> Result<(), &'static str> {
    let sites = || headers.get_all("sec-fetch-site").iter();
    // `none`: the person's own doing, from the address bar or a bookmark.
    if !sites().all(|site| site == "same-origin" || site == "none") {
        return Err("Sec-Fetch-Site names another site");
    }
    // A page's own plain form has the origin `null` where a proxy adds `Referrer-Policy: no-referrer`. A sandboxed frame or a
    // file has it, too, but no page can write the header that vouches for the form (attack: a form in a sandboxed frame).
    let vouched = sites().count() == 1 && sites().all(|site| site == "same-origin");
    for from in headers.get_all(header::ORIGIN) {
        if from == "null" && !vouched {
            return Err("Origin is null and Sec-Fetch-Site is not same-origin");
        }
        if from != "null" && from != origin {
            return Err("Origin is another one than REKEY_ORIGIN");
        }
    }
    Ok(())
}
