//! What every answer tells the browser about how to treat it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The rules for a page: nothing from elsewhere, no script but ours. With the nonce of the page's own script tags, if any.
///
/// Attack: text of somebody else that became markup on a page runs as script, sends what is typed elsewhere, or frames the
/// page under another one.
#[must_use]
pub fn content_security_policy(nonce: Option<&str>, watched: bool) -> Option<HeaderValue> {
    // cargo-leptos tells the page to reload.
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
    // Attack: a file of another type is run as a script.
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Attack: a page that opened ours keeps a handle on its window.
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Attack: an address of ours ends up in another site's log.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Adds what is not said yet.
pub fn complete(headers: &mut HeaderMap, https: bool) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(policy) = content_security_policy(None, false) {
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    }
    // Attack: the next person at this computer, or a cache on the way, reads a page that was for one person. `no-transform`: a
    // proxy that strips comments or hides addresses in a page leaves HTML that the scripts cannot take over.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store, no-transform"));
    if https {
        // Attack: the first request in the clear is answered by somebody on the way.
        let year = HeaderValue::from_static("max-age=31536000");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
}
