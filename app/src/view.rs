//! The view of a page: written once by the server, made anew in the browser whenever its state is another one.

#[cfg(not(feature = "ssr"))]
use account::EmailAddress;
use leptos::prelude::*;

/// The server writes a page once.
#[cfg(feature = "ssr")]
pub type View = AnyView;

/// A page that is always the same.
#[cfg(feature = "ssr")]
pub fn fixed(view: impl Fn() -> AnyView) -> View {
    view()
}

/// What a page shows now; nothing while its state is on its way. Tracked: when what it reads has changed, it is asked again.
#[cfg(not(feature = "ssr"))]
pub type View = Box<dyn Fn() -> Option<Shown>>;

/// What makes a step another one: its kind, and whose it is.
#[cfg(not(feature = "ssr"))]
pub type StepKey = (u8, Option<EmailAddress>);

/// A view of a step.
#[cfg(not(feature = "ssr"))]
pub struct Shown {
    /// Which step.
    pub step: StepKey,
    /// Whether it has a refusal that the person has not seen yet.
    pub has_news: bool,
    /// The view.
    pub view: AnyView,
}

/// A page that is always the same.
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
