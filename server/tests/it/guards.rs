//! Checks before every page and function.

use crate::world::{ORIGIN, World, form_of, logged, page};
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};

/// Property 12: requests that change state, from every kind of sender.
#[tokio::test]
async fn a_cross_site_request_is_refused() {
    let world = World::new().await;
    for (site, origin, allowed) in [
        (Some("same-origin"), Some(ORIGIN), true),
        (Some("same-origin"), None, true),
        (Some("none"), None, true),
        (None, Some(ORIGIN), true),
        // Not a browser, so the request has no victim's cookies.
        (None, None, true),
        (Some("cross-site"), Some("https://evil.example"), false),
        (Some("cross-site"), None, false),
        (Some("cross-site"), Some(ORIGIN), false),
        (Some("same-site"), Some("http://neighbour.127.0.0.1:3000"), false),
        (Some("same-site"), None, false),
        (Some("same-origin"), Some("https://evil.example"), false),
        (Some("Same-Origin"), Some(ORIGIN), false),
        // The service's own page behind a proxy that adds `Referrer-Policy: no-referrer`.
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
async fn the_reason_for_a_refused_request_is_logged() {
    let world = World::new().await;
    let before = logged().len();
    let mut request = form_of("/api/preferences").body("language=ar".into()).unwrap();
    request.headers_mut().insert("origin", "null".parse().unwrap());
    request.headers_mut().remove("sec-fetch-site");
    world.send(request).await;
    let request = form_of("/api/preferences").header("sec-fetch-site", "cross-site");
    world.send(request.body("language=ar".into()).unwrap()).await;
    let request = form_of("/api/preferences").header("origin", "https://s3cret.example");
    world.send(request.body("language=ar".into()).unwrap()).await;
    let log = logged().split_off(before);
    for cause in [
        "Origin is null and Sec-Fetch-Site is not same-origin",
        "Sec-Fetch-Site names another site",
        "Origin differs from REKEY_ORIGIN",
    ] {
        assert_eq!(log.matches(cause).count(), 1, "{cause}: {log}");
    }
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn other_sites_cannot_read_data() {
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
        "a link is not a request by another site's script"
    );
}

#[tokio::test]
async fn every_response_has_security_headers() {
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
        (Method::GET, "/dev/emails"),
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
async fn an_https_origin_sends_strict_transport_security() {
    let world = World::with(&[("REKEY_ORIGIN", "https://accounts.example.com")], false).await;
    assert_eq!(
        world.open("/healthz").await.header(header::STRICT_TRANSPORT_SECURITY),
        "max-age=31536000"
    );
}

#[tokio::test]
async fn every_script_has_the_nonce_of_its_page() {
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
        // A data block isn't a script and needs no nonce.
        let data = text.matches("<script type=\"application/json\"").count();
        let scripts = text.matches("<script").count() - data;
        assert!(
            scripts > 0 && text.matches(&format!("nonce=\"{nonce}\"")).count() >= scripts,
            "{text}"
        );
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn a_body_larger_than_16_kib_is_refused() {
    let world = World::new().await;
    let form = format!("language=ar&back={}", "x".repeat(16 * 1024));
    let answer = world.submit("/api/preferences", &form).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.text().contains("<h1") && answer.header(header::CONTENT_TYPE).starts_with("text/html"));
    assert_eq!(
        world.call("/api/preferences", &form).await.text(),
        r#"{"Refused":{"code":"form_unreadable","field":null,"params":{}}}"#
    );
    assert_eq!(
        world.submit("/api/preferences", &form[..16 * 1024]).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn an_invalid_form_never_redirects_to_the_referrer() {
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
async fn the_log_contains_the_route_but_no_values_from_the_url() {
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

/// Property 33: a sibling domain has set a cookie with an invalid byte, or an extension has changed a header.
#[tokio::test]
async fn an_invalid_byte_does_not_hide_valid_values() {
    let world = World::with_ada().await;
    let begun = world.call("/api/sign_in/begin", "email=ada@example.com").await;
    let flow = begun.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
    let odd = |value: &[u8]| HeaderValue::from_bytes(value).unwrap();
    let cookie = [b"city=K\xf6ln; ", flow.as_bytes()].concat();
    let request = |accept: &[u8]| {
        form_of("/api/sign_in/password")
            .header(header::COOKIE, odd(&cookie))
            .header(header::ACCEPT, odd(accept))
            .body(Body::from("password=correct%20horse%20battery%20staple"))
            .unwrap()
    };
    let answer = world.send(request(b"application/json, x/\xe4")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.text().contains("EnterCode"), "{}", answer.text());
    // A plain form: resending the password returns the flow's current step.
    let answer = world.send(request(b"x/\xe4, text/html")).await;
    assert_eq!(
        (answer.status, answer.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/signin")
    );
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
    let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(
        cookies.iter().any(|cookie| cookie.starts_with("__Host-signin=")),
        "{cookies:?}"
    );
}

#[tokio::test]
async fn a_sign_out_without_a_session_is_not_confirmed() {
    let world = World::new().await;
    let answer = world.submit("/api/sign_in/sign_out", "").await;
    let location = answer.header(header::LOCATION).to_owned();
    assert_eq!(
        (answer.status, location.as_str()),
        (StatusCode::SEE_OTHER, "/signed-out?session=unknown")
    );
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    let page = world.open(&location).await;
    assert!(page.text().contains("You may still be signed in") && page.text().contains("/api/sign_in/sign_out"));
    let dead = form_of("/api/sign_in/sign_out")
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, "__Host-session=dead");
    let answer = world.send(dead.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header(header::LOCATION), "/signed-out");
    assert!(answer.header(header::SET_COOKIE).starts_with("__Host-session=;"));
}

#[tokio::test]
async fn an_invalid_host_is_refused_and_the_reason_is_logged() {
    let world = World::new().await;
    let two = page("/signin").header(header::HOST, "evil.example");
    let odd = Request::get("/signin").header(header::HOST, HeaderValue::from_bytes(b"127.0.0.1\xff").unwrap());
    let other = page("http://evil.example/signin");
    for (request, cause) in [(two, "two Host headers"), (odd, "not text"), (other, "host differs")] {
        let before = logged().len();
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{cause}");
        let log = logged().split_off(before);
        assert_eq!(log.matches(cause).count(), 1, "{log}");
    }
    let same = page("http://127.0.0.1:3000/signin").body(Body::empty()).unwrap();
    assert_eq!(world.send(same).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_an_address_from_the_proxy_is_refused() {
    let world = World::with(&[("REKEY_TRUSTED_PROXIES", "192.0.2.0/24")], true).await;
    let open = |hop: &[u8]| {
        let hop = HeaderValue::from_bytes(hop).unwrap();
        page("/signin")
            .header("x-forwarded-for", hop)
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(world.send(open(b"203.0.113.9")).await.status, StatusCode::OK);
    let before = logged().len();
    assert_eq!(
        world.send(open(b"203.0.113.9, \xff")).await.status,
        StatusCode::BAD_REQUEST
    );
    let log = logged().split_off(before);
    assert_eq!(log.matches("X-Forwarded-For is not an address").count(), 1, "{log}");
}

#[tokio::test]
async fn a_request_with_a_nul_is_refused() {
    let world = World::new().await;
    for (path, form) in [
        ("/api/security/end_session", "id=%00"),
        ("/api/security/forget_device", "id=a\0"),
        ("/api/sign_in/begin", "email=a%00@example.com&next=%00"),
        ("/api/sign_up/finish", "name=A%00da"),
    ] {
        let answer = world.call(path, form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(
            answer.text(),
            r#"{"Refused":{"code":"form_unreadable","field":null,"params":{}}}"#,
            "{path}"
        );
        assert_eq!(world.submit(path, form).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    let asked = world
        .send(Request::get("/api/sign_in/step?a=%00").body(Body::empty()).unwrap())
        .await;
    assert_eq!(asked.status, StatusCode::BAD_REQUEST);
}
