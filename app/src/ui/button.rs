//! Buttons, and links styled as buttons.

use leptos::prelude::*;

/// The visual weight of a button.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ButtonStyle {
    /// The main action of a step; one per page.
    #[default]
    Main,
    /// Another action.
    Plain,
    /// A minor action within a line of text.
    Link,
    /// An action that ends or removes something.
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

/// Submits its form. Never disabled: a second press has no effect, and the server explains refusals.
#[component]
pub fn SubmitButton(
    /// The label, which names the action.
    #[prop(into)]
    label: String,
    /// The visual weight.
    #[prop(optional)]
    style: ButtonStyle,
    /// Whether a response is pending.
    #[prop(optional, into)]
    pending: Signal<bool>,
    /// The accessible name if several buttons of a page have the same label; it begins with the label.
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

/// A link to another page of this service, styled as a button.
#[component]
pub fn LinkButton(
    /// The target.
    #[prop(into)]
    href: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The visual weight.
    #[prop(optional)]
    style: ButtonStyle,
    /// The accessible name if several links of a page have the same label.
    #[prop(optional, into)]
    full_name: Option<String>,
) -> AnyView {
    view! { <a class=style.class() href=href aria-label=full_name>{label}</a> }.into_any()
}
