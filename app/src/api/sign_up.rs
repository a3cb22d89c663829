//! Sign up: e-mail address, e-mailed code, name and password.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
#[cfg(any(feature = "ssr", feature = "entry"))]
use crate::client::requests::read;
use crate::client::{Failure, PageState};
use account::{Secret, SignUpStep};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the current step of this browser's sign-up.
#[server(name = Step, prefix = "/api", endpoint = "sign_up/step", input = GetUrl)]
pub async fn step() -> Result<PageState<SignUpStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().sign_up().step().await;
    request.show_flow(step)
}

/// Calls [`step`]: over the network in the browser, directly on the server.
#[cfg(any(feature = "ssr", feature = "entry"))]
pub async fn read_step() -> Result<PageState<SignUpStep>, Failure> {
    read!(step, Step)
}

/// Begins a sign-up for an address.
#[server(name = Begin, prefix = "/api", endpoint = "sign_up/begin")]
pub async fn begin(#[server(default)] email: String, #[server(default)] next: String) -> Result<SignUpStep, Failure> {
    let request = RequestContext::here()?.keeping_email(&email).keeping_next(&next);
    let transition = retried(|| request.browser().sign_up().begin(&email, &next)).await;
    request.tell(transition)
}

/// Submits the e-mailed code.
#[server(name = Answer, prefix = "/api", endpoint = "sign_up/answer")]
pub async fn answer(#[server(default)] code: Secret, #[server(default)] next: String) -> Result<SignUpStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().sign_up().answer(&code, &next)).await;
    request.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "sign_up/resend")]
pub async fn resend(#[server(default)] next: String) -> Result<SignUpStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next).resending();
    let transition = retried(|| request.browser().sign_up().resend()).await;
    request.tell(transition)
}

/// Creates the account.
#[server(name = Finish, prefix = "/api", endpoint = "sign_up/finish")]
pub async fn finish(
    #[server(default)] name: String,
    #[server(default)] password: Secret,
    #[server(default)] again: Secret,
    #[server(default)] next: String,
) -> Result<SignUpStep, Failure> {
    let request = RequestContext::here()?.keeping_name(&name).keeping_next(&next);
    let transition = retried(|| request.browser().sign_up().finish(&name, &password, &again)).await;
    request.tell(transition)
}
