//! Sites behind a reverse proxy: the tables of the configuration file, and what proxies and browsers get.

use crate::world::{Answer, World};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use server::config::{Config, ConfigPurpose, Problem, load};
use tempfile::TempDir;

const TABLES: &str = "
[[sites]]
origin = \"https://wiki.example.com\"
name = \"Wiki <b>\"
allow = [\"ada@example.com\", \"organization:Engines, Ltd\"]

[[site_rules]]
origin = \"https://wiki.example.com\"
path = \"/admin\"
allow = [\"@example.com\"]
";

fn read(content: &str) -> (Config, Vec<Problem>) {
    let folder = tempfile::tempdir().unwrap();
    load(
        &[("REKEY_CONFIG".into(), written(&folder, content))],
        ConfigPurpose::Command,
    )
}

fn written(folder: &TempDir, content: &str) -> String {
    let path = folder.path().join("rekey.toml");
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// A comma in a name separates nothing. Attack: an organization whose name ends in a listed domain.
#[test]
fn sites_are_read_from_the_file() {
    let (config, problems) = read(TABLES);
    assert_eq!(problems, []);
    let allow = config.sites[0].allow.as_deref().unwrap();
    assert_eq!(allow, ["ada@example.com", "organization:Engines, Ltd"]);
    assert_eq!(config.site_rules[0].path, "/admin");
}

#[test]
fn an_invalid_table_is_reported_with_its_key() {
    for (valid, invalid, key) in [
        (
            "\"https://wiki.example.com\"\nname",
            "\"http://wiki.example.com\"\nname",
            "origin in [[sites]] 1",
        ),
        ("Wiki <b>", "", "name in [[sites]] 1"),
        (
            "[\"ada@example.com\", \"organization:Engines, Ltd\"]",
            "[]",
            "allow in [[sites]] 1",
        ),
        (
            "\"organization:Engines, Ltd\"",
            "\"Engines, Ltd\"",
            "allow in [[sites]] 1",
        ),
        ("\"organization:Engines, Ltd\"", "[\"nested\"]", "allow in [[sites]] 1"),
        (
            "\"ada@example.com\", ",
            "\"ada@example.com\\nmary@example.com\", ",
            "allow in [[sites]] 1",
        ),
        ("\"/admin\"", "\"/admin/\"", "path in [[site_rules]] 1"),
        ("allow = [\"@example.com\"]", "", "allow in [[site_rules]] 1"),
        (
            "\"https://wiki.example.com\"\npath",
            "\"https://wik.example.com\"\npath",
            "[[site_rules]] https://wik",
        ),
    ] {
        let content = TABLES.replacen(valid, invalid, 1);
        assert_ne!(content, TABLES, "{valid}");
        let (_, problems) = read(&content);
        let Some(problem) = problems.first() else {
            panic!("{invalid}")
        };
        assert!(problem.key.starts_with(key), "{problem:?}");
    }
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    World::with(&[("REKEY_CONFIG", &written(&folder, TABLES))], true).await
}

async fn send(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

/// The question of a proxy about a request for the site.
async fn verify(world: &World, headers: &[(&str, &str)]) -> Answer {
    let always = [
        ("host", "127.0.0.1:3000"),
        ("accept", "text/html"),
        ("x-forwarded-host", "wiki.example.com"),
        ("x-forwarded-uri", "/page?a=b&c"),
    ];
    let overridden = |name: &str| headers.iter().any(|(other, _)| *other == name);
    let mut all: Vec<_> = always.into_iter().filter(|(name, _)| !overridden(name)).collect();
    all.extend(headers);
    send(world, "/auth/verify", &all).await
}

#[tokio::test]
async fn a_browser_without_a_session_is_led_to_sign_in() {
    let world = world().await;
    let start = "https://wiki.example.com/.rekey/start?to=/page?a=b&c";
    let answer = verify(&world, &[]).await;
    assert_eq!(
        (answer.status, answer.header(header::LOCATION)),
        (StatusCode::UNAUTHORIZED, start)
    );
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store, no-transform");
    let page = answer.text();
    assert!(
        page.contains("0;url=") && page.contains("Sign in to Wiki &lt;b&gt;"),
        "{page}"
    );
    // Files of this service are not at the site's host.
    for tag in ["<script", "<link", "<form", "<img"] {
        assert!(!page.contains(tag), "{tag}: {page}");
    }
    let arabic = verify(&world, &[("accept-language", "ar")]).await;
    assert!(arabic.text().contains("dir=\"rtl\""), "{}", arabic.text());
    for (uri, to) in [
        ("//evil.example", "/"),
        ("/.rekey/start?to=/", "/"),
        ("/\u{fc}", "/"),
        ("", "/"),
        ("/a", "/a"),
    ] {
        let answer = verify(&world, &[("x-forwarded-uri", uri)]).await;
        let expected = ["https://wiki.example.com/.rekey/start?to=", to].concat();
        assert_eq!(answer.header(header::LOCATION), expected, "{uri}");
    }
}

/// Attack: a tab that polls while signed out begins sign-ins without end.
#[tokio::test]
async fn requests_of_scripts_are_not_led_to_sign_in() {
    let world = world().await;
    for mode in ["cors", "no-cors", "same-origin", "websocket", ""] {
        let answer = verify(&world, &[("sec-fetch-mode", mode)]).await;
        assert_eq!(
            (answer.status, answer.header(header::LOCATION)),
            (StatusCode::UNAUTHORIZED, ""),
            "{mode}"
        );
        let started = send(
            &world,
            "/.rekey/start?to=/",
            &[("host", "wiki.example.com"), ("sec-fetch-mode", mode)],
        )
        .await;
        assert_eq!(
            (started.status, started.header(header::SET_COOKIE)),
            (StatusCode::UNAUTHORIZED, ""),
            "{mode}"
        );
    }
}

#[tokio::test]
async fn a_form_without_a_session_is_not_forgotten_silently() {
    let world = world().await;
    let answer = verify(&world, &[("x-forwarded-method", "POST")]).await;
    assert_eq!(
        (answer.status, answer.header(header::LOCATION)),
        (StatusCode::UNAUTHORIZED, "")
    );
    let page = answer.text();
    assert!(
        page.contains("wasn’t saved") && page.contains("target=\"_blank\"") && !page.contains("0;url="),
        "{page}"
    );
}

#[tokio::test]
async fn a_sign_in_begins_at_the_host_of_the_site() {
    let world = world().await;
    let there = [("host", "wiki.example.com"), ("sec-fetch-mode", "navigate")];
    let answer = send(&world, "/.rekey/start?to=/page?a=b&c", &there).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let location = answer.header(header::LOCATION);
    let expected = "http://127.0.0.1:3000/oauth/authorize?response_type=code&client_id=site%3Awiki.example.com&redirect_uri=https%3A%2F%2F\
                    wiki.example.com%2F.rekey%2Freturn&scope=openid+email+profile+organization&state=%2Fpage%3Fa%3Db%26c&code_challenge=";
    assert!(location.starts_with(expected), "{location}");
    let cookie = answer.header(header::SET_COOKIE);
    assert!(cookie.starts_with("__Host-rekey-attempt="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    // A second tab shares the attempt, so that neither is lost.
    let kept = cookie.split(';').next().unwrap();
    let second = send(&world, "/.rekey/start?to=/other", &[there[0], ("cookie", kept)]).await;
    assert!(second.header(header::SET_COOKIE).starts_with(kept), "{kept}");
    let returned = send(
        &world,
        "/.rekey/return?code=a&state=/page",
        &[there[0], ("cookie", kept), ("accept", "text/html")],
    )
    .await;
    assert_eq!(returned.status, StatusCode::BAD_REQUEST);
    let page = returned.text();
    assert!(
        page.contains("https://wiki.example.com/.rekey/start?to=/page"),
        "{page}"
    );
    for path in [
        "/.rekey/start",
        "/.rekey/return",
        "/.rekey/forbidden",
        "/.rekey/not-sent",
        "/.rekey/sign-out",
    ] {
        for host in ["127.0.0.1:3000", "evil.example"] {
            assert_eq!(
                send(&world, path, &[("host", host)]).await.status,
                StatusCode::NOT_FOUND,
                "{host}{path}"
            );
        }
    }
    // Attack: a proxy adds its header behind that of a client.
    let twice = [
        ("x-forwarded-host", "wiki.example.com"),
        ("x-forwarded-host", "evil.example"),
    ];
    for elsewhere in [&[("x-forwarded-host", "evil.example")][..], &twice] {
        assert_eq!(verify(&world, elsewhere).await.status, StatusCode::NOT_FOUND);
    }
}
