//! The privacy page, the form that deletes the account, and the choice of an owner who returns. Plain forms, so no program.

use crate::api::{privacy, sign_in};
use crate::client::PageState;
use crate::flow::{Flow, Form, Step, page_of};
use crate::ui::{Address, ButtonStyle, LinkButton, LocalTime, Page, Row, Rows, SubmitButton, When, use_announce};
use crate::view::View;
use crate::words::{Words, use_words};
use account::{DeletionStep, EmailAddress, Organization, PrivacyView, Timestamp};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The way to the form that deletes the account: a recent proof comes first.
const DELETE: &str = "/security/confirm?next=/account/privacy/delete";

impl Step for PrivacyView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

impl Step for DeletionStep {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        match self {
            Self::Choose { email, .. } => (0, Some(email.clone())),
            Self::Nothing { .. } => (1, None),
        }
    }
}

/// `/account/privacy`.
pub(in crate::pages) fn page() -> View {
    page_of(privacy::view, |state| {
        let flow = Flow::new(state, privacy::view);
        flow.show(overview)
    })
}

fn overview(view: PrivacyView) -> AnyView {
    let words = use_words();
    if view.done.is_some() {
        use_announce().say(words.say("your_data.kept"));
    }
    let delete = match &view.managed_by {
        Some(organization) => ask_administrator(organization, words),
        None => view! {
            <Rows>
                <Row action=view! {
                    <a class="button danger" href=DELETE>
                        {words.say("your_data.delete")}
                    </a>
                }.into_any()>
                    <p>{words.say("your_data.delete_what")}</p>
                    <p class="hint">{in_days(view.grace_days, "your_data.delete_when", words)}</p>
                </Row>
            </Rows>
        }
        .into_any(),
    };
    view! {
        <Page heading=words.say("frame.your_data") wide=true>
            <p>
                {words.say("your_data.lead")} " "
                <a href="/privacy">{words.say("your_data.notice")}</a>
            </p>
            <section aria-labelledby="download">
                <h2 id="download">{words.say("your_data.download_title")}</h2>
                <p>{words.say("your_data.download_what")}</p>
                // The answer is a file, so the page stays.
                <form method="post" action="/api/privacy/data">
                    <SubmitButton label=words.say("your_data.download") style=ButtonStyle::Plain />
                </form>
            </section>
            <section aria-labelledby="activity">
                <h2 id="activity">{words.say("history.title")}</h2>
                <p>{words.say("your_data.activity_what")}</p>
                <p>
                    <LinkButton href="/security/activity" label=words.say("your_data.activity") style=ButtonStyle::Plain />
                </p>
            </section>
            <section aria-labelledby="delete">
                <h2 id="delete">{words.say("your_data.delete_title")}</h2>
                {delete}
            </section>
        </Page>
    }
    .into_any()
}

/// `/account/privacy/delete`.
pub(in crate::pages) fn delete() -> View {
    page_of(privacy::view, |state| {
        let flow = Flow::new(state, privacy::view);
        flow.show(move |view| match &view.managed_by {
            Some(organization) => refused(organization),
            None => form(flow, &view),
        })
    })
}

fn form(flow: Flow<PrivacyView>, view: &PrivacyView) -> AnyView {
    let words = use_words();
    let email = view.email.to_string();
    let list = |title: &str, keys: &[&str]| {
        let items = keys.iter().map(|key| words.say(key));
        let items: Vec<_> = items.map(|text| view! { <li>{text}</li> }).collect();
        view! {
            <h2>{words.say(title)}</h2>
            <ul>{items}</ul>
        }
        .into_any()
    };
    let goes = list(
        "deletion.goes",
        &[
            "deletion.goes_account",
            "deletion.goes_devices",
            "deletion.goes_activity",
        ],
    );
    let stays = list(
        "deletion.stays",
        &[
            "deletion.stays_products",
            "deletion.stays_requests",
            "deletion.stays_backups",
        ],
    );
    let lead = in_days(view.grace_days, "deletion.lead", words);
    view! {
        <Page heading=words.say("deletion.title")>
            <p>
                {words.say("deletion.whose")} " " <Address text=email.as_str() />
            </p>
            <p>{lead}</p>
            {goes}
            {stays}
            <h2>{words.say("deletion.instead")}</h2>
            <ul>
                <li>
                    <a href="/security#sessions">{words.say("deletion.instead_sign_out")}</a>
                </li>
            </ul>
            <Form action=privacy::DeleteAccount::PATH controller=flow.controller>
                <SubmitButton label=words.say("deletion.submit") style=ButtonStyle::Danger />
            </Form>
            <p>
                <LinkButton href="/account/privacy" label=words.say("profile.cancel") style=ButtonStyle::Link />
            </p>
        </Page>
    }
    .into_any()
}

fn refused(organization: &Organization) -> AnyView {
    let words = use_words();
    let ask = ask_administrator(organization, words);
    view! { <Page heading=words.say("deletion.title")>{ask}</Page> }.into_any()
}

/// Says whom the user of a managed account asks.
fn ask_administrator(organization: &Organization, words: Words) -> AnyView {
    let mail = ["mailto:", &organization.administrator_email].concat();
    view! {
        <p>{words.say_with("your_data.managed", &[("organization", &organization.name)])}</p>
        <p>
            <bdi>{organization.administrator_name.clone()}</bdi> ", "
            <a href=mail rel="external">
                <bdi dir="ltr">{organization.administrator_email.clone()}</bdi>
            </a>
        </p>
    }
    .into_any()
}

fn in_days(days: i64, key: &str, words: Words) -> String {
    words.say_with(key, &[("days", &words.counted("wait.days_", days))])
}

/// `/account/deletion`.
pub(in crate::pages) fn choice() -> View {
    page_of(privacy::step, |state: PageState<DeletionStep>| {
        let flow = Flow::new(state, privacy::step);
        flow.show(move |step| match step {
            DeletionStep::Choose { email, delete_after } => choose(flow, email, delete_after),
            DeletionStep::Nothing { .. } => ().into_any(),
        })
    })
}

fn choose(flow: Flow<DeletionStep>, email: EmailAddress, delete_after: Timestamp) -> AnyView {
    let words = use_words();
    view! {
        <Page heading=words.say("deletion.pending_title")>
            <p>
                <Address text=email.as_str() />
            </p>
            <p>
                {words.say("deletion.pending")} " "
                <strong>
                    <LocalTime at=delete_after show=When::DayAndTime />
                </strong>
            </p>
            <p>{words.say("deletion.pending_what")}</p>
            <Form action=privacy::KeepAccount::PATH controller=flow.controller>
                <SubmitButton label=words.say("deletion.keep") />
            </Form>
            <Form action=sign_in::SignOut::PATH controller=flow.controller>
                <SubmitButton label=words.say("frame.sign_out") style=ButtonStyle::Plain />
            </Form>
        </Page>
    }
    .into_any()
}
