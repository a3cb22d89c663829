//! The one polite status region: says what happened without taking the focus.

use super::browser;
use leptos::prelude::*;

/// The way to speak in the status region. Copied freely; all copies speak in the same place.
#[derive(Clone, Copy)]
pub struct Announce(RwSignal<Said>);

#[derive(Clone, Default)]
struct Said {
    text: String,
    quiet: bool,
    at_ms: i64,
}

impl Announce {
    /// Shows a sentence and has it read out. On the server the page carries it from the start.
    pub fn say(self, text: impl Into<String>) {
        self.0.set(Said {
            text: text.into(),
            quiet: false,
            at_ms: browser::now_ms(),
        });
    }

    /// Has a sentence read out that the eye is told in another way.
    pub fn whisper(self, text: impl Into<String>) {
        self.0.set(Said {
            text: text.into(),
            quiet: true,
            at_ms: browser::now_ms(),
        });
    }

    /// Takes back what was said a while ago: it is not true of a new page or a new try. What was said on the way here stays.
    pub(crate) fn forget(self) {
        let old = self.0.with_untracked(|said| said.at_ms + 1_000 < browser::now_ms());
        if old {
            self.0.set(Said::default());
        }
    }
}

/// The status region of the frame around here.
#[must_use]
pub fn use_announce() -> Announce {
    use_context().unwrap_or_else(|| Announce(RwSignal::default()))
}

/// Makes [`use_announce`] work below here.
pub(super) fn provide_announce() {
    provide_context(Announce(RwSignal::default()));
}

/// The region itself: there and empty from the start, so that screen readers know it before anything is said.
#[component]
pub(super) fn StatusRegion() -> impl IntoView {
    let Announce(said) = use_announce();
    Effect::new(move |before: Option<()>| {
        let Said { text, quiet, .. } = said.get();
        // What the server has said stays until something new is.
        if before.is_some() || !text.is_empty() {
            browser::say("status", text, quiet);
        }
    });
    region(said)
}

/// On the server the region is written last, when the page's data has come and the page has spoken.
#[cfg(feature = "ssr")]
fn region(said: RwSignal<Said>) -> impl IntoView {
    let said_by_now = Suspend::new(async move {
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        Some(said.get_untracked().text).filter(|text| !text.is_empty())
    });
    view! { <div role="status" id="status">{said_by_now}</div> }
}

/// In the browser the text is set by hand. The view has no child, so that whatever the server wrote is left as it is.
#[cfg(not(feature = "ssr"))]
fn region(_: RwSignal<Said>) -> impl IntoView {
    view! { <div role="status" id="status"></div> }
}
