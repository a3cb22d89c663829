//! URLs of pages, and redirects of forms.

use crate::world::{World, form_of, page};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use leptos::prelude::Owner;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[tokio::test]
async fn pages_are_complete_without_scripts() {
    let world = World::new().await;
    for (path, heading) in [
        ("/signin", "Sign in"),
        ("/reset", "Reset your password"),
        ("/signup", "Create an account"),
        ("/help", "Help"),
    ] {
        let answer = world.open(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(
            answer.text().contains(heading) && answer.text().contains("</html>"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_page_is_sent_compressed() {
    let world = World::new().await;
    let plain = world.open("/help").await.body.len();
    for encoding in ["br", "gzip"] {
        let answer = world
            .send(
                page("/help")
                    .header(header::ACCEPT_ENCODING, encoding)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(answer.header(header::CONTENT_ENCODING), encoding);
        assert!(answer.body.len() * 2 < plain);
        assert_eq!(answer.header(header::CONTENT_LENGTH), answer.body.len().to_string());
    }
}

/// Password managers probe for this.
#[tokio::test]
async fn an_unknown_url_gets_a_404_with_the_page_layout() {
    let world = World::new().await;
    for path in [
        "/nowhere",
        "/signin/",
        "//signin",
        "/Signin",
        "/signin/x",
        "/api/nothing",
        "/api",
        "/.well-known/nothing",
        "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200",
    ] {
        let answer = world.open(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(
            answer.text().contains("<h1") && answer.text().contains("<main"),
            "{path}"
        );
    }
    let data = world.send(Request::get("/nowhere").body(Body::empty()).unwrap()).await;
    assert_eq!((data.status, data.text()), (StatusCode::NOT_FOUND, r#"{"status":404}"#));
}

#[tokio::test]
async fn an_unsupported_method_gets_the_allowed_methods() {
    let world = World::new().await;
    let answer = world.send(form_of("/signin").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.status, answer.header(header::ALLOW)),
        (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD")
    );
    let answer = world.open("/api/sign_in/begin").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "reading changes nothing");
    let head = Request::builder()
        .method(Method::HEAD)
        .uri("/signin")
        .header(header::ACCEPT, "text/html");
    let answer = world.send(head.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn a_password_manager_finds_the_page_to_change_the_password() {
    let world = World::new().await;
    let answer = world.open("/.well-known/change-password").await;
    assert_eq!(
        (answer.status, answer.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/security/password")
    );
}

#[tokio::test]
async fn health_and_readiness_are_reported() {
    let world = World::new().await;
    assert_eq!(world.open("/healthz").await.text(), "ok\n");
    assert_eq!(world.open("/readyz").await.text(), "ready\n");
}

#[tokio::test]
async fn a_chosen_language_and_theme_are_stored_in_cookies() {
    let world = World::new().await;
    let answer = world
        .submit("/api/preferences", "language=ar&theme=dark&back=%2Freset")
        .await;
    assert_eq!(
        (answer.status, answer.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/reset")
    );
    let cookies: Vec<_> = answer
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    let rest = "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=31536000";
    assert_eq!(
        cookies,
        [
            format!("__Host-language=ar; {rest}"),
            format!("__Host-theme=dark; {rest}")
        ]
    );

    let page = world
        .send(
            page("/reset")
                .header(header::COOKIE, "__Host-language=ar")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert!(page.text().contains("dir=\"rtl\""));
}

#[tokio::test]
async fn unknown_choices_and_external_redirects_are_ignored() {
    let world = World::new().await;
    for form in [
        "language=xx&theme=x&back=//evil.example",
        "language=en%0d%0aSet-Cookie:a=b&back=https://evil.example",
        "",
    ] {
        let answer = world.submit("/api/preferences", form).await;
        assert_eq!(
            (answer.status, answer.header(header::LOCATION)),
            (StatusCode::SEE_OTHER, "/profile"),
            "{form}"
        );
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn the_event_stream_needs_a_flow() {
    let world = World::new().await;
    let listen = |path: &str| {
        Request::get(path)
            .header("sec-fetch-site", "same-origin")
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(
        world.send(listen("/api/flow/events?flow=reset")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        world.send(listen("/api/flow/events?flow=other")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        world.send(listen("/api/flow/events")).await.status,
        StatusCode::NOT_FOUND
    );
}

/// The stream ends when the server stops.
#[tokio::test]
async fn a_page_gets_an_event_when_its_flow_changes() {
    use futures::StreamExt;
    use tower::ServiceExt;
    let world = World::new().await;
    let begun = world.call("/api/reset/begin", "email=ada%40example.com").await;
    let cookies: Vec<_> = begun
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    let held = cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-reset="))
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let listen = Request::get("/api/flow/events?flow=reset")
        .header(header::COOKIE, held)
        .body(Body::empty())
        .unwrap();
    let response = world.router.clone().oneshot(listen).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();

    let answer = form_of("/api/reset/answer")
        .header(header::COOKIE, held)
        .body("code=00000000".into())
        .unwrap();
    let (heard, _) = tokio::join!(stream.next(), world.send(answer));
    let heard = String::from_utf8(heard.unwrap().unwrap().to_vec()).unwrap();
    assert!(heard.contains("event: moved") && heard.contains("data: "), "{heard}");

    world.stop.send(true).unwrap();
    assert!(stream.next().await.is_none());
}

/// A database restart isn't reported as a fault.
#[tokio::test]
async fn an_unavailable_database_gives_503_and_no_fault() {
    let world = World::new().await;
    let begun = world.submit("/api/reset/begin", "email=ada%40example.com").await;
    let held = begun
        .header(header::SET_COOKIE)
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    world.db.close().await;
    let with = |request: axum::http::request::Builder| request.header(header::COOKIE, &held);
    let form = |accept: &str| {
        let form = with(form_of("/api/reset/answer")).header(header::ACCEPT, accept);
        form.body(Body::from("code=12345678")).unwrap()
    };
    let listen = with(Request::get("/api/flow/events?flow=reset")).header("sec-fetch-site", "same-origin");
    let asked = [
        ("page", with(page("/reset")).body(Body::empty()).unwrap()),
        ("data", form("application/json")),
        ("stream", listen.body(Body::empty()).unwrap()),
    ];
    for (name, request) in asked {
        let answer = world.send(request).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        assert_eq!(answer.header(header::RETRY_AFTER), "5", "{name}");
    }
    // A browser without scripts is redirected to the page, which shows the message.
    assert_eq!(world.send(form("text/html")).await.status, StatusCode::SEE_OTHER);
    let ready = world.open("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_stopping_server_is_not_ready_but_still_serves() {
    let world = World::new().await;
    assert_eq!(world.open("/readyz").await.status, StatusCode::OK);
    world.stop.send(true).unwrap();
    let ready = world.open("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.text(), "shutting down\n");
    for path in ["/healthz", "/signin"] {
        assert_eq!(world.open(path).await.status, StatusCode::OK, "{path}");
    }
}

/// The title may be rendered after the page's signals are disposed, a race that needs many concurrent requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_title_matches_its_page_under_concurrent_rendering() {
    let world = std::sync::Arc::new(World::new().await);
    let answer = world.submit("/api/sign_in/begin", "email=robin.example.com").await;
    let flash = answer
        .header(header::SET_COOKIE)
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut pages = tokio::task::JoinSet::new();
    for _ in 0..400 {
        let (world, flash) = (world.clone(), flash.clone());
        pages.spawn(async move {
            let request = page("/signin").header(header::COOKIE, flash);
            world.send(request.body(Body::empty()).unwrap()).await
        });
    }
    while let Some(answer) = pages.join_next().await {
        let answer = answer.unwrap();
        let text = answer.text();
        assert!(text.contains("role=\"alert\""), "the refusal is in the page");
        assert!(
            text.contains("<title>Error: "),
            "{}",
            text.split("</head>").next().unwrap_or_default()
        );
    }
}

#[tokio::test]
async fn an_error_page_is_independent_of_the_threads_previous_page() {
    let world = World::new().await;
    // A waiting page leaves its owner on this thread, and finishes on another one.
    let other = Owner::new_root(None);
    let ended = Arc::new(AtomicBool::new(false));
    let ends = thread::spawn({
        let (other, ended) = (other.clone(), ended.clone());
        move || {
            while !ended.load(Ordering::Relaxed) {
                other.cleanup();
            }
        }
    });
    for _ in 0..300 {
        other.set();
        assert_eq!(world.open("/nothing").await.status, StatusCode::NOT_FOUND);
    }
    ended.store(true, Ordering::Relaxed);
    ends.join().unwrap();
}
