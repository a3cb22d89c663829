//! Forgot password: e-mail address, e-mailed code, new password.

use super::check_your_email::{Ways, check_email, check_your_email, say_when_resent};
use super::done::done;
use super::request_gone::request_gone;
use crate::api::reset;
use crate::client::{Checked, Fields, PageState};
use crate::flow::{Flow, Form, Step, page_of};
use crate::route::use_route;
use crate::ui::{
    Address, ButtonStyle, EmailField, LinkButton, NewPasswords, Page, SubmitButton, UsernameHint, check_new_passwords,
};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, Field, MailedCode, ResetStep};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/reset`.
pub(in crate::pages) fn page() -> View {
    page_of(reset::read_step, show)
}

impl Step for ResetStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::AskEmail { .. } => (0, None),
            Self::EnterCode(mailed) => (1, Some(mailed.email.clone())),
            Self::ChoosePassword { email, .. } => (2, Some(email.clone())),
            Self::Done { email } => (3, Some(email.clone())),
        }
    }
}

fn show(state: PageState<ResetStep>) -> View {
    let flow = Flow::new(state, reset::read_step);
    flow.follow("reset", |step| {
        matches!(step, ResetStep::EnterCode(_) | ResetStep::ChoosePassword { .. })
    });
    say_when_resent(flow, |step| match step {
        ResetStep::EnterCode(mailed) => Some(mailed),
        _ => None,
    });
    let to_sign_in = flow.controller.leading_to("/signin");
    flow.show(move |step| match step {
        ResetStep::AskEmail { email } => ask_email(flow, email),
        ResetStep::EnterCode(mailed) => enter_code(flow, mailed),
        ResetStep::ChoosePassword { email, min } => choose_password(flow, email, min),
        ResetStep::Done { email } => done(to_sign_in, "reset", email),
    })
}

fn ask_email(flow: Flow<ResetStep>, known: Option<String>) -> AnyView {
    let words = use_words();
    let gone = request_gone(known.is_some());
    let typed = flow.typed_email.get_value().or(known).unwrap_or_default();
    view! {
        <Page heading=words.say("reset.title") only_field=Field::Email>
            {gone}
            <p>{words.say("reset.lead")}</p>
            <Form action=reset::Begin::PATH controller=flow.controller check=Callback::new(check_email)>
                <EmailField value=typed />
                <SubmitButton label=words.say("reset.next") pending=flow.controller.pending() />
            </Form>
            <p>
                <LinkButton href=use_route().keep_next("/signin") label=words.say("reset.back") style=ButtonStyle::Link />
            </p>
        </Page>
    }
    .into_any()
}

fn enter_code(flow: Flow<ResetStep>, mailed: MailedCode) -> AnyView {
    let ways = Ways {
        subject: "reset.subject",
        begin: Some(reset::Begin::PATH),
        answer: reset::Answer::PATH,
        resend: reset::Resend::PATH,
        restart: None,
    };
    check_your_email(&mailed, flow.controller, ways, use_words().say("reset.code_lead"), None)
}

fn choose_password(flow: Flow<ResetStep>, email: EmailAddress, min: usize) -> AnyView {
    let words = use_words();
    let shown = email.to_string();
    let check = move |_: Fields| Checked::from(check_new_passwords(min));
    view! {
        <Page heading=words.say("reset.choose_title")>
            <p class="who">{words.say("reset.choose_for")} " " <Address text=shown /></p>
            <p>{words.say("reset.choose_lead")}</p>
            <Form action=reset::Choose::PATH controller=flow.controller check=Callback::new(check)>
                <UsernameHint email=email />
                <NewPasswords min=min />
                <SubmitButton label=words.say("reset.submit") pending=flow.controller.pending() />
            </Form>
        </Page>
    }
    .into_any()
}
