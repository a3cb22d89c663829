//! How long until a new code may be asked for.

use super::browser;
use crate::words::use_words;
use leptos::prelude::*;
use std::time::Duration;

/// The wait in words. Counts down where scripts run, for the eye only: a screen reader hears the end of it, not each second.
#[component]
pub fn Countdown(
    /// What was left when the page was made.
    seconds: i64,
) -> AnyView {
    let words = use_words();
    let left = RwSignal::new(seconds);
    Effect::new(move || {
        if seconds <= 0 {
            return;
        }
        // By the clock, not by counting: a tab in the background is woken seldom.
        let end = browser::now_ms() + seconds * 1_000;
        let timer = set_interval_with_handle(
            move || {
                let now_left = ((end - browser::now_ms() + 999) / 1_000).max(0);
                let before = left.get_untracked();
                if now_left != before {
                    left.set(now_left);
                }
            },
            Duration::from_secs(1),
        );
        if let Ok(timer) = timer {
            on_cleanup(move || timer.clear());
        }
    });
    let wait = move || words.say_with("code.resend_wait", &[("wait", &words.wait(left.get()))]);
    let ready = move || (left.get() <= 0).then(|| words.say("code.resend_ready"));
    view! {
        <div class="hint">
            <p hidden=move || left.get() <= 0>{wait}</p>
            <p aria-live="polite">{ready}</p>
        </div>
    }
    .into_any()
}
