//! The profile.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
use crate::client::{Failure, PageState};
use account::ProfileView;
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the data of the profile page and of its forms.
#[server(name = View, prefix = "/api", endpoint = "profile/view", input = GetUrl)]
pub async fn view() -> Result<PageState<ProfileView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.browser().profile().view().await;
    request.show(view)
}

/// Changes the name. `account` is the address of the user who typed it, to whom alone it is shown again.
#[server(name = ChangeName, prefix = "/api", endpoint = "profile/name")]
pub async fn change_name(
    #[server(default)] name: String,
    #[server(default)] account: String,
) -> Result<ProfileView, Failure> {
    let request = RequestContext::here()?.keeping_name(&name).keeping_email(&account);
    let transition = retried(|| request.browser().profile().change_name(&name)).await;
    request.tell(transition)
}

/// Changes the job title; `account` as above.
#[server(name = ChangeJobTitle, prefix = "/api", endpoint = "profile/job_title")]
pub async fn change_job_title(
    #[server(default)] name: String,
    #[server(default)] account: String,
) -> Result<ProfileView, Failure> {
    let request = RequestContext::here()?.keeping_name(&name).keeping_email(&account);
    let transition = retried(|| request.browser().profile().change_job_title(&name)).await;
    request.tell(transition)
}

/// Changes the organization that the user works for; `account` as above.
#[server(name = ChangeCompany, prefix = "/api", endpoint = "profile/company")]
pub async fn change_company(
    #[server(default)] name: String,
    #[server(default)] account: String,
) -> Result<ProfileView, Failure> {
    let request = RequestContext::here()?.keeping_name(&name).keeping_email(&account);
    let transition = retried(|| request.browser().profile().change_company(&name)).await;
    request.tell(transition)
}

/// Changes the preferred name; `account` as above.
#[server(name = ChangePreferredName, prefix = "/api", endpoint = "profile/preferred_name")]
pub async fn change_preferred_name(
    #[server(default)] name: String,
    #[server(default)] account: String,
) -> Result<ProfileView, Failure> {
    let request = RequestContext::here()?.keeping_name(&name).keeping_email(&account);
    let transition = retried(|| request.browser().profile().change_preferred_name(&name)).await;
    request.tell(transition)
}
