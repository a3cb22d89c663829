//! Sign in: e-mail address, password, e-mailed code.

use super::check_your_email::{Ways, check_email, check_your_email, say_when_resent};
use super::provider_buttons::provider_buttons;
use super::request_gone::request_gone;
use crate::api::{reset, sign_in};
use crate::client::{Checked, Fields, PageState, requests};
use crate::flow::{Flow, Form, FormController, Step, page_of};
use crate::route::use_route;
use crate::settings::use_settings;
use crate::ui::{
    Address, ButtonStyle, Checkbox, EmailField, LinkButton, Page, PasswordField, SubmitButton, UsernameHint,
};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, Field, MailedCode, Refusal, SignInStep, safe_next};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/signin`.
pub(in crate::pages) fn page() -> View {
    page_of(sign_in::read_step, show)
}

impl Step for SignInStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::AskEmail { .. } => (0, None),
            Self::EnterPassword { email } => (1, Some(email.clone())),
            Self::EnterCode(mailed) => (2, Some(mailed.email.clone())),
            Self::SignedIn { .. } => (3, None),
            Self::ProveMailbox(mailed) => (4, Some(mailed.email.clone())),
            Self::Through { .. } => (5, None),
        }
    }
}

fn show(state: PageState<SignInStep>) -> View {
    let flow = Flow::new(state, sign_in::read_step);
    flow.follow("sign_in", |step| {
        matches!(
            step,
            SignInStep::EnterPassword { .. } | SignInStep::ProveMailbox(_) | SignInStep::EnterCode(_)
        )
    });
    say_when_resent(flow, |step| match step {
        SignInStep::EnterCode(mailed) | SignInStep::ProveMailbox(mailed) => Some(mailed),
        _ => None,
    });
    let to_reset = flow.controller.leading_to("/reset");
    flow.show(move |step| match step {
        SignInStep::AskEmail { email, resume } => ask_email(flow, email, resume),
        SignInStep::EnterPassword { email } => enter_password(flow.controller, to_reset, email),
        SignInStep::ProveMailbox(mailed) => enter_code(flow, mailed, "sign_in.mailbox_subject", "sign_in.mailbox_lead"),
        SignInStep::EnterCode(mailed) => enter_code(flow, mailed, "sign_in.subject", "sign_in.code_lead"),
        SignInStep::SignedIn { next } => redirecting(safe_next(&next).to_owned(), "sign_in.done"),
        SignInStep::Through { page, .. } => redirecting(page, "through.title"),
    })
}

fn ask_email(flow: Flow<SignInStep>, known: Option<String>, resume: Option<MailedCode>) -> AnyView {
    let (words, route) = (use_words(), use_route());
    let gone = request_gone(known.is_some());
    // The refusal after the last password try refers to this link.
    let forgot = known.is_some().then(|| {
        view! {
            <p>
                <LinkButton href=route.keep_next("/reset") label=words.say("sign_in.forgot") style=ButtonStyle::Link />
            </p>
        }
    });
    let typed = flow.typed_email.get_value().or(known).unwrap_or_default();
    let settings = use_settings();
    // The page names a waiting product itself.
    let why = (settings.product.is_none() && route.query("next").is_some())
        .then(|| view! { <p>{words.say("sign_in.to_continue")}</p> });
    let create = settings.sign_up.then(|| {
        view! {
            <p>
                {words.say("sign_in.no_account")} " "
                <LinkButton href=route.keep_next("/signup") label=words.say("sign_in.create") style=ButtonStyle::Link />
            </p>
        }
    });
    view! {
        <Page heading=words.say("sign_in.title") only_field=Field::Email>
            {gone}
            {why}
            {resume.map(resume_reset)}
            <Form action=sign_in::Begin::PATH controller=flow.controller check=Callback::new(check_email)>
                <EmailField value=typed />
                <SubmitButton label=words.say("sign_in.next") pending=flow.controller.pending() />
            </Form>
            {provider_buttons()}
            {forgot}
            {create}
        </Page>
    }
    .into_any()
}

/// Renders the link that resumes a reset.
fn resume_reset(mailed: MailedCode) -> AnyView {
    let words = use_words();
    let label = words.say_with(
        "sign_in.resume",
        &[
            ("time", &words.time_of_day(mailed.sent_at)),
            ("email", mailed.email.as_str()),
        ],
    );
    view! {
        <p class="notice">
            <a href=use_route().keep_next("/reset")>{label}</a>
        </p>
    }
    .into_any()
}

fn enter_password(controller: FormController, to_reset: FormController, email: EmailAddress) -> AnyView {
    let words = use_words();
    let (shown, carried) = (email.to_string(), email.to_string());
    let check = |fields: Fields| match fields.text(Field::Password).is_empty() {
        true => Checked::Refuse(Refusal::PasswordMissing),
        false => Checked::Send,
    };
    view! {
        <Page heading=words.say("sign_in.password_title") only_field=Field::Password>
            <Form action=sign_in::Restart::PATH controller=controller>
                <p class="who">
                    {words.say("sign_in.as")} " " <Address text=shown /> " "
                    <SubmitButton label=words.say("sign_in.different") style=ButtonStyle::Link />
                </p>
            </Form>
            <Form action=sign_in::Password::PATH controller=controller check=Callback::new(check)>
                <UsernameHint email=email />
                <PasswordField field=Field::Password />
                <SubmitButton label=words.say("sign_in.submit") pending=controller.pending() />
            </Form>
            // A separate form: it does not send the typed password, and Enter still signs in.
            <Form action=reset::Begin::PATH controller=to_reset>
                <input type="hidden" name="email" value=carried />
                <SubmitButton label=words.say("sign_in.forgot") style=ButtonStyle::Link />
            </Form>
        </Page>
    }
    .into_any()
}

fn enter_code(flow: Flow<SignInStep>, mailed: MailedCode, subject: &'static str, lead: &'static str) -> AnyView {
    let words = use_words();
    let ways = Ways {
        subject,
        begin: Some(sign_in::Begin::PATH),
        answer: sign_in::Answer::PATH,
        resend: sign_in::Resend::PATH,
        restart: Some(sign_in::Restart::PATH),
    };
    let days = words.counted("wait.days_", use_settings().trust_days);
    let trust = view! {
        <Checkbox
            name="trust"
            label=words.say_with("sign_in.trust", &[("days", &days)])
            hint=words.say("sign_in.trust_hint")
        />
    };
    check_your_email(&mailed, flow.controller, ways, words.say(lead), Some(trust.into_any()))
}

/// Loads the next page from the server: the frame shows more to signed-in users, and an organization's provider is elsewhere.
pub(super) fn redirecting(next: String, heading: &str) -> AnyView {
    let words = use_words();
    Effect::new({
        let next = next.clone();
        move || requests::go(&next)
    });
    view! {
        <Page heading=words.say(heading)>
            <p>
                <a href=next rel="external">
                    {words.say("sign_in.go_on")}
                </a>
            </p>
        </Page>
    }
    .into_any()
}
