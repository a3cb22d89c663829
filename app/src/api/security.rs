//! The security page, the change of the password, the profile.

#[cfg(feature = "ssr")]
use super::call::Call;
#[cfg(any(feature = "ssr", feature = "home"))]
use super::read;
use super::{Failure, Told};
use account::{ProfileView, Secret, SecurityView};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// What the security page shows; of the activity what was before `before`, or the newest.
#[server(name = View, prefix = "/api", endpoint = "security/view", input = GetUrl)]
pub async fn view(#[server(default)] before: String) -> Result<Told<SecurityView>, Failure> {
    let call = Call::here()?;
    let view = call.backend.security(&call.held, &before).await;
    call.show(view)
}

/// [`view`] of the activity that the page's address asks for.
#[cfg(all(any(feature = "ssr", feature = "home"), not(target_arch = "wasm32")))]
async fn view_of_address() -> Result<Told<SecurityView>, Failure> {
    view(crate::route::use_route().query("before").unwrap_or_default()).await
}

/// [`view`], asked in the way of the place.
#[cfg(any(feature = "ssr", feature = "home"))]
pub async fn read_view() -> Result<Told<SecurityView>, Failure> {
    read!(view_of_address, View)
}

/// What the profile shows.
#[server(name = Profile, prefix = "/api", endpoint = "profile/view", input = GetUrl)]
pub async fn profile() -> Result<Told<ProfileView>, Failure> {
    let call = Call::here()?;
    let view = call.backend.profile(&call.held).await;
    call.show(view)
}

/// [`profile`], asked in the way of the place.
#[cfg(any(feature = "ssr", feature = "home"))]
pub async fn read_profile() -> Result<Told<ProfileView>, Failure> {
    read!(profile, Profile)
}

/// Changes the password. The other browsers are signed out, unless a form that asked (`others_asked`) comes back with the box
/// `end_others` unticked.
#[server(name = ChangePassword, prefix = "/api", endpoint = "security/change_password")]
pub async fn change_password(
    #[server(default)] current: Secret,
    #[server(default)] password: Secret,
    #[server(default)] again: Secret,
    #[server(default)] end_others: String,
    #[server(default)] others_asked: String,
) -> Result<SecurityView, Failure> {
    let call = Call::here()?;
    let end_others = !end_others.is_empty() || others_asked.is_empty();
    let transition = retried(|| {
        call.backend
            .change_password(&call.caller, &call.held, &current, &password, &again, end_others)
    })
    .await;
    call.tell(transition)
}

/// Signs one browser out.
#[server(name = EndSession, prefix = "/api", endpoint = "security/end_session")]
pub async fn end_session(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.end_session(&call.caller, &call.held, &id)).await;
    call.tell(transition)
}

/// Signs every other browser out.
#[server(name = EndOthers, prefix = "/api", endpoint = "security/end_others")]
pub async fn end_others() -> Result<SecurityView, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.end_other_sessions(&call.caller, &call.held)).await;
    call.tell(transition)
}

/// Asks a trusted device for codes again.
#[server(name = ForgetDevice, prefix = "/api", endpoint = "security/forget_device")]
pub async fn forget_device(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let call = Call::here()?;
    let transition = retried(|| call.backend.forget_device(&call.caller, &call.held, &id)).await;
    call.tell(transition)
}
