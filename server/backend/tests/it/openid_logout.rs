//! The OpenID provider: products are told when a session ends, and ask for sign-out. Property 41.

use crate::browser::Browser;
use crate::metrics::{scrape, value};
use crate::product::{
    self, CALLBACK, GOODBYE, claims, code, form, offline_code, redeem, refresh, returned, text, user_info,
    with_backchannel, with_clients,
};
use crate::world::{ADA, NEW_PASSWORD, World, address, together};
use account::{ActivityKind, Key, Keyring, SecurityDone};
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use backend::Keys;
use backend::flows::ClientLogoutStep;
use backend::oauth::{ClientEndpoint, ClientSettings, LogoutDelivery, NewClient};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// A product's address for logout tokens.
#[derive(Clone)]
struct Product {
    uri: String,
    answer: Arc<Mutex<StatusCode>>,
    got: Arc<Mutex<Vec<String>>>,
}

impl Product {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let product = Self {
            uri: format!("http://{}/ended", listener.local_addr().unwrap()),
            answer: Arc::new(Mutex::new(StatusCode::OK)),
            got: Arc::default(),
        };
        let take = async |State(product): State<Self>, Form(form): Form<HashMap<String, String>>| {
            product.got.lock().unwrap().push(form["logout_token"].clone());
            let answer = *product.answer.lock().unwrap();
            (answer, [("location", product.uri.clone())]).into_response()
        };
        let router = Router::new().route("/ended", post(take)).with_state(product.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        product
    }

    fn answers(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }
}

async fn deliver(world: &World) -> usize {
    LogoutDelivery::new(world.backend.clone()).deliver_due().await.unwrap()
}

async fn with_product(world: &World) -> (World, Product, Browser, Value) {
    world.create_account(ADA).await;
    let product = Product::start().await;
    let world = with_backchannel(world, Some(product.uri.clone()));
    let browser = world.signed_in(ADA).await;
    let tokens = redeem(&world, &code(&browser).await).await.unwrap();
    (world, product, browser, tokens)
}

#[apply(on_both!)]
async fn a_product_is_told_once_that_a_session_has_ended(world: &World) {
    let (world, product, mut browser, tokens) = with_product(world).await;
    // A second sign-in to the product in the same session.
    redeem(&world, &code(&browser).await).await.unwrap();
    assert_eq!(deliver(&world).await, 0);
    browser.sign_out().await;
    assert_eq!(deliver(&world).await, 1);
    assert_eq!(deliver(&world).await, 0);
    let told = product.taken();
    let [token] = told.as_slice() else { panic!("{told:?}") };
    let part = |number| -> Value {
        let part = token.split('.').nth(number).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, ended) = (part(0), part(1));
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("logout+jwt"), &json!("ES256"))
    );
    let id = claims(&tokens);
    for name in ["iss", "aud", "sub", "sid"] {
        assert_eq!(ended[name], id[name], "{name}");
    }
    assert_eq!(
        ended["events"],
        json!({ "http://schemas.openid.net/event/backchannel-logout": {} })
    );
    assert_eq!(ended.get("nonce"), None);
    assert!(ended["jti"].is_string() && ended["exp"].as_i64() > ended["iat"].as_i64());
}

/// A reset also ends an intruder's access to products.
#[apply(on_both!)]
async fn whatever_ends_a_session_tells_its_products(world: &World) {
    let (world, product, _, _) = with_product(world).await;
    let mut owner = world.signed_in(ADA).await;
    owner.end_other_sessions().await.unwrap();
    assert_eq!(deliver(&world).await, 1);

    let thief = world.signed_in(ADA).await;
    redeem(&world, &code(&thief).await).await.unwrap();
    world.choosing(ADA).await.choose(NEW_PASSWORD).await.unwrap();
    assert_eq!(deliver(&world).await, 1);

    let browser = world.browser_with_session(ADA).await;
    redeem(&world, &code(&browser).await).await.unwrap();
    assert!(world.backend.accounts().disable(&address(ADA), true).await.unwrap());
    assert_eq!(deliver(&world).await, 1);
    assert_eq!(product.taken().len(), 3);
}

#[apply(on_both!)]
async fn a_product_that_fails_is_told_again_until_a_day_is_over(world: &World) {
    let (world, product, mut browser, _) = with_product(world).await;
    browser.sign_out().await;
    let mut tries = 0;
    // Attack: a redirect carries the token to another address.
    for answer in [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::BAD_REQUEST,
        StatusCode::FOUND,
    ] {
        product.answers(answer);
        world.clock.advance_minutes(61);
        tries += deliver(&world).await;
        assert_eq!(deliver(&world).await, 0, "not at once");
    }
    assert_eq!(tries, 3);
    world.clock.advance_minutes(61);
    product.answers(StatusCode::NO_CONTENT);
    assert_eq!(deliver(&world).await, 1);
    world.clock.advance_minutes(24 * 60);
    assert_eq!(deliver(&world).await, 0);

    let mut browser = world.signed_in(ADA).await;
    redeem(&world, &code(&browser).await).await.unwrap();
    browser.sign_out().await;
    product.answers(StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(deliver(&world).await, 1);
    world.clock.advance_minutes(24 * 60);
    assert_eq!(deliver(&world).await, 1);
    world.clock.advance_minutes(24 * 60);
    assert_eq!(deliver(&world).await, 0, "given up");
    let metrics = scrape(&world).await;
    let event = |name: &str| {
        value(
            &metrics,
            &format!("rekey_client_events_total{{client=\"shop\",event=\"{name}\"}}"),
        )
    };
    assert_eq!((event("logout_failed"), event("logout_given_up")), (5.0, 1.0));
}

#[apply(on_both!)]
async fn two_servers_tell_a_product_once(world: &World) {
    let (world, product, mut browser, _) = with_product(world).await;
    browser.sign_out().await;
    let other = with_backchannel(&world, Some(product.uri.clone()));
    let (one, two) = tokio::join!(deliver(&world), deliver(&other));
    assert_eq!((one + two, product.taken().len()), (1, 1));
}

/// More than are claimed together, on two servers.
#[apply(on_both!)]
async fn many_sessions_end_at_once(world: &World) {
    const USERS: usize = 40;
    let product = Product::start().await;
    let world = with_backchannel(world, Some(product.uri.clone()));
    for number in 0..USERS {
        let email = format!("user{number}@example.com");
        world.create_account(&email).await;
        let mut browser = world.browser_with_session(&email).await;
        redeem(&world, &code(&browser).await).await.unwrap();
        browser.sign_out().await;
    }
    let other = with_backchannel(&world, Some(product.uri.clone()));
    let mut handled = 0;
    while handled < USERS {
        let (one, two) = tokio::join!(deliver(&world), deliver(&other));
        assert_ne!(one + two, 0);
        handled += one + two;
    }
    let mut told: Vec<_> = product.taken().iter().map(|token| sid(token)).collect();
    told.sort();
    told.dedup();
    assert_eq!((handled, told.len()), (USERS, USERS));
}

/// Returns the session that a logout token names.
fn sid(token: &str) -> String {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    text(&claims, "sid").to_owned()
}

async fn begin(browser: &mut Browser, query: &str) -> ClientLogoutStep {
    let done = browser.request().client_logout().begin(query).await;
    browser.take(done).unwrap()
}

fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn back(url: &str) -> ClientLogoutStep {
    ClientLogoutStep::Return {
        client: "SHOP".into(),
        url: url.into(),
    }
}

#[apply(on_both!)]
async fn a_product_of_the_session_signs_out_at_once(world: &World) {
    let (world, _, mut browser, tokens) = with_product(world).await;
    let asked = query(&[
        ("id_token_hint", text(&tokens, "id_token")),
        ("post_logout_redirect_uri", GOODBYE),
        ("state", "a b"),
    ]);
    // Also with an expired ID token.
    world.clock.advance_minutes(60);
    assert_eq!(begin(&mut browser, &asked).await, back(&format!("{GOODBYE}?state=a+b")));
    assert!(!browser.is_signed_in().await);
    // Again, after a lost response.
    assert_eq!(begin(&mut browser, &asked).await, back(&format!("{GOODBYE}?state=a+b")));
}

/// Attack: a page of another site signs its visitor out.
#[apply(on_both!)]
async fn everyone_else_must_ask(world: &World) {
    let (world, _, mut browser, tokens) = with_product(world).await;
    let mut another = world.signed_in(ADA).await;
    let with_hint = query(&[("id_token_hint", text(&tokens, "id_token"))]);
    assert_eq!(begin(&mut another, &with_hint).await, ClientLogoutStep::Ask);
    let forged = format!("{}x", text(&tokens, "id_token"));
    for asked in [
        String::new(),
        query(&[("id_token_hint", &forged)]),
        query(&[("client_id", "shop"), ("post_logout_redirect_uri", GOODBYE)]),
    ] {
        assert_eq!(begin(&mut browser, &asked).await, ClientLogoutStep::Ask, "{asked}");
    }
    assert!(browser.is_signed_in().await);
    let asked = query(&[("client_id", "shop"), ("post_logout_redirect_uri", GOODBYE)]);
    let done = browser.request().client_logout().confirm(&asked).await;
    assert_eq!(browser.take(done).unwrap(), back(GOODBYE));
    assert!(!browser.is_signed_in().await);
    assert_eq!(begin(&mut browser, "").await, ClientLogoutStep::SignedOut);
}

/// Otherwise the user believes on a shared computer that they are signed out.
#[apply(on_both!)]
async fn an_address_that_is_not_registered_does_not_prevent_sign_out(world: &World) {
    let (world, _, mut browser, tokens) = with_product(world).await;
    // Also when the key of the ID token is no longer published.
    world.clock.advance_minutes(61);
    let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
    let rotated = world.with_keys(Keys::from(Keyring::new(key("k2", 8), vec![key("k1", 7)])));
    let keys = rotated.backend.public_keys().await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    world.clock.advance_minutes(25 * 60);
    let keys = rotated.backend.public_keys().await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    world.backend.upkeep().sweep().await.unwrap();
    let hint = text(&tokens, "id_token");
    for evil in [CALLBACK, "https://evil.example/"] {
        let asked = query(&[("id_token_hint", hint), ("post_logout_redirect_uri", evil)]);
        assert_eq!(begin(&mut browser, &asked).await, ClientLogoutStep::SignedOut);
    }
    assert!(!browser.is_signed_in().await);
}

/// Attack: a page of another site ends a sign-in that waits for its code.
#[apply(on_both!)]
async fn without_a_session_nothing_ends(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let (mut browser, code) = world.confirming(ADA).await;
    assert_eq!(begin(&mut browser, "").await, ClientLogoutStep::SignedOut);
    browser.answer_sign_in(&code).await.unwrap();
    assert!(browser.is_signed_in().await);
}

#[apply(on_both!)]
async fn an_idle_session_also_ends_at_its_products(world: &World) {
    let (world, product, browser, tokens) = with_product(world).await;
    world.clock.advance_minutes(7 * 24 * 60 + 1);
    assert!(!browser.is_signed_in().await);
    assert_eq!(user_info(&world, &tokens).await, None);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!((deliver(&world).await, product.taken().len()), (1, 1));
}

/// The product had no address for it at sign-in.
#[apply(on_both!)]
async fn a_product_that_gets_an_address_later_is_told_after_its_next_refresh(world: &World) {
    world.create_account(ADA).await;
    let product = Product::start().await;
    let (before, later) = (
        with_backchannel(world, None),
        with_backchannel(world, Some(product.uri.clone())),
    );
    let mut browser = before.signed_in(ADA).await;
    let tokens = redeem(&before, &offline_code(&browser).await).await.unwrap();
    refresh(&later, &tokens).await.unwrap();
    browser.sign_out().await;
    assert_eq!((deliver(&later).await, product.taken().len()), (1, 1));
}

#[apply(on_both!)]
async fn a_product_that_is_added_while_the_server_runs_is_told(world: &World) {
    world.create_account(ADA).await;
    let server = with_clients(world);
    let delivery = tokio::spawn(LogoutDelivery::new(server.backend.clone()).run());
    let product = Product::start().await;
    let settings = ClientSettings {
        id: "wiki".into(),
        name: "Wiki".into(),
        redirect_uris: vec![CALLBACK.into()],
        backchannel_logout_uri: Some(product.uri.clone()),
        ..ClientSettings::default()
    };
    let added = server.backend.client_registrations().add(&settings, true).await;
    assert!(matches!(added, Ok(NewClient::Added(None))), "{added:?}");
    server.backend.refresh_clients().await.unwrap();
    let mut browser = server.signed_in(ADA).await;
    let step = product::begin(&browser, &product::query(&[("client_id", "wiki")])).await;
    let form = form(&returned(step, CALLBACK)["code"], &[("client_id", "wiki")]);
    product::post(&server, ClientEndpoint::Token, &form, None)
        .await
        .unwrap();
    browser.sign_out().await;
    let told = async {
        while product.taken().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    delivery.abort();
}

/// Attack: an open redirect.
#[apply(on_both!)]
async fn sign_out_returns_only_to_a_registered_address(world: &World) {
    let (world, _, mut browser, tokens) = with_product(world).await;
    for (pairs, reason) in [
        (
            vec![("id_token_hint", text(&tokens, "id_token")), ("client_id", "other")],
            "client_id",
        ),
        (vec![("client_id", "shop"), ("client_id", "shop")], "a parameter"),
    ] {
        let step = begin(&mut browser, &query(&pairs)).await;
        let ClientLogoutStep::Refused(why) = step else {
            panic!("{step:?}")
        };
        assert!(why.starts_with(reason), "{pairs:?}: {why}");
    }
    for pairs in [
        [("client_id", "shop"), ("post_logout_redirect_uri", CALLBACK)],
        [("client_id", "other"), ("post_logout_redirect_uri", GOODBYE)],
        [("client_id", ""), ("post_logout_redirect_uri", GOODBYE)],
        [
            ("client_id", "shop"),
            ("post_logout_redirect_uri", "https://evil.example/"),
        ],
    ] {
        let mut browser = world.signed_in(ADA).await;
        let asked = query(&pairs);
        assert_eq!(begin(&mut browser, &asked).await, ClientLogoutStep::Ask);
        let done = browser.request().client_logout().confirm(&asked).await;
        assert_eq!(browser.take(done).unwrap(), ClientLogoutStep::SignedOut, "{pairs:?}");
    }
}

#[apply(on_both!)]
async fn a_disconnected_product_loses_its_tokens_and_ends_its_session(world: &World) {
    let (world, product, mut browser, _) = with_product(world).await;
    let tokens = redeem(&world, &offline_code(&browser).await).await.unwrap();
    let view = browser.security().await.unwrap();
    let [row] = view.products.as_slice() else {
        panic!("{:?}", view.products)
    };
    assert_eq!((row.name.as_str(), row.sees_email, row.sees_name), ("SHOP", true, true));
    // A product of someone else, or an unknown one.
    let shown = browser
        .take(browser.request().products().disconnect("other").await)
        .unwrap();
    assert_eq!(shown.products.len(), 1);
    let shown = browser
        .take(browser.request().products().disconnect("shop").await)
        .unwrap();
    assert_eq!(
        (shown.products, shown.done),
        (vec![], Some(SecurityDone::ProductDisconnected))
    );
    assert_eq!(user_info(&world, &tokens).await, None);
    assert_eq!(refresh(&world, &tokens).await, Err("invalid_grant"));
    assert_eq!((deliver(&world).await, product.taken().len()), (1, 1));
    assert!(browser.is_signed_in().await);
    for kind in [ActivityKind::ProductConnected, ActivityKind::ProductDisconnected] {
        assert_eq!(world.count_events(ADA, kind).await, 1);
    }
}

#[apply(on_both!)]
async fn a_sign_out_for_a_product_can_end_all_sessions(world: &World) {
    let (world, _, mut browser, _) = with_product(world).await;
    let elsewhere = world.signed_in(ADA).await;
    let asked = query(&[("client_id", "shop"), ("post_logout_redirect_uri", GOODBYE)]);
    let done = browser
        .request()
        .client_logout()
        .confirm(&(asked + "&everywhere=1"))
        .await;
    assert_eq!(browser.take(done).unwrap(), back(GOODBYE));
    assert!(!browser.is_signed_in().await && !elsewhere.is_signed_in().await);
}

/// Attack: a product that refreshes in a loop prevents its disconnection with deadlocks on PostgreSQL.
#[apply(on_both!)]
async fn a_product_that_refreshes_meanwhile_is_disconnected(world: &World) {
    let (world, _, browser, _) = with_product(world).await;
    let world = Arc::new(world);
    for _ in 0..8 {
        let tokens = redeem(&world, &offline_code(&browser).await).await.unwrap();
        let refreshed = together(8, |_| {
            let (world, tokens) = (world.clone(), tokens.clone());
            async move { refresh(&world, &tokens).await }
        });
        let disconnected = browser.request().products().disconnect("shop");
        let (refreshed, disconnected) = tokio::join!(refreshed, disconnected);
        disconnected.unwrap();
        for one in refreshed {
            assert!(matches!(one, Ok(_) | Err("invalid_grant")), "{one:?}");
        }
        assert_eq!(refresh(&world, &tokens).await, Err("invalid_grant"));
    }
}
