//! The metrics for Prometheus.

use crate::world::{World, form_of, page};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use std::collections::BTreeSet;

const PASSWORD: &str = "correct horse battery staple";

#[tokio::test]
async fn requests_are_counted_and_timed_by_route() {
    let world = World::new().await;
    for _ in 0..3 {
        world.open("/signin").await;
    }
    world.open("/nowhere").await;
    world.open("/robots.txt").await;
    let text = world.scrape().await;
    for line in [
        r#"rekey_http_requests_total{route="/signin",method="GET",status="2xx"} 3"#,
        r#"rekey_http_requests_total{route="(none)",method="GET",status="4xx"} 1"#,
        r#"rekey_http_requests_total{route="(file)",method="GET",status="2xx"} 1"#,
        r#"rekey_http_request_duration_seconds_bucket{route="/signin",le="+Inf"} 3"#,
        "rekey_database_up 1",
        "rekey_emails_waiting 0.0",
        r#"rekey_events_total{kind="signed_in"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for name in ["process_cpu_seconds_total ", "process_resident_memory_bytes "] {
        assert!(value(&text, name) > 0.0, "{name}");
    }
}

#[tokio::test]
async fn refusals_emails_and_hashes_are_counted() {
    let world = World::with_ada().await;
    let mut cookie = String::new();
    for (path, form) in [
        ("/api/sign_in/begin", "email=ada@example.com"),
        ("/api/sign_in/password", "password=wrong+horse+battery+staple"),
        ("/api/sign_in/password", "password=correct+horse+battery+staple"),
        ("/api/sign_in/answer", "code=918273"),
    ] {
        let request = form_of(path)
            .header(header::ACCEPT, "application/json")
            .header(header::COOKIE, &cookie)
            .body(Body::from(form))
            .unwrap();
        let answer = world.send(request).await;
        if let Some(set) = answer.headers.get(header::SET_COOKIE) {
            cookie = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
    }
    let text = world.scrape().await;
    for (line, at_least) in [
        (r#"rekey_refusals_total{kind="sign_in_wrong"} "#, 1.0),
        (r#"rekey_refusals_total{kind="code_wrong"} "#, 1.0),
        (r#"rekey_events_total{kind="wrong_password"} "#, 1.0),
        ("rekey_hashing_duration_seconds_count ", 2.0),
        ("rekey_hashing_wait_seconds_count ", 2.0),
        ("rekey_hashing_slots ", 1.0),
        ("rekey_emails_waiting ", 1.0),
        ("rekey_database_begin_seconds_count ", 4.0),
    ] {
        assert!(value(&text, line) >= at_least, "{line}\n{text}");
    }
    // No addresses, input or tokens.
    let token = cookie.split('=').nth(1).unwrap();
    for secret in ["@", "ada", "192.0.2", PASSWORD, "horse", "918273", token] {
        assert!(!token.is_empty() && !text.contains(secret), "{secret}\n{text}");
    }
}

#[tokio::test]
async fn unusual_requests_create_no_new_series() {
    let world = World::new().await;
    let odd = async |number: usize| {
        for path in [
            format!("/nowhere/{number}/ada@example.com"),
            format!("/signin?email=ada{number}@example.com"),
            format!("/reset/{number}"),
            format!("/pkg/{number}/entry.js"),
            format!("/api/{number}"),
        ] {
            world.open(&path).await;
            for method in [
                Method::POST,
                Method::from_bytes(format!("ODD{number}").as_bytes()).unwrap(),
            ] {
                let request = Request::builder().method(method).uri(&path);
                world.send(request.body(Body::empty()).unwrap()).await;
            }
        }
    };
    odd(0).await;
    let before = series(&world.scrape().await);
    for number in 1..50 {
        odd(number).await;
    }
    let after = series(&world.scrape().await);
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(before.len() < 600, "{}", before.len());
}

#[tokio::test]
async fn an_unavailable_database_is_reported_and_other_metrics_remain() {
    let world = World::new().await;
    world.open("/signin").await;
    world.db.close().await;
    let text = world.scrape().await;
    assert_eq!(value(&text, "rekey_database_up "), 0.0);
    assert!(value(&text, "rekey_emails_waiting ").is_nan());
    assert_eq!(
        value(
            &text,
            r#"rekey_http_requests_total{route="/signin",method="GET",status="2xx"} "#
        ),
        1.0
    );
}

#[tokio::test]
async fn metrics_are_not_served_on_the_public_listener() {
    let world = World::new().await;
    let answer = world.send(page("/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

/// The dashboard also shows every metric.
#[tokio::test]
async fn the_dashboard_and_the_alerts_use_only_existing_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rekey.toml");
    let client = "[[clients]]\nid = \"app\"\nname = \"App\"\nredirect_uris = [\"http://127.0.0.1/callback\"]\n";
    std::fs::write(&file, client).unwrap();
    let world = World::with(&[("REKEY_CONFIG", &file.display().to_string())], true).await;
    world.open("/signin").await;
    world.call("/api/sign_in/begin", "email=").await;
    let scraped = world.scrape().await;
    let there: BTreeSet<&str> = scraped
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let dashboard: serde_json::Value = serde_json::from_str(include_str!("../../../deploy/grafana.json")).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, "expr", &mut queries);
    assert!(queries.len() > 20, "{}", queries.len());
    let shown: BTreeSet<String> = queries.iter().flat_map(|query| names(query)).collect();
    let alerts = include_str!("../../../deploy/alerts.yml");
    for name in shown.iter().chain(&names(alerts)) {
        assert!(there.contains(name.as_str()), "{name} is used but does not exist");
    }
    for name in there {
        assert!(shown.contains(name), "{name} is on no panel");
    }
}

/// The metrics in a query, without Prometheus's suffixes for histograms.
fn names(query: &str) -> BTreeSet<String> {
    query
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("rekey_") || word.starts_with("process_"))
        .map(|word| {
            let whole = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|ending| word.strip_suffix(ending));
            whole.unwrap_or(word).to_owned()
        })
        .collect()
}

fn collect(value: &serde_json::Value, key: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == key => found.push(text.to_owned()),
                    _ => collect(value, key, found),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, key, found)),
        _ => {}
    }
}

fn series(text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
        .collect()
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("{series}\n{text}")).parse().unwrap()
}
