//! Whether the page has come to life: scripts run and the server's HTML is theirs.

use leptos::prelude::*;

#[derive(Clone, Copy)]
struct Live(RwSignal<bool>);

/// Makes [`use_live`] work below here. False on the server and until the browser has taken the page over.
pub(super) fn provide_live() {
    let live = RwSignal::new(false);
    provide_context(Live(live));
    Effect::new(move || live.set(true));
}

/// True once scripts run: what needs them is shown from then on.
#[must_use]
pub fn use_live() -> Signal<bool> {
    use_context::<Live>().map_or_else(|| Signal::stored(false), |live| live.0.into())
}
