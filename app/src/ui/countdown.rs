//! The wait until a new code may be requested.

use super::changing::changing;
use crate::client::browser;
use crate::words::use_words;
use leptos::prelude::*;
use std::time::Duration;

/// When the current step arrived, by the browser's clock.
#[derive(Clone, Copy)]
pub(crate) struct ReceivedAt(pub i64);

/// The wait in words. Counts down visually where scripts run; screen readers announce only the end.
#[component]
pub fn Countdown(
    /// The remaining seconds when the step arrived.
    seconds: i64,
) -> AnyView {
    let words = use_words();
    // Use the clock, because browsers throttle timers in background tabs.
    let ReceivedAt(received_at) = use_context().unwrap_or(ReceivedAt(browser::now_ms()));
    let end = received_at + seconds * 1_000;
    let left_now = move || ((end - browser::now_ms() + 999) / 1_000).max(0);
    let left = RwSignal::new(left_now());
    Effect::new(move || {
        if left.get_untracked() <= 0 {
            return;
        }
        let timer = set_interval_with_handle(
            move || {
                let left_now = left_now();
                if left.get_untracked() != left_now {
                    left.set(left_now);
                }
            },
            Duration::from_secs(1),
        );
        if let Ok(timer) = timer {
            on_cleanup(move || timer.clear());
        }
    });
    let wait = move || words.say_with("code.resend_wait", &[("wait", &words.wait(left.get()))]);
    let ready = move || match left.get() {
        ..=0 => words.say("code.resend_ready"),
        _ => String::new(),
    };
    view! {
        <div class="hint">
            {changing(view! { <p hidden=move || left.get() <= 0 /> }, wait)}
            {changing(view! { <p aria-live="polite" /> }, ready)}
        </div>
    }
    .into_any()
}
