//! Connects an account at a provider, after its owner has signed in here.

use crate::api::connections;
use crate::client::PageState;
use crate::flow::{Flow, Form, Step, page_of};
use crate::ui::{Address, ButtonStyle, LinkButton, Page, SubmitButton};
use crate::view::View;
use crate::words::use_words;
use account::{ConnectStep, EmailAddress};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/security/connect`.
pub(in crate::pages) fn page() -> View {
    page_of(connections::read_offered, show)
}

impl Step for ConnectStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::Ask { .. } => (0, None),
            Self::Nothing => (1, None),
        }
    }
}

fn show(state: PageState<ConnectStep>) -> View {
    let flow = Flow::new(state, connections::read_offered);
    flow.show(move |step| match step {
        ConnectStep::Ask {
            provider,
            email,
            organization,
        } => ask(flow, &provider, email, organization),
        ConnectStep::Nothing => nothing("connect.nothing"),
    })
}

fn ask(flow: Flow<ConnectStep>, provider: &str, email: String, organization: Option<String>) -> AnyView {
    let words = use_words();
    let say = |key| words.say_with(key, &[("provider", provider)]);
    let (title, account) = (say("connect.title"), say("connect.account"));
    let (lead, effects) = match organization {
        Some(organization) => (
            words.say_with("join.manages", &[("organization", &organization)]),
            Some(words.say("join.effects")),
        ),
        None => (say("connect.lead"), None),
    };
    let controller = flow.controller.leading_on("/security");
    view! {
        <Page heading=title>
            <p>{lead}</p>
            {effects.map(|text| view! { <p>{text}</p> })}
            <p class="who">{account} " " <Address text=email /></p>
            <Form action=connections::Accept::PATH controller=controller>
                <SubmitButton label=words.say("connect.accept") pending=controller.pending() />
            </Form>
            <Form action=connections::Decline::PATH controller=controller>
                <SubmitButton label=words.say("connect.decline") style=ButtonStyle::Link />
            </Form>
        </Page>
    }
    .into_any()
}

/// Says that there is nothing to decide, and leads back to the security page.
pub(in crate::pages) fn nothing(heading: &'static str) -> AnyView {
    let words = use_words();
    view! {
        <Page heading=words.say(heading)>
            <p>
                <LinkButton href="/security" label=words.say("profile.security") style=ButtonStyle::Plain />
            </p>
        </Page>
    }
    .into_any()
}
