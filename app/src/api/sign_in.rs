//! Sign in: e-mail address, password, e-mailed code.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
#[cfg(any(feature = "ssr", feature = "entry"))]
use crate::client::requests::read;
use crate::client::{Failure, PageState};
use account::{Secret, SignInStep, SignOutStep};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the current step of this browser's sign-in.
#[server(name = Step, prefix = "/api", endpoint = "sign_in/step", input = GetUrl)]
pub async fn step() -> Result<PageState<SignInStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().sign_in().step(request.next()).await;
    request.show_flow(step)
}

/// Calls [`step`]: over the network in the browser, directly on the server.
#[cfg(any(feature = "ssr", feature = "entry"))]
pub async fn read_step() -> Result<PageState<SignInStep>, Failure> {
    read!(step, Step)
}

/// Begins a sign-in with an address; a non-empty `own` means that no organization manages the account.
#[server(name = Begin, prefix = "/api", endpoint = "sign_in/begin")]
pub async fn begin(
    #[server(default)] email: String,
    #[server(default)] next: String,
    #[server(default)] own: String,
) -> Result<SignInStep, Failure> {
    let request = RequestContext::here()?.keeping_email(&email).keeping_next(&next);
    let transition = retried(|| request.browser().sign_in().begin(&email, &next, !own.is_empty())).await;
    request.tell(transition)
}

/// Checks the password.
#[server(name = Password, prefix = "/api", endpoint = "sign_in/password")]
pub async fn password(
    #[server(default)] password: Secret,
    #[server(default)] next: String,
) -> Result<SignInStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().sign_in().password(&password, &next)).await;
    request.tell(transition)
}

/// Submits the e-mailed code; a non-empty `trust` means that the box to trust this device is ticked.
#[server(name = Answer, prefix = "/api", endpoint = "sign_in/answer")]
pub async fn answer(
    #[server(default)] code: Secret,
    #[server(default)] trust: String,
    #[server(default)] next: String,
) -> Result<SignInStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().sign_in().answer(&code, !trust.is_empty(), &next)).await;
    request.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "sign_in/resend")]
pub async fn resend(#[server(default)] next: String) -> Result<SignInStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next).resending();
    let transition = retried(|| request.browser().sign_in().resend()).await;
    request.tell(transition)
}

/// Returns to the first step ("Use a different e-mail").
#[server(name = Restart, prefix = "/api", endpoint = "sign_in/restart")]
pub async fn restart(#[server(default)] next: String) -> Result<SignInStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().sign_in().restart()).await;
    request.tell(transition)
}

/// Ends the browser's session.
#[server(name = SignOut, prefix = "/api", endpoint = "sign_in/sign_out")]
pub async fn sign_out(#[server(default)] next: String) -> Result<SignOutStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().sessions().sign_out()).await;
    request.tell(transition)
}
