//! Buttons, and links that look like them.

use leptos::prelude::*;

/// How much a button asks to be pressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ButtonStyle {
    /// The step's way on. One on a page.
    #[default]
    Main,
    /// Another thing to do.
    Plain,
    /// Something small, in a line of text.
    Link,
    /// Ends or takes away something.
    Danger,
}

impl ButtonStyle {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Main => "button main",
            Self::Plain => "button",
            Self::Link => "link",
            Self::Danger => "button danger",
        }
    }
}

/// Sends its form. Never disabled: a second press has no second effect, and the server says no in words.
#[component]
pub fn SubmitButton(
    /// What happens.
    #[prop(into)]
    label: String,
    /// How much it asks to be pressed.
    #[prop(optional)]
    style: ButtonStyle,
    /// While the answer is on its way.
    #[prop(optional, into)]
    pending: Signal<bool>,
    /// The whole name, where several buttons of a page say the same; begins with the label.
    #[prop(optional, into)]
    full_name: Option<String>,
) -> AnyView {
    view! {
        <button type="submit" class=style.class() aria-busy=move || pending.get().then_some("true") aria-label=full_name>
            {label}
        </button>
    }
    .into_any()
}

/// A link to another page of ours that looks like a button.
#[component]
pub fn LinkButton(
    /// Where to.
    #[prop(into)]
    href: String,
    /// What is there.
    #[prop(into)]
    label: String,
    /// How much it asks to be pressed.
    #[prop(optional)]
    style: ButtonStyle,
    /// The whole name, where several links of a page say the same.
    #[prop(optional, into)]
    full_name: Option<String>,
) -> AnyView {
    view! { <a class=style.class() href=href aria-label=full_name>{label}</a> }.into_any()
}
