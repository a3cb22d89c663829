//! Help: the most common questions, each with a link to the page that solves it.

use crate::settings::use_settings;
use crate::ui::{ButtonStyle, LinkButton, Page};
use crate::view::{View, fixed};
use crate::words::use_words;
use leptos::prelude::*;

/// Each question's name in the catalogue, and the page that solves it.
const QUESTIONS: [(&str, Option<&str>); 4] = [
    ("forgot", Some("/reset")),
    ("no_mail", Some("/help/allowlist")),
    ("change", Some("/security")),
    ("google", None),
];

/// `/help`.
pub(in crate::pages) fn page() -> View {
    fixed(show)
}

fn show() -> AnyView {
    let words = use_words();
    view! {
        <Page heading=words.say("help.title") wide=true>
            <p>{words.say("help.lead")}</p>
            {QUESTIONS.map(|(name, way)| question(name, way))}
        </Page>
    }
    .into_any()
}

fn question(name: &'static str, way: Option<&'static str>) -> AnyView {
    let words = use_words();
    let settings = use_settings();
    let key = |end: &str| ["help.", name, end].concat();
    let (title, label) = (words.say(&key("_title")), way.map(|_| words.say(&key("_link"))));
    let text = words.say_with(
        &key("_text"),
        &[
            ("sender_codes", &settings.sender_codes),
            ("sender_notices", &settings.sender_notices),
        ],
    );
    let link = way.zip(label).map(|(href, label)| {
        view! {
            <p>
                <LinkButton href=href label=label style=ButtonStyle::Link />
            </p>
        }
    });
    view! {
        <section aria-labelledby=name>
            <h2 id=name>{title}</h2>
            <p>{text}</p>
            {link}
        </section>
    }
    .into_any()
}
