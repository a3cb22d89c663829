//! *Secure your account*.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
use crate::client::{Failure, PageState};
use account::{Secret, SecureStep};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the current step. Changes nothing, whatever a mail scanner follows.
#[server(name = Step, prefix = "/api", endpoint = "secure/step", input = GetUrl)]
pub async fn step() -> Result<PageState<SecureStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().secure_account().step().await;
    request.show_flow(step)
}

/// E-mails a code to an address.
#[server(name = Begin, prefix = "/api", endpoint = "secure/begin")]
pub async fn begin(#[server(default)] email: String) -> Result<SecureStep, Failure> {
    let request = RequestContext::here()?.keeping_email(&email);
    let transition = retried(|| request.browser().secure_account().begin(&email)).await;
    request.tell(transition)
}

/// Submits the e-mailed code.
#[server(name = Answer, prefix = "/api", endpoint = "secure/answer")]
pub async fn answer(#[server(default)] code: Secret) -> Result<SecureStep, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().secure_account().answer(&code)).await;
    request.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "secure/resend")]
pub async fn resend() -> Result<SecureStep, Failure> {
    let request = RequestContext::here()?.resending();
    let transition = retried(|| request.browser().secure_account().resend()).await;
    request.tell(transition)
}

/// Secures the account.
#[server(name = SecureNow, prefix = "/api", endpoint = "secure/now")]
pub async fn secure() -> Result<SecureStep, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().secure_account().secure()).await;
    request.tell(transition)
}
