//! Joins an organization that has invited the signed-in user. Two plain forms, so that the page needs no program.

use crate::api::organization;
use crate::client::PageState;
use crate::flow::{Flow, Form, Step, page_of};
use crate::pages::account::connect::nothing;
use crate::ui::{ButtonStyle, Page, SubmitButton};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, InvitationOffer, JoinStep};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/organization/join`.
pub(in crate::pages) fn page() -> View {
    page_of(organization::invited, show)
}

impl Step for JoinStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::Ask(_) => (0, None),
            Self::Nothing => (1, None),
        }
    }
}

fn show(state: PageState<JoinStep>) -> View {
    let flow = Flow::new(state, organization::invited);
    flow.show(move |step| match step {
        JoinStep::Ask(offer) => ask(flow, offer),
        JoinStep::Nothing => nothing("join.nothing"),
    })
}

fn ask(flow: Flow<JoinStep>, InvitationOffer { id, organization: name }: InvitationOffer) -> AnyView {
    let words = use_words();
    let say = |key| words.say_with(key, &[("organization", &name)]);
    let (title, manages, effects) = (say("join.title"), say("join.manages"), say("join.effects"));
    let controller = flow.controller;
    let declined = id.clone();
    view! {
        <Page heading=title>
            <p>{manages}</p>
            <p>{effects}</p>
            <Form action=organization::Join::PATH controller=controller>
                <input type="hidden" name="id" value=id />
                <SubmitButton label=words.say("join.accept") pending=controller.pending() />
            </Form>
            <Form action=organization::DeclineInvitation::PATH controller=controller>
                <input type="hidden" name="id" value=declined />
                <SubmitButton label=words.say("join.decline") style=ButtonStyle::Link />
            </Form>
        </Page>
    }
    .into_any()
}
