//! "Confirm that it's you", before a sensitive action.

use super::check_your_email::{Ways, check_your_email, say_when_resent};
use super::sign_in::redirecting;
use crate::api::confirm;
use crate::client::{Checked, Fields, PageState};
use crate::flow::{Flow, Form, Step, page_of};
use crate::route::use_route;
use crate::settings::use_settings;
use crate::ui::{Address, ButtonStyle, LinkButton, Page, PasswordField, SubmitButton, UsernameHint};
use crate::view::View;
use crate::words::use_words;
use account::{ConfirmStep, EmailAddress, Field, MailedCode, ProviderButton, Refusal, safe_next};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/security/confirm`.
pub(in crate::pages) fn page() -> View {
    page_of(confirm::read_step, show)
}

impl Step for ConfirmStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::Choose { email, .. } => (0, Some(email.clone())),
            Self::EnterCode(mailed) => (1, Some(mailed.email.clone())),
            Self::Done { .. } => (2, None),
        }
    }
}

fn show(state: PageState<ConfirmStep>) -> View {
    let flow = Flow::new(state, confirm::read_step);
    flow.follow("confirm", |step| matches!(step, ConfirmStep::EnterCode(_)));
    say_when_resent(flow, |step| match step {
        ConfirmStep::EnterCode(mailed) => Some(mailed),
        _ => None,
    });
    flow.show(move |step| match step {
        ConfirmStep::Choose {
            email,
            password,
            provider,
        } => choose(flow, email, password, provider),
        ConfirmStep::EnterCode(mailed) => enter_code(flow, mailed),
        ConfirmStep::Done { next } => redirecting(safe_next(&next).to_owned(), "confirm.done"),
    })
}

fn choose(
    flow: Flow<ConfirmStep>,
    email: EmailAddress,
    has_password: bool,
    provider: Option<ProviderButton>,
) -> AnyView {
    let words = use_words();
    let lead = match use_settings().product {
        Some(product) => words.say_with("confirm.product_lead", &[("product", &words.isolated(&product))]),
        None => words.say("confirm.lead"),
    };
    let shown = email.to_string();
    let password = has_password.then(|| with_password(flow, email));
    let at_provider = provider.map(|ProviderButton { id, name }| {
        let label = words.say_with("sign_in.with_provider", &[("provider", &name)]);
        let href = use_route().keep_next(&["/signin/provider/", &id, "?intent=confirm"].concat());
        view! {
            <p>
                <LinkButton href=href label=label style=ButtonStyle::Plain />
            </p>
        }
    });
    let mailed = (!has_password).then(|| {
        view! {
            <Form action=confirm::SendCode::PATH controller=flow.controller>
                <SubmitButton label=words.say("confirm.send") pending=flow.controller.pending() />
            </Form>
        }
    });
    view! {
        <Page heading=words.say("confirm.title")>
            <p>{lead}</p>
            <p class="who">{words.say("security.signed_in_as")} " " <Address text=shown /></p>
            {password}
            {mailed}
            {at_provider}
            {cancel()}
        </Page>
    }
    .into_any()
}

/// Renders the link that ends the confirmation: back to the product that waits, or to the security page.
pub(super) fn cancel() -> AnyView {
    let href = match use_settings().product {
        Some(_) => use_route().keep_next("/oauth/cancel"),
        None => "/security".to_owned(),
    };
    view! {
        <p>
            <LinkButton href=href label=use_words().say("confirm.cancel") style=ButtonStyle::Link />
        </p>
    }
    .into_any()
}

fn with_password(flow: Flow<ConfirmStep>, email: EmailAddress) -> AnyView {
    let words = use_words();
    let check = |fields: Fields| match fields.text(Field::Current).is_empty() {
        true => Checked::Refuse(Refusal::CurrentMissing),
        false => Checked::Send,
    };
    view! {
        <Form action=confirm::Password::PATH controller=flow.controller check=Callback::new(check)>
            <UsernameHint email=email />
            <PasswordField field=Field::Current />
            <SubmitButton label=words.say("confirm.submit") pending=flow.controller.pending() />
        </Form>
    }
    .into_any()
}

fn enter_code(flow: Flow<ConfirmStep>, mailed: MailedCode) -> AnyView {
    let ways = Ways {
        subject: "confirm.subject",
        begin: None,
        answer: confirm::Answer::PATH,
        resend: confirm::Resend::PATH,
        restart: None,
    };
    check_your_email(
        &mailed,
        flow.controller,
        ways,
        use_words().say("confirm.code_lead"),
        None,
    )
}
