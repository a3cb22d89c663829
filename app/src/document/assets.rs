//! The URLs of the pages' files.

/// The URLs of a WASM program.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The JavaScript module that starts the WASM.
    pub js: String,
    /// The WASM file.
    pub wasm: String,
}

/// The URLs of the files that pages load.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    /// The text catalogues, by language.
    pub words: Vec<(&'static str, String)>,
    /// The program of the pages before sign-in.
    pub entry: Program,
    /// The program of the account pages.
    pub account: Program,
    /// The stylesheet.
    pub css: String,
    /// Whether pages reload when the server restarts; for development.
    pub reload: bool,
}

impl Assets {
    /// Returns the URL of a language's catalogue.
    pub(super) fn words_of(&self, language: &str) -> &str {
        let found = self.words.iter().find(|(known, _)| *known == language);
        found.map_or("", |(_, address)| address)
    }
}
