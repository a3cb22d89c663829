//! A provider's description of itself (OpenID Connect Discovery 1.0).

use super::{ProviderError, fetch};
use crate::trust::{is_encrypted_or_local, is_local};
use reqwest::{Client, Url};
use serde::Deserialize;

/// The used part of a discovery document.
pub(super) struct Discovery {
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    /// How this service authenticates itself at the token endpoint if it has a secret.
    pub authentication: Authentication,
    /// Whether responses always contain `iss` (RFC 9207).
    pub sends_issuer: bool,
}

/// How the client's secret is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authentication {
    /// In the `Authorization` header (`client_secret_basic`).
    Header,
    /// In the body (`client_secret_post`).
    Body,
}

#[derive(Deserialize)]
pub(super) struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Fetches and checks the document of an issuer.
pub(super) async fn fetch(client: &Client, issuer: &str) -> Result<Discovery, ProviderError> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let request = client.get(format!("{base}/.well-known/openid-configuration"));
    let document: Document = fetch::json(request, "the discovery document is malformed").await?;
    checked(document, issuer)
}

pub(super) fn checked(document: Document, issuer: &str) -> Result<Discovery, ProviderError> {
    // Attack: a provider claims to be another one, whose tokens it can then replay. Google's historical issuer without a scheme
    // is not accepted either.
    if document.issuer != issuer {
        return Err(ProviderError::Rejected("the discovery document names another issuer"));
    }
    let issuer_is_local = Url::parse(issuer).is_ok_and(|issuer| is_local(&issuer));
    let endpoint = |address: &str| {
        let url = Url::parse(address).map_err(|_| ProviderError::Rejected("the discovery document is malformed"))?;
        // Attack: the client secret and codes pass the network unencrypted, or a provider reaches services of this machine.
        let is_allowed =
            is_encrypted_or_local(&url) && (issuer_is_local || !is_local(&url)) && url.fragment().is_none();
        is_allowed.then_some(url).ok_or(ProviderError::Rejected(
            "the discovery document names an unsafe address",
        ))
    };
    let authentication = match &document.token_endpoint_auth_methods_supported {
        Some(methods) if !methods.iter().any(|method| method == "client_secret_basic") => Authentication::Body,
        _ => Authentication::Header,
    };
    Ok(Discovery {
        authorization_endpoint: endpoint(&document.authorization_endpoint)?,
        token_endpoint: endpoint(&document.token_endpoint)?,
        jwks_uri: endpoint(&document.jwks_uri)?,
        userinfo_endpoint: document.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
        authentication,
        sends_issuer: document.authorization_response_iss_parameter_supported,
    })
}
