//! Copies a text to the clipboard. The script shows the button; the text is visible without it.

#[cfg(not(feature = "ssr"))]
use super::announce::use_announce;
#[cfg(not(feature = "ssr"))]
use crate::client::browser;
use crate::words::use_words;
use leptos::prelude::*;

/// Copies `text` and announces it.
#[component]
pub fn CopyButton(
    /// The text to copy.
    #[prop(into)]
    text: String,
    /// The name of the text, for the button's accessible name.
    #[prop(into)]
    what: String,
) -> AnyView {
    let words = use_words();
    let label = words.say_with("field.copy_named", &[("what", &what)]);
    // The script of static pages reads these attributes.
    #[cfg(feature = "ssr")]
    let button = view! {
        <button
            type="button"
            class="copy"
            hidden
            aria-label=label
            data-copy=text
            data-copied=words.say("field.copied")
        >
            {words.say("field.copy")}
        </button>
    };
    #[cfg(not(feature = "ssr"))]
    let button = {
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
                aria-label=label
                data-done=move || done.get().then_some("")
                on:click=copy
            >
                {words.say("field.copy")}
            </button>
        }
    };
    button.into_any()
}
