//! The polite status region: announces what happened without moving the focus.

use crate::client::browser;
use leptos::prelude::*;

/// Writes to the status region. All copies write to the same one.
#[derive(Clone, Copy)]
pub struct Announce(StoredValue<Said>);

#[derive(Clone, Default)]
struct Said {
    #[cfg(feature = "ssr")]
    text: String,
    at_ms: i64,
}

impl Announce {
    /// Shows a text and announces it to screen readers. On the server, it becomes part of the page.
    pub fn say(self, text: impl Into<String>) {
        self.speak(text.into(), false);
    }

    /// Announces a text to screen readers without showing it, because the page shows the same in another way.
    pub fn whisper(self, text: impl Into<String>) {
        self.speak(text.into(), true);
    }

    /// Clears texts older than a second, which no longer apply to a new page or try. A text of the current navigation stays.
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

/// Returns the page's status region.
#[must_use]
pub fn use_announce() -> Announce {
    use_context().unwrap_or_else(|| Announce(StoredValue::default()))
}

/// Provides the status region as context for [`use_announce`].
pub(crate) fn provide_announce() {
    provide_context(Announce(StoredValue::default()));
}

/// The status region. Empty from the start, so that screen readers register it before any text. Rendered last, when the page's
/// data has arrived and its announcement is known.
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
