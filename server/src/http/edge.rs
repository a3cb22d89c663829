//! The outermost layers: request ids, the access log, limits on time and size, and panics.

use super::client::Peer;
use super::requests::method_name;
use super::{Problem, Service, compress, headers, problem};
use crate::config::is_loopback_name;
use crate::traces::continue_trace;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use backend::TRACE;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// Maximum body size in bytes: larger than any form, including the longest paste into the code field.
pub(super) const BODY_LIMIT: usize = 16 * 1024;
/// The time limit for receiving a form.
const BODY_TIME: Duration = Duration::from_secs(10);
/// The time limit for the start of a response. Streams continue after it.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Handles a request as the outermost layer.
pub async fn enter(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let id = u64::from_ne_bytes(problem::random());
    let id = format!("{id:016x}");
    let span = tracing::info_span!("request", id);
    let started = Instant::now();
    let method = request.method().clone();
    // The route is logged instead of the path, which may contain user input.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", MatchedPath::as_str)
        .to_owned();
    let asked = request.headers().clone();
    // A form's address isn't a page.
    let address = match (&method, request.uri().path_and_query()) {
        (&Method::GET, Some(address)) => address.to_string(),
        _ => "/".to_owned(),
    };
    let peer = request.extensions().get::<Peer>().copied();
    let caller = service.caller(peer, &asked);
    let unfit = caller.as_ref().err().copied().or_else(|| unfit_host(&request));
    let mut caller = caller.unwrap_or_default();
    let trace = span.in_scope(|| service.trace(peer, &asked, &method, &route, &id));
    let answered = trace.clone();

    async move {
        if app::wants_html(&asked) {
            service.recognize(&mut caller, &asked).await;
        }
        request.extensions_mut().insert(caller.clone());
        let response = match unfit {
            None => next.run(request).await,
            Some(cause) => {
                tracing::warn!(cause, "request rejected");
                Problem::new(StatusCode::BAD_REQUEST).into_response()
            }
        };
        let response = service.show(&asked, &caller, &address, response);
        let mut response = if method == Method::HEAD {
            response
        } else {
            compress::page(&asked, response).await
        };
        headers::complete(response.headers_mut(), service.config.origin.https);
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-request-id", id);
        }
        let (status, took) = (response.status(), started.elapsed());
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(target: "rekey::access", %method, route, status = status.as_u16(), ms, "answered");
        // Names of built files contain their digests, which would create new series with each build.
        let counted = if service.site.files.contains_key(&route) {
            "(file)"
        } else {
            &route
        };
        service.requests().answered(counted, &method, status, took);
        answered.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            answered.record("otel.status_code", "ERROR");
        }
        response
    }
    .instrument(trace)
    .instrument(span)
    .await
}

/// Returns why a request's host is refused: two headers, not text, or a different host in the URL (RFC 9112 §3.2).
///
/// Attack: a proxy, a cache and this server each see a different host.
fn unfit_host(request: &Request) -> Option<&'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next()?;
    if hosts.next().is_some() {
        return Some("two Host headers");
    }
    let Ok(host) = host.to_str() else {
        return Some("a Host header that is not text");
    };
    let elsewhere = request
        .uri()
        .authority()
        .is_some_and(|named| !named.as_str().eq_ignore_ascii_case(host));
    elsewhere.then_some("the URL's host differs from the Host header")
}

impl Service {
    /// Creates the request's span, disabled when no traces are exported. Its name and field names are fixed.
    fn trace(&self, peer: Option<Peer>, headers: &HeaderMap, method: &Method, route: &str, id: &str) -> Span {
        let method = method_name(method);
        let span = tracing::debug_span!(
            target: TRACE,
            "request",
            otel.name = Empty,
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            request_id = id,
        );
        if !span.is_disabled() {
            if self.trusts(peer) {
                continue_trace(&span, headers);
            }
            span.record("otel.name", format!("{method} {route}"));
        }
        span
    }
}

/// Limits the time to read the body and to respond, and turns a panic into a fault.
pub async fn bound(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match timeout(BODY_TIME, to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return closing(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return closing(StatusCode::REQUEST_TIMEOUT),
    };
    let answer = AssertUnwindSafe(next.run(Request::from_parts(parts, Body::from(body)))).catch_unwind();
    match timeout(ANSWER_TIME, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::fault("panic", "panic; the previous line has its location").into_response(),
        Err(_) => {
            tracing::warn!("request timed out");
            Problem::busy(5).counted_as("no_answer").into_response()
        }
    }
}

/// Creates a response that closes the connection, because the rest of the body stays unread.
fn closing(status: StatusCode) -> Response {
    let mut response = Problem::new(status).into_response();
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Redirects `localhost` to `127.0.0.1` or vice versa in the development run, because cookies and the same-origin check accept
/// only one name.
pub async fn one_name(State(service): State<Service>, request: Request, next: Next) -> Response {
    let origin = &service.config.origin;
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let is_page = request.method() == Method::GET && app::wants_html(request.headers());
    if service.dev && is_page && host != origin.authority() && is_loopback_name(host_name(host)) {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", axum::http::uri::PathAndQuery::as_str);
        if let Ok(there) = HeaderValue::try_from(format!("{}{path}", origin.text)) {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, there)]).into_response();
        }
    }
    next.run(request).await
}

/// Returns a host without its port and brackets.
#[must_use]
pub fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Bytes;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tower::ServiceExt;

    async fn status(router: Router<()>, body: Body) -> StatusCode {
        let request = Request::post("/").body(body).unwrap();
        router.layer(from_fn(bound)).oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_panicking_handler_gives_an_internal_server_error() {
        async fn panics() {
            panic!("what was typed");
        }
        let router = Router::new().route("/", post(panics));
        assert_eq!(status(router, Body::empty()).await, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_body_times_out() {
        let endless = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let router = Router::new().route("/", post(|body: String| async { body }));
        assert_eq!(
            status(router, Body::from_stream(endless)).await,
            StatusCode::REQUEST_TIMEOUT
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_response_times_out() {
        let router = Router::new().route("/", post(std::future::pending::<()>));
        assert_eq!(status(router, Body::empty()).await, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn the_port_is_removed_from_a_host() {
        for (host, name) in [
            ("a:1", "a"),
            ("a", "a"),
            ("[::1]:3000", "::1"),
            ("[::1]", "::1"),
            ("", ""),
        ] {
            assert_eq!(host_name(host), name);
        }
    }
}
