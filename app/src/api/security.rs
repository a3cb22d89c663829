//! The security page and password change.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
#[cfg(any(feature = "ssr", feature = "account"))]
use crate::client::requests::read;
use crate::client::{Failure, PageState};
use account::{Secret, SecurityView};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the data of the security page, with the activity before `before` or the newest.
#[server(name = View, prefix = "/api", endpoint = "security/view", input = GetUrl)]
pub async fn view(#[server(default)] before: String) -> Result<PageState<SecurityView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.browser().sessions().security(&before).await;
    request.show(view)
}

/// Calls [`view`] with the position in the page's URL.
#[cfg(all(any(feature = "ssr", feature = "account"), not(target_arch = "wasm32")))]
async fn view_of_address() -> Result<PageState<SecurityView>, Failure> {
    view(crate::route::use_route().query("before").unwrap_or_default()).await
}

/// Calls [`view`]: over the network in the browser, directly on the server.
#[cfg(any(feature = "ssr", feature = "account"))]
pub async fn read_view() -> Result<PageState<SecurityView>, Failure> {
    read!(view_of_address, View)
}

/// Changes the password. Ends all other sessions, unless the form offers that choice (`others_asked`) and the user declines.
#[server(name = ChangePassword, prefix = "/api", endpoint = "security/change_password")]
pub async fn change_password(
    #[server(default)] current: Secret,
    #[server(default)] password: Secret,
    #[server(default)] again: Secret,
    #[server(default)] end_others: String,
    #[server(default)] others_asked: String,
    #[server(default)] next: String,
) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let end_others = !end_others.is_empty() || others_asked.is_empty();
    let transition = retried(|| {
        request
            .browser()
            .password_change()
            .change(&current, &password, &again, end_others)
    })
    .await;
    request.tell(transition)
}

/// Adds a password to an account without one.
#[server(name = AddPassword, prefix = "/api", endpoint = "security/add_password")]
pub async fn add_password(
    #[server(default)] password: Secret,
    #[server(default)] again: Secret,
    #[server(default)] next: String,
) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().password_change().add(&password, &again)).await;
    request.tell(transition)
}

/// Ends one session.
#[server(name = EndSession, prefix = "/api", endpoint = "security/end_session")]
pub async fn end_session(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().sessions().end(&id)).await;
    request.tell(transition)
}

/// Ends all other sessions.
#[server(name = EndOthers, prefix = "/api", endpoint = "security/end_others")]
pub async fn end_others() -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().sessions().end_others()).await;
    request.tell(transition)
}

/// Stops trusting a device, so that it must enter codes again.
#[server(name = ForgetDevice, prefix = "/api", endpoint = "security/forget_device")]
pub async fn forget_device(#[server(default)] id: String) -> Result<SecurityView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().sessions().forget_device(&id)).await;
    request.tell(transition)
}
