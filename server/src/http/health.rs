//! Health checks: liveness of the process, readiness of the database.

use super::Service;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use std::time::Duration;
use tokio::time::timeout;

/// Reports liveness.
pub async fn process() -> &'static str {
    "ok\n"
}

/// Reports readiness: the database answers within a second, and this server is not shutting down.
pub async fn database(State(service): State<Service>) -> impl IntoResponse {
    if *service.stopping.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");
    }
    match timeout(Duration::from_secs(1), service.backend.db().ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(fault)) => {
            tracing::warn!(%fault, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
        Err(_) => {
            tracing::warn!("not ready: the database takes longer than a second");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
