//! Parts of a response: kind, redirects, status.

use super::destination::{page_at, page_of_endpoint};
use crate::site_map::PageId;
use backend::Caller;
use http::header::{ACCEPT, HeaderName, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseKind {
    /// JSON, for a page's script.
    Json,
    /// A redirect, for a form in a browser without scripts.
    Redirect,
    /// The page itself.
    Document,
}

/// Returns the kind of response to a request, and the page it concerns.
pub(super) fn response_kind(parts: &Parts) -> (ResponseKind, PageId) {
    let path = parts.uri.path();
    if !path.starts_with("/api/") {
        return (ResponseKind::Document, page_at(path));
    }
    let kind = if wants_html(&parts.headers) {
        ResponseKind::Redirect
    } else {
        ResponseKind::Json
    };
    (kind, page_of_endpoint(path))
}

/// Returns whether the client accepts HTML: a form without scripts, or a URL typed into the browser.
#[must_use]
pub fn wants_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes);
    let mut types = lines.flat_map(|line| line.split(|byte| [b',', b';'].contains(byte)));
    types.any(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

/// Returns the caller that the server has identified.
pub(super) fn caller(parts: &Parts) -> Caller {
    parts.extensions.get::<Caller>().cloned().unwrap_or_default()
}

/// Returns the `Location` header for a 303. `leptos_axum` would send 302, after which a browser may resend the form.
pub(super) fn see_other(path: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((LOCATION, HeaderValue::from_str(path).ok()?))
}

/// Redirects from the page being rendered.
pub(crate) fn go_to(path: &str) {
    if let (Some(response), Some((name, value))) = (use_context::<ResponseOptions>(), see_other(path)) {
        response.insert_header(name, value);
        response.set_status(StatusCode::SEE_OTHER);
    }
}

/// Sets status 404 for the page being rendered.
pub(crate) fn not_found() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
}
