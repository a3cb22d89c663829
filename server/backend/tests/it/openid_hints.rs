//! The OpenID provider: what clients may ask for, and learn, beyond the essentials.

use crate::product::{CALLBACK, asked, begin, claims, query, redeem, returned, text, user_info, with_clients};
use crate::world::{ADA, GRACE, World};
use backend::flows::AuthorizationStep;
use serde_json::json;

#[apply(on_both!)]
async fn a_client_that_expects_a_user_gets_no_other_one(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let world = with_clients(world);
    let (ada, mut grace) = (world.signed_in(ADA).await, world.signed_in(GRACE).await);
    let tokens = redeem(&world, &returned(begin(&ada, &query(&[])).await, CALLBACK)["code"])
        .await
        .unwrap();
    let hint = text(&tokens, "id_token");
    let expects_ada = query(&[("id_token_hint", hint)]);
    assert!(returned(begin(&ada, &expects_ada).await, CALLBACK).contains_key("code"));
    for prompt in ["", "none"] {
        let query = query(&[("id_token_hint", hint), ("prompt", prompt)]);
        let refused = returned(begin(&grace, &query).await, CALLBACK);
        assert_eq!(
            (refused["error"].as_str(), refused["state"].as_str()),
            ("login_required", "a state")
        );
    }
    // Also after a sign-in that the client waits for.
    let (_, id) = asked(begin(&world.browser(), &expects_ada).await);
    let resumed = grace.request().authorization().resume(&id).await.unwrap();
    assert_eq!(returned(resumed, CALLBACK)["error"], "login_required");
    let resumed = ada.request().authorization().resume(&id).await.unwrap();
    assert!(returned(resumed, CALLBACK).contains_key("code"));
    // An expired token still names the user.
    world.clock.advance_minutes(60);
    assert!(returned(begin(&ada, &expects_ada).await, CALLBACK).contains_key("code"));
    // Attack: a client learns whether another client's user is signed in.
    let foreign = query(&[
        ("client_id", "other"),
        ("redirect_uri", "https://other.example/callback"),
        ("id_token_hint", hint),
        ("prompt", "none"),
    ]);
    let refused = returned(begin(&ada, &foreign).await, "https://other.example/callback");
    assert_eq!(refused["error"], "invalid_request");
    grace.sign_out().await;
}

#[apply(on_both!)]
async fn hints_are_passed_to_the_page_before_sign_in(world: &World) {
    let world = with_clients(world);
    let hints = async |changes: &[(&str, &str)]| match begin(&world.browser(), &query(changes)).await {
        AuthorizationStep::Ask { hints, .. } => hints,
        step => panic!("{step:?}"),
    };
    let some = hints(&[("login_hint", ADA), ("ui_locales", "fr-CA ar")]).await;
    assert_eq!(some.login_hint.unwrap().as_str(), ADA);
    assert_eq!(some.ui_locales.as_deref(), Some("fr-CA ar"));
    // Attack: text that is no address, or a long one, is shown on the page.
    for wrong in [
        "call 555-0100",
        "<b>",
        "a b@example.com",
        &format!("{}@example.com", "a".repeat(300)),
    ] {
        assert_eq!(hints(&[("login_hint", wrong)]).await.login_hint, None, "{wrong}");
    }
    let long = "a".repeat(201);
    assert_eq!(hints(&[("ui_locales", &long)]).await.ui_locales, None);
    let response = returned(
        begin(&world.browser(), &query(&[("prompt", "none"), ("login_hint", ADA)])).await,
        CALLBACK,
    );
    assert_eq!(response["error"], "login_required");
}

#[apply(on_both!)]
async fn a_product_learns_how_and_for_whom_a_user_signed_in(world: &World) {
    world.create_account(ADA).await;
    world.create_managed_account(GRACE).await;
    let world = with_clients(world);
    let scopes = query(&[("scope", "openid organization"), ("acr_values", "two_factors phr")]);
    let ada = world.signed_in(ADA).await;
    let tokens = redeem(&world, &returned(begin(&ada, &scopes).await, CALLBACK)["code"])
        .await
        .unwrap();
    assert_eq!(tokens["scope"], "openid organization");
    let known = claims(&tokens);
    assert_eq!(
        (&known["acr"], &known["organization"]),
        (&json!("two_factors"), &json!(null))
    );
    let grace = world.browser_with_session(GRACE).await;
    let tokens = redeem(&world, &returned(begin(&grace, &scopes).await, CALLBACK)["code"])
        .await
        .unwrap();
    assert_eq!(claims(&tokens)["organization"]["name"], "Analytical Engines Ltd");
    assert_eq!(
        user_info(&world, &tokens).await.unwrap()["organization"]["name"],
        "Analytical Engines Ltd"
    );
    // Only with its scope.
    let tokens = redeem(&world, &returned(begin(&grace, &query(&[])).await, CALLBACK)["code"])
        .await
        .unwrap();
    assert_eq!(claims(&tokens)["organization"], json!(null));
    let view = grace.security().await.unwrap();
    let product = &view.products[0];
    assert!(product.sees_organization && product.sees_name && !product.stays_signed_in);
}
