//! The configuration of a client, and what is wrong with it.

use super::client_options::ClientOptions;
use crate::trust::is_encrypted_or_local;
use account::Secret;

/// The configuration of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// The identifier, `client_id` in requests.
    pub id: String,
    /// The name for users.
    pub name: String,
    /// The addresses to which the browser may return.
    pub redirect_uris: Vec<String>,
    /// The client's secret; without it, the client is public, such as a native app.
    pub client_secret: Option<Secret>,
    /// Whether another company operates the product: users are asked before it learns something about them.
    pub third_party: bool,
    /// The addresses to which the browser may return after sign-out.
    pub post_logout_redirect_uris: Vec<String>,
    /// The address that is told when a session ends (OpenID Connect Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// What few clients need.
    pub options: ClientOptions,
}

/// An invalid field of [`ClientSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidClient {
    /// The name of the field.
    pub name: &'static str,
    /// The problem, as a continuation of the name: "is not https".
    pub text: &'static str,
}

/// The longest redirect address.
const URI_LEN: usize = 512;

impl ClientSettings {
    /// Returns whether the client proves who it is: by a secret, or by keys.
    #[must_use]
    pub const fn is_confidential(&self) -> bool {
        self.client_secret.is_some() || self.options.jwks.is_some()
    }

    /// Returns the invalid fields, also those that must differ from `earlier` clients.
    #[must_use]
    pub fn invalid_fields(&self, earlier: &[Self]) -> Vec<InvalidClient> {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_id = (1..=32).contains(&self.id.len()) && self.id.bytes().all(is_allowed);
        let is_repeated = earlier.iter().any(|other| other.id == self.id);
        let is_name = (1..=40).contains(&self.name.chars().count())
            && !self.name.chars().any(char::is_control)
            && self.name.trim() == self.name;
        let none = self.redirect_uris.is_empty().then_some("is empty");
        let uris = none.or_else(|| self.redirect_uris.iter().find_map(|uri| uri_problem(uri)));
        let problem_after = |uris: &[String]| uris.iter().find_map(|uri| uri_problem(uri));
        let is_short = self
            .client_secret
            .as_ref()
            .is_some_and(|secret| secret.expose().len() < 32);
        let id = if !is_id {
            Some("is not an identifier")
        } else {
            is_repeated.then_some("is the identifier of another client")
        };
        let has_both = self.client_secret.is_some() && self.options.jwks.is_some();
        [
            ("id", id),
            ("name", (!is_name).then_some("is empty, too long, or not one line")),
            ("redirect_uris", uris),
            (
                "post_logout_redirect_uris",
                problem_after(&self.post_logout_redirect_uris),
            ),
            (
                "backchannel_logout_uri",
                problem_after(self.backchannel_logout_uri.as_slice()),
            ),
            // Attack: a short secret is guessed offline or at the token endpoint.
            (
                "client_secret_file",
                is_short
                    .then_some("names a file with a short secret")
                    .or(has_both.then_some("is set together with jwks_file")),
            ),
        ]
        .into_iter()
        .chain(self.options.problems())
        .filter_map(|(name, text)| text.map(|text| InvalidClient { name, text }))
        .collect()
    }
}

/// Returns what is wrong with a redirect address.
pub(super) fn uri_problem(uri: &str) -> Option<&'static str> {
    let is_plain = |b: u8| b.is_ascii_graphic() && !b"\"'<>\\^`{|}*".contains(&b);
    let Ok(url) = reqwest::Url::parse(uri) else {
        return Some("has an entry that is not a URL");
    };
    // Attack: someone on the network reads the code.
    if !is_encrypted_or_local(&url) {
        return Some("has an entry that is not https");
    }
    // Attack: a wildcard or an unusual spelling, which browsers and this service read differently.
    if uri.len() > URI_LEN || !uri.bytes().all(is_plain) || !url.as_str().starts_with(uri.trim_end_matches('/')) {
        return Some("has an entry that is too long or not in its usual spelling");
    }
    let has_more = url.fragment().is_some() || !url.username().is_empty() || url.password().is_some();
    has_more.then_some("has an entry with a fragment or a user name")
}
