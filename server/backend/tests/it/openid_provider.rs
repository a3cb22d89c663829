//! The OpenID provider: products get their users back with a code, and redeem it. Property 39.

use crate::browser::Browser;
use crate::world::{ADA, PASSWORD, World, address, together};
use account::{ConfirmStep, Key, Keyring};
use backend::Keys;
use backend::flows::AuthorizationStep;
use backend::oauth::{ClientCredentials, ClientSettings, Clients, TokenError};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

const SECRET: &str = "a secret of at least 32 characters";
const CALLBACK: &str = "https://shop.example/callback";
const VERIFIER: &str = "a-verifier-of-43-to-128-unreserved-characters";

/// The service with three clients.
fn with_clients(world: &World) -> World {
    let client = |id: &str, uri: &str, secret: Option<&str>| ClientSettings {
        id: id.into(),
        name: id.to_uppercase(),
        redirect_uris: vec![uri.into()],
        client_secret: secret.map(Into::into),
    };
    let clients = vec![
        client("shop", CALLBACK, Some(SECRET)),
        client(
            "other",
            "https://other.example/callback",
            Some("another secret of 32 characters."),
        ),
        client("app", "http://127.0.0.1/callback", None),
    ];
    world.with_clients(Clients::new(clients).unwrap())
}

/// A valid request, with other values of some parameters; an empty value removes it.
fn query(changes: &[(&str, &str)]) -> String {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut pairs = vec![
        ("client_id", "shop"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email profile"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

async fn begin(browser: &Browser, query: &str) -> AuthorizationStep {
    browser.request().authorization().begin(query).await.unwrap()
}

/// The response to the client, after a check of its address.
fn returned(step: AuthorizationStep, to: &str) -> HashMap<String, String> {
    let AuthorizationStep::Return { url, .. } = step else {
        panic!("{step:?}")
    };
    let response = url.strip_prefix(to).unwrap().strip_prefix('?').unwrap();
    form_urlencoded::parse(response.as_bytes()).into_owned().collect()
}

/// The request that waits for sign-in, and the page that the browser opens.
fn asked(step: AuthorizationStep) -> (String, String) {
    let AuthorizationStep::Ask { page } = step else {
        panic!("{step:?}")
    };
    let (page, id) = page.split_once("?next=/oauth/continue?request=").unwrap();
    (page.to_owned(), id.to_owned())
}

async fn code(browser: &Browser) -> String {
    returned(begin(browser, &query(&[])).await, CALLBACK)["code"].clone()
}

fn shop() -> ClientCredentials {
    ClientCredentials {
        id: "shop".into(),
        secret: SECRET.into(),
    }
}

fn form(code: &str, changes: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Redeems a code as the shop; returns the tokens, or the error.
async fn redeem(world: &World, code: &str) -> Result<Value, &'static str> {
    error_of(world.backend.redeem_code(&form(code, &[]), Some(&shop())).await)
}

fn error_of(redeemed: Result<Value, TokenError>) -> Result<Value, &'static str> {
    redeemed.map_err(|error| match error {
        TokenError::Refused(error, _) => error,
        TokenError::Fault(fault) => panic!("{fault}"),
    })
}

async fn user_info(world: &World, tokens: &Value) -> Option<Value> {
    let token = tokens["access_token"].as_str().unwrap();
    world.backend.user_info(&token.into()).await.unwrap()
}

fn claims(tokens: &Value) -> Value {
    let payload = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

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

/// Attack: a thief redeems the code, too.
#[apply(on_both!)]
async fn a_second_use_of_a_code_revokes_what_it_gave(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let code = code(&browser).await;
    let tokens = redeem(&world, &code).await.unwrap();
    assert!(user_info(&world, &tokens).await.is_some());
    // Also after the code has expired, as long as its token lives.
    world.clock.advance_minutes(9);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(redeem(&world, &code).await, Err("invalid_grant"));
    assert_eq!(user_info(&world, &tokens).await, None);
    assert_eq!(redeem(&world, &code).await, Err("invalid_grant"));
}

/// Attack: two parties redeem one code at the same moment.
#[apply(on_both!)]
async fn simultaneous_uses_of_a_code_give_one_token_at_most(world: &World) {
    world.create_account(ADA).await;
    let world = Arc::new(with_clients(world));
    let browser = world.signed_in(ADA).await;
    world.backend.public_keys().await.unwrap();
    let code = code(&browser).await;
    let redeemed = together(8, |_| {
        let (world, code) = (world.clone(), code.clone());
        async move { redeem(&world, &code).await }
    });
    let tokens: Vec<Value> = redeemed.await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(user_info(&world, &tokens[0]).await, None);
}

#[apply(on_both!)]
async fn a_code_is_bound_to_client_address_and_verifier_and_expires(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let code = code(&browser).await;
    for change in [
        ("code_verifier", "another-verifier-of-43-to-128-characters-abc"),
        ("code_verifier", &VERIFIER[..42]),
        ("redirect_uri", "https://shop.example/callback/"),
        ("redirect_uri", "https://other.example/callback"),
        ("code", "another code"),
    ] {
        let redeemed = world.backend.redeem_code(&form(&code, &[change]), Some(&shop())).await;
        assert_eq!(error_of(redeemed), Err("invalid_grant"), "{change:?}");
    }
    let other = ClientCredentials {
        id: "other".into(),
        secret: "another secret of 32 characters.".into(),
    };
    let redeemed = world.backend.redeem_code(&form(&code, &[]), Some(&other)).await;
    assert_eq!(error_of(redeemed), Err("invalid_grant"));
    // None of this spent it.
    redeem(&world, &code).await.unwrap();
    let late = self::code(&browser).await;
    world.clock.advance_minutes(1);
    assert_eq!(redeem(&world, &late).await, Err("invalid_grant"));
}

/// A reset, a sign-out and a deactivation end what products hold, in the same transaction.
#[apply(on_both!)]
async fn codes_and_tokens_end_with_their_session(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = world.signed_in(ADA).await;
    let (code_before, tokens) = (
        code(&browser).await,
        redeem(&world, &code(&browser).await).await.unwrap(),
    );
    // Attack: a copy of the database.
    let stolen = world.database.stolen().await;
    let (token, key) = (tokens["access_token"].as_str().unwrap(), "\"d\":");
    assert!(![code_before.as_str(), token, VERIFIER, SECRET, key].iter().any(|secret| stolen.contains(secret)));
    browser.sign_out().await;
    assert_eq!(redeem(&world, &code_before).await, Err("invalid_grant"));
    assert_eq!(user_info(&world, &tokens).await, None);
    let rows = async |table: &str| world.database.number(format!("select count(*) from {table}")).await;
    assert_eq!((rows("authorization_codes").await, rows("access_tokens").await), (0, 0));

    let browser = world.signed_in(ADA).await;
    let (code_before, tokens) = (
        code(&browser).await,
        redeem(&world, &code(&browser).await).await.unwrap(),
    );
    assert!(world.backend.accounts().disable(&address(ADA), true).await.unwrap());
    assert_eq!(redeem(&world, &code_before).await, Err("invalid_grant"));
    assert_eq!(user_info(&world, &tokens).await, None);
    assert_eq!((rows("authorization_codes").await, rows("access_tokens").await), (0, 0));
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
        let next = format!("/oauth/continue?request={id}");
        let step = browser.request().confirmation().step(&next).await.unwrap();
        assert!(matches!(step, ConfirmStep::Choose { .. }), "{step:?}");
        world.clock.advance_minutes(1);
        let proven = browser.request().confirmation().password(&PASSWORD.into(), &next).await;
        browser.take(proven).unwrap();
        let step = browser.request().confirmation().step(&next).await.unwrap();
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
        ("prompt", "consent", "invalid_request"),
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
    error_of(world.backend.redeem_code(&form, None).await).unwrap();
}

#[apply(on_both!)]
async fn a_client_proves_who_it_is(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let code = code(&browser).await;
    let wrong = |id: &str, secret: &str| ClientCredentials {
        id: id.into(),
        secret: secret.into(),
    };
    for (changes, credentials, error) in [
        (vec![], None, "invalid_client"),
        (vec![("client_id", "shop")], None, "invalid_client"),
        (
            vec![("client_id", "shop"), ("client_secret", "wrong")],
            None,
            "invalid_client",
        ),
        (
            vec![("client_id", "app"), ("client_secret", SECRET)],
            None,
            "invalid_client",
        ),
        (vec![("client_id", "app")], None, "invalid_grant"),
        (vec![("client_id", "other")], Some(shop()), "invalid_client"),
        (vec![("client_secret", SECRET)], Some(shop()), "invalid_request"),
        (vec![], Some(wrong("shop", "")), "invalid_client"),
        (vec![], Some(wrong("shop", "wrong")), "invalid_client"),
        (vec![], Some(wrong("unknown", SECRET)), "invalid_client"),
        (vec![], Some(wrong("app", "")), "invalid_client"),
        (vec![("grant_type", "password")], Some(shop()), "unsupported_grant_type"),
        (vec![("grant_type", "")], Some(shop()), "invalid_request"),
        (vec![("code", "")], Some(shop()), "invalid_request"),
        (vec![("code_verifier", "")], Some(shop()), "invalid_request"),
        (vec![("redirect_uri", "")], Some(shop()), "invalid_request"),
    ] {
        let redeemed = world
            .backend
            .redeem_code(&form(&code, &changes), credentials.as_ref())
            .await;
        assert_eq!(error_of(redeemed), Err(error), "{changes:?}");
    }
    let repeated = form(&code, &[]) + "&code=another";
    let redeemed = world.backend.redeem_code(&repeated, Some(&shop())).await;
    assert_eq!(error_of(redeemed), Err("invalid_request"));
    let in_form = form(&code, &[("client_id", "shop"), ("client_secret", SECRET)]);
    error_of(world.backend.redeem_code(&in_form, None).await).unwrap();
}

async fn key_names(world: &World) -> Vec<String> {
    let keys = world.backend.public_keys().await.unwrap();
    let names = keys["keys"].as_array().unwrap().iter();
    names.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[apply(on_both!)]
async fn servers_that_start_together_share_one_signing_key(world: &World) {
    let worlds: Vec<_> = (0..8).map(|_| Arc::new(with_clients(world))).collect();
    let names = together(8, |number| {
        let world = worlds[number].clone();
        async move { key_names(&world).await }
    });
    let names = names.await;
    assert!(names.iter().all(|one| one.len() == 1 && *one == names[0]), "{names:?}");
}

#[apply(on_both!)]
async fn a_signing_key_is_replaced_with_an_overlap(world: &World) {
    let first = key_names(world).await;
    world.clock.advance_minutes(90 * 24 * 60);
    let both = key_names(world).await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    world.clock.advance_minutes(25 * 60);
    assert_eq!(key_names(world).await, both[..1]);
    assert_eq!(world.backend.upkeep().sweep().await.unwrap(), 1);
    // Attack: a leaked key of the service opens the signing key in a copy of the database.
    let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
    let rotated = world.with_keys(Keys::from(Keyring::new(key("k2", 8), vec![key("k1", 7)])));
    let names = key_names(&rotated).await;
    assert_eq!((names.len(), &names[1]), (2, &both[0]));
    assert_eq!(key_names(&rotated).await, names);
    // A server without the new key keeps signing with the key that it can open.
    assert_eq!(key_names(world).await, names);
}

#[apply(on_both!)]
async fn expired_requests_codes_and_tokens_are_deleted(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    asked(begin(&world.browser(), &query(&[])).await);
    let browser = world.signed_in(ADA).await;
    redeem(&world, &code(&browser).await).await.unwrap();
    world.clock.advance_minutes(61);
    world.backend.upkeep().sweep().await.unwrap();
    for table in ["authorization_requests", "authorization_codes", "access_tokens"] {
        let rows = world.database.number(format!("select count(*) from {table}")).await;
        assert_eq!(rows, 0, "{table}");
    }
}
