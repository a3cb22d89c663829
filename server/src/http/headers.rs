//! Security headers for every response.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Returns a page's content security policy: only resources of this origin, and inline scripts only with the page's nonce.
///
/// Attack: injected markup runs scripts, sends input elsewhere, or frames the page.
#[must_use]
pub fn content_security_policy(nonce: Option<&str>, watched: bool) -> Option<HeaderValue> {
    // cargo-leptos uses a WebSocket to reload the page.
    let reloader = if watched {
        " ws://127.0.0.1:3001 ws://localhost:3001"
    } else {
        ""
    };
    let nonce = nonce.map_or_else(String::new, |nonce| format!(" 'nonce-{nonce}'"));
    HeaderValue::try_from(format!(
        "default-src 'none'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'{reloader}; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; object-src 'none'"
    ))
    .ok()
}

const ALWAYS: [(HeaderName, &str); 5] = [
    // Attack: a file of another type is executed as a script.
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Attack: the page that opened this one keeps control of its window.
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Attack: another site's log contains a URL of this site.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Adds the headers that are not set yet.
pub fn complete(headers: &mut HeaderMap, https: bool) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(policy) = content_security_policy(None, false) {
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    }
    // Attack: the next user of this computer, or a shared cache, obtains a personal page. `no-transform`, because scripts cannot
    // hydrate HTML with comments stripped or addresses obfuscated by a proxy.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store, no-transform"));
    if https {
        // Attack: an on-path attacker answers the first, unencrypted request.
        let year = HeaderValue::from_static("max-age=31536000");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
}
