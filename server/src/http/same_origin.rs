//! Rejects state-changing requests caused by other sites.

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
        // Operators can detect a proxy that changes these headers.
        tracing::info!(cause, "a request from another site was rejected");
        return Problem::new(StatusCode::FORBIDDEN).into_response();
    }
    next.run(request).await
}

/// Checks the headers that only browsers can set, if present. A state-changing request without both comes from another kind of
/// client, without the user's cookies.
fn is_ours(headers: &HeaderMap, origin: &str) -> Result<(), &'static str> {
    let sites = || headers.get_all("sec-fetch-site").iter();
    // `none`: the user's own navigation, from the address bar or a bookmark.
    if !sites().all(|site| site == "same-origin" || site == "none") {
        return Err("Sec-Fetch-Site names another site");
    }
    // A page's own plain form has the origin `null` if a proxy adds `Referrer-Policy: no-referrer`. Attack: so does a form in a
    // sandboxed frame, but its `Sec-Fetch-Site` differs.
    let vouched = sites().count() == 1 && sites().all(|site| site == "same-origin");
    for from in headers.get_all(header::ORIGIN) {
        if from == "null" && !vouched {
            return Err("Origin is null and Sec-Fetch-Site is not same-origin");
        }
        if from != "null" && from != origin {
            return Err("Origin differs from REKEY_ORIGIN");
        }
    }
    Ok(())
}
