//! Change of the e-mail address.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
use crate::client::{Failure, PageState};
use account::{EmailChangeStep, Secret};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the current step of this browser's change.
#[server(name = Step, prefix = "/api", endpoint = "email/step", input = GetUrl)]
pub async fn step() -> Result<PageState<EmailChangeStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().email_change().step().await;
    request.show(step)
}

/// Begins a change to an address. `account` is the current one, to whose user alone the new one is shown again.
#[server(name = Begin, prefix = "/api", endpoint = "email/begin")]
pub async fn begin(
    #[server(default)] email: String,
    #[server(default)] account: String,
) -> Result<EmailChangeStep, Failure> {
    let request = RequestContext::here()?.keeping_name(&email).keeping_email(&account);
    let transition = retried(|| request.browser().email_change().begin(&email)).await;
    request.tell(transition)
}

/// Submits the e-mailed code.
#[server(name = Answer, prefix = "/api", endpoint = "email/answer")]
pub async fn answer(#[server(default)] code: Secret) -> Result<EmailChangeStep, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().email_change().answer(&code)).await;
    request.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "email/resend")]
pub async fn resend() -> Result<EmailChangeStep, Failure> {
    let request = RequestContext::here()?.resending();
    let transition = retried(|| request.browser().email_change().resend()).await;
    request.tell(transition)
}
