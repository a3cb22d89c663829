//! Error responses for browsers and for scripts: one layout, one status, one reference.

use super::{Service, pages};
use account::Refusal;
use app::Failure;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use backend::Caller;
use rand::TryRng;
use rand::rngs::SysRng;

/// An error response without a body; [`Service::show`] adds it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    reference: Option<String>,
    retry_after_s: Option<i64>,
    /// The metrics label of a server fault.
    fault: Option<&'static str>,
}

impl Problem {
    /// Creates a refusal with a status.
    #[must_use]
    pub const fn new(status: StatusCode) -> Self {
        Self {
            status,
            reference: None,
            retry_after_s: None,
            fault: None,
        }
    }

    /// Creates and logs a fault of the server. The response contains the reference of the log line.
    #[must_use]
    pub fn fault(kind: &'static str, what: &str) -> Self {
        let reference = backend::fault_reference();
        tracing::error!(reference, what, "request failed");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reference: Some(reference),
            retry_after_s: None,
            fault: Some(kind),
        }
    }

    /// Creates a fault of the account service: 500, or 503 if a retry helps.
    #[must_use]
    pub fn of(fault: &backend::Fault) -> Self {
        match fault.retry_after_s() {
            Some(retry_after_s) => {
                tracing::warn!(%fault, "request rejected: busy");
                Self::busy(retry_after_s).counted_as(fault.kind())
            }
            None => Self::fault(fault.kind(), &fault.to_string()),
        }
    }

    /// Creates a response to temporary overload, with `Retry-After`.
    #[must_use]
    pub const fn busy(retry_after_s: i64) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            reference: None,
            retry_after_s: Some(retry_after_s),
            fault: None,
        }
    }

    /// Returns the reference of a fault in the log.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Sets the metrics label of the fault.
    #[must_use]
    pub const fn counted_as(mut self, kind: &'static str) -> Self {
        self.fault = Some(kind);
        self
    }
}

/// Returns random bytes for identifiers without a security purpose; zeros if the system provides none.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if SysRng.try_fill_bytes(&mut bytes).is_err() {
        bytes = [0; N];
    }
    bytes
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl Service {
    /// Renders an error response as a page or as data; `address` is the page to return to. Responses with their own body stay unchanged; the router's own refusals
    /// (wrong method, unknown path) are rendered like others.
    #[must_use]
    pub fn show(&self, request: &HeaderMap, caller: &Caller, address: &str, mut response: Response) -> Response {
        let status = response.status();
        let bare = status.as_u16() >= 400 && !response.headers().contains_key(header::CONTENT_TYPE);
        let told = response
            .extensions_mut()
            .remove::<Problem>()
            .or(bare.then_some(Problem::new(status)));
        let Some(Problem {
            reference,
            retry_after_s,
            fault,
            ..
        }) = told
        else {
            return response;
        };
        if let Some(kind) = fault {
            self.backend.metrics().failed(kind);
        }
        let shown = if app::wants_html(request) {
            let assets = pages::assets(self);
            let request = app::FailedRequest {
                caller,
                headers: request,
                address,
                status: status.as_u16(),
                reference: reference.as_deref(),
                retry_after_s,
            };
            Html(app::error_page(&self.backend, &assets, &request)).into_response()
        } else {
            data(status, reference)
        };
        let (shown, body) = shown.into_parts();
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.extend(shown.headers);
        Response::from_parts(parts, body)
    }
}

fn data(status: StatusCode, reference: Option<String>) -> Response {
    match status.as_u16() {
        500.. => Json(Failure::Broken { reference }).into_response(),
        400 | 413 => Json(Failure::from(Refusal::FormUnreadable)).into_response(),
        // The reason stays hidden.
        status => Json(serde_json::json!({ "status": status })).into_response(),
    }
}
