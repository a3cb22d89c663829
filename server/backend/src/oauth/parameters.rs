//! The parameters of a request.

/// The parameters of a query or a form.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses `application/x-www-form-urlencoded` text.
    pub fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Returns a parameter. One without a value counts as absent (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Returns whether a parameter of this name is repeated.
    pub fn repeats(&self, name: &str) -> bool {
        self.0.iter().filter(|(known, _)| known == name).count() > 1
    }

    /// Returns whether any parameter is repeated. Attack: a proxy or another parser reads the other one.
    pub fn repeats_any(&self) -> bool {
        self.0.iter().any(|(name, _)| self.repeats(name))
    }
}

/// Returns whether a text is printable ASCII of at most this length. Attack: a huge text, or a NUL, which PostgreSQL rejects.
pub(super) fn is_printable(text: &str, most: usize) -> bool {
    text.len() <= most && text.bytes().all(|b| (b' '..=b'~').contains(&b))
}
