//! The document for a request that reaches no page.

use super::assets::Assets;
use super::head::head;
use crate::api::public_settings;
use crate::route::Route;
use crate::settings::provide;
use crate::ui::{self, Frame};
use crate::words::Words;
use backend::Backend;
use leptos::prelude::*;
use leptos_meta::ServerMetaContext;

/// Renders the error page for a request that reaches no page: rejected, too large, rate-limited, failed, or overloaded.
///
/// `status` is the HTTP status of the response; `reference` identifies the fault in the log.
#[must_use]
pub fn error_page(
    backend: &Backend,
    assets: &Assets,
    language: &str,
    status: u16,
    reference: Option<&str>,
    retry_after_s: Option<i64>,
) -> String {
    let settings = public_settings(backend, language);
    let reference = reference.map(str::to_owned);
    // A root owner: the thread's current owner may belong to another request, and its cleanup would drop this page's signals.
    let owner = Owner::new_root(None);
    let html = owner.with(|| {
        let (head, words) = (head(&settings, assets), Words::of(language));
        // Escape the title here, because a text child may add the framework's comment marker, which the title would show.
        let title = ui::error_title(words, status, &settings.brand);
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        provide(settings);
        Route::provide("/");
        provide_context(ServerMetaContext::new().0);
        view! {
            <html lang=words.language dir=words.direction() data-theme="auto">
                <head>{head} <title inner_html=title></title></head>
                <body>
                        <Frame signed_in=false>{ui::error_page(status, reference, retry_after_s)}</Frame>
                </body>
            </html>
        }
        .to_html()
    });
    owner.unset_with_forced_cleanup();
    ["<!DOCTYPE html>", &html].concat()
}
