//! The pages of the OpenID provider, with this service's own OpenID client as the product.

use crate::browser::{Browser, location};
use crate::product::{self, PRODUCT, SECRET, configuration};
use crate::world::World;
use axum::http::{StatusCode, header};
use backend::oidc::{Ask, Attempt, ProviderSettings, Providers};
use backend::{Clock, SystemClock, TrustedRoots};
use std::sync::Arc;

pub const CONTINUE: &str = "/oauth/continue/";

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

#[tokio::test]
async fn a_refused_request_shows_a_page_and_leads_nowhere() {
    let world = product::world().await;
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
