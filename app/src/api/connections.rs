//! Connected accounts at providers.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
#[cfg(any(feature = "ssr", feature = "account"))]
use crate::client::requests::read;
use crate::client::{Failure, PageState};
use account::{ConnectStep, SecurityView};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the account at a provider that waits to be connected.
#[server(name = Offered, prefix = "/api", endpoint = "connect/step", input = GetUrl)]
pub async fn offered() -> Result<PageState<ConnectStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().connections().step().await;
    request.show(step)
}

/// Calls [`offered`]: over the network in the browser, directly on the server.
#[cfg(any(feature = "ssr", feature = "account"))]
pub async fn read_offered() -> Result<PageState<ConnectStep>, Failure> {
    read!(offered, Offered)
}

/// Connects it.
#[server(name = Accept, prefix = "/api", endpoint = "connect/accept")]
pub async fn accept(#[server(default)] next: String) -> Result<ConnectStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().connections().accept()).await;
    request.tell(transition)
}

/// Declines it.
#[server(name = Decline, prefix = "/api", endpoint = "connect/decline")]
pub async fn decline(#[server(default)] next: String) -> Result<ConnectStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = request.browser().connections().decline();
    request.tell(Ok(transition))
}

/// Disconnects a product.
#[server(name = DisconnectProduct, prefix = "/api", endpoint = "security/disconnect_product")]
pub async fn disconnect_product(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().products().disconnect(&id)).await;
    request.tell(transition)
}

/// Disconnects an account at a provider.
#[server(name = Disconnect, prefix = "/api", endpoint = "security/disconnect")]
pub async fn disconnect(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().connections().disconnect(&id)).await;
    request.tell(transition)
}
