//! The organization page of administrators, and joining an organization.

#[cfg(feature = "ssr")]
use super::request_context::RequestContext;
use crate::client::{Failure, PageState};
use account::{JoinStep, OrganizationView};
#[cfg(feature = "ssr")]
use backend::retried;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Returns the data of the organization page, with the members whose addresses begin with `search`, after the address `after`.
#[server(name = View, prefix = "/api", endpoint = "organization/view", input = GetUrl)]
pub async fn view(
    #[server(default)] search: String,
    #[server(default)] after: String,
) -> Result<PageState<OrganizationView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.browser().organization().view(&search, &after).await;
    request.show(view)
}

/// Calls [`view`] with the search in the page's URL.
#[cfg(feature = "ssr")]
pub async fn read_view() -> Result<PageState<OrganizationView>, Failure> {
    let query = |name| crate::route::use_route().query(name).unwrap_or_default();
    view(query("search"), query("after")).await
}

/// Invites a user.
#[server(name = Invite, prefix = "/api", endpoint = "organization/invite")]
pub async fn invite(#[server(default)] email: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?.keeping_email(&email);
    let transition = retried(|| request.browser().organization().invite(&email)).await;
    request.tell(transition)
}

/// Withdraws an invitation.
#[server(name = Withdraw, prefix = "/api", endpoint = "organization/withdraw")]
pub async fn withdraw(#[server(default)] id: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().withdraw(&id)).await;
    request.tell(transition)
}

/// Deactivates a member.
#[server(name = DisableMember, prefix = "/api", endpoint = "organization/disable")]
pub async fn disable(#[server(default)] id: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().disable(&id)).await;
    request.tell(transition)
}

/// Reactivates a member.
#[server(name = EnableMember, prefix = "/api", endpoint = "organization/enable")]
pub async fn enable(#[server(default)] id: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().enable(&id)).await;
    request.tell(transition)
}

/// Signs a member out everywhere.
#[server(name = EndMemberSessions, prefix = "/api", endpoint = "organization/end_sessions")]
pub async fn end_sessions(#[server(default)] id: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().end_sessions(&id)).await;
    request.tell(transition)
}

/// Removes a member.
#[server(name = RemoveMember, prefix = "/api", endpoint = "organization/remove")]
pub async fn remove(#[server(default)] id: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().remove(&id)).await;
    request.tell(transition)
}

/// Adds a domain.
#[server(name = AddDomain, prefix = "/api", endpoint = "organization/add_domain")]
pub async fn add_domain(#[server(default)] domain: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().add_domain(&domain)).await;
    request.tell(transition)
}

/// Verifies a domain by its DNS record.
#[server(name = VerifyDomain, prefix = "/api", endpoint = "organization/verify_domain")]
pub async fn verify_domain(#[server(default)] id: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().verify_domain(&id)).await;
    request.tell(transition)
}

/// Removes a domain.
#[server(name = RemoveDomain, prefix = "/api", endpoint = "organization/remove_domain")]
pub async fn remove_domain(#[server(default)] id: String) -> Result<OrganizationView, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().organization().remove_domain(&id)).await;
    request.tell(transition)
}

/// Returns the oldest open invitation of the signed-in user.
#[server(name = Invited, prefix = "/api", endpoint = "join/step", input = GetUrl)]
pub async fn invited() -> Result<PageState<JoinStep>, Failure> {
    let request = RequestContext::here()?;
    let step = request.browser().joining().step().await;
    request.show(step)
}

/// Accepts an invitation.
#[server(name = Join, prefix = "/api", endpoint = "join/accept")]
pub async fn join(#[server(default)] id: String) -> Result<JoinStep, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().joining().accept(&id)).await;
    request.tell(transition)
}

/// Declines an invitation.
#[server(name = DeclineInvitation, prefix = "/api", endpoint = "join/decline")]
pub async fn decline_invitation(#[server(default)] id: String) -> Result<JoinStep, Failure> {
    let request = RequestContext::here()?;
    let transition = retried(|| request.browser().joining().decline(&id)).await;
    request.tell(transition)
}

/// Returns all members as CSV, for administrators: address, name, state, last sign-in, role.
///
/// # Errors
/// The status for a caller that is signed out or administers nothing, or a server fault.
#[cfg(feature = "ssr")]
pub async fn members(
    backend: &backend::Backend,
    parts: &http::request::Parts,
) -> Result<Vec<account::MemberRow>, http::StatusCode> {
    let (caller, held) = (super::response::caller(parts), super::cookies::held(&parts.headers));
    match backend.request(&caller, &held).organization().members().await {
        Ok(members) => Ok(members),
        Err(backend::Error::Refused(refusal)) => {
            Err(http::StatusCode::from_u16(refusal.status()).unwrap_or(http::StatusCode::NOT_FOUND))
        }
        Err(error) => {
            super::faults::log(&error.to_string());
            Err(http::StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}
