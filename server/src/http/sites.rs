//! Sites behind a reverse proxy: the proxy's question about each request, and the pages at the site's own host.

use super::{Problem, Service, pages};
use account::Secret;
use app::{SitePage, cookie, site_page};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use backend::flows::{SiteAnswer, local_to_site};
use backend::oauth::Site;
use backend::{Caller, Error, Fault, retried};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The cookie with a sign-in at a site. `__Host-` keeps other hosts from setting it.
const ATTEMPT: &str = "__Host-rekey-attempt";
/// The cookie with a session at a site.
const SESSION: &str = "__Host-rekey-site";
/// The time for which the browser keeps an attempt, in seconds.
const ATTEMPT_S: i64 = 24 * 3_600;

/// The policy of the pages: nothing but their own style.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(app::SITE_STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Returns the routes. Those below `/.rekey/` are at the hosts of sites, which pass them on to this service.
pub fn routes() -> Router<Service> {
    Router::new()
        .route("/auth/verify", get(verify))
        .route("/.rekey/start", get(start))
        .route("/.rekey/return", get(arrive))
        .route("/.rekey/forbidden", get(forbidden))
        .route("/.rekey/not-sent", get(not_sent))
        .route("/.rekey/sign-out", get(sign_out))
}

/// Answers a proxy: 204 with the user in headers, 401 with the place to sign in, or 403.
///
/// Anyone can call this with any `X-Forwarded-Host`: the answer only tells about the caller's own cookie.
async fn verify(State(service): State<Service>, headers: HeaderMap) -> Response {
    let site = text(&headers, "x-forwarded-host").and_then(|host| service.backend.site(host));
    let Some(site) = site else {
        // Counted, not warned about. Attack: anyone fills the log.
        return plain(
            StatusCode::NOT_FOUND,
            "X-Forwarded-Host names no site of the configuration",
        );
    };
    let uri = text(&headers, "x-forwarded-uri").unwrap_or_default();
    let token = cookie(&headers, SESSION).map(Secret::from);
    match service.backend.verify_at_site(site, token.as_ref(), uri).await {
        Ok(SiteAnswer::Admitted {
            subject,
            email,
            name,
            organization,
        }) => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            let groups = organization.as_deref().map(group).unwrap_or_default();
            for (header, value) in [
                ("x-auth-subject", &subject),
                ("x-auth-email", &email),
                ("x-auth-name", &name),
                ("x-auth-groups", &groups),
            ] {
                // Always, also if empty: a proxy that copies them overwrites those of the browser.
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or(HeaderValue::from_static(""));
                response.headers_mut().insert(HeaderName::from_static(header), value);
            }
            response
        }
        Ok(SiteAnswer::Forbidden { email }) => refuse(site, &headers, email),
        Ok(SiteAnswer::SignIn) => ask_to_sign_in(site, &headers, uri),
        Err(fault) => broken(&service, site, &headers, &fault),
    }
}

/// Returns the name of a group. Commas separate groups, so one in a name is encoded.
fn group(name: &str) -> String {
    name.replace('%', "%25").replace(',', "%2C")
}

fn ask_to_sign_in(site: &Site, headers: &HeaderMap, uri: &str) -> Response {
    // Attack: a tab that polls while signed out begins sign-ins without end, and uses up the limit of its network.
    if !may_navigate(headers) {
        return plain(StatusCode::UNAUTHORIZED, "signed out");
    }
    let method = text(headers, "x-forwarded-method").unwrap_or("GET");
    let repeats = matches!(method, "GET" | "HEAD");
    let to = if repeats { local_to_site(uri) } else { "/" };
    let url = start_url(site, to);
    let location = HeaderValue::try_from(&url).ok();
    let page = if repeats {
        SitePage::SignIn { url }
    } else {
        SitePage::NotSent { url }
    };
    let mut response = show(site, headers, StatusCode::UNAUTHORIZED, &page);
    if let Some(location) = location.filter(|_| repeats) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn refuse(site: &Site, headers: &HeaderMap, email: String) -> Response {
    let url = [&site.origin, "/.rekey/sign-out"].concat();
    let page = SitePage::Forbidden { email, url };
    show(site, headers, StatusCode::FORBIDDEN, &page)
}

fn start_url(site: &Site, to: &str) -> String {
    [&site.origin, "/.rekey/start?to=", to].concat()
}

/// Begins a sign-in.
async fn start(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(site) = of_host(&service, &parts) else {
        return unknown();
    };
    if !may_navigate(&parts.headers) {
        return plain(StatusCode::UNAUTHORIZED, "signed out");
    }
    // Everything after it, as it is in the address: a path and query.
    let to = parts.uri.query().and_then(|query| query.strip_prefix("to="));
    let attempt = cookie(&parts.headers, ATTEMPT).map(Secret::from);
    let start = service.backend.start_at_site(site, attempt, to.unwrap_or("/"));
    let mut response = pages::see_other(&start.url);
    set_cookie(&mut response, ATTEMPT, &start.attempt, ATTEMPT_S);
    response
}

/// Takes the browser back from this service, with a code.
async fn arrive(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(site) = of_host(&service, &parts) else {
        return unknown();
    };
    let query = parts.uri.query().unwrap_or_default();
    let parameter = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    let to = parameter("state").unwrap_or_default();
    let to = local_to_site(&to);
    let entered = match (cookie(&parts.headers, ATTEMPT), parameter("code")) {
        (Some(attempt), Some(code)) => {
            let (attempt, code) = (Secret::from(attempt), Secret::from(code));
            let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
            let tokens = backend::BrowserTokens::default();
            let request = service.backend.request(&caller, &tokens);
            retried(|| request.enter_site(site, &attempt, &code)).await
        }
        _ => Ok(None),
    };
    match entered {
        Ok(Some(token)) => {
            let mut response = pages::see_other(&[&site.origin, to].concat());
            let keep_s = service.backend.settings().session_days * 24 * 3_600;
            set_cookie(&mut response, SESSION, &token, keep_s);
            response
        }
        Ok(None) | Err(Error::Refused(_) | Error::Repeated(_)) => {
            // A page, because a redirect could go in a circle. A user who goes back or reloads is still signed in.
            let url = start_url(site, to);
            let page = SitePage::Unfinished { url };
            show(site, &parts.headers, StatusCode::BAD_REQUEST, &page)
        }
        Err(Error::Fault(fault)) => broken(&service, site, &parts.headers, &fault),
    }
}

/// Tells a user that they may not see a page. For proxies that do not pass on the body of a 403.
async fn forbidden(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(site) = of_host(&service, &parts) else {
        return unknown();
    };
    let token = cookie(&parts.headers, SESSION).map(Secret::from);
    let answer = service.backend.verify_at_site(site, token.as_ref(), "").await;
    match answer {
        Ok(SiteAnswer::Admitted { email, .. } | SiteAnswer::Forbidden { email }) => refuse(site, &parts.headers, email),
        Ok(SiteAnswer::SignIn) => ask_to_sign_in(site, &parts.headers, "/"),
        Err(fault) => broken(&service, site, &parts.headers, &fault),
    }
}

/// Tells a user that a form was sent without a session. For proxies that do not pass on the body of a 401.
async fn not_sent(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(site) = of_host(&service, &parts) else {
        return unknown();
    };
    if !may_navigate(&parts.headers) {
        return plain(StatusCode::UNAUTHORIZED, "signed out");
    }
    let url = start_url(site, "/");
    show(
        site,
        &parts.headers,
        StatusCode::UNAUTHORIZED,
        &SitePage::NotSent { url },
    )
}

/// Leads to the sign-out of this service, which asks first. Attack: a link on any page signs its visitor out.
async fn sign_out(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    of_host(&service, &parts).map_or_else(unknown, |site| pages::see_other(&service.backend.sign_out_url(site)))
}

fn of_host<'a>(service: &'a Service, parts: &Parts) -> Option<&'a Site> {
    text(&parts.headers, "host").and_then(|host| service.backend.site(host))
}

/// Returns a header. Attack: a proxy adds its own behind that of a client, which would be read.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}

/// Returns whether a request can be the user's own navigation: browsers say so, others may not.
fn may_navigate(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
}

fn unknown() -> Response {
    plain(
        StatusCode::NOT_FOUND,
        "the Host header names no site of the configuration",
    )
}

fn plain(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain")], body).into_response()
}

fn broken(service: &Service, site: &Site, headers: &HeaderMap, fault: &Fault) -> Response {
    let mut response = Problem::of(fault).into_response();
    let problem = response.extensions_mut().remove::<Problem>();
    let reference = problem
        .as_ref()
        .and_then(|problem| problem.reference().map(str::to_owned));
    service.backend.metrics().failed(fault.kind());
    let status = response.status();
    let mut shown = show(site, headers, status, &SitePage::Broken { reference });
    if let Some(seconds) = response.headers_mut().remove(header::RETRY_AFTER) {
        shown.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    shown
}

fn show(site: &Site, headers: &HeaderMap, status: StatusCode, page: &SitePage) -> Response {
    if !app::wants_html(headers) {
        return plain(status, "see the status");
    }
    let language = super::language(headers);
    let policy = [(header::CONTENT_SECURITY_POLICY, POLICY.clone())];
    (status, policy, Html(site_page(language, &site.name, page))).into_response()
}

fn set_cookie(response: &mut Response, name: &str, token: &Secret, keep_s: i64) {
    let token = token.expose();
    // Attack: injected code steals it (HttpOnly); another site sends it with a form (SameSite).
    let text = format!("{name}={token}; Max-Age={keep_s}; Path=/; Secure; HttpOnly; SameSite=Lax");
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::group;

    /// Attack: an organization `a,administrators` is in two groups.
    #[test]
    fn a_name_is_one_group() {
        assert_eq!(group("Engines, Ltd"), "Engines%2C Ltd");
        assert_eq!(group("100%2C"), "100%252C");
    }
}
