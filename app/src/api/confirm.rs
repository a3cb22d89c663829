//! Reauthentication: a signed-in user proves again who they are.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
#[cfg(any(feature = "ssr", feature = "entry"))]
use crate::client::requests::read;
use crate::client::{Failure, PageState};
use account::{ConfirmStep, Secret};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the current step, or leads on to `next` if the last proof is recent.
#[server(name = Step, prefix = "/api", endpoint = "confirm/step", input = GetUrl)]
pub async fn step() -> Result<PageState<ConfirmStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().confirmation().step(request.next()).await;
    request.show_flow(step)
}

/// Calls [`step`]: over the network in the browser, directly on the server.
#[cfg(any(feature = "ssr", feature = "entry"))]
pub async fn read_step() -> Result<PageState<ConfirmStep>, Failure> {
    read!(step, Step)
}

/// Checks the password.
#[server(name = Password, prefix = "/api", endpoint = "confirm/password")]
pub async fn password(
    #[server(default)] current: Secret,
    #[server(default)] next: String,
) -> Result<ConfirmStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().confirmation().password(&current, &next)).await;
    request.tell(transition)
}

/// E-mails a code.
#[server(name = SendCode, prefix = "/api", endpoint = "confirm/send")]
pub async fn send(#[server(default)] next: String) -> Result<ConfirmStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().confirmation().send(&next)).await;
    request.tell(transition)
}

/// Submits the e-mailed code.
#[server(name = Answer, prefix = "/api", endpoint = "confirm/answer")]
pub async fn answer(#[server(default)] code: Secret, #[server(default)] next: String) -> Result<ConfirmStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().confirmation().answer(&code)).await;
    request.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "confirm/resend")]
pub async fn resend(#[server(default)] next: String) -> Result<ConfirmStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next).resending();
    let transition = retried(|| request.browser().confirmation().resend()).await;
    request.tell(transition)
}
