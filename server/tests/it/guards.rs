//! What stands before every page and function.

use crate::world::{ORIGIN, World, form_of, logged, page};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

/// `safety.md` 12 of the design: an address that acts, by form and by script, from every kind of sender.
#[tokio::test]
async fn a_request_that_another_site_made_is_refused() {
    let world = World::new().await;
    for (site, origin, allowed) in [
        (Some("same-origin"), Some(ORIGIN), true),
        (Some("same-origin"), None, true),
        (Some("none"), None, true),
        (None, Some(ORIGIN), true),
        // No browser, so nobody's cookies.
        (None, None, true),
        (Some("cross-site"), Some("https://evil.example"), false),
        (Some("cross-site"), None, false),
        (Some("cross-site"), Some(ORIGIN), false),
        (Some("same-site"), Some("http://neighbour.127.0.0.1:3000"), false),
        (Some("same-site"), None, false),
        (Some("same-origin"), Some("https://evil.example"), false),
        (Some("Same-Origin"), Some(ORIGIN), false),
        // Our own page behind a proxy that adds `Referrer-Policy: no-referrer`.
        (Some("same-origin"), Some("null"), true),
        (None, Some("null"), false),
        (Some("none"), Some("null"), false),
        (Some("same-site"), Some("null"), false),
        (Some("cross-site"), Some("null"), false),
        (None, Some("https://127.0.0.1:3000"), false),
        (None, Some("http://127.0.0.1"), false),
        (None, Some("http://127.0.0.1:3000.evil.example"), false),
        (None, Some("http://localhost:3000"), false),
        (None, Some(""), false),
    ] {
        for path in ["/api/preferences", "/api/sign_in/sign_out", "/nowhere"] {
            let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let answer = world.send(request.body("language=ar".into()).unwrap()).await;
            assert_eq!(
                answer.status != StatusCode::FORBIDDEN,
                allowed,
                "{path} {site:?} {origin:?}"
            );
            assert!(allowed || answer.headers.get(header::SET_COOKIE).is_none());
        }
    }
}

#[tokio::test]
async fn the_log_says_why_a_request_was_refused() {
    let world = World::new().await;
    let before = logged().len();
    let request = form_of("/api/preferences").header("origin", "null");
    world.send(request.body("language=ar".into()).unwrap()).await;
    let request = form_of("/api/preferences").header("sec-fetch-site", "cross-site");
    world.send(request.body("language=ar".into()).unwrap()).await;
    let request = form_of("/api/preferences").header("origin", "https://s3cret.example");
    world.send(request.body("language=ar".into()).unwrap()).await;
    let log = logged().split_off(before);
    for cause in [
        "Origin is null and Sec-Fetch-Site is not same-origin",
        "Sec-Fetch-Site names another site",
        "Origin is another one than REKEY_ORIGIN",
    ] {
        assert_eq!(log.matches(cause).count(), 1, "{cause}: {log}");
    }
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn another_site_learns_nothing_from_data() {
    let world = World::new().await;
    let request = Request::get("/api/sign_in/step").header("sec-fetch-site", "cross-site");
    assert_eq!(
        world.send(request.body(Body::empty()).unwrap()).await.status,
        StatusCode::FORBIDDEN
    );
    let link = page("/signin")
        .header("sec-fetch-site", "cross-site")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        world.send(link).await.status,
        StatusCode::OK,
        "a link to us is no request of another site's script"
    );
}

#[tokio::test]
async fn every_answer_tells_the_browser_how_to_treat_it() {
    let world = World::new().await;
    for (method, path) in [
        (Method::GET, "/signin"),
        (Method::GET, "/nowhere"),
        (Method::GET, "/healthz"),
        (Method::GET, "/robots.txt"),
        (Method::GET, "/pkg/entry.1.js"),
        (Method::GET, "/api/sign_in/step"),
        (Method::POST, "/api/sign_in/begin"),
        (Method::DELETE, "/signin"),
        (Method::GET, "/dev/letters"),
    ] {
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::HOST, "127.0.0.1:3000");
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'"), "{method} {path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {path}");
        }
        assert!(answer.header("x-request-id").len() == 16 && answer.headers.contains_key("permissions-policy"));
        assert!(!answer.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        let file = path.starts_with("/pkg") || path.starts_with("/robots");
        assert_eq!(
            answer.header(header::CACHE_CONTROL) == "no-store, no-transform",
            !file,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn under_https_the_browser_is_told_to_stay_there() {
    let world = World::with(&[("REKEY_ORIGIN", "https://accounts.example.com")], false).await;
    assert_eq!(
        world.open("/healthz").await.header(header::STRICT_TRANSPORT_SECURITY),
        "max-age=31536000"
    );
}

#[tokio::test]
async fn scripts_of_a_page_carry_its_own_nonce() {
    let world = World::new().await;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let answer = world.open("/signin").await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .unwrap()
            .to_owned();
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        let text = answer.text();
        let scripts = text.matches("<script").count();
        assert!(
            scripts > 0 && text.matches(&format!("nonce=\"{nonce}\"")).count() >= scripts,
            "{text}"
        );
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn a_body_is_refused_above_16_kib() {
    let world = World::new().await;
    let form = format!("language=ar&back={}", "x".repeat(16 * 1024));
    let answer = world.submit("/api/preferences", &form).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.text().contains("<h1") && answer.header(header::CONTENT_TYPE).starts_with("text/html"));
    assert_eq!(
        world.call("/api/preferences", &form).await.text(),
        r#"{"Refused":"FormUnreadable"}"#
    );
    assert_eq!(
        world.submit("/api/preferences", &form[..16 * 1024]).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_form_that_does_not_read_never_leads_to_the_referrer() {
    let world = World::new().await;
    for (path, back) in [
        ("/api/sign_in/begin", "/signin"),
        ("/api/reset/choose", "/reset"),
        ("/api/sign_up/finish", "/signup"),
        ("/api/security/change_password", "/security/password"),
    ] {
        for form in [
            "email=a&email=b&password=a&password=b",
            "%ff=%ff&password[]=x&email[a]=b",
            "\u{0}",
        ] {
            let request = form_of(path)
                .header(header::ACCEPT, "text/html")
                .header(header::REFERER, "https://evil.example/?a");
            let answer = world.send(request.body(form.into()).unwrap()).await;
            let location = answer.header(header::LOCATION);
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path} {form:?}");
            assert!(
                location.starts_with(back) || location.starts_with("/signin"),
                "{path} {form:?}: {location}"
            );
            assert!(!location.contains("__err") && !location.contains("evil"));
        }
    }
}

#[tokio::test]
async fn the_log_has_the_route_and_nothing_that_was_put_into_the_address() {
    let world = World::new().await;
    let before = logged().len();
    world.open("/healthz?email=ada@example.com").await;
    world.open("/s3cret/ada@example.com").await;
    world.submit("/api/preferences", "theme=s3cret&back=/s3cret").await;
    let log = logged().split_off(before);
    assert_eq!(log.matches("answered").count(), 3, "{log}");
    assert!(
        log.contains("/healthz") && log.contains("/api/preferences") && log.contains("request{id="),
        "{log}"
    );
    assert!(
        !log.contains("s3cret") && !log.contains("ada") && !log.contains("192.0.2.1"),
        "{log}"
    );
}
