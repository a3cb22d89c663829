//! The security page: password, sessions, devices and recent activity; one file per section.

mod activity;
mod connections;
mod devices;
mod invitations;
pub(super) mod password;
mod products;
mod row;
mod sessions;

use self::activity::activity;
use self::connections::connections;
use self::devices::devices;
use self::invitations::invitations;
use self::password::password;
use self::products::products;
#[cfg(feature = "ssr")]
pub(in crate::pages) use self::row::{browser, device, edit_link, one_button};
use self::sessions::sessions;
use crate::api::security;
use crate::client::PageState;
use crate::flow::{Flow, FormController, Step, page_of};
use crate::ui::{Address, Page, move_focus, use_announce};
use crate::view::View;
use crate::words::{Words, use_words};
use account::{EmailAddress, PasswordAccess, SecurityDone, SecurityView};
use leptos::prelude::*;

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
    // The members of an organization connect nothing.
    let is_managed = matches!(view.password.own, PasswordAccess::ManagedBy(_));
    let has_connections = !view.connections.is_empty() || !view.providers.is_empty();
    let connected = (has_connections && !is_managed).then(|| {
        let list = connections(view.connections.clone(), view.providers.clone(), controller, words);
        section("connections", words.say("security.connections"), list)
    });
    // Other accounts sign in without a passcode from this service, or need one each time.
    let confirmed = matches!(view.password.own, PasswordAccess::Editable).then(|| {
        let trusted = devices(view.devices.clone(), controller, words);
        view! {
            {section("confirmation", words.say("security.confirmation"), confirmation(words))}
            {section("devices", words.say("security.devices"), trusted)}
        }
        .into_any()
    });
    let products = (!view.products.is_empty()).then(|| {
        let list = products(view.products.clone(), controller, words);
        section("products", words.say("security.products"), list)
    });
    view! {
        <Page heading=words.say("security.title") wide=true>
            <p>{words.say("security.lead")}</p>
            <p class="who">{words.say("security.signed_in_as")} " " <Address text=view.email.as_str() /></p>
            {invitations(&view.invitations, words)}
            {section("password", words.say("security.password"), password(view.password.clone(), words))}
            {connected}
            {confirmed}
            {products}
            {section("sessions", words.say("security.sessions"), sessions(view.sessions.clone(), controller, words))}
            {section("activity", words.say("security.activity"), activity(view, words))}
        </Page>
    }
    .into_any()
}

/// Announces the completed action and moves the focus to the list's heading, because the pressed button is removed.
fn say_what_is_done(view: RwSignal<SecurityView>, words: Words) {
    let announce = use_announce();
    let say = move |done: SecurityDone| {
        let (key, list) = match done {
            SecurityDone::PasswordChanged => ("security.changed", None),
            SecurityDone::SessionEnded => ("security.ended", Some("sessions")),
            SecurityDone::OthersEnded => ("security.ended_others", Some("sessions")),
            SecurityDone::DeviceForgotten => ("security.forgotten", Some("devices")),
            SecurityDone::PasswordAdded => ("security.password_added", None),
            SecurityDone::ProviderConnected => ("security.connected", Some("connections")),
            SecurityDone::ProviderDisconnected => ("security.disconnected", Some("connections")),
            SecurityDone::ProductDisconnected => ("security.product_disconnected", Some("products")),
            // Of the organization page.
            _ => return None,
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

/// Renders a section with its heading.
pub(in crate::pages) fn section(id: &'static str, title: String, content: AnyView) -> AnyView {
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

fn confirmation(words: Words) -> AnyView {
    view! { <p>{words.say("security.confirmation_mail")}</p> }.into_any()
}
