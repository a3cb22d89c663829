//! The router: all routes and the middleware in front of them.

mod api;
mod client;
pub(crate) mod compress;
mod downloads;
mod edge;
mod events;
mod headers;
mod health;
mod members;
mod oauth;
mod pages;
mod preferences;
mod problem;
mod providers;
mod requests;
mod same_origin;
mod sites;
mod unsubscribe;

pub use client::{LANGUAGES, Peer, browser_name, canonical, client_address, language};
pub use edge::host_name;
pub use problem::Problem;
pub use requests::Requests;

use crate::assets::Site;
use crate::config::Config;
use crate::dev;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use backend::{Backend, Mailer};
use events::Streams;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch;

/// The shared state of request handlers. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    parts: Arc<Parts>,
    requests: Requests,
}

/// The parts of a [`Service`].
pub struct Parts {
    /// The account service.
    pub backend: Backend,
    /// The e-mail transport; the development run displays its e-mails.
    pub mail: Mailer,
    /// The operator's configuration.
    pub config: Config,
    /// The static files for the browser.
    pub site: Site,
    /// Whether this is the development run.
    pub dev: bool,
    /// Whether pages reload after the server restarts.
    pub watch: bool,
    /// Becomes true when the server must stop.
    pub stopping: watch::Receiver<bool>,
}

impl Deref for Service {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Service {
    /// Builds a service from its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            requests: Requests::default(),
        }
    }

    /// Returns the request metrics.
    #[must_use]
    pub const fn requests(&self) -> &Requests {
        &self.requests
    }
}

/// Returns the router of the whole service.
pub fn router(service: &Service) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(health::process))
        .route("/readyz", get(health::database))
        .route("/.well-known/change-password", get(pages::change_password))
        .route("/api/preferences", axum::routing::post(preferences::save))
        .merge(events::routes(Streams::default()))
        .merge(api::routes())
        .merge(providers::routes())
        .merge(oauth::routes())
        .route("/organization/members.csv", get(members::csv))
        .merge(downloads::routes())
        .merge(pages::routes(service));
    for (address, asset) in &service.site.files {
        let asset = asset.clone();
        router = router.route(
            address,
            get(move |headers: HeaderMap| async move { asset.answer(&headers) }),
        );
    }
    if service.dev {
        router = router.merge(dev::routes());
    }
    router
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND) })
        .layer(from_fn_with_state(service.clone(), same_origin::only))
        // Behind no same-origin check, because these routes read no cookies.
        .merge(oauth::client_routes())
        .merge(unsubscribe::routes())
        .layer(from_fn_with_state(service.clone(), edge::one_name))
        // These have hosts of their own, and change nothing that belongs to a session of this service.
        .merge(sites::routes())
        .layer(from_fn(edge::bound))
        .layer(from_fn_with_state(service.clone(), edge::enter))
        .with_state(service.clone())
}
