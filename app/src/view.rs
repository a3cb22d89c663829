//! The view of a page: rendered once by the server, and rebuilt in the browser whenever its state changes.

#[cfg(not(feature = "ssr"))]
use account::EmailAddress;
use leptos::prelude::*;

/// The server renders a page once.
#[cfg(feature = "ssr")]
pub type View = AnyView;

/// A page without state.
#[cfg(feature = "ssr")]
pub fn fixed(view: impl Fn() -> AnyView) -> View {
    view()
}

/// Builds what a page shows now; `None` while its state is loading. Tracked: a change of the signals that it reads rebuilds it.
#[cfg(not(feature = "ssr"))]
pub type View = Box<dyn Fn() -> Option<Shown>>;

/// The identity of a step: its kind and the address it belongs to.
#[cfg(not(feature = "ssr"))]
pub type StepKey = (u8, Option<EmailAddress>);

/// A view of a step.
#[cfg(not(feature = "ssr"))]
pub struct Shown {
    /// The step's identity.
    pub step: StepKey,
    /// Whether it contains a failure that has not been shown yet.
    pub has_news: bool,
    /// The view.
    pub view: AnyView,
}

/// A page without state.
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
