//! The endpoints of the OpenID provider, with this service's own OpenID client as the product.

use crate::world::{Answer, World, page};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use backend::oidc::{Ask, Attempt, ProviderSettings, Providers};
use backend::{Clock, SystemClock, TrustedRoots};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use tempfile::TempDir;

const PRODUCT: &str = "https://shop.example";
const SECRET: &str = "a secret: of at least 32 characters + %";
/// Attack: a mark closes its attribute, or begins a script.
pub const MARK: &str = "<svg onload=\"alert(1)\"/>\"><script>alert(2)</script>";
pub const CONTINUE: &str = "/oauth/continue/";

/// Writes a configuration file with a client; returns its path.
pub fn configuration(folder: &TempDir) -> String {
    let private = |name: &str, content: &str| {
        let path = folder.path().join(name);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, content.as_bytes()).unwrap();
        path.display().to_string()
    };
    let secret = private("secret", SECRET);
    let logo = private("mark.svg", MARK);
    let uri = format!("{PRODUCT}/signin/provider/rekey/callback");
    let client = format!(
        "[[clients]]\nid = \"shop\"\nname = \"Shop <b>\"\nredirect_uris = [{uri:?}]\nclient_secret_file = {secret:?}\n\
         post_logout_redirect_uris = [\"{PRODUCT}/goodbye\"]\nhome_uri = \"{PRODUCT}/home\"\nlogo_file = {logo:?}\n"
    );
    private("rekey.toml", &client)
}

/// A browser that stores cookies.
pub struct Browser {
    http: Client,
    origin: String,
    pub cookies: Vec<(String, String)>,
}

impl Browser {
    pub fn of(world: &World) -> Self {
        Self {
            http: Client::builder().no_proxy().redirect(Policy::none()).build().unwrap(),
            origin: world.service.config.origin.text.clone(),
            cookies: Vec::new(),
        }
    }

    pub async fn open(&mut self, url: &str) -> Response {
        let url = if url.starts_with('/') {
            format!("{}{url}", self.origin)
        } else {
            url.to_owned()
        };
        self.send(self.http.get(url)).await
    }

    /// Sends a form of one of the service's pages, without scripts.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.origin)).form(fields);
        self.send(request.header(header::ORIGIN, &self.origin)).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request.header(header::ACCEPT, "text/html");
        let response = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            let value = rest.split(';').next().unwrap();
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        response
    }

    /// Signs in at the stand-in for Google; returns where this leads.
    pub async fn sign_in(&mut self, next: &str) -> String {
        let there = location(&self.open(&format!("/signin/provider/google?next={next}")).await);
        let shown = self.open(&there).await.text().await.unwrap();
        let form = shown.split("<form").nth(1).unwrap();
        let field = |after: &str| {
            let (name, rest) = after.split_once('"').unwrap();
            (name.to_owned(), rest.split('"').nth(1).unwrap().to_owned())
        };
        let mut fields: Vec<_> = form.split("type=\"hidden\" name=\"").skip(1).map(field).collect();
        fields.push(("button".into(), "google@example.com".into()));
        let request = self
            .http
            .post(&there)
            .header(header::ORIGIN, &self.origin)
            .form(&fields);
        let callback = location(&request.send().await.unwrap());
        location(&self.open(&callback).await)
    }
}

pub fn location(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{:?}", response.url());
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

/// Product → this service → another provider → this service → product, verified by a real client.
#[tokio::test(flavor = "multi_thread")]
async fn a_product_signs_its_user_in() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::listening_with(&[("REKEY_CONFIG", &configuration(&folder))]).await;
    let mut browser = Browser::of(&world);
    let settings = ProviderSettings {
        id: "rekey".into(),
        name: "Rekey".into(),
        issuer: browser.origin.clone(),
        client_id: "shop".into(),
        client_secret: Some(SECRET.into()),
        scopes: ProviderSettings::DEFAULT_SCOPES.into(),
        listed: true,
    };
    let clock = Arc::new(SystemClock::default());
    let providers = Providers::new(vec![settings], PRODUCT, &TrustedRoots::public(), clock.clone()).unwrap();
    let provider = providers.find("rekey").unwrap();
    let ask = Ask {
        login_hint: Some("google@example.com"),
        language: "en",
    };
    let attempt = Attempt::new("rekey", false, clock.now());
    let url = provider.authorization_url(&attempt, &ask).await.unwrap();
    let asked = location(&browser.open(&url).await);
    let next = asked.strip_prefix("/signin?next=").unwrap();
    assert!(next.starts_with(CONTINUE), "{next}");
    assert_eq!(browser.open(&asked).await.status(), StatusCode::OK);
    assert_eq!(browser.sign_in(next).await, next);
    // A page, because browsers block a redirect to another origin after a form.
    let shown = browser.open(next).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert_eq!(shown.headers()[header::CACHE_CONTROL], "no-store, no-transform");
    let shown = shown.text().await.unwrap();
    assert!(
        shown.contains("Continue to Shop &lt;b&gt;") && !shown.contains("<script"),
        "{shown}"
    );
    let refresh = shown.split("http-equiv=\"refresh\" content=\"0;url=").nth(1).unwrap();
    let back = refresh.split('"').next().unwrap();
    assert!(shown.contains(&format!("href=\"{back}\"")), "{shown}");
    let back = back.replace("&amp;", "&");
    let callback = format!("{PRODUCT}/signin/provider/rekey/callback?");
    let response = back.strip_prefix(&callback).unwrap();
    let identity = provider.redeem(&attempt, response).await.unwrap();
    assert_eq!(identity.issuer, browser.origin);
    assert_eq!(identity.email.unwrap().as_str(), "google@example.com");
    assert_eq!(identity.email_verified, Some(true));
    assert!(identity.authenticated_at.is_some());
    assert!(provider.redeem(&attempt, response).await.is_err(), "used twice");
    // With the session, the browser returns at once. The product demands no other account.
    let attempt = Attempt::new("rekey", false, clock.now());
    let url = provider.authorization_url(&attempt, &ask).await.unwrap();
    let back = location(&browser.open(&url).await);
    let again = provider
        .redeem(&attempt, back.strip_prefix(&callback).unwrap())
        .await
        .unwrap();
    assert_eq!(again.subject, identity.subject);
    let profile = browser.open("/profile").await.text().await.unwrap();
    for text in [
        "Your products",
        &format!("href=\"{PRODUCT}/home\""),
        "<bdi>Shop &lt;b&gt;",
    ] {
        assert!(profile.contains(text), "{text}: {profile}");
    }
    sign_out(&mut browser).await;
}

/// The product asks for sign-out without an ID token, so the user is asked.
async fn sign_out(browser: &mut Browser) {
    let asked = format!("client_id=shop&post_logout_redirect_uri={PRODUCT}/goodbye&state=%3Cb%3E");
    let shown = browser.open(&format!("/oauth/logout?{asked}")).await;
    assert_eq!(shown.status(), StatusCode::OK);
    let shown = shown.text().await.unwrap();
    assert!(
        shown.contains("action=\"/oauth/logout/confirm\"") && !shown.contains("<script"),
        "{shown}"
    );
    assert!(
        shown.contains("name=\"state\" value=\"&lt;b&gt;\"") || shown.contains("value=\"<b>\""),
        "{shown}"
    );
    let cookies: Vec<_> = browser
        .cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let post = |site: &str, origin: &str| {
        let request = browser.http.post(format!("{}/oauth/logout/confirm", browser.origin));
        let request = request.header(header::ORIGIN, origin).header("sec-fetch-site", site);
        let request = request.header(header::COOKIE, cookies.join("; "));
        request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(asked.clone())
    };
    // Attack: another site's page sends the form.
    let foreign = post("cross-site", PRODUCT).send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let done = post("same-origin", &browser.origin).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::OK);
    assert!(done.headers().get(header::SET_COOKIE).is_some());
    let done = done.text().await.unwrap();
    assert!(
        done.contains(&format!("content=\"0;url={PRODUCT}/goodbye?state=%3Cb%3E\"")),
        "{done}"
    );
    assert!(
        done.contains("signed out") || done.contains("signed\u{a0}out"),
        "{done}"
    );
    assert!(!done.contains("/api/sign_in/sign_out"), "the header of a user: {done}");
    let next = location(&browser.open("/security").await);
    assert!(next.starts_with("/signin"), "{next}");
}

/// A product of another company.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_asked_before_another_company_learns_about_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = configuration(&folder);
    let more = "[[clients]]\nid = \"partner\"\nname = \"Partner\"\nthird_party = true\nredirect_uris = [\"https://partner.example/cb\"]\n";
    let content = std::fs::read_to_string(&path).unwrap() + more;
    std::fs::write(&path, content).unwrap();
    let world = World::listening_with(&[("REKEY_CONFIG", &path)]).await;
    let mut browser = Browser::of(&world);
    assert_eq!(browser.sign_in("/profile").await, "/profile");
    let profile = browser.open("/profile").await.text().await.unwrap();
    assert!(!profile.contains("Your products"), "{profile}");
    let asked = "client_id=partner&redirect_uri=https://partner.example/cb&response_type=code&scope=openid%20email\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let page = location(&browser.open(&format!("/oauth/authorize?{asked}")).await);
    // The page's address survives a choice of language.
    assert!(page.starts_with(CONTINUE), "{page}");
    let shown = browser.open(&page).await;
    assert_eq!(shown.status(), StatusCode::OK);
    let shown = shown.text().await.unwrap();
    for text in [
        "Continue to Partner?",
        "Signed in as",
        "Your e-mail address",
        "action=\"/oauth/consent\"",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(!shown.contains("Your name") && !shown.contains("<script"), "{shown}");
    let id = shown
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let cookies: Vec<_> = browser
        .cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let request = browser.http.post(format!("{}/oauth/consent", browser.origin));
    let request = request
        .header(header::ORIGIN, &browser.origin)
        .header(header::COOKIE, cookies.join("; "));
    let session = shown.split("name=\"session\" value=\"").nth(1).unwrap();
    let session = session.split('"').next().unwrap();
    let form = [("request", id), ("session", session), ("allow", "1")];
    let done = request.form(&form).send().await.unwrap();
    let done = done.text().await.unwrap();
    assert!(
        done.contains("content=\"0;url=https://partner.example/cb?code="),
        "{done}"
    );
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    World::with(&[("REKEY_CONFIG", &configuration(&folder))], true).await
}

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
    let world = world().await;
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
    let world = world().await;
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
async fn a_refused_request_shows_a_page_and_leads_nowhere() {
    let world = world().await;
    for path in [
        "/oauth/authorize",
        "/oauth/authorize?client_id=unknown&redirect_uri=https://evil.example",
        "/oauth/authorize?client_id=shop&redirect_uri=https://evil.example",
        "/oauth/continue/00",
    ] {
        let answer = world.open(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header(header::LOCATION), "", "{path}");
        assert!(answer.text().contains("start again"), "{path}");
        assert!(!answer.text().contains("evil.example/"), "{path}");
    }
}

#[tokio::test]
async fn the_token_endpoint_reads_credentials_of_clients() {
    let world = world().await;
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
    let world = world().await;
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
