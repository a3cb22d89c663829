//! Sign up: e-mail address, e-mailed code, name and password.

use super::check_your_email::{Ways, check_email, check_your_email, say_when_resent};
use super::done::done;
use super::provider_buttons::provider_buttons;
use super::request_gone::request_gone;
use crate::api::sign_up;
use crate::client::{Checked, Fields, PageState};
use crate::flow::{Flow, Form, Step, page_of};
use crate::route::use_route;
use crate::settings::use_settings;
use crate::ui::{
    Address, ButtonStyle, EmailField, LinkButton, NameField, NewPasswords, Page, SubmitButton, UsernameHint,
    check_new_passwords,
};
use crate::view::{View, fixed};
use crate::words::{Words, use_words};
use account::{EmailAddress, Field, MailedCode, Name, Refusal, SignUpStep};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/signup`.
pub(in crate::pages) fn page() -> View {
    if use_settings().sign_up {
        page_of(sign_up::read_step, show)
    } else {
        fixed(closed)
    }
}

fn closed() -> AnyView {
    let words = use_words();
    view! {
        <Page heading=words.say("sign_up.title")>
            <p>{words.say("sign_up.closed")}</p>
            {have_account(words)}
        </Page>
    }
    .into_any()
}

fn have_account(words: Words) -> AnyView {
    view! {
        <p>
            {words.say("sign_up.have_account")} " "
            <LinkButton href=use_route().keep_next("/signin") label=words.say("sign_in.title") style=ButtonStyle::Link />
        </p>
    }
    .into_any()
}

impl Step for SignUpStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::AskEmail { .. } => (0, None),
            Self::EnterCode(mailed) => (1, Some(mailed.email.clone())),
            Self::ChooseDetails { email, .. } => (2, Some(email.clone())),
            Self::Done { email } => (3, Some(email.clone())),
        }
    }
}

fn show(state: PageState<SignUpStep>) -> View {
    let flow = Flow::new(state, sign_up::read_step);
    flow.follow("sign_up", |step| {
        matches!(step, SignUpStep::EnterCode(_) | SignUpStep::ChooseDetails { .. })
    });
    say_when_resent(flow, |step| match step {
        SignUpStep::EnterCode(mailed) => Some(mailed),
        _ => None,
    });
    let to_sign_in = flow.controller.leading_to("/signin");
    flow.show(move |step| match step {
        SignUpStep::AskEmail { email } => ask_email(flow, email),
        SignUpStep::EnterCode(mailed) => enter_code(flow, mailed),
        SignUpStep::ChooseDetails { email, min } => choose_details(flow, email, min),
        SignUpStep::Done { email } => done(to_sign_in, "sign_up", email),
    })
}

fn ask_email(flow: Flow<SignUpStep>, known: Option<String>) -> AnyView {
    let words = use_words();
    let gone = request_gone(known.is_some());
    let typed = flow.typed_email.get_value().or(known).unwrap_or_default();
    view! {
        <Page heading=words.say("sign_up.title") only_field=Field::Email>
            {gone}
            <p>{words.say("sign_up.lead")}</p>
            <Form action=sign_up::Begin::PATH controller=flow.controller check=Callback::new(check_email)>
                <EmailField value=typed />
                <SubmitButton label=words.say("sign_up.next") pending=flow.controller.pending() />
            </Form>
            {provider_buttons()}
            {have_account(words)}
        </Page>
    }
    .into_any()
}

fn enter_code(flow: Flow<SignUpStep>, mailed: MailedCode) -> AnyView {
    let ways = Ways {
        subject: "sign_up.subject",
        begin: Some(sign_up::Begin::PATH),
        answer: sign_up::Answer::PATH,
        resend: sign_up::Resend::PATH,
        restart: None,
    };
    check_your_email(
        &mailed,
        flow.controller,
        ways,
        use_words().say("sign_up.code_lead"),
        None,
    )
}

fn choose_details(flow: Flow<SignUpStep>, email: EmailAddress, min: usize) -> AnyView {
    let words = use_words();
    let shown = email.to_string();
    let typed_name = flow.typed_name.get_value().unwrap_or_default();
    let check = move |fields: Fields| Checked::from(check_details(&fields, min));
    view! {
        <Page heading=words.say("sign_up.details_title")>
            <p class="who">{words.say("sign_up.details_for")} " " <Address text=shown /></p>
            <Form action=sign_up::Finish::PATH controller=flow.controller check=Callback::new(check)>
                <UsernameHint email=email />
                <NameField value=typed_name />
                <NewPasswords min=min />
                <SubmitButton label=words.say("sign_up.submit") pending=flow.controller.pending() />
            </Form>
        </Page>
    }
    .into_any()
}

fn check_details(fields: &Fields, min: usize) -> Result<(), Refusal> {
    Name::parse(&fields.text(Field::Name))?;
    check_new_passwords(min)
}
