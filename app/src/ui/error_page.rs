//! Error pages: what happened and how to continue.

use super::button::{ButtonStyle, LinkButton};
use super::page::Page;
use crate::client::Failure;
use crate::route::use_route;
use crate::settings::use_settings;
#[cfg(feature = "ssr")]
use crate::words::Words;
use crate::words::use_words;
use leptos::prelude::*;

/// Returns the key of the texts for a status.
const fn kind(status: u16) -> &'static str {
    match status {
        400 => "unreadable",
        403 => "forbidden",
        404 | 405 => "not_found",
        408 | 503 => "busy",
        413 => "too_large",
        429 => "too_many",
        _ => "broken",
    }
}

/// Renders the page for a state that could not be loaded.
pub(crate) fn failure_page(failure: Failure) -> AnyView {
    match failure {
        failure if failure.is_signed_out() => {
            let route = use_route();
            Effect::new(move || route.leave_for("/signin"));
            ().into_any()
        }
        Failure::Broken { reference } => error_page(500, reference, None),
        Failure::Busy { retry_after_s } => error_page(503, None, Some(retry_after_s)),
        Failure::Offline => {
            let words = use_words();
            view! {
                <Page heading=words.say("failure.offline")>
                    <p>{words.say("failure.again")}</p>
                </Page>
            }
            .into_any()
        }
        Failure::Refused(refused) if refused.code == account::Refusal::NOT_ADMINISTRATOR => error_page(404, None, None),
        Failure::Refused(_) => error_page(400, None, None),
    }
}

/// Returns the title of the error page for a status.
#[cfg(feature = "ssr")]
pub(crate) fn error_title(words: Words, status: u16, brand: &str) -> String {
    let heading = words.say(&["error.", kind(status), "_title"].concat());
    words.say_with("frame.title", &[("heading", &heading), ("brand", brand)])
}

/// Renders the content of the error page for a status.
pub(crate) fn error_page(status: u16, reference: Option<String>, retry_after_s: Option<i64>) -> AnyView {
    let (words, kind) = (use_words(), kind(status));
    let reference = reference.map(|reference| {
        view! { <p>{words.say_with("error.reference", &[("reference", &reference)])}</p> }
    });
    let wait = retry_after_s.map(|seconds| {
        view! { <p>{words.say_with("error.again_in", &[("wait", &words.wait(seconds))])}</p> }
    });
    let (href, label) = if use_settings().signed_in {
        ("/profile", "error.profile")
    } else {
        ("/signin", "error.home")
    };
    view! {
        <Page heading=words.say(&["error.", kind, "_title"].concat())>
            <p>{words.say(&["error.", kind].concat())}</p>
            {wait}
            {reference}
            <p class="ways">
                <LinkButton href=href label=words.say(label) style=ButtonStyle::Plain />
                <LinkButton href="/help" label=words.say("error.help") style=ButtonStyle::Link />
            </p>
        </Page>
    }
    .into_any()
}
