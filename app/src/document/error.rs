//! The document for a request that reaches no page.

use super::assets::Assets;
use super::outside_router::PageOutsideRouter;
use crate::ui;
use backend::{Backend, Caller};
use http::HeaderMap;

/// A request that reaches no page: rejected, too large, rate-limited, failed, or overloaded.
pub struct FailedRequest<'a> {
    /// The caller, for the language and the header.
    pub caller: &'a Caller,
    /// The request's headers, for the theme.
    pub headers: &'a HeaderMap,
    /// The address to return to after a choice of language or theme.
    pub address: &'a str,
    /// The HTTP status of the response.
    pub status: u16,
    /// The reference of the fault in the log.
    pub reference: Option<&'a str>,
    /// The wait before a retry in seconds.
    pub retry_after_s: Option<i64>,
}

/// Renders the error page for a request.
#[must_use]
pub fn error_page(backend: &Backend, assets: &Assets, request: &FailedRequest<'_>) -> String {
    let (status, retry_after_s) = (request.status, request.retry_after_s);
    let reference = request.reference.map(str::to_owned);
    let page = PageOutsideRouter {
        caller: request.caller,
        headers: request.headers,
        address: request.address,
    };
    page.render(
        backend,
        assets,
        |words, brand| ui::error_title(words, status, brand),
        None,
        move || ui::error_page(status, reference, retry_after_s),
    )
}
