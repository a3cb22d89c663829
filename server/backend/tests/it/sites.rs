//! Sites behind a reverse proxy. Property 42.

use crate::browser::Browser;
use crate::product::{begin, form, post, returned, user_info};
use crate::world::{ADA, GRACE, World, digest};
use account::Secret;
use backend::TrustedRoots;
use backend::flows::{SiteAnswer, SiteStart};
use backend::oauth::ClientEndpoint::{Introspect, Push, Revoke, Token};
use backend::oauth::{ClientCredentials, Clients, Site, SiteRuleSettings, SiteSettings};
use backend::store::site_sessions;
use serde_json::json;

const WIKI: &str = "wiki.example.com";

/// The service with two sites.
fn with_sites(world: &World) -> World {
    let site = |name: &str| SiteSettings {
        origin: format!("https://{name}.example.com"),
        name: name.to_uppercase(),
        allow: None,
    };
    let rule = SiteRuleSettings {
        origin: "https://wiki.example.com".into(),
        path: "/admin".into(),
        allow: vec![GRACE.into()],
    };
    let clients = Clients::new(Vec::new(), &TrustedRoots::public()).unwrap();
    world.with_clients(clients.with_sites(vec![site("wiki"), site("board")], &[rule]).unwrap())
}

fn site<'a>(world: &'a World, authority: &str) -> &'a Site {
    world.backend.site(authority).unwrap()
}

fn start(world: &World, attempt: Option<&Secret>) -> SiteStart {
    world
        .backend
        .start_at_site(site(world, WIKI), attempt.cloned(), "/page?a=b&c")
}

/// Follows a sign-in to the site's address, where a code arrives.
async fn code(browser: &Browser, start: &SiteStart) -> Secret {
    let (_, query) = start.url.split_once('?').unwrap();
    let response = returned(begin(browser, query).await, "https://wiki.example.com/.rekey/return");
    assert_eq!(response["state"], "/page?a=b&c");
    response["code"].as_str().into()
}

async fn enter(browser: &Browser, world: &World, attempt: &Secret, code: &Secret) -> Option<Secret> {
    let wiki = site(world, WIKI);
    browser.request().enter_site(wiki, attempt, code).await.unwrap()
}

/// Signs a browser in at the site; returns the token of its session there.
async fn entered(browser: &Browser, world: &World) -> Secret {
    let start = start(world, None);
    let code = code(browser, &start).await;
    enter(browser, world, &start.attempt, &code).await.unwrap()
}

async fn verify(world: &World, token: &Secret, uri: &str) -> SiteAnswer {
    let wiki = site(world, WIKI);
    world.backend.verify_at_site(wiki, Some(token), uri).await.unwrap()
}

async fn is_admitted(world: &World, token: &Secret) -> bool {
    matches!(verify(world, token, "/").await, SiteAnswer::Admitted { .. })
}

#[apply(on_both!)]
async fn a_site_learns_who_its_user_is(world: &World) {
    world.create_managed_account(ADA).await;
    let world = with_sites(world);
    let browser = world.browser_with_session(ADA).await;
    let token = entered(&browser, &world).await;
    let stored = world.stored(ADA).await.account;
    let admitted = SiteAnswer::Admitted {
        subject: stored.id.0,
        email: ADA.into(),
        name: stored.name.to_string(),
        organization: Some("Analytical Engines Ltd".into()),
    };
    assert_eq!(verify(&world, &token, "/").await, admitted);
    let forbidden = SiteAnswer::Forbidden { email: ADA.into() };
    assert_eq!(verify(&world, &token, "/admin/users").await, forbidden);
    let profile = browser.request().profile().view().await.unwrap();
    let links: Vec<_> = profile.products.iter().map(|link| link.url.as_str()).collect();
    assert_eq!(links, ["https://wiki.example.com/"]);
    // Attack: another site's cookie, which its operator sees.
    let board = site(&world, "board.example.com");
    let elsewhere = world.backend.verify_at_site(board, Some(&token), "/").await.unwrap();
    assert_eq!(elsewhere, SiteAnswer::SignIn);
    for other in ["", "WIKI.example.com:443", "wiki.example.com.", "evil.example"] {
        assert!(world.backend.site(other).is_none(), "{other}");
    }
    assert!(world.backend.site("Wiki.Example.com").is_some());
}

/// Property 42: what ends a session here ends those at sites.
#[apply(on_both!)]
async fn a_session_at_a_site_ends_with_its_session(world: &World) {
    world.create_account(ADA).await;
    let world = with_sites(world);
    let mut browser = world.signed_in(ADA).await;
    let token = entered(&browser, &world).await;
    assert!(is_admitted(&world, &token).await);
    browser.sign_out().await;
    assert!(!is_admitted(&world, &token).await);
    // A product is disconnected on the security page of any of the user's browsers.
    let other = world.signed_in(ADA).await;
    let token = entered(&world.signed_in(ADA).await, &world).await;
    let view = other.security().await.unwrap();
    let [product] = view.products.as_slice() else {
        panic!("{:?}", view.products)
    };
    assert_eq!((product.name.as_str(), product.sees_email), ("WIKI", true));
    other.request().products().disconnect(&product.id).await.unwrap();
    assert!(!is_admitted(&world, &token).await);
}

async fn last_seen_at(world: &World, token: &Secret) -> i64 {
    let mut conn = world.backend.db().read().await.unwrap();
    let found = site_sessions::find(&mut conn, &digest(Some(token)), i64::MAX / 2, world.now()).await;
    found.unwrap().unwrap().last_seen_at
}

#[apply(on_both!)]
async fn a_session_at_a_site_keeps_its_session_alive(world: &World) {
    world.create_account(ADA).await;
    let world = with_sites(world);
    let token = entered(&world.signed_in(ADA).await, &world).await;
    let idle_minutes = world.backend.settings().session_idle_minutes;
    for _ in 0..3 {
        world.clock.advance_minutes(idle_minutes - 1);
        assert!(is_admitted(&world, &token).await);
        while last_seen_at(&world, &token).await != world.now().0 {
            tokio::task::yield_now().await;
        }
    }
    world.clock.advance_minutes(idle_minutes);
    assert!(!is_admitted(&world, &token).await);
}

/// Attack: a link with the attacker's code signs its visitor in to the attacker's account.
#[apply(on_both!)]
async fn a_code_is_worth_nothing_in_another_browser(world: &World) {
    world.create_account(ADA).await;
    let world = with_sites(world);
    let browser = world.signed_in(ADA).await;
    let (own, other) = (start(&world, None), start(&world, None));
    let code = code(&browser, &own).await;
    assert_eq!(enter(&browser, &world, &other.attempt, &code).await, None);
    let board = site(&world, "board.example.com");
    let request = browser.request();
    assert_eq!(request.enter_site(board, &own.attempt, &code).await.unwrap(), None);
    assert_eq!(enter(&browser, &world, &own.attempt, &"no code".into()).await, None);
    world.clock.advance_ms(60_000);
    assert_eq!(enter(&browser, &world, &own.attempt, &code).await, None);
}

#[apply(on_both!)]
async fn a_code_for_a_site_is_used_once_and_only_while_its_session_lives(world: &World) {
    world.create_account(ADA).await;
    let world = with_sites(world);
    let mut browser = world.signed_in(ADA).await;
    let start = start(&world, None);
    let first = code(&browser, &start).await;
    let token = enter(&browser, &world, &start.attempt, &first).await.unwrap();
    // A reload of the page.
    assert_eq!(enter(&browser, &world, &start.attempt, &first).await, None);
    assert!(is_admitted(&world, &token).await);
    let second = code(&browser, &start).await;
    browser.sign_out().await;
    assert_eq!(enter(&browser, &world, &start.attempt, &second).await, None);
}

#[apply(on_both!)]
async fn tabs_that_sign_in_at_once_share_an_attempt(world: &World) {
    world.create_account(ADA).await;
    let world = with_sites(world);
    let browser = world.signed_in(ADA).await;
    let first = start(&world, None);
    let second = start(&world, Some(&first.attempt));
    assert_eq!(first.attempt, second.attempt);
    let codes = [code(&browser, &first).await, code(&browser, &second).await];
    let one = enter(&browser, &world, &first.attempt, &codes[0]).await.unwrap();
    let other = enter(&browser, &world, &first.attempt, &codes[1]).await.unwrap();
    // The browser keeps either.
    assert!(is_admitted(&world, &one).await && is_admitted(&world, &other).await);
    world.clock.advance_minutes(2);
    let later = entered(&browser, &world).await;
    assert!(is_admitted(&world, &later).await && !is_admitted(&world, &one).await);
    // Attack: a value that another program has put into the cookie becomes the secret of the sign-in.
    for planted in ["", "known", &"a ".repeat(30)] {
        let start = start(&world, Some(&planted.into()));
        assert_ne!(start.attempt.expose(), planted);
    }
}

/// Attack: a site's client has no secret that anyone knows, so the endpoints for clients give its user, or the program that sees
/// the cookie, nothing.
#[apply(on_both!)]
async fn what_a_site_holds_is_worth_nothing_at_the_endpoints_for_clients(world: &World) {
    world.create_account(ADA).await;
    let world = with_sites(world);
    let browser = world.signed_in(ADA).await;
    let start = start(&world, None);
    let code = code(&browser, &start).await;
    let own = [
        ("client_id", "site:wiki.example.com"),
        ("redirect_uri", "https://wiki.example.com/.rekey/return"),
        ("code_verifier", start.attempt.expose()),
    ];
    for secret in ["", "client_secret=&", "client_secret=site:wiki.example.com&"] {
        let form = [secret, &form(code.expose(), &own)].concat();
        for endpoint in [Token, Push, Introspect, Revoke] {
            assert_eq!(post(&world, endpoint, &form, None).await, Err("invalid_client"));
        }
    }
    let basic = ClientCredentials {
        id: "site:wiki.example.com".into(),
        secret: "".into(),
        raw_secret: None,
    };
    let token = post(&world, Token, &form(code.expose(), &own), Some(&basic)).await;
    assert_eq!(token, Err("invalid_client"));
    let token = enter(&browser, &world, &start.attempt, &code).await.unwrap();
    assert_eq!(
        user_info(&world, &json!({ "access_token": token.expose() })).await,
        None
    );
}
