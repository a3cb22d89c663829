//! The OpenID provider: refresh tokens, introspection and revocation. Property 40.

use crate::product::{claims, form, offline_code, post, redeem, refresh, shop, text, user_info, with_clients};
use crate::world::{ADA, World, together};
use account::{ActivityKind, Key, Keyring};
use backend::Keys;
use backend::oauth::ClientCredentials;
use backend::oauth::ClientEndpoint::{Introspect, Revoke, Token};
use backend::store::sessions;
use serde_json::{Value, json};
use std::sync::Arc;

async fn with_tokens(world: &World) -> (crate::browser::Browser, Value) {
    let browser = world.signed_in(ADA).await;
    let tokens = redeem(world, &offline_code(&browser).await).await.unwrap();
    (browser, tokens)
}

fn other() -> ClientCredentials {
    ClientCredentials {
        id: "other".into(),
        secret: "another secret of 32 characters.".into(),
        raw_secret: None,
    }
}

#[apply(on_both!)]
async fn a_refresh_token_gives_new_tokens_while_the_session_lives(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let (mut browser, mut tokens) = with_tokens(&world).await;
    assert!(browser.security().await.unwrap().products[0].stays_signed_in);
    // Longer than a session without use lives.
    for _ in 0..5 {
        world.clock.advance_minutes(3 * 24 * 60);
        let next = refresh(&world, &tokens).await.unwrap();
        assert_ne!(next["refresh_token"], tokens["refresh_token"]);
        assert_eq!(claims(&next)["sid"], claims(&tokens)["sid"]);
        assert!(user_info(&world, &next).await.is_some());
        world.backend.upkeep().sweep().await.unwrap();
        tokens = next;
    }
    assert!(
        browser.is_signed_in().await,
        "the product's use is a use of the session"
    );
    browser.sign_out().await;
    assert_eq!(refresh(&world, &tokens).await, Err("invalid_grant"));
    assert_eq!(user_info(&world, &tokens).await, None);
}

#[apply(on_both!)]
async fn without_the_scope_there_is_no_refresh_token(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let tokens = redeem(&world, &crate::product::code(&browser).await).await.unwrap();
    assert_eq!(tokens.get("refresh_token"), None);
}

/// Attack: a thief uses a stolen refresh token before or after the client.
#[apply(on_both!)]
async fn an_old_refresh_token_revokes_its_family(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let (_browser, first) = with_tokens(&world).await;
    let second = refresh(&world, &first).await.unwrap();
    world.clock.advance_ms(30_001);
    assert_eq!(refresh(&world, &first).await, Err("invalid_grant"));
    assert_eq!(refresh(&world, &second).await, Err("invalid_grant"));
    assert_eq!(user_info(&world, &second).await, None);
    // Its user learns about it, once.
    let reused = ActivityKind::ProductTokenReused;
    assert_eq!(world.count_events(ADA, reused).await, 1);

    // Before that time, if the next one was used already.
    let (_browser, first) = with_tokens(&world).await;
    let second = refresh(&world, &first).await.unwrap();
    refresh(&world, &second).await.unwrap();
    assert_eq!(refresh(&world, &first).await, Err("invalid_grant"));
    assert_eq!(refresh(&world, &second).await, Err("invalid_grant"));
}

#[apply(on_both!)]
async fn a_repeated_refresh_after_a_lost_response_gives_the_same_token(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let (_browser, first) = with_tokens(&world).await;
    let lost = refresh(&world, &first).await.unwrap();
    world.clock.advance_ms(30_000);
    let again = refresh(&world, &first).await.unwrap();
    assert_eq!(lost["refresh_token"], again["refresh_token"]);
    refresh(&world, &again).await.unwrap();
}

#[apply(on_both!)]
async fn simultaneous_refreshes_give_one_refresh_token(world: &World) {
    world.create_account(ADA).await;
    let world = Arc::new(with_clients(world));
    let (_browser, first) = with_tokens(&world).await;
    let refreshed = together(8, |_| {
        let (world, first) = (world.clone(), first.clone());
        async move { refresh(&world, &first).await }
    });
    let refreshed = refreshed.await;
    let next = refreshed[0].as_ref().unwrap()["refresh_token"].clone();
    assert!(
        refreshed
            .iter()
            .all(|tokens| tokens.as_ref().unwrap()["refresh_token"] == next)
    );
}

#[apply(on_both!)]
async fn a_refresh_token_works_only_for_its_client_and_unchanged(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let (_browser, tokens) = with_tokens(&world).await;
    let token = text(&tokens, "refresh_token");
    let with = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    assert_eq!(
        post(&world, Token, &with(token), Some(&other())).await,
        Err("invalid_grant")
    );
    for forged in [
        token.replacen(".0.", ".1.", 1),
        token[1..].to_owned(),
        text(&tokens, "access_token").to_owned(),
    ] {
        assert_eq!(
            post(&world, Token, &with(&forged), Some(&shop())).await,
            Err("invalid_grant")
        );
    }
    assert_eq!(
        post(&world, Token, &with(""), Some(&shop())).await,
        Err("invalid_request")
    );
    // A refresh token is no code, and none of this spent it.
    let as_code = form(token, &[]);
    assert_eq!(post(&world, Token, &as_code, Some(&shop())).await, Err("invalid_grant"));
    // Attack: a copy of the database. It also survives a new key of the service.
    let stolen = world.database.stolen().await;
    assert!(!token.split('.').any(|part| part.len() > 8 && stolen.contains(part)));
    let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
    let rotated = world.with_keys(Keys::from(Keyring::new(key("k2", 8), vec![key("k1", 7)])));
    let rotated = with_clients(&rotated);
    refresh(&rotated, &tokens).await.unwrap();
}

#[apply(on_both!)]
async fn a_client_learns_only_about_its_own_tokens(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let (mut browser, tokens) = with_tokens(&world).await;
    for (name, kind) in [("access_token", json!("Bearer")), ("refresh_token", Value::Null)] {
        let form = format!("token={}", text(&tokens, name));
        let known = post(&world, Introspect, &form, Some(&shop())).await.unwrap();
        assert_eq!(known["token_type"], kind);
        assert_eq!((&known["active"], &known["client_id"]), (&json!(true), &json!("shop")));
        assert_eq!(
            (&known["sub"], &known["sid"]),
            (&claims(&tokens)["sub"], &claims(&tokens)["sid"])
        );
        let unknown = post(&world, Introspect, &form, Some(&other())).await.unwrap();
        assert_eq!(unknown, json!({ "active": false }));
        let public = format!("{form}&client_id=app");
        assert_eq!(post(&world, Introspect, &public, None).await, Err("invalid_client"));
    }
    // Also one that is longer than ours.
    let long = format!("token={}", "a".repeat(900));
    for form in ["token=unknown", "token=a.0.b.k1", &long] {
        let unknown = post(&world, Introspect, form, Some(&shop())).await.unwrap();
        assert_eq!(unknown, json!({ "active": false }));
    }
    assert_eq!(
        post(&world, Introspect, "", Some(&shop())).await,
        Err("invalid_request")
    );
    browser.sign_out().await;
    let form = format!("token={}", text(&tokens, "refresh_token"));
    assert_eq!(
        post(&world, Introspect, &form, Some(&shop())).await.unwrap(),
        json!({ "active": false })
    );
}

#[apply(on_both!)]
async fn a_client_revokes_its_own_tokens(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let (_browser, tokens) = with_tokens(&world).await;
    let access = format!("token={}", text(&tokens, "access_token"));
    let all = format!("token={}&token_type_hint=refresh_token", text(&tokens, "refresh_token"));
    for form in [&access, &all, "token=unknown"] {
        post(&world, Revoke, form, Some(&other())).await.unwrap();
    }
    assert!(user_info(&world, &tokens).await.is_some());
    post(&world, Revoke, &access, Some(&shop())).await.unwrap();
    assert_eq!(user_info(&world, &tokens).await, None);
    let next = refresh(&world, &tokens).await.unwrap();
    let all = format!("token={}", text(&next, "refresh_token"));
    post(&world, Revoke, &all, Some(&shop())).await.unwrap();
    assert_eq!(user_info(&world, &next).await, None);
    assert_eq!(refresh(&world, &next).await, Err("invalid_grant"));
}

/// Attack: a thief refreshes in a loop, and the command that ends all sessions fails with deadlocks on PostgreSQL.
#[apply(on_both!)]
async fn a_refresh_waits_for_the_end_of_its_session_without_a_deadlock(world: &World) {
    world.create_account(ADA).await;
    let world = Arc::new(with_clients(world));
    let (_browser, tokens) = with_tokens(&world).await;
    world.backend.public_keys().await.unwrap();
    let mut tx = world.backend.db().begin().await.unwrap();
    assert!(
        sessions::lock_for_update(&mut tx, claims(&tokens)["sid"].as_str().unwrap())
            .await
            .unwrap()
    );
    let refreshed = tokio::spawn({
        let (world, tokens) = (world.clone(), tokens.clone());
        async move { refresh(&world, &tokens).await }
    });
    world.until_waiting(1, || refreshed.is_finished()).await;
    // The end of the session reaches its codes, too.
    sessions::end_all(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refreshed.await.unwrap(), Err("invalid_grant"));
}
