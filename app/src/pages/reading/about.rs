//! The privacy and accessibility statements.

use crate::settings::use_settings;
use crate::ui::Page;
use crate::view::{View, fixed};
use crate::words::use_words;
use leptos::prelude::*;

/// `/privacy`.
pub(in crate::pages) fn privacy() -> View {
    fixed(show_privacy)
}

fn show_privacy() -> AnyView {
    let words = use_words();
    let settings = use_settings();
    let values = [
        ("brand", settings.brand.as_str()),
        ("days", &words.counted("wait.days_", settings.trust_days)),
    ];
    let items = ["kept", "mails", "cookies", "log", "others"].map(|name| {
        let say = |end: &str| words.say_with(&["privacy.", name, end].concat(), &values);
        view! {
            <h2>{say("_title")}</h2>
            <p>{say("")}</p>
        }
    });
    view! {
        <Page heading=words.say("frame.privacy") wide=true>
            {items}
        </Page>
    }
    .into_any()
}

/// `/accessibility`.
pub(in crate::pages) fn accessibility() -> View {
    fixed(show_accessibility)
}

fn show_accessibility() -> AnyView {
    let words = use_words();
    let items = ["standard", "scripts", "keyboard", "time", "limits"]
        .map(move |name| view! { <li>{words.say(&["accessibility.", name].concat())}</li> });
    view! {
        <Page heading=words.say("frame.accessibility") wide=true>
            <p>{words.say("accessibility.lead")}</p>
            <ul>{items}</ul>
            <p>
                {words.say("accessibility.trouble")} " "
                <a href="/help">{words.say("frame.help")}</a>
            </p>
        </Page>
    }
    .into_any()
}
