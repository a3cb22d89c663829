//! The one polite status region: says what happened without taking the focus.

use crate::client::browser;
use leptos::prelude::*;

/// The way to speak in the status region. Copied freely; all copies speak in the same place.
#[derive(Clone, Copy)]
pub struct Announce(StoredValue<Said>);

#[derive(Clone, Default)]
struct Said {
    #[cfg(feature = "ssr")]
    text: String,
    at_ms: i64,
}

impl Announce {
    /// Shows a sentence and has it read out. On the server the page carries it from the start.
    pub fn say(self, text: impl Into<String>) {
        self.speak(text.into(), false);
    }

    /// Has a sentence read out that the eye is told in another way.
    pub fn whisper(self, text: impl Into<String>) {
        self.speak(text.into(), true);
    }

    /// Takes back what was said a while ago: it is not true of a new page or a new try. What was said on the way here stays.
    pub(crate) fn forget(self) {
        if self.0.with_value(|said| said.at_ms + 1_000 < browser::now_ms()) {
            self.speak(String::new(), false);
        }
    }

    fn speak(self, text: String, quiet: bool) {
        self.0.set_value(Said {
            #[cfg(feature = "ssr")]
            text: text.clone(),
            at_ms: browser::now_ms(),
        });
        browser::say("status", text, quiet);
    }
}

/// The status region of the frame around here.
#[must_use]
pub fn use_announce() -> Announce {
    use_context().unwrap_or_else(|| Announce(StoredValue::default()))
}

/// Makes [`use_announce`] work below here.
pub(crate) fn provide_announce() {
    provide_context(Announce(StoredValue::default()));
}

/// The region itself: there and empty from the start, so that screen readers know it before anything is said. It is written
/// last, when the page's data has come and the page has spoken.
#[cfg(feature = "ssr")]
#[component]
pub(super) fn StatusRegion() -> impl IntoView {
    let Announce(said) = use_announce();
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
        Some(said.get_value().text).filter(|text| !text.is_empty())
    });
    view! { <div role="status" id="status">{said_by_now}</div> }
}
