//! Listens for changes of the flow in other tabs.

use leptos::prelude::*;

/// Runs `moved` when the flow changes in any tab and when the page becomes visible again. Listens only while a flow is open and
/// the page is visible, because a browser opens at most six connections to a server for all tabs.
#[cfg(target_arch = "wasm32")]
pub(super) fn listen(flow: &'static str, open: Memo<bool>, moved: Callback<()>) {
    use futures::StreamExt;
    use gloo_net::eventsource::futures::EventSource;
    use leptos::task::spawn_local;
    use send_wrapper::SendWrapper;

    let seen = RwSignal::new(!document().hidden());
    let handle = window_event_listener_untyped("visibilitychange", move |_| seen.set(!document().hidden()));
    on_cleanup(move || handle.remove());
    Effect::new(move |before: Option<bool>| {
        let (open, seen) = (open.get(), seen.get());
        if open && seen && before == Some(false) {
            moved.run(());
        }
        if open
            && seen
            && let Ok(mut source) = EventSource::new(&["/api/flow/events?flow=", flow].concat())
        {
            if let Ok(mut events) = source.subscribe("moved") {
                spawn_local(async move {
                    while let Some(event) = events.next().await {
                        if event.is_ok() && moved.try_run(()).is_none() {
                            break;
                        }
                    }
                });
            }
            let source = SendWrapper::new(source);
            on_cleanup(move || source.take().close());
        }
        seen
    });
}

/// Does nothing on the server.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn listen(_: &'static str, _: Memo<bool>, _: Callback<()>) {}
