//! The WASM entry point: starts the app on the server's page.

/// Starts the app. Called once by the page's loader after the first paint, with the texts in the page's language.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn start(words: &str) {
    app::words::take(words);
    app::start();
}
