//! For IT teams: which senders to allow, and what the e-mails look like. Public, and designed to be printed.

use super::print_button::PrintButton;
use crate::settings::use_settings;
use crate::ui::{CopyButton, Page, Row, Rows};
use crate::view::{View, fixed};
use crate::words::use_words;
use leptos::prelude::*;

/// The date of the last review of the steps for third-party products.
const LAST_REVIEWED: &str = "2026-11-25";

/// `/help/allowlist`.
pub(in crate::pages) fn page() -> View {
    fixed(show)
}

fn show() -> AnyView {
    let words = use_words();
    let settings = use_settings();
    let [codes, notices] = [&settings.sender_codes, &settings.sender_notices].map(Clone::clone);
    let mut domains: Vec<String> = [&codes, &notices].map(|sender| domain(sender)).into();
    domains.dedup();
    let senders =
        [(codes, "allowlist.sender_codes"), (notices, "allowlist.sender_notices")].map(|(sender, use_for)| {
            let copy = view! { <CopyButton text=sender.clone() what=sender.clone() /> };
            view! {
                <Row action=copy.into_any()>
                    <p>
                        <code dir="ltr">{sender}</code>
                    </p>
                    <p class="hint">{words.say(use_for)}</p>
                </Row>
            }
        });
    let domains = domains.into_iter().map(|domain| {
        view! {
            <li>
                <code dir="ltr">{domain.clone()}</code>
                <CopyButton text=domain.clone() what=domain />
            </li>
        }
    });
    let list = move |keys: &[&'static str]| {
        let items = keys.iter().map(|key| view! { <li>{words.say(key)}</li> });
        view! { <ul>{items.collect_view()}</ul> }
    };
    view! {
        <Page heading=words.say("allowlist.title") wide=true>
            <p>{words.say_with("allowlist.lead", &[("brand", &settings.brand)])}</p>
            <h2>{words.say("allowlist.senders")}</h2>
            <Rows>{senders}</Rows>
            <h2>{words.say("allowlist.domains")}</h2>
            <ul class="senders">{domains.collect_view()}</ul>
            <h2>{words.say("allowlist.about")}</h2>
            {list(
                &["allowlist.about_one", "allowlist.about_links", "allowlist.about_time", "allowlist.about_reset"],
            )}
            <h2>{words.say("allowlist.steps")}</h2>
            {list(&["allowlist.microsoft", "allowlist.google", "allowlist.other"])}
            <p class="hint">
                {words.say("allowlist.dated")} " " <time datetime=LAST_REVIEWED>{LAST_REVIEWED}</time>
            </p>
            <PrintButton label=words.say("allowlist.print") />
        </Page>
    }
    .into_any()
}

/// Returns the domain of a sender.
fn domain(sender: &str) -> String {
    sender.rsplit_once('@').map_or(sender, |(_, domain)| domain).to_owned()
}
