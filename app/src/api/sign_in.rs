//! Sign in: e-mail, password, mailed code.

#[cfg(feature = "ssr")]
use super::call::Call;
#[cfg(any(feature = "ssr", feature = "entry"))]
use super::read;
use super::{Failure, Told};
use account::{Secret, SignInStep, SignOutStep};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Where this browser's sign-in stands.
#[server(name = Step, prefix = "/api", endpoint = "sign_in/step", input = GetUrl)]
pub async fn step() -> Result<Told<SignInStep>, Failure> {
    let call = Call::here()?;
    let step = call.backend.sign_in_step(&call.held).await;
    call.show(step)
}

/// [`step`], asked in the way of the place.
#[cfg(any(feature = "ssr", feature = "entry"))]
pub async fn read_step() -> Result<Told<SignInStep>, Failure> {
    read!(step, Step)
}

/// Takes the address down.
#[server(name = Begin, prefix = "/api", endpoint = "sign_in/begin")]
pub async fn begin(#[server(default)] email: String, #[server(default)] next: String) -> Result<SignInStep, Failure> {
    let call = Call::here()?.keeping_email(&email);
    let transition = retried(|| call.backend.begin_sign_in(&call.caller, &call.held, &email, &next)).await;
    call.tell(transition)
}

/// Checks the password.
#[server(name = Password, prefix = "/api", endpoint = "sign_in/password")]
pub async fn password(#[server(default)] password: Secret) -> Result<SignInStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.password_sign_in(&call.caller, &call.held, &password)).await;
    call.tell(transition)
}

/// Answers with the mailed code; `trust` is a ticked box.
#[server(name = Answer, prefix = "/api", endpoint = "sign_in/answer")]
pub async fn answer(#[server(default)] code: Secret, #[server(default)] trust: String) -> Result<SignInStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| {
        call.backend
            .answer_sign_in(&call.caller, &call.held, &code, !trust.is_empty())
    })
    .await;
    call.tell(transition)
}

/// Sends a new code.
#[server(name = Resend, prefix = "/api", endpoint = "sign_in/resend")]
pub async fn resend() -> Result<SignInStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.resend_sign_in(&call.caller, &call.held)).await;
    call.tell(transition)
}

/// "Use a different e-mail".
#[server(name = Restart, prefix = "/api", endpoint = "sign_in/restart")]
pub async fn restart() -> Result<SignInStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.restart_sign_in(&call.held)).await;
    call.tell(transition)
}

/// Ends the browser's session.
#[server(name = SignOut, prefix = "/api", endpoint = "sign_in/sign_out")]
pub async fn sign_out() -> Result<SignOutStep, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.sign_out(&call.caller, &call.held)).await;
    call.tell(transition)
}
