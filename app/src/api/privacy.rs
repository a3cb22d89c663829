//! The privacy page, and the deletion of the account.

#[cfg(feature = "ssr")]
use super::provider::refused_at;
#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
use crate::client::{Failure, PageState};
#[cfg(feature = "ssr")]
use crate::site_map::PageId;
use account::{DeletionStep, HistoryView, PrivacyView, SignOutStep};
#[cfg(feature = "ssr")]
use backend::flows::AccountData;
#[cfg(feature = "ssr")]
use backend::store::events::Recorded;
#[cfg(feature = "ssr")]
use backend::{Backend, retried};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the data of the privacy page and of the form that deletes the account.
#[server(name = View, prefix = "/api", endpoint = "privacy/view", input = GetUrl)]
pub async fn view() -> Result<PageState<PrivacyView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.browser().deletion().view().await;
    request.show(view)
}

/// Begins the deletion of the account.
#[server(name = DeleteAccount, prefix = "/api", endpoint = "privacy/delete")]
pub async fn delete_account() -> Result<SignOutStep, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().deletion().request()).await;
    request.tell(transition)
}

/// Returns what the owner of an account that waits for its deletion chooses.
#[server(name = Step, prefix = "/api", endpoint = "deletion/step", input = GetUrl)]
pub async fn step() -> Result<PageState<DeletionStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().deletion().step().await;
    request.show(step)
}

/// Keeps the account.
#[server(name = KeepAccount, prefix = "/api", endpoint = "deletion/keep")]
pub async fn keep_account(#[server(default)] next: String) -> Result<DeletionStep, Failure> {
    let request = RequestContext::here()?.keeping_next(&next);
    let transition = retried(|| request.browser().deletion().keep()).await;
    request.tell(transition)
}

/// Returns a page of the activity, before the position `before`.
#[server(name = History, prefix = "/api", endpoint = "privacy/history", input = GetUrl)]
pub async fn history(#[server(default)] before: String) -> Result<PageState<HistoryView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.browser().history().page(&before).await;
    request.show(view)
}

/// Calls [`history`] with the position in the page's URL.
#[cfg(feature = "ssr")]
pub async fn read_history() -> Result<PageState<HistoryView>, Failure> {
    history(crate::route::use_route().query("before").unwrap_or_default()).await
}

/// Returns everything that is stored about the account, or the redirect to the page that shows the refusal. Not a server function,
/// because the answer is a file.
///
/// # Errors
/// The redirect.
#[cfg(feature = "ssr")]
pub async fn account_data(
    backend: &Backend,
    parts: &http::request::Parts,
) -> Result<AccountData, super::BrowserRedirect> {
    let (caller, held) = (super::response::caller(parts), super::cookies::held(&parts.headers));
    let data = retried(|| backend.request(&caller, &held).export().data()).await;
    data.map_err(|error| refused_at(backend, error, PageId::YourData, ""))
}

/// Returns all of the activity, or the redirect to the page that shows the refusal.
///
/// # Errors
/// The redirect.
#[cfg(feature = "ssr")]
pub async fn activity(
    backend: &Backend,
    parts: &http::request::Parts,
) -> Result<Vec<Recorded>, super::BrowserRedirect> {
    let (caller, held) = (super::response::caller(parts), super::cookies::held(&parts.headers));
    let events = retried(|| backend.request(&caller, &held).history().all()).await;
    events.map_err(|error| refused_at(backend, error, PageId::Activity, ""))
}
