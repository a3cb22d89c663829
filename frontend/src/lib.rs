//! The WASM entry: brings the server's page to life.

/// Called once by the page's loader, after the first paint, with the words of the page's language.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn start(words: &str) {
    app::words::take(words);
    app::start();
}
