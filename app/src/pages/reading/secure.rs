//! *Secure your account*: the page behind every "Wasn't you?". Plain forms, and nothing happens without the e-mailed code.

use crate::api::secure::{Answer, Begin, Resend, SecureNow, step};
use crate::client::PageState;
use crate::flow::{Flow, Form, Step, page_of};
use crate::pages::entry::check_your_email::{Ways, check_your_email};
use crate::pages::entry::request_gone::request_gone;
use crate::ui::{Address, ButtonStyle, EmailField, LinkButton, Notice, Page, SubmitButton};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, Field, MailedCode, SecureStep};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

impl Step for SecureStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::AskEmail { .. } => (0, None),
            Self::EnterCode(mailed) => (1, Some(mailed.email.clone())),
            Self::Review { email, .. } => (2, Some(email.clone())),
            Self::Done { email, .. } => (3, Some(email.clone())),
        }
    }
}

/// `/secure`.
pub(in crate::pages) fn page() -> View {
    page_of(step, show)
}

fn show(state: PageState<SecureStep>) -> View {
    let flow = Flow::new(state, step);
    flow.show(move |step| match step {
        SecureStep::AskEmail { email, is_over } => ask_email(flow, email, is_over),
        SecureStep::EnterCode(mailed) => enter_code(flow, &mailed),
        SecureStep::Review { email, moved_to } => review(flow, email, moved_to),
        SecureStep::Done { email, sets_password } => done(email.to_string(), sets_password),
    })
}

fn ask_email(flow: Flow<SecureStep>, known: Option<String>, is_over: bool) -> AnyView {
    let words = use_words();
    let gone = request_gone(is_over);
    let typed = flow.typed_email.get_value().or(known).unwrap_or_default();
    view! {
        <Page heading=words.say("secure.title") only_field=Field::Email>
            {gone}
            <p>{words.say("secure.lead")}</p>
            <p>{words.say("secure.lead_old")}</p>
            <Form action=Begin::PATH controller=flow.controller>
                <EmailField value=typed />
                <SubmitButton label=words.say("secure.next") />
            </Form>
        </Page>
    }
    .into_any()
}

fn enter_code(flow: Flow<SecureStep>, mailed: &MailedCode) -> AnyView {
    let ways = Ways {
        subject: "secure.subject",
        begin: Some(Begin::PATH),
        answer: Answer::PATH,
        resend: Resend::PATH,
        restart: None,
    };
    let lead = use_words().say("secure.code_lead");
    check_your_email(mailed, flow.controller, ways, lead, None)
}

fn review(flow: Flow<SecureStep>, email: EmailAddress, moved_to: Option<String>) -> AnyView {
    let words = use_words();
    let restore = moved_to.map(|new| {
        let (old, new) = (words.isolated(email.as_str()), words.isolated(&new));
        let restores = words.say_with("secure.restores", &[("old", &old), ("new", &new)]);
        view! { <Notice>{restores}</Notice> }
    });
    let effects = [
        "secure.ends_sessions",
        "secure.ends_codes",
        "secure.disconnects",
        "secure.keeps",
        "secure.new_password",
    ];
    let effects = effects.map(|key| view! { <li>{words.say(key)}</li> });
    view! {
        <Page heading=words.say("secure.review_title")>
            <p class="who">{words.say("secure.account")} " " <Address text=email.as_str() /></p>
            {restore}
            <p>{words.say("secure.review_lead")}</p>
            <ul>{effects}</ul>
            <Form action=SecureNow::PATH controller=flow.controller>
                <SubmitButton label=words.say("secure.submit") />
            </Form>
        </Page>
    }
    .into_any()
}

fn done(email: String, sets_password: bool) -> AnyView {
    let words = use_words();
    let (lead, href, label) = if sets_password {
        ("secure.done_password", "/reset", "secure.choose_password")
    } else {
        ("secure.done_sign_in", "/signin", "secure.sign_in")
    };
    view! {
        <Page heading=words.say("secure.done_title")>
            <p class="who">{words.say("secure.account")} " " <Address text=email /></p>
            <p>{words.say("secure.done_lead")}</p>
            <p>{words.say(lead)}</p>
            <p>
                <LinkButton href=href label=words.say(label) style=ButtonStyle::Main />
            </p>
            <p>{words.say("secure.mailbox")}</p>
        </Page>
    }
    .into_any()
}
