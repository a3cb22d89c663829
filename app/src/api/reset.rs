//! Forgot password: e-mail, mailed code, new password.

#[cfg(feature = "ssr")]
use super::call::Call;
#[cfg(any(feature = "ssr", feature = "entry"))]
use super::read;
use super::{Failure, Told};
use account::{ResetStep, Secret};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Where this browser's reset stands.
#[server(name = Step, prefix = "/api", endpoint = "reset/step", input = GetUrl)]
pub async fn step() -> Result<Told<ResetStep>, Failure> {
    let call = Call::here()?;
    let step = call.backend.reset_step(&call.held).await;
    call.show(step)
}

/// [`step`], asked in the way of the place.
#[cfg(any(feature = "ssr", feature = "entry"))]
pub async fn read_step() -> Result<Told<ResetStep>, Failure> {
    read!(step, Step)
}

/// Begins a reset for an address.
#[server(name = Begin, prefix = "/api", endpoint = "reset/begin")]
pub async fn begin(#[server(default)] email: String) -> Result<ResetStep, Failure> {
    let call = Call::here()?.keeping_email(&email);
    let transition = retried(|| call.backend.begin_reset(&call.caller, &call.held, &email)).await;
    call.tell(transition)
}

/// Answers with the mailed code.
#[server(name = Answer, prefix = "/api", endpoint = "reset/answer")]
pub async fn answer(#[server(default)] code: Secret) -> Result<ResetStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.answer_reset(&call.caller, &call.held, &code)).await;
    call.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "reset/resend")]
pub async fn resend() -> Result<ResetStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.resend_reset(&call.caller, &call.held)).await;
    call.tell(transition)
}

/// Sets the new password.
#[server(name = Choose, prefix = "/api", endpoint = "reset/choose")]
pub async fn choose(
    #[server(default)] password: Secret,
    #[server(default)] again: Secret,
) -> Result<ResetStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.choose_reset(&call.caller, &call.held, &password, &again)).await;
    call.tell(transition)
}
