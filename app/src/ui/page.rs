//! A page or a step of a flow: its title, heading, what went wrong, and where the focus goes.

use super::problem::{Problem, use_problem};
use crate::settings::use_settings;
use crate::words::use_words;
use account::Field;
use leptos::prelude::*;

/// Where the focus goes when a step is shown, or a refusal of it.
#[cfg(not(feature = "ssr"))]
#[derive(Clone, Copy)]
pub(crate) struct PageFocus(pub StoredValue<&'static str>);

/// One `h1` and what belongs to it.
#[component]
pub fn Page(
    /// The `h1`, and the first part of the title.
    #[prop(into)]
    heading: String,
    /// The step's only field: it gets the focus after the step before it; else the heading does. After a refusal the summary
    /// on top does.
    #[prop(optional, into)]
    only_field: Option<Field>,
    /// For lists and long texts: a wider column.
    #[prop(optional)]
    wide: bool,
    children: Children,
) -> AnyView {
    let words = use_words();
    let problem = use_problem();
    let mut title = words.say_with(
        "frame.title",
        &[("heading", &heading), ("brand", &use_settings().brand)],
    );
    if problem.is_some() {
        title = words.say_with("frame.title_error", &[("title", &title)]);
    }
    let start = only_field.map_or("heading", Field::as_str);
    view! {
        {name_document(title)}
        <div class="page" class:wide=wide>
            {summary(problem, start)}
            <h1 id="heading" tabindex="-1">
                {heading}
            </h1>
            {children()}
        </div>
    }
    .into_any()
}

#[cfg(feature = "ssr")]
fn name_document(title: String) -> AnyView {
    view! { <leptos_meta::Title text=title /> }.into_any()
}

#[cfg(not(feature = "ssr"))]
fn name_document(title: String) {
    crate::client::browser::set_title(&title);
}

/// What went wrong with the last try.
fn summary(problem: Option<Problem>, _start: &'static str) -> Option<AnyView> {
    #[cfg(not(feature = "ssr"))]
    if let Some(PageFocus(place)) = use_context() {
        place.set_value(if problem.is_some() { "problem" } else { _start });
    }
    let Problem { text, field } = problem?;
    let sentence = match field.map(Field::as_str) {
        // `external` keeps our pages out: it leads to the field, without scripts by the browser itself.
        Some(id) => view! { <a href=["#", id].concat() rel="external">{text}</a> }.into_any(),
        None => text.into_any(),
    };
    let summary = view! {
        <div role="alert" id="problem" tabindex="-1">
            <h2>{use_words().say("frame.problem")}</h2>
            <p>{sentence}</p>
        </div>
    };
    Some(summary.into_any())
}
