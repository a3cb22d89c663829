//! The security page, the change of the password, the profile.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
#[cfg(any(feature = "ssr", feature = "account"))]
use crate::client::requests::read;
use crate::client::{Failure, PageState};
use account::{ProfileView, Secret, SecurityView};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// What the security page shows; of the activity what was before `before`, or the newest.
#[server(name = View, prefix = "/api", endpoint = "security/view", input = GetUrl)]
pub async fn view(#[server(default)] before: String) -> Result<PageState<SecurityView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.backend.security(&request.held, &before).await;
    request.show(view)
}

/// [`view`] of the activity that the page's address asks for.
#[cfg(all(any(feature = "ssr", feature = "account"), not(target_arch = "wasm32")))]
async fn view_of_address() -> Result<PageState<SecurityView>, Failure> {
    view(crate::route::use_route().query("before").unwrap_or_default()).await
}

/// [`view`], asked in the way of the place.
#[cfg(any(feature = "ssr", feature = "account"))]
pub async fn read_view() -> Result<PageState<SecurityView>, Failure> {
    read!(view_of_address, View)
}

/// What the profile shows.
#[server(name = Profile, prefix = "/api", endpoint = "profile/view", input = GetUrl)]
pub async fn profile() -> Result<PageState<ProfileView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.backend.profile(&request.held).await;
    request.show(view)
}

/// [`profile`], asked in the way of the place.
#[cfg(any(feature = "ssr", feature = "account"))]
pub async fn read_profile() -> Result<PageState<ProfileView>, Failure> {
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
    let request = RequestContext::here()?;
    let end_others = !end_others.is_empty() || others_asked.is_empty();
    let transition = retried(|| {
        request
            .backend
            .change_password(&request.caller, &request.held, &current, &password, &again, end_others)
    })
    .await;
    request.tell(transition)
}

/// Signs one browser out.
#[server(name = EndSession, prefix = "/api", endpoint = "security/end_session")]
pub async fn end_session(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.backend.end_session(&request.caller, &request.held, &id)).await;
    request.tell(transition)
}

/// Signs every other browser out.
#[server(name = EndOthers, prefix = "/api", endpoint = "security/end_others")]
pub async fn end_others() -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.backend.end_other_sessions(&request.caller, &request.held)).await;
    request.tell(transition)
}

/// Asks a trusted device for codes again.
#[server(name = ForgetDevice, prefix = "/api", endpoint = "security/forget_device")]
pub async fn forget_device(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.backend.forget_device(&request.caller, &request.held, &id)).await;
    request.tell(transition)
}
