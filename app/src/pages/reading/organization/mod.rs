//! The organization page of administrators; one file per section. Without a program: few users are administrators, and all others
//! would load it.

mod domains;
mod events;
mod invitations;
mod members;

use crate::api::organization;
use crate::client::PageState;
use crate::flow::{Flow, Step, page_of};
use crate::pages::account::security::section;
use crate::ui::{Page, use_announce};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, OrganizationView, SecurityDone};
use leptos::prelude::*;

/// `/organization`.
pub(in crate::pages) fn page() -> View {
    page_of(organization::read_view, show)
}

impl Step for OrganizationView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

fn show(state: PageState<OrganizationView>) -> View {
    let flow = Flow::new(state, organization::read_view);
    if let Some(key) = flow.step.with_untracked(|view| view.done).and_then(said) {
        use_announce().say(use_words().say(key));
    }
    flow.show(move |view| overview(flow, view))
}

fn overview(flow: Flow<OrganizationView>, view: OrganizationView) -> AnyView {
    let (words, controller) = (use_words(), flow.controller);
    let provider = match &view.provider {
        Some(provider) => words.say_with("organization.provider", &[("provider", provider)]),
        None => words.say("organization.no_provider"),
    };
    let mail = ["mailto:", &view.administrator_email].concat();
    view! {
        <Page heading=view.name.clone() wide=true>
            <p>{words.say("organization.lead")}</p>
            <p>{provider}</p>
            <p>
                {words.say("organization.contact")} " " <bdi>{view.administrator_name.clone()}</bdi> ", "
                <a href=mail rel="external">
                    <bdi dir="ltr">{view.administrator_email.clone()}</bdi>
                </a>
            </p>
            {section("members", words.say("organization.members"), members::members(&view, controller, words))}
            {section(
                "invitations",
                words.say("organization.invitations"),
                invitations::invitations(view.invitations, flow, words),
            )}
            {section("domains", words.say("organization.domains"), domains::domains(view.domains, controller, words))}
            {section("events", words.say("organization.events"), events::events(view.events, words))}
        </Page>
    }
    .into_any()
}

/// Returns the text for a completed action of this page.
fn said(done: SecurityDone) -> Option<&'static str> {
    Some(match done {
        SecurityDone::Invited => "organization.invited",
        SecurityDone::InvitationWithdrawn => "organization.withdrawn",
        SecurityDone::MemberDisabled => "organization.member_disabled",
        SecurityDone::MemberEnabled => "organization.member_enabled",
        SecurityDone::MemberSessionsEnded => "organization.member_ended",
        SecurityDone::MemberRemoved => "organization.member_removed",
        SecurityDone::DomainAdded => "organization.domain_added",
        SecurityDone::DomainVerified => "organization.domain_verified",
        SecurityDone::DomainRemoved => "organization.domain_removed",
        _ => return None,
    })
}
