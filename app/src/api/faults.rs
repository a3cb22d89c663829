//! Request faults: in this service, in the server function library, and in forms that cannot be parsed.

use super::cookies::Flash;
use super::destination::page_of_endpoint;
use super::response::{ResponseKind, response_kind, see_other, wants_html};
use crate::client::Failure;
use crate::site_map::PageId;
use account::Refusal;
use backend::{Backend, fault_reference};
use http::header::{HeaderName, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos_axum::ResponseOptions;

impl FromServerFnError for Failure {
    type Encoder = JsonEncoding;

    /// Converts an error of the library itself, raised before or after the server function runs.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        library_error(&error)
    }
}

/// Logs a fault once and returns the reference shown on screen. The text must not contain user input.
pub(super) fn log(fault: &str) -> Failure {
    let reference = fault_reference();
    tracing::error!(reference, fault, "request failed");
    Failure::Broken {
        reference: Some(reference),
    }
}

/// Replaces the library's error handling, which redirects to the referring page with the error in the URL.
/// Attack: a cross-site page or a log reads user input from that URL.
fn library_error(error: &ServerFnErrorErr) -> Failure {
    let unreadable = matches!(
        error,
        ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_)
    );
    let metrics = use_context::<Backend>();
    let metrics = metrics.as_ref().map(Backend::metrics);
    let failure = if unreadable {
        metrics.inspect(|metrics| metrics.refused(&Refusal::FormUnreadable));
        Refusal::FormUnreadable.into()
    } else {
        metrics.inspect(|metrics| metrics.failed("library"));
        log("the server function library")
    };
    if let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) {
        let (kind, page) = response_kind(&parts);
        let (status, headers) = unread(kind, page, &failure);
        response.set_status(status);
        for (name, value) in headers {
            response.append_header(name, value);
        }
    }
    failure
}

/// Builds the response to a form for `/api/…` that is rejected before its function runs: a status for a script, 303 and a
/// one-time cookie for a plain form.
#[must_use]
pub fn unreadable_form(path: &str, headers: &HeaderMap) -> (StatusCode, Vec<(HeaderName, HeaderValue)>) {
    let kind = if wants_html(headers) {
        ResponseKind::Redirect
    } else {
        ResponseKind::Json
    };
    unread(kind, page_of_endpoint(path), &Refusal::FormUnreadable.into())
}

fn unread(kind: ResponseKind, page: PageId, failure: &Failure) -> (StatusCode, Vec<(HeaderName, HeaderValue)>) {
    if kind != ResponseKind::Redirect {
        let status = if failure.refusal().is_some() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        return (status, Vec::new());
    }
    let flash = Flash {
        failure: Some(failure.clone()),
        ..Flash::unreadable(page)
    };
    let cookie = flash.to_header().map(|cookie| (SET_COOKIE, cookie));
    (
        StatusCode::SEE_OTHER,
        see_other(page.address()).into_iter().chain(cookie).collect(),
    )
}
