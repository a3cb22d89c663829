//! The OpenID provider: users return to products with a code. Property 40.

use crate::browser::Browser;
use crate::product::{
    CALLBACK, VERIFIER, asked, begin, claims, form, post, query, redeem, returned, shop, user_info, with_clients,
};
use crate::world::{ADA, PASSWORD, World};
use account::ConfirmStep;
use backend::Error;
use backend::flows::AuthorizationStep;
use backend::oauth::ClientEndpoint::{Push, Token};
use backend::oauth::Clients;
use serde_json::Value;

#[apply(on_both!)]
async fn a_signed_in_user_returns_with_a_code_at_once(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let response = returned(begin(&browser, &query(&[])).await, CALLBACK);
    let origin = world.backend.settings().origin.clone();
    assert_eq!((&response["state"], &response["iss"]), (&"a state".to_owned(), &origin));
    let tokens = redeem(&world, &response["code"]).await.unwrap();
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"]),
        (&"Bearer".into(), &600.into())
    );
    let claims = claims(&tokens);
    let now = world.now().0 / 1_000;
    let id = world.stored(ADA).await.account.id.0;
    for (name, value) in [
        ("iss", Value::from(origin)),
        ("sub", id.clone().into()),
        ("aud", "shop".into()),
        ("iat", now.into()),
        ("exp", (now + 600).into()),
        ("auth_time", now.into()),
        ("nonce", "a nonce".into()),
        ("amr", serde_json::json!(["pwd", "otp", "mfa"])),
        ("email", ADA.into()),
        ("email_verified", true.into()),
        ("name", "ada Example".into()),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let user = user_info(&world, &tokens).await.unwrap();
    assert_eq!((&user["sub"], &user["email"]), (&id.into(), &ADA.into()));
    // Only what was asked for.
    let least = begin(&browser, &query(&[("scope", "openid other")])).await;
    let tokens = redeem(&world, &returned(least, CALLBACK)["code"]).await.unwrap();
    assert_eq!(tokens["scope"], "openid");
    assert_eq!(user_info(&world, &tokens).await.unwrap().as_object().unwrap().len(), 1);
    world.clock.advance_minutes(11);
    assert_eq!(user_info(&world, &tokens).await, None);
}

#[apply(on_both!)]
async fn a_request_waits_an_hour_for_sign_in(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = world.browser();
    let (page, id) = asked(begin(&browser, &query(&[])).await);
    assert_eq!(page, "/signin");
    let resume = async |browser: &Browser| browser.request().authorization().resume(&id).await.unwrap();
    assert_eq!(asked(resume(&browser).await).1, id, "still signed out");
    world.clock.advance_minutes(50);
    browser.sign_in(&world, ADA, PASSWORD).await.unwrap();
    let response = returned(resume(&browser).await, CALLBACK);
    assert_eq!(response["state"], "a state");
    redeem(&world, &response["code"]).await.unwrap();
    // A reload of the page leads on again.
    redeem(&world, &returned(resume(&browser).await, CALLBACK)["code"])
        .await
        .unwrap();
    world.clock.advance_minutes(11);
    assert!(matches!(resume(&browser).await, AuthorizationStep::Refused(_)));
    for trick in ["", "0", "\0", "%00", "é", "' or 1=1"] {
        let step = browser.request().authorization().resume(trick).await.unwrap();
        assert!(matches!(step, AuthorizationStep::Refused(_)), "{trick:?}");
    }
    // Attack: an address that the operator has removed since.
    let (_, id) = asked(begin(&world.browser(), &query(&[])).await);
    let without = world.with_clients(Clients::default());
    let browser = without.signed_in(ADA).await;
    let step = browser.request().authorization().resume(&id).await.unwrap();
    assert!(matches!(step, AuthorizationStep::Refused(_)), "{step:?}");
}

#[apply(on_both!)]
async fn a_client_can_forbid_or_demand_a_new_sign_in(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let silent = returned(begin(&world.browser(), &query(&[("prompt", "none")])).await, CALLBACK);
    assert_eq!(
        (silent["error"].as_str(), silent["state"].as_str()),
        ("login_required", "a state")
    );
    let mut browser = world.signed_in(ADA).await;
    let step = begin(&browser, &query(&[("prompt", "none")])).await;
    assert!(returned(step, CALLBACK).contains_key("code"));
    world.clock.advance_minutes(5);
    // Young enough for this service's own sensitive actions, but not for these requests.
    for change in [("prompt", "login"), ("max_age", "299"), ("max_age", "0")] {
        let (page, id) = asked(begin(&browser, &query(&[change])).await);
        assert_eq!(page, "/security/confirm");
        let next = format!("/oauth/continue/{id}");
        let step = browser.request().confirmation().step(&next).await.unwrap().step;
        assert!(matches!(step, ConfirmStep::Choose { .. }), "{step:?}");
        world.clock.advance_minutes(1);
        let proven = browser.request().confirmation().password(&PASSWORD.into(), &next).await;
        browser.take(proven).unwrap();
        let step = browser.request().confirmation().step(&next).await.unwrap().step;
        assert_eq!(step, ConfirmStep::Done { next });
        let step = browser.request().authorization().resume(&id).await.unwrap();
        let tokens = redeem(&world, &returned(step, CALLBACK)["code"]).await.unwrap();
        assert_eq!(claims(&tokens)["auth_time"], world.now().0 / 1_000);
        world.clock.advance_minutes(5);
    }
    let step = begin(&browser, &query(&[("max_age", "301")])).await;
    assert!(returned(step, CALLBACK).contains_key("code"));
    let both = query(&[("max_age", "1"), ("prompt", "none")]);
    assert_eq!(
        returned(begin(&browser, &both).await, CALLBACK)["error"],
        "login_required"
    );
}

/// Attack: an open redirect. Without a proven client and address, the browser stays here.
#[apply(on_both!)]
async fn an_unproven_request_never_leads_away(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let long = format!("https://shop.example/callback?{}", "a".repeat(9_000));
    let mut requests = vec![
        String::new(),
        query(&[("client_id", "")]),
        query(&[("client_id", "unknown")]),
        query(&[("client_id", "other")]),
        query(&[("redirect_uri", "")]),
        query(&[("redirect_uri", &long)]),
        query(&[("prompt", "none"), ("redirect_uri", "https://evil.example/")]),
        query(&[("response_type", "token"), ("redirect_uri", "https://evil.example/")]),
    ];
    for pair in [
        "&client_id=shop",
        "&redirect_uri=https%3A%2F%2Fevil.example",
        "&redirect%5Furi=x",
    ] {
        requests.push(query(&[]) + pair);
    }
    for request in requests {
        let step = begin(&browser, &request).await;
        assert!(matches!(step, AuthorizationStep::Refused(_)), "{request}: {step:?}");
    }
}

#[apply(on_both!)]
async fn an_invalid_request_of_a_proven_client_is_answered(world: &World) {
    let world = with_clients(world);
    let browser = world.browser();
    let long = "a".repeat(1_025);
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "", "invalid_scope"),
        ("scope", "email", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", VERIFIER, "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("request", "eyJ", "request_not_supported"),
        ("request_uri", "https://evil.example", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
        ("id_token_hint", "eyJ", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "create", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("nonce", &long, "invalid_request"),
        ("nonce", "\0", "invalid_request"),
        ("state", &long, "invalid_request"),
        ("state", "\r\nSet-Cookie: a=b", "invalid_request"),
    ] {
        let response = returned(begin(&browser, &query(&[(name, value)])).await, CALLBACK);
        assert_eq!(response["error"], error, "{name}={value}");
        assert_eq!(response["iss"], world.backend.settings().origin);
        assert_eq!(response.contains_key("state"), name != "state", "{name}={value}");
    }
    let twice = query(&[]) + "&scope=openid";
    let response = returned(begin(&browser, &twice).await, CALLBACK);
    assert_eq!(response["error"], "invalid_request");
    let twice = query(&[]) + "&state=another";
    assert!(!returned(begin(&browser, &twice).await, CALLBACK).contains_key("state"));
}

#[apply(on_both!)]
async fn a_native_app_returns_to_any_port(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let uri = "http://127.0.0.1:49152/callback";
    let step = begin(&browser, &query(&[("client_id", "app"), ("redirect_uri", uri)])).await;
    let code = returned(step, uri)["code"].clone();
    let form = form(&code, &[("redirect_uri", uri), ("client_id", "app")]);
    post(&world, Token, &form, None).await.unwrap();
}

#[apply(on_both!)]
async fn a_pushed_request_is_taken_from_its_client_only(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let pushed = post(&world, Push, &query(&[]), Some(&shop())).await.unwrap();
    let uri = pushed["request_uri"].as_str().unwrap();
    let of = |client: &str, uri: &str| {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", client), ("request_uri", uri)])
            .finish()
    };
    // Also after a reload.
    for _ in 0..2 {
        let back = returned(begin(&browser, &of("shop", uri)).await, CALLBACK);
        assert!(back.contains_key("code") && back["state"] == "a state");
    }
    // Attack: another client's page begins the request, or the browser adds a parameter.
    let refused = begin(&browser, &of("other", uri)).await;
    assert!(matches!(refused, AuthorizationStep::Refused(_)), "{refused:?}");
    let changed = of("shop", uri) + "&redirect_uri=https://evil.example/&prompt=none";
    assert!(returned(begin(&browser, &changed).await, CALLBACK).contains_key("code"));
    world.clock.advance_ms(90_000);
    let late = begin(&browser, &of("shop", uri)).await;
    assert!(matches!(late, AuthorizationStep::Refused(_)), "{late:?}");
    for (change, error) in [
        (("redirect_uri", "https://evil.example/"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("request_uri", uri), "request_uri_not_supported"),
        (("client_id", "other"), "invalid_client"),
    ] {
        let refused = post(&world, Push, &query(&[change]), Some(&shop())).await;
        assert_eq!(refused, Err(error), "{change:?}");
    }
    let public = query(&[("client_id", "app"), ("redirect_uri", "http://127.0.0.1/callback")]);
    assert_eq!(post(&world, Push, &public, None).await, Err("invalid_client"));
}

/// Attack: a page of any site makes its visitors' browsers send requests, and their network cannot sign in for a minute.
#[apply(on_both!)]
async fn requests_are_limited_apart_from_sign_ins(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = world.browser();
    for _ in 0..300 {
        asked(begin(&browser, &query(&[])).await);
    }
    let refused = browser.request().authorization().begin(&query(&[])).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    browser.begin_sign_in(ADA).await.unwrap();
}
