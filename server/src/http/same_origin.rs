//! Rejects state-changing requests that another site made a browser send.

use super::{Problem, Service};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Admits requests from this origin's own pages and from clients other than browsers.
///
/// Attack: another site's page posts a form or fetches a URL here with the user's cookies (cross-site request forgery), or learns
/// from a response whether the user is signed in. `SameSite=Lax` is a second defence only: a sibling subdomain is same-site.
pub async fn only(State(service): State<Service>, request: Request, next: Next) -> Response {
    let acts = !matches!(*request.method(), Method::GET | Method::HEAD);
    let tells = request.uri().path().starts_with("/api/");
    if (acts || tells)
        && let Err(cause) = is_ours(request.headers(), &service.config.origin.text)
    {
        // Shows operators that their proxy changes these headers.
        tracing::info!(cause, "a request from another site was rejected");
        return Problem::new(StatusCode::FORBIDDEN).into_response();
    }
    next.run(request).await
}

/// Checks headers that browsers write and pages cannot. Each is checked if present; a browser sends at least one of them with any
/// state-changing request, so if both are missing, no browser and no cookies are involved.
fn is_ours(headers: &HeaderMap, origin: &str) -> Result<(), &'static str> {
    let sites = || headers.get_all("sec-fetch-site").iter();
    // `none`: the user's own navigation, from the address bar or a bookmark.
    if !sites().all(|site| site == "same-origin" || site == "none") {
        return Err("Sec-Fetch-Site names another site");
    }
    // A page's own plain form has the origin `null` if a proxy adds `Referrer-Policy: no-referrer`. So does a sandboxed frame or
    // a file, but no page can write the header that vouches for the form (attack: a form in a sandboxed frame).
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
