//! The security page: how one signs in, where one is signed in, what happened lately.

use crate::api::{security, sign_in};
use crate::client::PageState;
use crate::flow::{Flow, Form, FormController, Step, page_of};
use crate::settings::use_settings;
use crate::ui::{ButtonStyle, LocalTime, Notice, Page, Row, Rows, SubmitButton, When, move_focus, use_announce};
use crate::view::View;
use crate::words::{Words, use_words};
use account::{
    Attempts, DeviceRow, EmailAddress, Organization, PasswordAccess, PasswordRow, SecurityDone, SecurityView,
    SessionRow,
};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Where people change the password that Google keeps.
const GOOGLE: &str = "https://myaccount.google.com/signinoptions/password";

/// `/security`.
pub(in crate::pages) fn page() -> View {
    page_of(security::read_view, show)
}

impl Step for SecurityView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

fn show(state: PageState<SecurityView>) -> View {
    let words = use_words();
    let flow = Flow::new(state, security::read_view);
    say_what_is_done(flow.step, words);
    flow.show(move |view| overview(view, flow.controller, words))
}

fn overview(view: SecurityView, controller: FormController, words: Words) -> AnyView {
    view! {
        <Page heading=words.say("security.title") wide=true>
            <p>{words.say("security.lead")}</p>
            <p class="who">{words.say("security.signed_in_as")} " " <bdi dir="ltr">{view.email.to_string()}</bdi></p>
            {password_section(view.password.clone(), words)}
            {section("confirmation", words.say("security.confirmation"), confirmation(words))}
            {section("devices", words.say("security.devices"), devices(view.devices.clone(), controller, words))}
            {section("sessions", words.say("security.sessions"), sessions(view.sessions.clone(), controller, words))}
            {section("activity", words.say("security.activity"), activity(view, words))}
        </Page>
    }
    .into_any()
}

/// In the status region; and as what was pressed is gone with its row, the focus goes to the heading above it.
fn say_what_is_done(view: RwSignal<SecurityView>, words: Words) {
    let announce = use_announce();
    let say = move |done: SecurityDone| {
        let (key, list) = match done {
            SecurityDone::PasswordChanged => ("security.changed", None),
            SecurityDone::SessionEnded => ("security.ended", Some("sessions")),
            SecurityDone::OthersEnded => ("security.ended_others", Some("sessions")),
            SecurityDone::DeviceForgotten => ("security.forgotten", Some("devices")),
        };
        announce.say(words.say(key));
        list
    };
    if let Some(done) = view.with_untracked(|view| view.done) {
        say(done);
    }
    Effect::new(move |before: Option<()>| {
        let done = view.with(|view| view.done);
        if before.is_some()
            && let Some(list) = done.and_then(say)
        {
            move_focus(list);
        }
    });
}

fn section(id: &'static str, title: String, content: AnyView) -> AnyView {
    view! {
        <section aria-labelledby=id>
            <h2 id=id tabindex="-1">
                {title}
            </h2>
            {content}
        </section>
    }
    .into_any()
}

/// Why it is to be changed.
pub(super) fn leaked_notice(words: Words) -> AnyView {
    view! {
        <Notice>
            <p>{words.say("refusal.password_leaked")}</p>
        </Notice>
    }
    .into_any()
}

fn password_section(password: PasswordRow, words: Words) -> AnyView {
    let content = match password.own {
        PasswordAccess::Editable => {
            let changed = match password.changed_at {
                Some(at) => view! {
                    {words.say("security.password_changed_at")}
                    " "
                    <LocalTime at=at show=When::Day />
                }
                .into_any(),
                None => words.say("security.password_never").into_any(),
            };
            view! {
                {password.leaked.then(|| leaked_notice(words))}
                <Rows>
                    <Row action=edit(words)>{changed}</Row>
                </Rows>
            }
            .into_any()
        }
        held => held_elsewhere(&held, words),
    };
    section("password", words.say("security.password"), content)
}

/// A pencil and a word; the whole name tells it from other edits.
fn edit(words: Words) -> AnyView {
    view! {
        <a class="button" href="/security/password" aria-label=words.say("security.edit_password")>
            <svg
                class="icon"
                aria-hidden="true"
                viewBox="0 0 24 24"
                fill="none"
                stroke="currentColor"
                stroke-width="2"
                stroke-linejoin="round"
            >
                <path d="M4 20l1-5L16 4l4 4L9 19zM13 7l4 4" />
            </svg>
            {words.say("security.edit")}
        </a>
    }
    .into_any()
}

/// Where the password lives when it does not live here; nothing to edit.
pub(super) fn held_elsewhere(own: &PasswordAccess, words: Words) -> AnyView {
    match own {
        PasswordAccess::Editable => ().into_any(),
        PasswordAccess::HeldByGoogle => {
            let lead = words.say_with("security.google_lead", &[("brand", &use_settings().brand)]);
            view! {
                <Notice>
                    <p>
                        <strong>{words.say("security.google")}</strong>
                    </p>
                    <p>{lead}</p>
                    <p>
                        <a href=GOOGLE rel="noreferrer external">
                            {words.say("security.google_link")}
                        </a>
                    </p>
                </Notice>
            }
            .into_any()
        }
        PasswordAccess::HeldBy(organization) => managed(organization, words),
    }
}

fn managed(organization: &Organization, words: Words) -> AnyView {
    let Organization {
        name,
        administrator_name,
        administrator_email,
    } = organization.clone();
    let mail = ["mailto:", &administrator_email].concat();
    view! {
        <Notice>
            <p>
                <strong>{words.say_with("security.managed", &[("organization", &name)])}</strong>
            </p>
            <p>{words.say_with("security.managed_lead", &[("administrator", &administrator_name)])}</p>
            <p>
                <a href=mail rel="external">
                    <bdi dir="ltr">{administrator_email}</bdi>
                </a>
            </p>
        </Notice>
    }
    .into_any()
}

fn confirmation(words: Words) -> AnyView {
    view! { <p>{words.say("security.confirmation_mail")}</p> }.into_any()
}

fn devices(devices: Vec<DeviceRow>, controller: FormController, words: Words) -> AnyView {
    if devices.is_empty() {
        return view! { <p>{words.say("security.devices_none")}</p> }.into_any();
    }
    let rows = devices.into_iter().map(move |device| {
        let name = browser(&device.browser, words);
        let full_name = words.say_with("security.forget_named", &[("device", &name)]);
        let forget = one_button(
            security::ForgetDevice::PATH,
            controller,
            device.id,
            words.say("security.forget"),
            full_name,
        );
        view! {
            <Row action=forget>
                <p>
                    <strong>{name}</strong>
                    {here(device.here, words)}
                </p>
                <p class="hint">
                    {words.say("security.trusted_until")} " " <LocalTime at=device.trusted_until show=When::Day />
                </p>
            </Row>
        }
    });
    view! {
        <p>{words.say("security.devices_lead")}</p>
        <Rows>{rows.collect_view()}</Rows>
    }
    .into_any()
}

fn sessions(sessions: Vec<SessionRow>, controller: FormController, words: Words) -> AnyView {
    let others = (sessions.len() > 1).then(|| {
        view! {
            <Form action=security::EndOthers::PATH controller=controller>
                <SubmitButton label=words.say("security.end_others") style=ButtonStyle::Danger />
            </Form>
        }
    });
    let rows = sessions.into_iter().map(move |session| {
        let name = browser(&session.browser, words);
        let end = if session.here {
            // A plain form: this page is nobody's afterwards.
            view! {
                <form method="post" action=sign_in::SignOut::PATH>
                    <SubmitButton
                        label=words.say("security.end")
                        full_name=words.say("security.end_here")
                        style=ButtonStyle::Plain
                    />
                </form>
            }
            .into_any()
        } else {
            let full_name = words.say_with("security.end_named", &[("device", &name)]);
            one_button(
                security::EndSession::PATH,
                controller,
                session.id,
                words.say("security.end"),
                full_name,
            )
        };
        view! {
            <Row action=end>
                <p>
                    <strong>{name}</strong>
                    {here(session.here, words)}
                </p>
                <p class="hint">
                    {words.say("security.signed_in_at")} " " <LocalTime at=session.signed_in_at show=When::DayAndTime />
                </p>
                <p class="hint">
                    {words.say("security.last_seen_at")} " " <LocalTime at=session.last_seen_at show=When::DayAndTime />
                    " · " {words.say("security.from")} " " <bdi dir="ltr">{session.client}</bdi>
                </p>
            </Row>
        }
    });
    view! {
        <Rows>{rows.collect_view()}</Rows>
        {others}
    }
    .into_any()
}

/// What can be done to the row of that id.
fn one_button(
    action: &'static str,
    controller: FormController,
    id: String,
    label: String,
    full_name: String,
) -> AnyView {
    view! {
        <Form action=action controller=controller>
            <input type="hidden" name="id" value=id />
            <SubmitButton label=label full_name=full_name style=ButtonStyle::Plain />
        </Form>
    }
    .into_any()
}

fn here(here: bool, words: Words) -> Option<AnyView> {
    here.then(|| view! { " " <span class="badge">{words.say("security.this_device")}</span> }.into_any())
}

fn activity(view: SecurityView, words: Words) -> AnyView {
    let attempts = view.attempts.map(|attempts| summed_up(attempts, words));
    let is_empty = view.activity.is_empty();
    let rows = view.activity.into_iter().map(move |event| {
        // An operator's doing has no network address.
        let by = (!event.client.is_empty()).then(|| {
            let name = browser(&event.browser, words);
            view! { " · " {name} " · " <bdi dir="ltr">{event.client}</bdi> }
        });
        view! {
            <Row>
                <p>{words.say(&["activity.", event.kind.as_str()].concat())}</p>
                <p class="hint">
                    <LocalTime at=event.at show=When::DayAndTime />
                    {by}
                </p>
            </Row>
        }
    });
    let list = if is_empty {
        view! { <p>{words.say("security.activity_none")}</p> }.into_any()
    } else {
        view! { <Rows>{rows.collect_view()}</Rows> }.into_any()
    };
    let older = view
        .older
        .map(|before| ["/security?before=", &before, "#activity"].concat());
    let newest = view.newer.then(|| "/security#activity".to_owned());
    view! {
        {attempts}
        {list}
        {newest.map(|address| to_page(address, words.say("security.newest")))}
        {older.map(|address| to_page(address, words.say("security.older")))}
    }
    .into_any()
}

/// A link to other entries. The browser follows it by itself: its address has a place in the page.
fn to_page(address: String, label: String) -> AnyView {
    view! {
        <p>
            <a href=address>{label}</a>
        </p>
    }
    .into_any()
}

/// "14 failed attempts since 23 November".
fn summed_up(attempts: Attempts, words: Words) -> AnyView {
    let state = if attempts.count < Attempts::MOST {
        words.counted("security.attempts_", attempts.count)
    } else {
        words.say("security.attempts_over")
    };
    view! {
        <p>
            <strong>{state} " " <LocalTime at=attempts.since show=When::Day /></strong>
        </p>
        <p class="hint">{words.say("security.attempts_hint")}</p>
    }
    .into_any()
}

/// The name that the server has for a browser, as the person reads it.
fn browser(name: &str, words: Words) -> String {
    if name == account::UNKNOWN_BROWSER {
        words.say("security.unknown_browser")
    } else {
        name.to_owned()
    }
}
