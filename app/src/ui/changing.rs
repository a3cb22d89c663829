//! Elements with changing text. The whole content is replaced each time, because translators may have replaced the text nodes.

use leptos::prelude::*;
#[cfg(not(feature = "ssr"))]
use leptos::tachys::html::property::{Property, prop};

/// Renders an element with changing text and no children.
#[cfg(feature = "ssr")]
pub(super) fn changing<E>(element: View<E>, text: impl Fn() -> String) -> AnyView
where
    E: ElementChild<Option<String>>,
    E::Output: IntoAny,
{
    // The framework writes a space for an empty text, which `:empty` does not match.
    let text = Some(text()).filter(|text| !text.is_empty());
    element.into_inner().child(text).into_any()
}

/// Renders an element with changing text and no children.
#[cfg(not(feature = "ssr"))]
pub(super) fn changing<E, T>(element: View<E>, text: T) -> AnyView
where
    T: Fn() -> String + Send + Sync + 'static,
    Property<&'static str, T>: leptos::attr::Attribute,
    E: AddAnyAttr,
    E::Output<Property<&'static str, T>>: IntoAny,
{
    element.into_inner().add_any_attr(prop("textContent", text)).into_any()
}
