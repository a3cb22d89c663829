//! The stand-ins for identity providers in the development run.

use crate::world::{World, page};
use account::{EmailAddress, Timestamp};
use axum::body::Body;
use axum::http::{StatusCode, header};
use backend::oidc::{Ask, Attempt, Identity, Provider, ProviderError};
use backend::{Clock, SystemClock};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

/// A browser at a stand-in.
struct Visit<'a> {
    provider: &'a Provider,
    origin: &'a str,
    attempt: Attempt,
    url: String,
    http: Client,
}

fn now() -> Timestamp {
    SystemClock::default().now()
}

impl<'a> Visit<'a> {
    async fn at(world: &'a World, id: &str, ask: Ask<'_>) -> Self {
        let provider = world.service.backend.providers().find(id).unwrap();
        let attempt = Attempt::new(id, true, now());
        let url = provider.authorization_url(&attempt, &ask).await.unwrap();
        Self {
            provider,
            origin: &world.service.config.origin.text,
            attempt,
            url,
            http: Client::builder().no_proxy().redirect(Policy::none()).build().unwrap(),
        }
    }

    async fn open(&self, url: &str) -> Response {
        self.http
            .get(url)
            .header(header::ACCEPT, "text/html")
            .send()
            .await
            .unwrap()
    }

    async fn page(&self) -> String {
        let shown = self.open(&self.url).await;
        assert_eq!(shown.status(), StatusCode::OK);
        shown.text().await.unwrap()
    }

    /// Submits a form of the page.
    async fn choose(&self, fields: &[(&str, &str)]) -> Response {
        let page = self.page().await;
        let form = page.split("<form").nth(1).unwrap();
        let mut form: Vec<_> = form.split("type=\"hidden\" name=\"").skip(1).map(field).collect();
        form.extend(fields);
        let request = self.http.post(&self.url).header(header::ORIGIN, self.origin);
        request.form(&form).send().await.unwrap()
    }

    /// Returns to this service.
    async fn redeem(&self, answer: &Response) -> Result<Identity, ProviderError> {
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let address = answer.headers()[header::LOCATION].to_str().unwrap();
        let callback = format!("{}/signin/provider/{}/callback?", self.origin, self.provider.id());
        self.provider
            .redeem(&self.attempt, address.strip_prefix(&callback).unwrap())
            .await
    }
}

/// Returns name and value of a hidden field. No value of these requests needs escapes.
fn field(after_name: &str) -> (&str, &str) {
    let (name, rest) = after_name.split_once('"').unwrap();
    (name, rest.split('"').nth(1).unwrap())
}

const ASK: Ask<'_> = Ask {
    login_hint: None,
    language: "en",
};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_accounts_sign_in_with_their_providers() {
    let world = World::listening().await;
    for (id, name, email, person) in [
        ("google", "Google", "google@example.com", "Grigori Googler"),
        ("engines", "Analytical Engines", "mary@engines.example", "Mary Managed"),
        (
            "engines",
            "Analytical Engines",
            "charles@engines.example",
            "Charles Babbage",
        ),
    ] {
        let visit = Visit::at(&world, id, ASK).await;
        let page = visit.page().await;
        assert!(page.contains(&format!("Stand-in for {name} – development only")));
        assert!(page.contains(email) && !page.contains("<script"));
        let identity = visit.redeem(&visit.choose(&[("button", email)]).await).await.unwrap();
        assert_eq!(identity.issuer, format!("{}/dev/provider/{id}", visit.origin));
        assert_eq!(identity.email, Some(EmailAddress::parse(email).unwrap()));
        assert_eq!(identity.email_verified, Some(true));
        assert_eq!(identity.name.unwrap().as_str(), person);
        assert!(identity.authenticated_at.unwrap() <= now());
        // The same person at the next visit.
        let next = Visit::at(&world, id, ASK).await;
        let again = next.redeem(&next.choose(&[("button", email)]).await).await.unwrap();
        assert_eq!(again.subject, identity.subject);
    }
    let providers = world.service.backend.providers();
    assert_eq!(providers.listed().map(Provider::name).collect::<Vec<_>>(), ["Google"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_account_can_sign_in() {
    let world = World::listening().await;
    let hinted = Ask {
        login_hint: Some("new+1@example.com"),
        ..ASK
    };
    let visit = Visit::at(&world, "google", hinted).await;
    assert!(visit.page().await.contains("value=\"new+1@example.com\""));
    let other = |email| [("button", "other"), ("email", email), ("name", "Nadia <b>")];
    let invalid = visit.choose(&other("new")).await;
    assert_eq!(invalid.status(), StatusCode::OK);
    let page = invalid.text().await.unwrap();
    assert!(
        page.contains("Enter one e-mail address.") && page.contains("value=\"Nadia &lt;b&gt;\""),
        "{page}"
    );
    let chosen = visit.choose(&other("new+1@example.com")).await;
    let identity = visit.redeem(&chosen).await.unwrap();
    assert_eq!(identity.email.unwrap().as_str(), "new+1@example.com");
    assert_eq!(identity.email_verified, Some(false));
    assert_eq!(identity.name, None, "a name with markup");
    // A code is valid once.
    assert!(matches!(visit.redeem(&chosen).await, Err(ProviderError::Rejected(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn canceling_signs_nobody_in() {
    let world = World::listening().await;
    let visit = Visit::at(&world, "google", ASK).await;
    assert_eq!(
        visit.redeem(&visit.choose(&[("button", "cancel")]).await).await,
        Err(ProviderError::Denied)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_services_requests_are_answered() {
    let world = World::listening().await;
    let visit = Visit::at(&world, "google", ASK).await;
    for (part, other) in [
        ("client_id=rekey-development", "client_id=other"),
        ("%2Fcallback", "%2Fcallback%2F"),
        ("provider%2Fgoogle", "provider%2Fengines"),
    ] {
        assert!(visit.url.contains(part), "{part}: {}", visit.url);
        let answer = visit.open(&visit.url.replace(part, other)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{part}");
    }
    let plain = visit.open(&visit.url.replace("S256", "plain")).await;
    let refused = ProviderError::Rejected("the provider refused the request");
    assert_eq!(visit.redeem(&plain).await, Err(refused));
    let other = visit.url.split("/dev/").next().unwrap().to_owned() + "/dev/provider/other/keys";
    assert_eq!(visit.open(&other).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn stand_ins_exist_only_in_the_development_server_on_this_machine() {
    const DISCOVERY: &str = "/dev/provider/google/.well-known/openid-configuration";
    let (world, served) = (World::new().await, World::with(&[], false).await);
    assert_eq!(world.open(DISCOVERY).await.status, StatusCode::OK);
    assert_eq!(served.open(DISCOVERY).await.status, StatusCode::NOT_FOUND);
    assert!(served.service.backend.providers().find("google").is_none());
    let mut elsewhere = page(DISCOVERY).body(Body::empty()).unwrap();
    elsewhere
        .headers_mut()
        .insert(header::HOST, "evil.example".parse().unwrap());
    assert_eq!(world.send(elsewhere).await.status, StatusCode::NOT_FOUND);
}

#[test]
fn a_configured_provider_replaces_the_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rekey.toml");
    std::fs::write(&file, "[[providers]]\npreset = \"google\"\nclient_id = \"1\"\n").unwrap();
    let environment = [("REKEY_CONFIG".into(), file.display().to_string())];
    let (config, problems) = server::config::load(&environment, server::config::ConfigPurpose::ServeDev);
    assert_eq!(problems, []);
    let found: Vec<_> = config
        .providers
        .iter()
        .map(|provider| (&*provider.id, &*provider.issuer))
        .collect();
    assert_eq!(
        found,
        [
            ("google", "https://accounts.google.com"),
            ("engines", "http://127.0.0.1:3000/dev/provider/engines")
        ]
    );
}
