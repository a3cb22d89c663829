//! The document for a request that reaches no page.

use super::assets::Assets;
use super::head::head;
use crate::api::settings_of;
use crate::route::Route;
use crate::settings::provide;
use crate::ui::{self, Frame};
use crate::words::Words;
use backend::{Backend, Caller};
use http::HeaderMap;
use leptos::prelude::*;
use leptos_meta::ServerMetaContext;

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
    let settings = settings_of(backend, request.caller, request.headers);
    let (status, retry_after_s) = (request.status, request.retry_after_s);
    let reference = request.reference.map(str::to_owned);
    // A root owner: the thread's current owner may belong to another request, and its cleanup would drop this page's signals.
    let owner = Owner::new_root(None);
    let html = owner.with(|| {
        let (head, words) = (head(&settings, assets), Words::of(&settings.language));
        // Escape the title here, because a text child may add the framework's comment marker, which the title would show.
        let title = ui::error_title(words, status, &settings.brand);
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        let (theme, signed_in) = (settings.theme, settings.signed_in);
        provide(settings);
        Route::provide(request.address);
        provide_context(ServerMetaContext::new().0);
        view! {
            <html lang=words.language dir=words.direction() data-theme=theme.as_str()>
                <head>{head} <title inner_html=title></title></head>
                <body>
                        <Frame signed_in=signed_in>{ui::error_page(status, reference, retry_after_s)}</Frame>
                </body>
            </html>
        }
        .to_html()
    });
    owner.unset_with_forced_cleanup();
    ["<!DOCTYPE html>", &html].concat()
}
