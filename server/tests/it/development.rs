//! The development server's e-mails: visible only on this machine.

use crate::world::{World, page};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};

#[tokio::test]
async fn emails_are_shown_only_by_the_development_server() {
    for (dev, status) in [(true, StatusCode::OK), (false, StatusCode::NOT_FOUND)] {
        let world = World::with(&[], dev).await;
        for path in [
            "/dev/emails",
            "/dev/emails.json?to=ada@example.com",
            "/dev/emails/gallery",
            "/dev/emails.css",
        ] {
            assert_eq!(world.open(path).await.status, status, "{path}");
        }
    }
}

/// Attack: an attacker's host name resolves to this machine.
#[tokio::test]
async fn emails_are_not_shown_under_another_host_name() {
    let world = World::new().await;
    for host in ["evil.example", "127.0.0.1.evil.example:3000", ""] {
        let request = Request::get("/dev/emails.json")
            .header(header::HOST, host)
            .body(Body::empty())
            .unwrap();
        assert_eq!(world.send(request).await.status, StatusCode::NOT_FOUND, "{host}");
    }
}

#[tokio::test]
async fn the_gallery_shows_each_email_in_each_language() {
    let world = World::new().await;
    let gallery = world.open("/dev/emails/gallery").await;
    assert_eq!(gallery.text().matches("<article>").count(), 104);
    assert!(gallery.text().contains("012345"));
    let mail = world.open("/dev/emails/gallery/reset-code.ar").await;
    assert!(mail.text().contains("01234567"));
    let policy = mail.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("sandbox") && !policy.contains("script-src"), "{policy}");
    assert_eq!(
        world.open("/dev/emails/gallery/none.en").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_page_under_another_local_name_redirects_to_the_origin() {
    let world = World::new().await;
    let ask = |host: &str| {
        let request = Request::get("/signin?next=/security")
            .header(header::ACCEPT, "text/html")
            .header(header::HOST, host);
        request.body(Body::empty()).unwrap()
    };
    let answer = world.send(ask("localhost:3000")).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(
        answer.header(header::LOCATION),
        "http://127.0.0.1:3000/signin?next=/security"
    );
    assert_eq!(world.send(ask("127.0.0.1:3000")).await.status, StatusCode::OK);
    let stranger = world.send(ask("evil.example")).await;
    assert!(
        !stranger.headers.contains_key(header::LOCATION),
        "a foreign host name causes no redirect"
    );
    let served = World::with(&[], false).await;
    assert_eq!(served.send(ask("localhost:3000")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_mailbox_shows_no_emails() {
    let world = World::new().await;
    assert_eq!(world.open("/dev/emails.json").await.text(), "[]");
    assert_eq!(world.open("/dev/emails/1").await.status, StatusCode::NOT_FOUND);
    assert!(
        world
            .send(page("/dev/emails").body(Body::empty()).unwrap())
            .await
            .text()
            .contains("None yet")
    );
}
