//! Server-sent events for the page of a flow: the flow continued or ended in another tab.

use super::{Problem, Service};
use account::Purpose;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use backend::{BrowserTokens, Caller};
use futures::Stream;
use serde::Deserialize;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Maximum number of streams. Each holds a connection and polls the database.
const MOST: usize = 1_000;
/// Maximum number of streams of one client.
const MOST_OF_A_CLIENT: usize = 8;
/// Maximum lifetime of a stream. Forgotten tabs release theirs; open pages reconnect automatically.
const LONGEST: Duration = Duration::from_secs(15 * 60);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The delay before a page reconnects after a change.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// The number of open streams by client.
#[derive(Clone, Default)]
pub struct Streams(Arc<Mutex<HashMap<String, usize>>>);

/// A slot among the open streams, released when the stream ends for any reason.
struct Slot {
    streams: Streams,
    client: String,
}

impl Streams {
    /// Reserves a slot. Attack: one client opens streams until no connections are left for others.
    fn take(&self, client: &str) -> Option<Slot> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.get(client).copied().unwrap_or_default();
        if all >= MOST || own >= MOST_OF_A_CLIENT {
            return None;
        }
        open.insert(client.to_owned(), own + 1);
        Some(Slot {
            streams: self.clone(),
            client: client.to_owned(),
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.client);
            }
        }
    }
}

/// Returns the route of the streams.
pub fn routes(streams: Streams) -> Router<Service> {
    Router::new().route("/api/flow/events", get(open).layer(Extension(streams)))
}

/// The requested flow.
#[derive(Deserialize)]
struct Asked {
    flow: String,
}

async fn open(
    State(service): State<Service>,
    Extension(streams): Extension<Streams>,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Some(purpose) = asked.ok().and_then(|asked| Purpose::parse(&asked.flow)) else {
        return Problem::new(StatusCode::NOT_FOUND).into_response();
    };
    let held = app::held(&headers);
    let seen = match service
        .backend
        .request(&caller, &held)
        .flow_version(purpose, None)
        .await
    {
        // This flow has no more events, and a browser does not reconnect after 204.
        Ok(0) => return StatusCode::NO_CONTENT.into_response(),
        // Resume at the browser's last event, so that none is missed (HTML Standard §9.2.4, `Last-Event-ID`).
        Ok(version) => last_heard(&headers).unwrap_or(version),
        Err(fault) => return Problem::of(&fault).into_response(),
    };
    let Some(place) = streams.take(&caller.client) else {
        return Problem::busy(60).into_response();
    };
    Sse::new(listen(service, purpose, (caller, held), seen, place))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

fn last_heard(headers: &HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// Streams the flow's next change, or ends when the server stops or the stream's lifetime is over. The browser then reconnects.
fn listen(
    service: Service,
    purpose: Purpose,
    browser: (Caller, BrowserTokens),
    seen: i64,
    place: Slot,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let until = Instant::now() + LONGEST;
    futures::stream::unfold(
        (service, browser, Some(seen), place),
        move |(service, browser, seen, place)| async move {
            let seen = seen?;
            let mut stopping = service.stopping.clone();
            loop {
                let version = tokio::select! {
                    version = service.backend.request(&browser.0, &browser.1).flow_version(purpose, Some(seen)) => version,
                    () = sleep_until(until) => return None,
                    _ = stopping.wait_for(|stopping| *stopping) => return None,
                };
                match version {
                    // The browser reconnects with the next token, which is in another response.
                    Ok(version) if version == seen && version < 0 => return None,
                    Ok(version) if version == seen => {}
                    Ok(version) => {
                        let version = version.to_string();
                        let event = Event::default()
                            .event("moved")
                            .id(&version)
                            .data(&version)
                            .retry(ASK_AGAIN);
                        return Some((Ok(event), (service, browser, None, place)));
                    }
                    Err(fault) => {
                        tracing::warn!(%fault, "an event stream ended");
                        service.backend.metrics().failed(fault.kind());
                        return None;
                    }
                }
            }
        },
    )
}
