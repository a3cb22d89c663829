//! Forgot password: e-mail address, e-mailed code, new password.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
#[cfg(any(feature = "ssr", feature = "entry"))]
use crate::client::requests::read;
use crate::client::{Failure, PageState};
use account::{ResetStep, Secret};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the current step of this browser's reset.
#[server(name = Step, prefix = "/api", endpoint = "reset/step", input = GetUrl)]
pub async fn step() -> Result<PageState<ResetStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().reset().step().await;
    request.show_flow(step)
}

/// Calls [`step`]: over the network in the browser, directly on the server.
#[cfg(any(feature = "ssr", feature = "entry"))]
pub async fn read_step() -> Result<PageState<ResetStep>, Failure> {
    read!(step, Step)
}

/// Begins a reset for an address.
#[server(name = Begin, prefix = "/api", endpoint = "reset/begin")]
pub async fn begin(#[server(default)] email: String, #[server(default)] next: String) -> Result<ResetStep, Failure> {
    let request = RequestContext::here()?.keeping_email(&email).keeping_next(&next);
    let transition = retried(|| request.browser().reset().begin(&email, &next)).await;
    request.tell(transition)
}

/// Submits the e-mailed code.
#[server(name = Answer, prefix = "/api", endpoint = "reset/answer")]
pub async fn answer(#[server(default)] code: Secret, #[server(default)] next: String) -> Result<ResetStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().reset().answer(&code, &next)).await;
    request.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "reset/resend")]
pub async fn resend(#[server(default)] next: String) -> Result<ResetStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next).resending();
    let transition = retried(|| request.browser().reset().resend()).await;
    request.tell(transition)
}

/// Sets the new password.
#[server(name = Choose, prefix = "/api", endpoint = "reset/choose")]
pub async fn choose(
    #[server(default)] password: Secret,
    #[server(default)] again: Secret,
    #[server(default)] next: String,
) -> Result<ResetStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().reset().choose(&password, &again)).await;
    request.tell(transition)
}
