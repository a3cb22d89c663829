//! The OpenID provider: products redeem codes, and tokens end. Property 40.

use crate::product::{
    SECRET, VERIFIER, asked, begin, code, form, header_of, post, post_from, query, redeem, shop, text, user_info,
    with_clients,
};
use crate::world::{ADA, World, address, together};
use account::{ActivityKind, Key, Keyring};
use backend::oauth::ClientCredentials;
use backend::oauth::ClientEndpoint::{Revoke, Token};
use backend::{Caller, Keys};
use serde_json::Value;
use std::sync::Arc;

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
    // Its user learns about it, once.
    assert_eq!(world.count_events(ADA, ActivityKind::ProductTokenReused).await, 1);
}

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
        let redeemed = post(&world, Token, &form(&code, &[change]), Some(&shop())).await;
        assert_eq!(redeemed, Err("invalid_grant"), "{change:?}");
    }
    let other = ClientCredentials {
        id: "other".into(),
        secret: "another secret of 32 characters.".into(),
        raw_secret: None,
    };
    let redeemed = post(&world, Token, &form(&code, &[]), Some(&other)).await;
    assert_eq!(redeemed, Err("invalid_grant"));
    // None of this spent it.
    redeem(&world, &code).await.unwrap();
    let late = self::code(&browser).await;
    world.clock.advance_minutes(1);
    assert_eq!(redeem(&world, &late).await, Err("invalid_grant"));
}

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
    assert!(
        ![code_before.as_str(), token, VERIFIER, SECRET, key]
            .iter()
            .any(|secret| stolen.contains(secret))
    );
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
async fn a_client_proves_who_it_is(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let code = code(&browser).await;
    let wrong = |id: &str, secret: &str| ClientCredentials {
        id: id.into(),
        secret: secret.into(),
        raw_secret: None,
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
        let redeemed = post(&world, Token, &form(&code, &changes), credentials.as_ref()).await;
        assert_eq!(redeemed, Err(error), "{changes:?}");
    }
    let repeated = form(&code, &[]) + "&code=another";
    let redeemed = post(&world, Token, &repeated, Some(&shop())).await;
    assert_eq!(redeemed, Err("invalid_request"));
    let in_form = form(&code, &[("client_id", "shop"), ("client_secret", SECRET)]);
    post(&world, Token, &in_form, None).await.unwrap();
}

/// Attack: with the id of a public client, anyone sends invented tokens, and each occupies SQLite's only writer.
#[apply(on_both!)]
async fn invented_tokens_of_a_public_client_do_not_wait_for_the_writer(world: &World) {
    let world = with_clients(world);
    world.backend.public_keys().await.unwrap();
    let writer = world.backend.db().begin().await.unwrap();
    let fields = [("client_id", "app"), ("redirect_uri", "http://127.0.0.1/callback")];
    let redeemed = post(&world, Token, &form("an invented code", &fields), None).await;
    assert_eq!(redeemed, Err("invalid_grant"));
    let revoked = post(&world, Revoke, "client_id=app&token=invented", None).await;
    assert!(revoked.is_ok());
    drop(writer);
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
    // The row recognizes ID tokens of sessions, as long as these can live.
    assert_eq!(world.backend.upkeep().sweep().await.unwrap(), 0);
    world.clock.advance_minutes(31 * 24 * 60);
    assert_eq!(world.backend.upkeep().sweep().await.unwrap(), 1);
    // Attack: a leaked key of the service opens the signing key in a copy of the database.
    let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
    let rotated = world.with_keys(Keys::from(Keyring::new(key("k2", 8), vec![key("k1", 7)])));
    let names = key_names(&rotated).await;
    assert_eq!((names.len(), &names[1]), (2, &both[0]));
    assert_eq!(key_names(&rotated).await, names);
    // A server without the new key keeps signing with the key that it can open.
    assert_eq!(key_names(world).await, names);
    // Nor does one that signs with the older key of the service replace it.
    let older = world.with_keys(Keys::from(Keyring::new(key("k1", 7), vec![key("k2", 8)])));
    for _ in 0..3 {
        assert_eq!(key_names(&older).await, names);
        assert_eq!(key_names(&rotated).await, names);
    }
}

/// Otherwise clients that have just read the keys refuse the first tokens.
#[apply(on_both!)]
async fn a_new_signing_key_is_published_before_it_signs(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let signed_by = async || {
        let tokens = redeem(&world, &code(&world.signed_in(ADA).await).await).await.unwrap();
        header_of(text(&tokens, "id_token"))["kid"].as_str().unwrap().to_owned()
    };
    let first = signed_by().await;
    world.clock.advance_minutes(90 * 24 * 60);
    assert_eq!(signed_by().await, first);
    let published = key_names(&world).await;
    assert_eq!((published.len(), &published[1]), (2, &first));
    world.clock.advance_minutes(9);
    assert_eq!(signed_by().await, first);
    world.clock.advance_minutes(2);
    assert_eq!(signed_by().await, published[0]);
}

/// Attack: a leaked key signs tokens for any user.
#[apply(on_both!)]
async fn a_leaked_signing_key_is_withdrawn_at_once(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    // Also before there is one.
    world.backend.replace_signing_key().await.unwrap();
    let leaked = key_names(&world).await;
    let replaced = world.backend.replace_signing_key().await.unwrap();
    assert_ne!(leaked[0], replaced);
    assert_eq!(key_names(&world).await, std::slice::from_ref(&replaced));
    let tokens = redeem(&world, &code(&world.signed_in(ADA).await).await).await.unwrap();
    assert_eq!(header_of(text(&tokens, "id_token"))["kid"], replaced.as_str());
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

/// Attack: someone who knows the id of a public client sends requests in its name, and its users cannot sign in.
#[apply(on_both!)]
async fn a_network_that_sends_too_many_requests_of_a_public_client_waits_alone(world: &World) {
    let world = with_clients(world);
    let mut settings = (*world.backend.settings()).clone();
    settings.limits.product_requests_a_minute = 30;
    world.backend.replace_settings(settings);
    let from = async |client: &str, network: &str| {
        let caller = Caller {
            client: network.into(),
            ..Caller::default()
        };
        let form =
            format!("grant_type=authorization_code&code=invented&redirect_uri=a&code_verifier=b&client_id={client}");
        post_from(&world, Token, &form, None, &caller).await
    };
    // One subscriber has many networks.
    for network in ["2001:db8:1:1::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64"] {
        assert_eq!(from("app", network).await, Err("invalid_grant"));
    }
    assert_eq!(from("app", "2001:db8:1:4::/64").await, Err("temporarily_unavailable"));
    assert_eq!(from("app", "198.51.100.1").await, Err("invalid_grant"));
    assert_eq!(from("partner", "2001:db8:1:1::/64").await, Err("invalid_grant"));
    world.clock.advance_minutes(1);
    assert_eq!(from("app", "2001:db8:1:4::/64").await, Err("invalid_grant"));
}
