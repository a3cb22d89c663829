//! The view of a page: rendered once by the server, and rebuilt in the browser whenever its state changes.

#[cfg(not(feature = "ssr"))]
use account::EmailAddress;
use leptos::prelude::*;

/// The view of a page, rendered once.
#[cfg(feature = "ssr")]
pub type View = AnyView;

/// Renders a page without state.
#[cfg(feature = "ssr")]
pub fn fixed(view: impl Fn() -> AnyView) -> View {
    view()
}

/// A function that builds the page's current content; `None` while loading. Rebuilt when a signal that it reads changes.
#[cfg(not(feature = "ssr"))]
pub type View = Box<dyn Fn() -> Option<Shown>>;

/// The identity of a step: its kind and its address.
#[cfg(not(feature = "ssr"))]
pub type StepKey = (u8, Option<EmailAddress>);

/// A view of a step.
#[cfg(not(feature = "ssr"))]
pub struct Shown {
    /// The step's identity.
    pub step: StepKey,
    /// Whether the view contains a failure that has not been shown yet.
    pub has_news: bool,
    /// The view.
    pub view: AnyView,
}

/// Creates the view of a page without state.
#[cfg(not(feature = "ssr"))]
pub fn fixed(view: impl Fn() -> AnyView + 'static) -> View {
    Box::new(move || {
        Some(Shown {
            step: (0, None),
            has_news: false,
            view: untrack(&view),
        })
    })
}
