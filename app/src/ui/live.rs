//! Whether the page has come to life: scripts run and the server's HTML is theirs.

use leptos::prelude::*;

#[derive(Clone, Copy)]
struct Live(RwSignal<bool>);

/// Makes [`use_live`] work below here. False on the server and until [`start_living`].
pub(super) fn provide_live() {
    provide_context(Live(RwSignal::new(false)));
}

/// Says that the page is taken over, once the turn in which that happens is done.
#[cfg(not(feature = "ssr"))]
pub(super) fn start_living() {
    let live = use_context::<Live>();
    Effect::new(move || {
        if let Some(Live(live)) = live {
            live.set(true);
        }
    });
}

/// True once scripts run: what needs them is shown from then on.
#[must_use]
pub fn use_live() -> Signal<bool> {
    use_context::<Live>().map_or_else(|| Signal::stored(false), |live| live.0.into())
}
