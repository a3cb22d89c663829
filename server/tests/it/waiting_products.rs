//! The pages before sign-in name the product that waits, and lead back to it without scripts.

use crate::browser::{Browser, location};
use crate::openid_pages::CONTINUE;
use crate::product::{MARK, configuration};
use crate::world::World;
use axum::http::StatusCode;
use base64::{Engine, prelude::BASE64_STANDARD};

const NAMED: &str = "to continue to Shop &lt;b&gt;";

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let sign_up = ("REKEY_SIGN_UP", "true");
    World::listening_with(&[("REKEY_CONFIG", &configuration(&folder)), sign_up]).await
}

/// Opens a product's request; returns where it leads, and the destination after a sign-in.
async fn ask(browser: &mut Browser, parameters: &str) -> (String, String) {
    let request = "/oauth/authorize?client_id=shop&redirect_uri=https%3A%2F%2Fshop.example%2Fsignin%2Fprovider%2Frekey%2Fcallback\
                   &response_type=code&scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                   &code_challenge_method=S256";
    let page = location(&browser.open(&format!("{request}{parameters}")).await);
    let next = page
        .split_once("?next=")
        .map_or(page.as_str(), |(_, next)| next)
        .to_owned();
    assert!(next.starts_with(CONTINUE), "{next}");
    (page, next)
}

async fn shown(browser: &mut Browser, page: &str) -> String {
    let response = browser.open(page).await;
    assert_eq!(response.status(), StatusCode::OK, "{page}");
    response.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_before_sign_in_names_the_waiting_product() {
    let world = world().await;
    let mut browser = Browser::of(&world);
    let (page, next) = ask(&mut browser, "").await;
    let at = |page: &str| format!("{page}?next={next}");
    let html = shown(&mut browser, &page).await;
    assert!(html.contains(NAMED) && !html.contains("Sign in to continue."), "{html}");
    for link in ["/signup", "/signin/provider/google"] {
        assert!(html.contains(&format!("href=\"{}\"", at(link))), "{link}: {html}");
    }
    // An invalid address does not lose the destination.
    let refused = browser
        .submit("/api/sign_in/begin", &[("email", "a"), ("next", &next)])
        .await;
    assert_eq!(location(&refused), page);
    let begun = [("email", "ada@example.com"), ("next", next.as_str())];
    assert_eq!(location(&browser.submit("/api/sign_in/begin", &begun).await), page);
    let html = shown(&mut browser, &page).await;
    assert!(html.contains("Enter your password") && html.contains(NAMED), "{html}");
    let field = format!("name=\"next\" value=\"{next}\"");
    assert_eq!(html.matches(&field).count(), 3, "in every form of the step: {html}");
    let wrong = [("password", "wrong"), ("next", next.as_str())];
    assert_eq!(location(&browser.submit("/api/sign_in/password", &wrong).await), page);
    for (form, flow, step) in [
        ("/api/reset/begin", "/reset", "Check your e-mail"),
        ("/api/sign_up/begin", "/signup", "Check your e-mail"),
    ] {
        let html = shown(&mut browser, &at(flow)).await;
        assert!(html.contains(NAMED), "{html}");
        assert!(html.contains(&format!("href=\"{page}\"")), "back to sign-in: {html}");
        assert_eq!(location(&browser.submit(form, &begun).await), at(flow));
        let html = shown(&mut browser, &at(flow)).await;
        assert!(html.contains(step) && html.contains(NAMED), "{html}");
    }
    let arabic = ("__Host-language".to_owned(), "ar".to_owned());
    browser.cookies.push(arabic);
    let html = shown(&mut browser, &page).await;
    assert!(html.contains("للمتابعة إلى \u{2068}Shop &lt;b&gt;\u{2069}"), "{html}");
}

/// Attack: a product's mark brings markup into the pages before sign-in, or a link brings a mark.
#[tokio::test(flavor = "multi_thread")]
async fn pages_show_the_registered_mark_and_only_as_an_image() {
    let world = world().await;
    let mut browser = Browser::of(&world);
    let (page, next) = ask(&mut browser, "&logo=https%3A%2F%2Fevil.example%2Fmark.png").await;
    let mark = format!("data:image/svg+xml;base64,{}", BASE64_STANDARD.encode(MARK));
    let image = format!("<img alt=\"\" src=\"{mark}\" class=\"mark\">");
    for page in [
        &page,
        &format!("/reset?next={next}&product_logo=data:image/png;base64,AAAA"),
    ] {
        let html = shown(&mut browser, page).await;
        assert_eq!(html.matches("<img").count(), 1, "{html}");
        assert!(html.contains(&image), "{html}");
        for foreign in ["alert(", "evil.example", "base64,AAAA"] {
            assert!(!html.contains(foreign), "{foreign}: {html}");
        }
    }
    let html = shown(&mut browser, "/signin").await;
    assert!(!html.contains("<img") && !html.contains("base64"), "{html}");
    // Also before the user's consent.
    browser.sign_in("/profile").await;
    let (page, next) = ask(&mut browser, "&prompt=consent").await;
    assert_eq!(page, next);
    let html = shown(&mut browser, &page).await;
    assert!(
        html.contains(&image) && html.contains("action=\"/oauth/consent\""),
        "{html}"
    );
    assert!(!html.contains("alert("), "{html}");
}

/// The user closes the tab and opens the page again, from an e-mail or by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_opened_again_names_the_product() {
    let world = world().await;
    let mut browser = Browser::of(&world);
    let (_, next) = ask(&mut browser, "").await;
    let fields = [("email", "ada@example.com"), ("next", next.as_str())];
    for (form, page) in [
        ("/api/sign_in/begin", "/signin"),
        ("/api/reset/begin", "/reset"),
        ("/api/sign_up/begin", "/signup"),
    ] {
        browser.submit(form, &fields).await;
        let again = location(&browser.open(page).await);
        assert_eq!(again, format!("{page}?next={next}"));
        assert!(shown(&mut browser, &again).await.contains(NAMED), "{page}");
    }
    // The refusal of a page without the destination is still shown.
    let refused = browser.submit("/api/sign_in/password", &[("password", "wrong")]).await;
    let again = location(&browser.open(&location(&refused)).await);
    assert!(shown(&mut browser, &again).await.contains("role=\"alert\""));
}

/// Attack: a link names another product, or one that does not wait.
#[tokio::test(flavor = "multi_thread")]
async fn no_product_is_named_without_its_request() {
    let world = world().await;
    let mut browser = Browser::of(&world);
    let (_, next) = ask(&mut browser, "").await;
    for page in [
        "/signin".to_owned(),
        "/signin?next=/security".to_owned(),
        format!("/signin?next={CONTINUE}00&product=Shop"),
        format!("/signin?product=Shop&client_id=shop&other={next}"),
        format!("/help?next={next}"),
    ] {
        let html = shown(&mut browser, &page).await;
        assert!(!html.contains("to continue to"), "{page}: {html}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_in_user_goes_on_or_confirms_for_the_product() {
    let world = world().await;
    let mut browser = Browser::of(&world);
    let (page, next) = ask(&mut browser, "").await;
    browser.sign_in(&next).await;
    assert_eq!(location(&browser.open(&page).await), next);
    let (page, next) = ask(&mut browser, "&prompt=login").await;
    assert_eq!(page, format!("/security/confirm?next={next}"));
    let html = shown(&mut browser, &page).await;
    assert!(html.contains(NAMED), "{html}");
    assert!(html.contains("Shop &lt;b&gt; asks you to confirm"), "{html}");
    let cancel = format!("/oauth/cancel?next={next}");
    assert!(html.contains(&format!("href=\"{cancel}\"")), "{html}");
    let canceled = location(&browser.open(&cancel).await);
    let response = canceled.strip_prefix("https://shop.example/signin/provider/rekey/callback?");
    assert!(
        response.is_some_and(|response| response.starts_with("error=access_denied&iss=")),
        "{canceled}"
    );
    for unknown in ["/oauth/cancel", "/oauth/cancel?next=https://evil.example/"] {
        assert_eq!(
            browser.open(unknown).await.status(),
            StatusCode::BAD_REQUEST,
            "{unknown}"
        );
    }
    // The user signs out to use another account.
    assert!(html.contains(&format!("name=\"next\" value=\"{next}\"")), "{html}");
    let out = location(
        &browser
            .submit("/api/sign_in/sign_out", &[("next", next.as_str())])
            .await,
    );
    assert_eq!(out, format!("/signed-out?next={next}"));
    let html = shown(&mut browser, &out).await;
    assert!(html.contains(&format!("href=\"/signin?next={next}\"")), "{html}");
    // The session has ended meanwhile.
    assert_eq!(location(&browser.open(&page).await), format!("/signin?next={next}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_cancels_at_a_provider_keeps_the_product() {
    let world = world().await;
    let mut browser = Browser::of(&world);
    let (page, next) = ask(&mut browser, "").await;
    let there = location(&browser.open(&format!("/signin/provider/google?next={next}")).await);
    let state = there.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let canceled = format!("/signin/provider/google/callback?error=access_denied&state={state}");
    assert_eq!(location(&browser.open(&canceled).await), page);
}

/// The detour of an account that exists here already.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_connection_lead_on_to_the_product() {
    let world = world().await;
    let mut browser = Browser::of(&world);
    let (_, next) = ask(&mut browser, "").await;
    browser.sign_in(&next).await;
    let fields = [("next", next.as_str())];
    assert_eq!(location(&browser.submit("/api/connect/decline", &fields).await), next);
    assert_eq!(
        location(&browser.submit("/api/connect/decline", &[]).await),
        "/security"
    );
    let nothing = format!("/security/connect?next={next}");
    assert_eq!(location(&browser.open(&nothing).await), next);
}
