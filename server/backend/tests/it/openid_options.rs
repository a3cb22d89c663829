//! The OpenID provider: clients that need RS256, a signature instead of a secret, subjects of their own, or JWTs for an API.

use crate::browser::Browser;
use crate::product::{
    CALLBACK, SECRET, VERIFIER, begin, claims, form, header_of, post, query, returned, text, user_info,
};
use crate::world::{ADA, GRACE, World};
use account::{ProductLink, Secret};
use backend::TrustedRoots;
use backend::flows::ClientLogoutStep;
use backend::oauth::ClientEndpoint::{Introspect, Push, Token};
use backend::oauth::{ClientCredentials, ClientOptions, ClientSettings, Clients, TokenAlgorithm};
use backend::oidc::SigningKey;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};

const RSA: &str = include_str!("../fixtures/rsa.pem");
const API: &str = "https://api.shop.example";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The service with two clients that have a secret, and these options.
fn with_options(world: &World, options: &ClientOptions) -> World {
    let client = |id: &str| ClientSettings {
        id: id.into(),
        name: id.to_uppercase(),
        redirect_uris: vec![CALLBACK.into()],
        client_secret: options.jwks.is_none().then(|| SECRET.into()),
        options: options.clone(),
        ..ClientSettings::default()
    };
    let clients = Clients::new(vec![client("shop"), client("other")], &TrustedRoots::public()).unwrap();
    world.with_clients(clients.with_rsa_keys(Some(&RSA.into())).unwrap())
}

fn secret_of(client: &str) -> ClientCredentials {
    ClientCredentials {
        id: client.into(),
        secret: SECRET.into(),
        raw_secret: None,
    }
}

async fn code_for(browser: &Browser, client: &str) -> String {
    let asked = query(&[("client_id", client), ("scope", "openid offline_access")]);
    returned(begin(browser, &asked).await, CALLBACK)["code"].clone()
}

async fn tokens_of(world: &World, browser: &Browser, client: &str) -> Value {
    let form = form(&code_for(browser, client).await, &[]);
    post(world, Token, &form, Some(&secret_of(client))).await.unwrap()
}

/// Verifies a token with the published keys, like a product.
async fn verified(world: &World, token: &str, algorithm: Algorithm, audience: &str) -> Value {
    let keys: JwkSet = serde_json::from_value(world.backend.public_keys().await.unwrap()).unwrap();
    let key = keys.find(header_of(token)["kid"].as_str().unwrap()).unwrap();
    let mut rules = Validation::new(algorithm);
    rules.validate_exp = false;
    rules.set_audience(&[audience]);
    decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &rules)
        .unwrap()
        .claims
}

#[apply(on_both!)]
async fn a_client_can_get_tokens_with_rs256(world: &World) {
    world.create_account(ADA).await;
    let options = ClientOptions {
        id_token_signed_response_alg: TokenAlgorithm::RS256,
        ..ClientOptions::default()
    };
    let world = with_options(world, &options);
    let browser = world.signed_in(ADA).await;
    let tokens = tokens_of(&world, &browser, "shop").await;
    let token = text(&tokens, "id_token");
    assert_eq!(
        verified(&world, token, Algorithm::RS256, "shop").await["nonce"],
        "a nonce"
    );
    // It names the user at sign-out and in requests, too.
    let hint = query(&[("id_token_hint", token)]);
    assert!(returned(begin(&browser, &hint).await, CALLBACK).contains_key("code"));
    let without = Clients::new(
        vec![ClientSettings {
            id: "shop".into(),
            name: "Shop".into(),
            redirect_uris: vec![CALLBACK.into()],
            options,
            ..ClientSettings::default()
        }],
        &TrustedRoots::public(),
    );
    assert!(without.unwrap().with_rsa_keys(None).is_err());
    for wrong in [
        "",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        &RSA.replace(' ', ""),
    ] {
        assert!(
            Clients::default().with_rsa_keys(Some(&wrong.into())).is_err(),
            "{wrong}"
        );
    }
}

#[apply(on_both!)]
async fn the_profile_leads_to_the_products_of_its_user(world: &World) {
    world.create_account(ADA).await;
    let options = ClientOptions {
        home_uri: Some("https://shop.example/".into()),
        logo: Some(ClientOptions::logo_of(b"<svg/>").unwrap()),
        ..ClientOptions::default()
    };
    let with = with_options(world, &options);
    let browser = with.signed_in(ADA).await;
    let links = async |browser: &Browser| browser.request().profile().view().await.unwrap().products;
    let link = |name: &str| ProductLink {
        name: name.into(),
        url: "https://shop.example/".into(),
        logo: options.logo.clone(),
    };
    assert_eq!(links(&browser).await, []);
    tokens_of(&with, &browser, "other").await;
    with.clock.advance_minutes(1);
    tokens_of(&with, &browser, "shop").await;
    assert_eq!(links(&browser).await, [link("SHOP"), link("OTHER")]);
    // Another account has none.
    world.create_account(GRACE).await;
    assert_eq!(links(&with.signed_in(GRACE).await).await, []);
    browser.request().products().disconnect("shop").await.unwrap();
    assert_eq!(links(&browser).await, [link("OTHER")]);
    // No longer registered, or without an address.
    for changed in [
        world.with_clients(Clients::default()),
        with_options(world, &ClientOptions::default()),
    ] {
        assert_eq!(links(&changed.signed_in(ADA).await).await, []);
    }
}

#[apply(on_both!)]
async fn a_client_can_get_subjects_that_no_other_one_knows(world: &World) {
    world.create_account(ADA).await;
    let options = ClientOptions {
        pairwise: true,
        ..ClientOptions::default()
    };
    let world = with_options(world, &options);
    let browser = world.signed_in(ADA).await;
    let tokens = tokens_of(&world, &browser, "shop").await;
    let subject = claims(&tokens)["sub"].clone();
    let account = world.stored(ADA).await.account.id.0;
    assert_ne!(subject, account);
    assert_eq!(user_info(&world, &tokens).await.unwrap()["sub"], subject);
    let asked = format!("token={}", text(&tokens, "access_token"));
    let told = post(&world, Introspect, &asked, Some(&secret_of("shop")))
        .await
        .unwrap();
    assert_eq!(told["sub"], subject);
    // Attack: two clients compare what they call the user and the session.
    let other = tokens_of(&world, &browser, "other").await;
    assert!(claims(&other)["sub"] != subject && claims(&other)["sub"] != account);
    let (sid, session) = (
        claims(&tokens)["sid"].clone(),
        browser.security().await.unwrap().sessions[0].id.clone(),
    );
    assert!(claims(&other)["sid"] != sid && sid != session);
    assert_eq!(told["sid"], sid);
    // It still proves the session at sign-out.
    let hint = format!("id_token_hint={}", text(&tokens, "id_token"));
    let left = browser.request().client_logout().begin(&hint).await.unwrap();
    assert_eq!(left.step, ClientLogoutStep::SignedOut);
    // The same after another sign-in, also of a disconnected product.
    let again = world.signed_in(ADA).await;
    again.request().products().disconnect("shop").await.unwrap();
    let tokens = tokens_of(&world, &again, "shop").await;
    assert_eq!(claims(&tokens)["sub"], subject);
    let hint = query(&[("id_token_hint", text(&tokens, "id_token"))]);
    assert!(returned(begin(&again, &hint).await, CALLBACK).contains_key("code"));
}

#[apply(on_both!)]
async fn an_api_verifies_access_tokens_itself(world: &World) {
    world.create_account(ADA).await;
    let options = ClientOptions {
        access_token_audience: Some(API.into()),
        ..ClientOptions::default()
    };
    let world = with_options(world, &options);
    let mut browser = world.signed_in(ADA).await;
    let tokens = tokens_of(&world, &browser, "shop").await;
    let token = text(&tokens, "access_token");
    // Attack: an ID token is taken for an access token.
    assert_eq!(header_of(token)["typ"], "at+jwt");
    let told = verified(&world, token, Algorithm::ES256, API).await;
    let now = world.now().0 / 1_000;
    for (name, value) in [
        ("iss", json!(world.backend.settings().origin)),
        ("sub", json!(world.stored(ADA).await.account.id.0)),
        ("client_id", json!("shop")),
        ("scope", json!("openid offline_access")),
        ("iat", json!(now)),
        ("exp", json!(now + 600)),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    let again = tokens_of(&world, &browser, "shop").await;
    assert_ne!(
        verified(&world, text(&again, "access_token"), Algorithm::ES256, API).await["jti"],
        told["jti"]
    );
    // At this service, it ends with its session like an opaque one.
    let asked = format!("token={token}");
    let active = async || {
        post(&world, Introspect, &asked, Some(&secret_of("shop")))
            .await
            .unwrap()["active"]
            .clone()
    };
    assert!(user_info(&world, &tokens).await.is_some() && active().await == true);
    browser.sign_out().await;
    assert!(user_info(&world, &tokens).await.is_none() && active().await == false);
}

/// A client's key, and the statements that it signs.
struct Key(SigningKey);

impl Key {
    fn set(&self) -> String {
        json!({ "keys": [self.0.jwk()] }).to_string()
    }

    fn statement(&self, world: &World, changes: &Value) -> String {
        let mut claims = json!({
            "iss": "shop",
            "sub": "shop",
            "aud": world.backend.settings().origin,
            "exp": world.now().0 / 1_000 + 60,
            "jti": world.now().0.to_string(),
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.0.sign(&claims).unwrap()
    }
}

fn asserted(form: &str, statement: &str) -> String {
    let proof = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_assertion_type", JWT_BEARER), ("client_assertion", statement)])
        .finish();
    [form, "&", &proof].concat()
}

#[apply(on_both!)]
async fn a_client_can_prove_itself_by_a_signature(world: &World) {
    world.create_account(ADA).await;
    let key = Key(SigningKey::generate().unwrap());
    let options = ClientOptions {
        jwks: Some(key.set()),
        ..ClientOptions::default()
    };
    let world = with_options(world, &options);
    let browser = world.signed_in(ADA).await;
    let form = form(&code_for(&browser, "shop").await, &[]);
    let token_endpoint = [&world.backend.settings().origin, "/oauth/token"].concat();
    let now = world.now().0 / 1_000;
    for wrong in [
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": "other", "sub": "other" }),
        json!({ "sub": "unknown", "iss": "unknown" }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{token_endpoint}/revoke") }),
        json!({ "aud": [] }),
        // The other server could pass it on.
        json!({ "aud": [API, token_endpoint] }),
        json!({ "nbf": now + 31 }),
        json!({ "exp": now - 31 }),
        json!({ "exp": now + 601 }),
        json!({ "exp": "soon" }),
        json!({ "jti": "" }),
        json!({ "jti": null }),
    ] {
        let statement = key.statement(&world, &wrong);
        let form = if wrong["sub"] == "other" && wrong["iss"] == "other" {
            // Another client's statement for this client's code.
            [&form, "&client_id=shop"].concat()
        } else {
            form.clone()
        };
        let refused = post(&world, Token, &asserted(&form, &statement), None).await;
        assert_eq!(refused, Err("invalid_client"), "{wrong}");
    }
    let valid = key.statement(&world, &json!({}));
    let stranger = Key(SigningKey::generate().unwrap()).statement(&world, &json!({}));
    let unsigned = {
        let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        [&header, ".", valid.split('.').nth(1).unwrap(), "."].concat()
    };
    for wrong in [
        "",
        "a.b.c",
        &stranger,
        &unsigned,
        &valid[..valid.len() - 2],
        &"a".repeat(5_000),
    ] {
        let refused = post(&world, Token, &asserted(&form, wrong), None).await;
        assert_eq!(refused, Err("invalid_client"), "{wrong}");
    }
    // Attack: the registered key of a client is no secret.
    for secret in [key.set(), key.0.jwk()["x"].to_string()] {
        let basic = ClientCredentials {
            id: "shop".into(),
            secret: Secret::from(secret),
            raw_secret: None,
        };
        assert_eq!(post(&world, Token, &form, Some(&basic)).await, Err("invalid_client"));
    }
    assert_eq!(
        post(&world, Token, &[&form, "&client_id=shop"].concat(), None).await,
        Err("invalid_client")
    );
    let twice = asserted(&[&form, "&client_secret=a"].concat(), &valid);
    assert_eq!(post(&world, Token, &twice, None).await, Err("invalid_request"));

    let tokens = post(&world, Token, &asserted(&form, &valid), None).await.unwrap();
    assert_eq!(tokens["token_type"], "Bearer");
    // Attack: someone who has seen the statement uses it again.
    let pushed = asserted(&query(&[]), &valid);
    assert_eq!(post(&world, Push, &pushed, None).await, Err("invalid_client"));
    for (jti, audience) in [
        ("a", json!(token_endpoint)),
        ("b", json!([world.backend.settings().origin, token_endpoint])),
    ] {
        let exp = now as f64 + 60.5;
        let statement = key.statement(&world, &json!({ "jti": jti, "aud": audience, "exp": exp, "nbf": now }));
        let form = crate::product::form(&code_for(&browser, "shop").await, &[("code_verifier", VERIFIER)]);
        post(&world, Token, &asserted(&form, &statement), None).await.unwrap();
    }
    let statement = key.statement(&world, &json!({ "jti": "c" }));
    let pushed = post(&world, Push, &asserted(&query(&[]), &statement), None)
        .await
        .unwrap();
    assert!(pushed["request_uri"].is_string());
}

/// Attack: a product with a fault sends requests in a loop.
#[apply(on_both!)]
async fn a_product_that_sends_too_many_requests_waits(world: &World) {
    world.create_account(ADA).await;
    let world = with_options(world, &ClientOptions::default());
    let browser = world.signed_in(ADA).await;
    let tokens = tokens_of(&world, &browser, "shop").await;
    let mut settings = (*world.backend.settings()).clone();
    settings.limits.product_requests_a_minute = 3;
    world.backend.replace_settings(settings);
    let asked = format!("token={}", text(&tokens, "access_token"));
    let introspect = async |client| post(&world, Introspect, &asked, Some(&secret_of(client))).await;
    for _ in 1..3 {
        introspect("shop").await.unwrap();
    }
    assert_eq!(introspect("shop").await, Err("temporarily_unavailable"));
    introspect("other").await.unwrap();
    // Attack: someone else sends them in its name.
    let basic = ClientCredentials {
        secret: "wrong".into(),
        ..secret_of("other")
    };
    for _ in 0..5 {
        assert_eq!(
            post(&world, Introspect, &asked, Some(&basic)).await,
            Err("invalid_client")
        );
    }
    introspect("other").await.unwrap();
    world.clock.advance_minutes(1);
    introspect("shop").await.unwrap();
}
