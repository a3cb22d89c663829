//! Puts a text on the clipboard. Needs scripts, so it is not there without them: the text itself always is.

use super::announce::use_announce;
use super::browser;
use crate::words::use_words;
use leptos::prelude::*;

/// Copies `text`, and says so.
#[component]
pub fn CopyButton(
    /// What lands on the clipboard.
    #[prop(into)]
    text: String,
    /// What it is, for those who hear the button apart from its place.
    #[prop(into)]
    what: String,
) -> AnyView {
    let words = use_words();
    let announce = use_announce();
    let done = RwSignal::new(false);
    let copy = move |_| {
        browser::copy(&text, move || {
            done.set(true);
            announce.whisper(words.say("field.copied"));
        });
    };
    view! {
        <button
            type="button"
            class="copy"
            hidden=!browser::can_copy()
            aria-label=words.say_with("field.copy_named", &[("what", &what)])
            data-done=move || done.get().then_some("")
            on:click=copy
        >
            {words.say("field.copy")}
        </button>
    }
    .into_any()
}
