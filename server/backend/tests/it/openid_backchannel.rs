//! The OpenID provider: products are told when a session ends. Property 41.

use crate::browser::Browser;
use crate::metrics::{scrape, value};
use crate::product::{
    self, CALLBACK, claims, code, form, offline_code, redeem, refresh, returned, text, user_info, with_backchannel,
    with_clients,
};
use crate::world::{ADA, NEW_PASSWORD, World, address};
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use backend::oauth::{ClientEndpoint, ClientSettings, LogoutDelivery, NewClient};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// A product's address for logout tokens.
#[derive(Clone)]
pub struct Product {
    uri: String,
    answer: Arc<Mutex<StatusCode>>,
    got: Arc<Mutex<Vec<String>>>,
}

impl Product {
    pub async fn start() -> Self {
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

    pub fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }
}

pub async fn deliver(world: &World) -> usize {
    LogoutDelivery::new(world.backend.clone()).deliver_due().await.unwrap()
}

pub async fn with_product(world: &World) -> (World, Product, Browser, Value) {
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
