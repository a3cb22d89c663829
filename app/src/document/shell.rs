//! The document of an app page.

use super::assets::Assets;
use super::head::{clock, dates, head, text_size};
use super::script;
use crate::api::settings_here;
use crate::client::initial_state;
use crate::pages::App;
use crate::route::asked_for;
use crate::site_map::{PageId, Script};
use crate::words::Words;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

/// Renders the complete document of a page. Takes the backend and the [`Assets`] from the context; `options` are those of
/// `cargo leptos watch`, for reloading.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let assets: Assets = use_context().unwrap_or_default();
    let settings = settings_here();
    let words = Words::of(&settings.language);
    let path = asked_for();
    let page = PageId::at(path.split('?').next().unwrap_or_default());
    let script = page.map_or(Script::Reading, PageId::script);
    let state = (script != Script::Reading).then(|| initial_state::settings(&settings));
    let script = script::of(script, &assets, words.language);
    view! {
        <!DOCTYPE html>
        <html
            lang=words.language
            dir=words.direction()
            data-theme=settings.theme.as_str()
            data-text=text_size(&settings)
            data-zone=settings.times.zone.clone()
            data-dates=dates(&settings)
            data-clock=clock(&settings)
        >
            <head>
                {head(&settings, &assets)}
                {state}
                <MetaTags />
                <AutoReload options />
                // Replaces the library's tags, which load the WASM before the first paint and add unneeded nonces.
                <script type="module" nonce=use_nonce()>
                    {script}
                </script>
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}
