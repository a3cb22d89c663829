//! The whole activity: what each event means, and what to do. One plain form, so no program.

use super::security::{browser, device};
use crate::api::privacy;
use crate::flow::{Flow, Step, page_of};
use crate::ui::{ButtonStyle, LocalTime, Page, Row, Rows, SubmitButton, When};
use crate::view::View;
use crate::words::{Words, use_words};
use account::{Activity, ActivityKind, EmailAddress, HistoryView};
use leptos::prelude::*;

impl Step for HistoryView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

/// `/security/activity`.
pub(in crate::pages) fn page() -> View {
    page_of(privacy::read_history, |state| {
        let flow = Flow::new(state, privacy::read_history);
        flow.show(list)
    })
}

fn list(view: HistoryView) -> AnyView {
    let words = use_words();
    let is_empty = view.events.is_empty();
    let rows: Vec<_> = view.events.into_iter().map(|event| entry(event, words)).collect();
    let link = move |address: String, key: &str| {
        let label = words.say(key);
        view! {
            <p>
                <a href=address>{label}</a>
            </p>
        }
        .into_any()
    };
    let older = view
        .older
        .map(|before| ["/security/activity?before=", &before].concat());
    let newest = view.newer.then(|| "/security/activity".to_owned());
    view! {
        <Page heading=words.say("history.title") wide=true>
            <p>{words.say("history.lead")}</p>
            <form method="post" action="/api/privacy/activity">
                <SubmitButton label=words.say("history.download") style=ButtonStyle::Plain />
            </form>
            {newest.map(|address| link(address, "security.newest"))}
            {if is_empty {
                view! { <p>{words.say("security.activity_none")}</p> }.into_any()
            } else {
                view! { <Rows>{rows}</Rows> }.into_any()
            }}
            {older.map(|address| link(address, "security.older"))}
        </Page>
    }
    .into_any()
}

fn entry(event: Activity, words: Words) -> AnyView {
    let (kind, advice) = (event.kind, advice(event.kind));
    // Events caused by an operator have no network address.
    let by = (!event.client.is_empty()).then(|| {
        let name = browser(&event.browser, words);
        view! { " " {device(name, words)} " " <bdi dir="ltr">{event.client}</bdi> }
    });
    view! {
        <Row>
            <p>
                <strong>{title(kind.as_str(), words)}</strong>
            </p>
            <p class="hint parts">
                <LocalTime at=event.at show=When::DayAndTime />
                {by}
            </p>
            <p>{words.say(&["history.is_", kind.as_str()].concat())} " " {words.say(advice)}</p>
            {(advice == IF_NOT_YOU).then(|| view! { <a href="/secure">{words.say("history.not_me")}</a> })}
        </Row>
    }
    .into_any()
}

/// Returns the name of a kind of events; a kind of a later release is its own name.
#[must_use]
pub fn title(kind: &str, words: Words) -> String {
    match ActivityKind::read(kind) {
        None => kind.to_owned(),
        Some(known) if known.is_attempt() => words.say(&["history.title_", kind].concat()),
        Some(_) => words.say(&["activity.", kind].concat()),
    }
}

const IF_NOT_YOU: &str = "history.do_if_not_you";

/// Returns the key of what to do after an event.
const fn advice(kind: ActivityKind) -> &'static str {
    match kind {
        ActivityKind::SignedIn
        | ActivityKind::SignedUp
        | ActivityKind::ProviderSignedIn
        | ActivityKind::Confirmed
        | ActivityKind::PasswordReset
        | ActivityKind::PasswordChanged
        | ActivityKind::PasswordAdded
        | ActivityKind::ProviderConnected
        | ActivityKind::ProviderDisconnected
        | ActivityKind::ProductConnected
        | ActivityKind::NameChanged
        | ActivityKind::EmailChangeAsked
        | ActivityKind::EmailChanged
        | ActivityKind::EmailRestored
        | ActivityKind::Secured
        | ActivityKind::Joined
        | ActivityKind::MemberInvited
        | ActivityKind::InvitationWithdrawn
        | ActivityKind::DeletionRequested
        | ActivityKind::DeletionCanceled
        | ActivityKind::DataDownloaded => IF_NOT_YOU,
        ActivityKind::SignedOut
        | ActivityKind::SessionEnded
        | ActivityKind::SessionsEnded
        | ActivityKind::DeviceForgotten
        | ActivityKind::ProductDisconnected
        | ActivityKind::ProductTokenReused => "history.do_nothing",
        ActivityKind::WrongPassword | ActivityKind::WrongCode | ActivityKind::ResetAsked => "history.do_attempt",
        ActivityKind::PasswordLeaked => "history.do_leaked",
        ActivityKind::DeviceCopied => "history.do_copied",
        ActivityKind::Added
        | ActivityKind::Disabled
        | ActivityKind::Enabled
        | ActivityKind::TakenBack
        | ActivityKind::AddressChanged => "history.do_support",
        ActivityKind::HandedOver
        | ActivityKind::AdministratorAdded
        | ActivityKind::AdministratorRemoved
        | ActivityKind::DomainsChanged
        | ActivityKind::OrganizationProviderChanged
        | ActivityKind::MemberDisabled
        | ActivityKind::MemberEnabled
        | ActivityKind::MemberSessionsEnded
        | ActivityKind::MemberRemoved => "history.do_organization",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_says_what_it_means_and_what_to_do() {
        for language in crate::words::LANGUAGES {
            let words = Words::of(language);
            for kind in ActivityKind::ALL {
                let meaning = ["history.is_", kind.as_str()].concat();
                for key in [meaning.as_str(), advice(kind)] {
                    assert!(!words.say(key).contains(key), "{key} in {language}");
                }
                assert!(!title(kind.as_str(), words).contains('.'), "{kind:?} in {language}");
            }
            assert_eq!(title("teleported", words), "teleported");
        }
    }
}
