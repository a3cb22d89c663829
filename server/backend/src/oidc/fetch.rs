//! Requests to providers.

use super::ProviderError;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

/// Maximum length of a response in bytes. Google's longest one has 2 KiB.
pub(super) const LONGEST_RESPONSE: usize = 256 * 1024;

/// Sends a request and returns the status and the body. Errors contain nothing of the response.
pub(super) async fn send(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), ProviderError> {
    let unavailable = |error: reqwest::Error| {
        ProviderError::Unavailable(if error.is_timeout() {
            "the provider did not answer in time"
        } else {
            "the provider cannot be reached"
        })
    };
    let mut response = request.send().await.map_err(unavailable)?;
    let mut body = Vec::new();
    // Attack: an endless response fills the memory.
    while let Some(part) = response.chunk().await.map_err(unavailable)? {
        if body.len() + part.len() > LONGEST_RESPONSE {
            return Err(ProviderError::Rejected("a response of the provider is too long"));
        }
        body.extend_from_slice(&part);
    }
    Ok((response.status(), body))
}

/// Fetches a JSON document. `malformed` is the error for one of another form.
pub(super) async fn json<T: DeserializeOwned>(
    request: RequestBuilder,
    malformed: &'static str,
) -> Result<T, ProviderError> {
    match send(request).await? {
        (StatusCode::OK, body) => serde_json::from_slice(&body).map_err(|_| ProviderError::Rejected(malformed)),
        (status, _) => Err(refused(status)),
    }
}

/// Returns the error for an unexpected status.
pub(super) fn refused(status: StatusCode) -> ProviderError {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        ProviderError::Unavailable("the provider reported a failure")
    } else if status.is_redirection() {
        // Attack: a redirect sends the code and the client secret, or the request for keys, to another server.
        ProviderError::Rejected("the provider redirected a request from this server")
    } else {
        ProviderError::Rejected("the provider refused a request of this server")
    }
}
