//! The requests with this service's credentials, and with those of the user: token endpoint and userinfo endpoint.

use super::discovery::{Authentication, Discovery};
use super::id_token::Person;
use super::{Provider, ProviderError, fetch};
use account::Secret;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

/// The response of the token endpoint.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub id_token: Secret,
    pub access_token: Secret,
}

#[derive(Deserialize)]
struct Userinfo {
    sub: String,
    #[serde(flatten)]
    person: Person,
}

impl Provider {
    /// Redeems a code (OpenID Connect Core 1.0 §3.1.3).
    pub(super) async fn tokens(
        &self,
        discovery: &Discovery,
        code: &Secret,
        verifier: &str,
    ) -> Result<Tokens, ProviderError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", verifier),
        ];
        let client_id = self.settings.client_id.as_str();
        let mut request = self.client.post(discovery.token_endpoint.clone());
        match (&self.settings.client_secret, discovery.authentication) {
            (Some(secret), Authentication::Header) => {
                // Encoded like a form first (RFC 6749 §2.3.1).
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(encoded(client_id), Some(encoded(secret.expose())));
            }
            (Some(secret), Authentication::Body) => {
                form.extend([("client_id", client_id), ("client_secret", secret.expose())]);
            }
            (None, _) => form.push(("client_id", client_id)),
        }
        match fetch::send(request.form(&form)).await? {
            (StatusCode::OK, body) => serde_json::from_slice(&body)
                .map_err(|_| ProviderError::Rejected("the response of the token endpoint is malformed")),
            // `invalid_grant`: the code is unknown, expired, or was redeemed before; `invalid_client`: the secret is incorrect.
            (StatusCode::BAD_REQUEST, _) => Err(ProviderError::Rejected("the provider refused the code")),
            (StatusCode::UNAUTHORIZED, _) => Err(ProviderError::Rejected("the provider refused the client secret")),
            (status, _) => Err(fetch::refused(status)),
        }
    }

    /// Asks for what the ID token lacks (OpenID Connect Core 1.0 §5.3).
    pub(super) async fn userinfo(
        &self,
        endpoint: &Url,
        tokens: &Tokens,
        subject: &str,
    ) -> Result<Person, ProviderError> {
        let request = self.client.get(endpoint.clone());
        let request = request.bearer_auth(tokens.access_token.expose());
        let userinfo: Userinfo = fetch::json(request, "the user information is malformed").await?;
        // Attack: an access token of another person (token substitution).
        if userinfo.sub != subject {
            return Err(ProviderError::Rejected("the user information is about another subject"));
        }
        Ok(userinfo.person)
    }
}
