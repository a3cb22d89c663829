//! Changes the e-mail address: the new address, then the code that was sent there. Plain forms.

use crate::api::email_change::{Answer, Begin, Resend, step};
use crate::client::PageState;
use crate::flow::{Flow, Form, Step, page_of};
use crate::pages::entry::check_your_email::{Ways, check_your_email};
use crate::ui::{Address, ButtonStyle, Details, LinkButton, NewEmailField, Page, SubmitButton};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, EmailChangeStep, MailedCode, Organization};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

impl Step for EmailChangeStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::Ask { email } => (0, Some(email.clone())),
            Self::EnterCode(mailed) => (1, Some(mailed.email.clone())),
            Self::Done { email } => (2, Some(email.clone())),
            Self::Managed(_) => (3, None),
        }
    }
}

/// `/profile/email`.
pub(in crate::pages) fn page() -> View {
    page_of(step, show)
}

fn show(state: PageState<EmailChangeStep>) -> View {
    let flow = Flow::new(state, step);
    flow.show(move |step| match step {
        EmailChangeStep::Ask { email } | EmailChangeStep::Done { email } => ask(flow, &email),
        EmailChangeStep::EnterCode(mailed) => enter_code(flow, &mailed),
        EmailChangeStep::Managed(organization) => managed(&organization),
    })
}

fn ask(flow: Flow<EmailChangeStep>, current: &EmailAddress) -> AnyView {
    let words = use_words();
    let account = current.to_string();
    // Attack: what another user typed in this browser before the end of their session.
    let is_own = flow.typed_email.get_value().is_some_and(|typed_by| typed_by == account);
    let typed = flow.typed_name.get_value().filter(|_| is_own).unwrap_or_default();
    view! {
        <Page heading=words.say("profile.edit_email")>
            <p class="who">{words.say("email_change.current")} " " <Address text=account.clone() /></p>
            <p>{words.say("email_change.lead")}</p>
            <Form action=Begin::PATH controller=flow.controller>
                <input type="hidden" name="account" value=account />
                <NewEmailField value=typed />
                <SubmitButton label=words.say("email_change.submit") />
            </Form>
            <Details summary=words.say("email_change.lost")>
                <p>{words.say("email_change.lost_proof")}</p>
                <p>
                    {words.say("email_change.lost_else")} " " <a href="/help">{words.say("frame.help")}</a>
                </p>
            </Details>
            {cancel()}
        </Page>
    }
    .into_any()
}

fn enter_code(flow: Flow<EmailChangeStep>, mailed: &MailedCode) -> AnyView {
    let ways = Ways {
        subject: "email_change.subject",
        begin: Some(Begin::PATH),
        answer: Answer::PATH,
        resend: Resend::PATH,
        restart: None,
    };
    let lead = use_words().say("email_change.code_lead");
    check_your_email(mailed, flow.controller, ways, lead, None)
}

fn managed(organization: &Organization) -> AnyView {
    let words = use_words();
    let by = words.say_with("security.managed", &[("organization", &organization.name)]);
    let ask = words.say_with(
        "email_change.managed",
        &[("administrator", &organization.administrator_name)],
    );
    let administrator = organization.administrator_email.clone();
    view! {
        <Page heading=words.say("profile.edit_email")>
            <p>{by}</p>
            <p>{ask} " " <Address text=administrator /></p>
            {cancel()}
        </Page>
    }
    .into_any()
}

fn cancel() -> AnyView {
    view! {
        <p>
            <LinkButton href="/profile" label=use_words().say("profile.cancel") style=ButtonStyle::Link />
        </p>
    }
    .into_any()
}
