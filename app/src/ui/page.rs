//! A page or a step of a flow: its title, heading, what went wrong, and where the focus goes.

use super::browser;
use super::live::use_live;
use super::problem::{Problem, ProblemHere};
use crate::settings::use_settings;
use crate::words::use_words;
use account::Field;
use leptos::prelude::*;
use leptos_meta::Title;

/// One `h1` and what belongs to it. Make a new one for each step of a flow, not for each answer of the server: a new one
/// takes the focus.
#[component]
pub fn Page(
    /// The `h1`, and the first part of the title.
    #[prop(into)]
    heading: String,
    /// What went wrong with the last try; shown on top and beside the field, and focused when it comes.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// The step's only field: it gets the focus after the step before it; else the heading does.
    #[prop(optional, into)]
    only_field: Option<Field>,
    /// For lists and long texts: a wider column.
    #[prop(optional)]
    wide: bool,
    children: Children,
) -> AnyView {
    let words = use_words();
    provide_context(ProblemHere(problem));
    move_the_focus(problem, only_field.map_or("heading", Field::as_str));
    let title = words.say_with(
        "frame.title",
        &[("heading", &heading), ("brand", &use_settings().brand)],
    );
    let titled = move |refused: bool| match refused {
        true => words.say_with("frame.title_error", &[("title", &title)]),
        false => title.clone(),
    };
    // The title asks once more when the page is gone already. In the browser that is with the next page; on the server when
    // the page is written out, on a thread that may know of no signals at all: there it is what it is from the start.
    let refused_at_first = problem.with_untracked(Option::is_some);
    #[cfg(feature = "ssr")]
    let title = move || titled(refused_at_first);
    #[cfg(not(feature = "ssr"))]
    let title = move || titled(problem.try_with(Option::is_some).unwrap_or(refused_at_first));
    view! {
        <Title text=title />
        <div class="page" class:wide=wide>
            {move || problem.get().map(|problem| summary(words.say("frame.problem"), problem))}
            <h1 id="heading" tabindex="-1">
                {heading}
            </h1>
            {children()}
        </div>
    }
    .into_any()
}

fn summary(title: String, problem: Problem) -> AnyView {
    let sentence = match problem.field.map(Field::as_str) {
        // `external` keeps us out: without scripts the browser itself moves the focus to the field.
        Some(id) => {
            let to_field = move |event: leptos::ev::MouseEvent| {
                event.prevent_default();
                browser::focus(id);
            };
            view! { <a href=["#", id].concat() rel="external" on:click=to_field>{problem.text}</a> }.into_any()
        }
        None => problem.text.into_any(),
    };
    view! {
        <div role="alert" id="problem" tabindex="-1">
            <h2>{title}</h2>
            <p>{sentence}</p>
        </div>
    }
    .into_any()
}

/// After a step the focus goes to the new heading or the step's only field, after a refusal to the summary. When the page
/// is loaded the browser's own place stays, and nobody is taken out of a field they already type in.
fn move_the_focus(problem: Signal<Option<Problem>>, start: &'static str) {
    let is_step = use_live().get_untracked();
    Effect::new(move |before: Option<()>| {
        let refused = problem.with(Option::is_some);
        match (before, refused) {
            (None, _) if !is_step => {}
            (_, true) => browser::focus("problem"),
            (None, false) if !browser::is_typing() => browser::focus(start),
            _ => {}
        }
    });
}
