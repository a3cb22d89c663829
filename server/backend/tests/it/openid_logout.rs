//! The OpenID provider: products ask for sign-out, and users disconnect them. Property 41.

use crate::browser::Browser;
use crate::openid_backchannel::{deliver, with_product};
use crate::product::{CALLBACK, GOODBYE, offline_code, redeem, refresh, text, user_info, with_clients};
use crate::world::{ADA, World, together};
use account::{ActivityKind, Key, Keyring, SecurityDone};
use backend::Keys;
use backend::flows::ClientLogoutStep;
use std::sync::Arc;

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
