//! The endpoints of the OpenID provider for clients.

use crate::product::{self, PRODUCT};
use crate::world::{Answer, page};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::Value;

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// A request by a script of another origin.
fn from_elsewhere(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "127.0.0.1:3000")
        .header(header::ORIGIN, PRODUCT)
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

#[tokio::test]
async fn scripts_of_other_origins_reach_only_the_endpoints_for_clients() {
    let world = product::world().await;
    for path in ["/.well-known/openid-configuration", "/oauth/keys"] {
        let request = from_elsewhere(Method::GET, path).body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*", "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=300", "{path}");
    }
    for path in ["/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/oauth/introspect"] {
        let preflight = from_elsewhere(Method::OPTIONS, path).body(Body::empty()).unwrap();
        let answer = world.send(preflight).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*", "{path}");
        // Attack: another site acts with the user's cookies.
        assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "", "{path}");
        let answer = world
            .send(from_elsewhere(Method::POST, path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store, no-transform", "{path}");
    }
    // A request by a form only becomes one by a link.
    let form = from_elsewhere(Method::POST, "/oauth/authorize").body("client_id=a&b=%26".into());
    let answer = world.send(form.unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header(header::LOCATION), "/oauth/authorize?client_id=a&b=%26");
    let form = from_elsewhere(Method::POST, "/oauth/authorize").body("a=\r\nLocation: b".into());
    assert_eq!(world.send(form.unwrap()).await.status, StatusCode::BAD_REQUEST);
    for path in [
        "/oauth/continue/00",
        "/oauth/consent",
        "/oauth/logout/confirm",
        "/api/sign_in/sign_out",
    ] {
        for method in [Method::POST, Method::OPTIONS] {
            let answer = world
                .send(from_elsewhere(method, path).body(Body::empty()).unwrap())
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "", "{path}");
        }
    }
}

#[tokio::test]
async fn the_discovery_document_names_the_endpoints() {
    let world = product::world().await;
    let document = json(&world.open("/.well-known/openid-configuration").await);
    let origin = document["issuer"].as_str().unwrap();
    assert_eq!(origin, world.service.config.origin.text);
    for (name, method) in [
        ("authorization_endpoint", Method::GET),
        ("token_endpoint", Method::POST),
        ("userinfo_endpoint", Method::GET),
        ("jwks_uri", Method::GET),
        ("introspection_endpoint", Method::POST),
        ("revocation_endpoint", Method::POST),
        ("end_session_endpoint", Method::GET),
    ] {
        let path = document[name].as_str().unwrap().strip_prefix(origin).unwrap();
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        assert_ne!(world.send(request).await.status, StatusCode::NOT_FOUND, "{name}");
    }
    let keys = json(&world.open("/oauth/keys").await);
    let key = keys["keys"][0].as_object().unwrap();
    assert_eq!((&key["kty"], &key["alg"]), (&"EC".into(), &"ES256".into()));
    assert!(!key.contains_key("d"), "the private key is published");
}

#[tokio::test]
async fn the_token_endpoint_reads_credentials_of_clients() {
    let world = product::world().await;
    let send = async |authorization: &str, kind: &str, form: &str| {
        let mut request = Request::post("/oauth/token").header(header::CONTENT_TYPE, kind);
        if !authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let answer = world.send(request.body(form.to_owned().into()).unwrap()).await;
        let error = json(&answer)["error"].as_str().unwrap().to_owned();
        (answer.status, error, answer.header(header::WWW_AUTHENTICATE).to_owned())
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    let code = "grant_type=authorization_code&code=a&redirect_uri=b&code_verifier=c";
    // `shop` and the secret, form-encoded.
    let right = "Basic c2hvcDphK3NlY3JldCUzQStvZithdCtsZWFzdCszMitjaGFyYWN0ZXJzKyUyQislMjU=";
    let bad = StatusCode::BAD_REQUEST;
    assert_eq!(
        send(right, FORM, code).await,
        (bad, "invalid_grant".into(), String::new())
    );
    assert_eq!(send(right, "application/json", "{}").await.1, "invalid_request");
    let challenge = "Basic realm=\"token\"".to_owned();
    for wrong in [
        "Basic c2hvcDp3cm9uZw==",
        "Basic !",
        "Basic",
        "Bearer a",
        "Basic c2hvcA==",
    ] {
        let expected = (StatusCode::UNAUTHORIZED, "invalid_client".to_owned(), challenge.clone());
        assert_eq!(send(wrong, FORM, code).await, expected, "{wrong}");
    }
    let answer = send("", FORM, &format!("{code}&client_id=shop")).await;
    assert_eq!(
        answer,
        (StatusCode::UNAUTHORIZED, "invalid_client".into(), String::new())
    );
}

#[tokio::test]
async fn user_information_needs_a_live_token() {
    let world = product::world().await;
    for (authorization, challenge) in [
        ("", "Bearer"),
        ("Basic c2hvcDp3cm9uZw==", "Bearer"),
        ("Bearer wrong", "Bearer error=\"invalid_token\""),
    ] {
        let request = page("/oauth/userinfo").header(header::AUTHORIZATION, authorization);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), challenge);
    }
}
