//! The page that a link in an e-mail opens.

use super::assets::Assets;
use super::outside_router::PageOutsideRouter;
use crate::ui::{ButtonStyle, LinkButton, Page, SubmitButton};
use crate::words::{Words, use_words};
use backend::{Backend, Subscription};
use leptos::prelude::*;

/// Renders the page for a link's subscription; `None` if the link does nothing. `is_undone`: it was just undone.
#[must_use]
pub fn unsubscribe_page(
    backend: &Backend,
    assets: &Assets,
    request: &PageOutsideRouter<'_>,
    subscription: Option<Subscription>,
    is_undone: bool,
) -> String {
    let heading = match &subscription {
        None => "unsubscribe.unknown_title",
        Some(found) if !found.wanted => "unsubscribe.stopped_title",
        Some(_) if is_undone => "unsubscribe.on_title",
        Some(_) => "unsubscribe.title",
    };
    let group = subscription
        .as_ref()
        .map_or_else(String::new, |found| found.group.clone());
    let say = move |words: Words, key: &str| words.say_with(key, &[("group", &words.isolated(&group))]);
    let for_title = say.clone();
    let title = move |words: Words, brand: &str| {
        words.say_with(
            "frame.title",
            &[("heading", &for_title(words, heading)), ("brand", brand)],
        )
    };
    request.render(backend, assets, title, None, move || {
        let words = use_words();
        let (text, button) = match &subscription {
            None => ("unsubscribe.unknown", None),
            Some(found) if !found.wanted => {
                let undo = ("undo", "1", "unsubscribe.undo", ButtonStyle::Plain);
                if found.can_undo {
                    ("unsubscribe.stopped", Some(undo))
                } else {
                    ("unsubscribe.off", None)
                }
            }
            Some(_) if is_undone => ("unsubscribe.on", None),
            // The same as mail programs send (RFC 8058).
            Some(_) => {
                let stop = ("List-Unsubscribe", "One-Click", "unsubscribe.stop", ButtonStyle::Main);
                ("unsubscribe.lead", Some(stop))
            }
        };
        let form = button.map(|(name, value, key, style)| {
            view! {
                <form method="post">
                    <input type="hidden" name=name value=value />
                    <SubmitButton label=words.say(key) style=style />
                </form>
            }
        });
        view! {
            <Page heading=say(words, heading)>
                <p>{say(words, text)}</p>
                {form}
                <p>
                    <LinkButton href="/preferences" label=words.say("unsubscribe.preferences") style=ButtonStyle::Link />
                </p>
            </Page>
        }
        .into_any()
    })
}
