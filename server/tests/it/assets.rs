//! The browser's files: encodings and caching.

use crate::world::World;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};

async fn ask(world: &World, path: &str, encodings: &str) -> crate::world::Answer {
    world
        .send(
            Request::get(path)
                .header(header::ACCEPT_ENCODING, encodings)
                .body(Body::empty())
                .unwrap(),
        )
        .await
}

#[tokio::test]
async fn a_file_is_sent_in_the_smallest_accepted_encoding() {
    let world = World::new().await;
    for (taken, encoding, body) in [
        ("gzip, deflate, br", "br", "br script"),
        ("br", "br", "br script"),
        ("gzip", "gzip", "gz script"),
        ("br;q=0, gzip", "gzip", "gz script"),
        ("br; q=0.0, gzip;q=0", "", "plain script"),
        ("", "", "plain script"),
        ("zstd", "", "plain script"),
    ] {
        let answer = ask(&world, "/pkg/entry.1.js", taken).await;
        assert_eq!(
            (answer.header(header::CONTENT_ENCODING), answer.text()),
            (encoding, body),
            "{taken}"
        );
        assert_eq!(answer.header(header::VARY), "accept-encoding");
        assert_eq!(answer.header(header::CONTENT_TYPE), "text/javascript; charset=utf-8");
    }
    assert_eq!(
        ask(&world, "/pkg/entry.2.wasm", "br")
            .await
            .header(header::CONTENT_TYPE),
        "application/wasm"
    );
}

#[tokio::test]
async fn build_files_are_cached_permanently_and_others_for_minutes() {
    let world = World::new().await;
    for path in ["/pkg/entry.1.js", "/pkg/entry.2.wasm", "/pkg/rekey.3.css"] {
        assert_eq!(
            ask(&world, path, "").await.header(header::CACHE_CONTROL),
            "public, max-age=31536000, immutable"
        );
    }
    assert_eq!(
        ask(&world, "/robots.txt", "").await.header(header::CACHE_CONTROL),
        "public, max-age=300"
    );
}

#[tokio::test]
async fn a_cached_file_is_not_sent_again() {
    let world = World::new().await;
    let tag = ask(&world, "/pkg/entry.1.js", "br")
        .await
        .header(header::ETAG)
        .to_owned();
    let again = |tag: &str, encodings: &str| {
        Request::get("/pkg/entry.1.js")
            .header(header::ACCEPT_ENCODING, encodings)
            .header(header::IF_NONE_MATCH, tag)
            .body(Body::empty())
            .unwrap()
    };
    let answer = world.send(again(&tag, "br")).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
    // Each encoding has a separate ETag.
    assert_eq!(world.send(again(&tag, "")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_the_sites_files_are_served() {
    let world = World::new().await;
    for path in [
        "/manifest.json",
        "/pkg/entry.1.js.br",
        "/pkg/",
        "/pkg/../manifest.json",
        "/pkg/%2e%2e/manifest.json",
    ] {
        assert_eq!(ask(&world, path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
