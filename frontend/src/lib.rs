//! The WASM entry: makes the server's HTML live.

/// Called once by the page's loader, after the first paint, with the words of the page's language.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate(words: &str) {
    // While editing only: the words of a panic cost bytes that everybody would load.
    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    app::words::take(words);
    leptos::mount::hydrate_body(app::App);
}
