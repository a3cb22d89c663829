//! The addresses of the browser's files.

/// A program for the browser.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The module that starts the WASM.
    pub js: String,
    /// The WASM.
    pub wasm: String,
}

/// The addresses of the browser's files.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    /// The words, by language.
    pub words: Vec<(&'static str, String)>,
    /// For the pages before sign-in.
    pub entry: Program,
    /// For the account pages.
    pub account: Program,
    /// The one stylesheet.
    pub css: String,
    /// Whether pages reload when the server was started again: while editing.
    pub reload: bool,
}

impl Assets {
    /// The address of the words of a language.
    pub(super) fn words_of(&self, language: &str) -> &str {
        let found = self.words.iter().find(|(known, _)| *known == language);
        found.map_or("", |(_, address)| address)
    }
}
