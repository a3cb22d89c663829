//! A page or a step of a flow: title, heading, error summary, and initial focus.

use super::problem::{Problem, use_problem};
use crate::settings::{PublicSettings, use_settings};
use crate::words::use_words;
use account::Field;
use leptos::prelude::*;

/// The id of the element to focus when a step or a refusal is shown.
#[cfg(not(feature = "ssr"))]
#[derive(Clone, Copy)]
pub(crate) struct PageFocus(pub StoredValue<&'static str>);

/// A page: its `h1` and content.
#[component]
pub fn Page(
    /// The `h1`, and the first part of the title.
    #[prop(into)]
    heading: String,
    /// The step's only field, which gets the focus instead of the heading after the previous step. After a refusal, the error
    /// summary gets it.
    #[prop(optional, into)]
    only_field: Option<Field>,
    /// A wider column, for lists and long texts.
    #[prop(optional)]
    wide: bool,
    children: Children,
) -> AnyView {
    let (words, settings) = (use_words(), use_settings());
    let problem = use_problem();
    let mut title = words.say_with("frame.title", &[("heading", &heading), ("brand", &settings.brand)]);
    if problem.is_some() {
        title = words.say_with("frame.title_error", &[("title", &title)]);
    }
    let product = settings.product.as_ref().map(|product| {
        let product = words.isolated(product);
        let text = words.say_with("product.to_continue", &[("product", &product)]);
        view! { <p class="product">{mark_of(&settings)} {text}</p> }
    });
    let start = only_field.map_or("heading", Field::as_str);
    view! {
        {name_document(title)}
        <div class="page" class:wide=wide>
            {summary(problem, start)}
            <h1 id="heading" tabindex="-1">
                {heading}
            </h1>
            {product}
            {children()}
        </div>
    }
    .into_any()
}

/// Renders a product's mark. Its name is beside it.
#[cfg(feature = "ssr")]
pub(crate) fn mark(logo: Option<String>) -> Option<AnyView> {
    logo.map(|logo| view! { <img class="mark" alt="" src=logo /> }.into_any())
}

#[cfg(feature = "ssr")]
fn mark_of(settings: &PublicSettings) -> Option<AnyView> {
    mark(settings.product_logo.clone())
}

/// `put()` in `page.js` moves the server's image into each new view.
#[cfg(not(feature = "ssr"))]
const fn mark_of(_: &PublicSettings) {}

#[cfg(feature = "ssr")]
fn name_document(title: String) -> AnyView {
    view! { <leptos_meta::Title text=title /> }.into_any()
}

#[cfg(not(feature = "ssr"))]
fn name_document(title: String) {
    crate::client::browser::set_title(&title);
}

/// Renders the error summary of the last try.
fn summary(problem: Option<Problem>, _start: &'static str) -> Option<AnyView> {
    #[cfg(not(feature = "ssr"))]
    if let Some(PageFocus(place)) = use_context() {
        place.set_value(if problem.is_some() { "problem" } else { _start });
    }
    let Problem { text, field } = problem?;
    let sentence = match field.map(Field::as_str) {
        // `external`: the frame's listener or, without scripts, the browser moves the focus to the field.
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
