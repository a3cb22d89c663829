//! Documents of requests that the app's router does not see.

use super::assets::Assets;
use super::head::{head, text_size};
use crate::api::settings_of;
use crate::route::Route;
use crate::settings::provide;
use crate::ui::Frame;
use crate::words::Words;
use backend::{Backend, Caller};
use http::HeaderMap;
use leptos::prelude::*;
use leptos_meta::ServerMetaContext;

/// A request for a page outside the router.
pub struct PageOutsideRouter<'a> {
    /// The caller, for the language and the header.
    pub caller: &'a Caller,
    /// The request's headers, for the theme.
    pub headers: &'a HeaderMap,
    /// The address to return to after a choice of language or theme.
    pub address: &'a str,
}

impl PageOutsideRouter<'_> {
    /// Renders the document. `refresh` is the address that the browser opens at once.
    pub(super) fn render(
        &self,
        backend: &Backend,
        assets: &Assets,
        title: impl FnOnce(Words, &str) -> String,
        refresh: Option<&str>,
        content: impl FnOnce() -> AnyView + Send + 'static,
    ) -> String {
        let settings = settings_of(backend, self.caller, self.headers);
        // A root owner: the thread's current owner may belong to another request, and its cleanup would drop this page's signals.
        let owner = Owner::new_root(None);
        let html = owner.with(|| {
            let (head, words) = (head(&settings, assets), Words::of(&settings.language));
            // Escape the title here, because a text child may add the framework's comment marker, which the title would show.
            let title = title(words, &settings.brand);
            let title = title.replace('&', "&amp;").replace('<', "&lt;");
            let refresh = refresh.map(|url| {
                let content = ["0;url=", url].concat();
                view! { <meta http-equiv="refresh" content=content/> }
            });
            let (theme, text_size, signed_in) = (settings.theme, text_size(&settings), settings.signed_in);
            provide(settings);
            Route::provide(self.address);
            provide_context(ServerMetaContext::new().0);
            view! {
                <html lang=words.language dir=words.direction() data-theme=theme.as_str() data-text=text_size>
                    <head>{head} {refresh} <title inner_html=title></title></head>
                    <body>
                            <Frame signed_in=signed_in>{content()}</Frame>
                    </body>
                </html>
            }
            .to_html()
        });
        owner.unset_with_forced_cleanup();
        ["<!DOCTYPE html>", &html].concat()
    }
}
