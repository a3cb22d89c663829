//! The parts of a response: its form, redirects, the status of a page.

use super::destination::{page_at, page_of_endpoint};
use crate::site_map::PageId;
use backend::Caller;
use http::header::{ACCEPT, HeaderName, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

/// The form of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseKind {
    /// JSON, for the script of a page.
    Json,
    /// A redirect, for the form of a browser without scripts.
    Redirect,
    /// The page itself.
    Document,
}

/// The form of the response to a request, and the page that it is about.
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

/// Whether a page is wanted rather than data: a browser without scripts, or an address that was typed.
#[must_use]
pub fn wants_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes);
    let mut types = lines.flat_map(|line| line.split(|byte| [b',', b';'].contains(byte)));
    types.any(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

/// Who asks, as the server has found out.
pub(super) fn caller(parts: &Parts) -> Caller {
    parts.extensions.get::<Caller>().cloned().unwrap_or_default()
}

/// 303 and not leptos_axum's own redirect: that is a 302, after which a browser may send the form once more.
pub(super) fn see_other(path: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((LOCATION, HeaderValue::from_str(path).ok()?))
}

/// Leads the page that is being rendered elsewhere.
pub(crate) fn go_to(path: &str) {
    if let (Some(response), Some((name, value))) = (use_context::<ResponseOptions>(), see_other(path)) {
        response.insert_header(name, value);
        response.set_status(StatusCode::SEE_OTHER);
    }
}

/// Tells that the page that is being rendered does not exist.
pub(crate) fn not_found() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
}
