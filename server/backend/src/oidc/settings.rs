//! The configuration of providers.

use crate::trust::is_encrypted_or_local;
use account::Secret;

/// The configuration of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The identifier, part of the redirect address: `google`.
    pub id: String,
    /// The name for users: `Google`.
    pub name: String,
    /// The issuer, exactly as in the provider's discovery document: `https://accounts.google.com`.
    pub issuer: String,
    /// The identifier that the provider gave this service.
    pub client_id: String,
    /// The secret that the provider gave this service; without it, this service is a public client.
    pub client_secret: Option<Secret>,
    /// The requested scopes, separated by spaces, including `openid`.
    pub scopes: String,
    /// Whether the sign-in page has a button for this provider.
    pub listed: bool,
}

/// An invalid field of [`ProviderSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidField {
    /// The name of the field.
    pub name: &'static str,
    /// The problem, as a continuation of the name: "is not https".
    pub text: &'static str,
}

impl ProviderSettings {
    /// The scopes for identifying a person.
    pub const DEFAULT_SCOPES: &str = "openid email profile";

    /// Returns the address to which the provider redirects the browser; it must be registered there. Distinct for each provider.
    /// Attack (mix-up, RFC 9700 §4.4): one provider gets the code of another.
    #[must_use]
    pub fn redirect_uri(&self, origin: &str) -> String {
        format!("{origin}/signin/provider/{}/callback", self.id)
    }

    /// Returns the invalid fields, also those that must differ from `earlier` providers. Accounts are linked to issuers, so two
    /// providers with one issuer would share them.
    #[must_use]
    pub fn invalid_fields(&self, earlier: &[Self]) -> Vec<InvalidField> {
        let line = |text: &str, most: usize| {
            let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            (!fits || text.trim() != text).then_some("is empty, too long, or not one line")
        };
        let id = if !is_id(&self.id) {
            Some("is not an identifier")
        } else {
            let is_repeated = earlier.iter().any(|other| other.id == self.id);
            is_repeated.then_some("is the identifier of another provider")
        };
        let is_repeated = earlier.iter().any(|other| other.issuer == self.issuer);
        let issuer = issuer_problem(&self.issuer).or(is_repeated.then_some("is the issuer of another provider"));
        let is_empty = self.client_secret.as_ref().is_some_and(Secret::is_empty);
        let asks_identity = self.scopes.split(' ').any(|scope| scope == "openid");
        [
            ("id", id),
            ("name", line(&self.name, 40)),
            ("issuer", issuer),
            ("client_id", line(&self.client_id, 255)),
            ("client_secret", is_empty.then_some("is empty")),
            (
                "scopes",
                line(&self.scopes, 255).or((!asks_identity).then_some("lacks `openid`")),
            ),
        ]
        .into_iter()
        .filter_map(|(name, text)| text.map(|text| InvalidField { name, text }))
        .collect()
    }
}

/// Checks all providers.
///
/// # Errors
/// A sentence about the first problem.
pub(super) fn check(list: &[ProviderSettings]) -> Result<(), String> {
    for (index, provider) in list.iter().enumerate() {
        if let Some(InvalidField { name, text }) = provider.invalid_fields(&list[..index]).first() {
            return Err(format!("{name} of the provider `{}` {text}", provider.id));
        }
    }
    Ok(())
}

fn is_id(id: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&id.len()) && id.bytes().all(is_allowed)
}

/// Returns what is wrong with an issuer (OpenID Connect Discovery 1.0 §3).
fn issuer_problem(issuer: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(issuer) else {
        return Some("is not a URL");
    };
    // Attack: someone on the network answers as the provider and signs in as anybody.
    if !is_encrypted_or_local(&url) {
        return Some("is not https");
    }
    let has_more =
        url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some();
    has_more.then_some("has more than a host, a port and a path")
}
