//! Authorization requests, authorization codes and access tokens.

use super::fixtures::{NOW, id, session, with_ada};
use crate::world::{ADA, World};
use backend::store::authorization::{self, Access, AuthorizationCode, AuthorizationRequest};
use backend::store::client_assertions;
use backend::store::pairwise_subjects::{self, PairwiseSubject};
use backend::store::{clients, sessions};

fn code(digest: &str) -> AuthorizationCode {
    AuthorizationCode {
        digest: digest.into(),
        session_id: "s".into(),
        client_id: "shop".into(),
        redirect_uri: "https://shop.example/callback".into(),
        scope: "openid".into(),
        nonce: None,
        challenge: "challenge".into(),
        expires_at: NOW.0 + 10,
        used_at: None,
        ends_at: NOW.0 + 30,
    }
}

fn request(id: &str, client: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        id: id.into(),
        client_id: client.into(),
        redirect_uri: "https://shop.example/callback".into(),
        scope: "openid".into(),
        state: Some("state".into()),
        nonce: None,
        challenge: "challenge".into(),
        authenticated_after: Some(1),
        asks_consent: 1,
        subject: Some("a subject".into()),
        factors: 2,
        ends_at: NOW.0 + 10,
    }
}

#[apply(on_both!)]
async fn a_request_is_found_until_it_ends(world: &World) {
    let mut tx = with_ada(world).await;
    let request = request("r", "shop");
    authorization::insert_request(&mut tx, &request).await.unwrap();
    let found = authorization::find_request(&mut tx, "r", NOW.plus_ms(9)).await.unwrap();
    assert_eq!(found, Some(request.clone()));
    authorization::note_consent(&mut tx, "r").await.unwrap();
    let found = authorization::find_request(&mut tx, "r", NOW).await.unwrap();
    assert_eq!(found.map(|found| found.asks_consent), Some(0));
    let late = authorization::find_request(&mut tx, "r", NOW.plus_ms(10))
        .await
        .unwrap();
    assert_eq!(late, None);
    assert_eq!(authorization::prune(&mut tx, NOW.plus_ms(10)).await.unwrap(), 0);
    assert_eq!(authorization::prune(&mut tx, NOW.plus_ms(11)).await.unwrap(), 1);
}

#[apply(on_both!)]
async fn a_code_and_its_token_end_together_or_with_their_session(world: &World) {
    let mut tx = with_ada(world).await;
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    for digest in ["a", "b"] {
        authorization::insert_code(&mut tx, &code(digest)).await.unwrap();
        assert!(authorization::use_code(&mut tx, digest, NOW).await.unwrap());
        assert!(!authorization::use_code(&mut tx, digest, NOW).await.unwrap());
        let token = format!("token of {digest}");
        authorization::insert_token(&mut tx, &token, digest, NOW.plus_ms(20))
            .await
            .unwrap();
    }
    let used = AuthorizationCode {
        used_at: Some(NOW.0),
        ..code("a")
    };
    assert_eq!(authorization::find_code(&mut tx, "a").await.unwrap(), Some(used));
    let subject = authorization::find_subject(&mut tx, "s", 60_000, NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&subject.account_id, subject.email.as_str()), (&id(ADA).0, ADA));
    let access = authorization::find_access(&mut tx, "token of a", 60_000, NOW)
        .await
        .unwrap();
    let expected = Access {
        client_id: "shop".into(),
        expires_at: NOW.0 + 20,
        scope: "openid".into(),
        subject,
    };
    assert_eq!(access, Some(expected));
    let late = authorization::find_access(&mut tx, "token of a", 60_000, NOW.plus_ms(20)).await;
    assert_eq!(late.unwrap(), None);
    authorization::revoke_code(&mut tx, "a").await.unwrap();
    assert_eq!(
        authorization::find_access(&mut tx, "token of a", 60_000, NOW)
            .await
            .unwrap(),
        None
    );
    assert!(
        authorization::find_access(&mut tx, "token of b", 60_000, NOW)
            .await
            .unwrap()
            .is_some()
    );
    assert!(sessions::end(&mut tx, &id(ADA), "s").await.unwrap());
    assert_eq!(
        authorization::find_access(&mut tx, "token of b", 60_000, NOW)
            .await
            .unwrap(),
        None
    );
    assert_eq!(authorization::find_code(&mut tx, "b").await.unwrap(), None);
    assert_eq!(
        authorization::find_subject(&mut tx, "s", 60_000, NOW).await.unwrap(),
        None
    );
}

#[apply(on_both!)]
async fn only_the_current_refresh_token_is_replaced(world: &World) {
    let mut tx = with_ada(world).await;
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    authorization::insert_code(&mut tx, &code("a")).await.unwrap();
    assert_eq!(authorization::find_family(&mut tx, "f").await.unwrap(), None);
    authorization::begin_family(&mut tx, "a", ("f", "k1"), NOW.0 + 99)
        .await
        .unwrap();
    let replaced = authorization::replace_refresh_token(&mut tx, "a", 0, "k2", NOW).await;
    assert!(replaced.unwrap());
    for number in [0, 2] {
        let replaced = authorization::replace_refresh_token(&mut tx, "a", number, "k3", NOW).await;
        assert!(!replaced.unwrap());
    }
    let family = authorization::find_family(&mut tx, "f").await.unwrap().unwrap();
    assert_eq!((family.refreshes, family.refreshed_at), (1, Some(NOW.0)));
    assert_eq!((family.code.digest.as_str(), family.code.ends_at), ("a", NOW.0 + 99));
    for (key, count) in [("k1", 0), ("k2", 1), ("k3", 0)] {
        let counted = authorization::count_refresh_tokens(&mut tx, key).await;
        assert_eq!(counted.unwrap(), count, "{key}");
    }
}

#[apply(on_both!)]
async fn an_account_takes_back_only_what_it_gave_a_client(world: &World) {
    let mut tx = with_ada(world).await;
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    authorization::insert_code(&mut tx, &code("a")).await.unwrap();
    authorization::insert_token(&mut tx, "t", "a", NOW.plus_ms(20))
        .await
        .unwrap();
    authorization::revoke_client(&mut tx, &id(ADA), "other").await.unwrap();
    assert!(
        authorization::find_access(&mut tx, "t", 60_000, NOW)
            .await
            .unwrap()
            .is_some()
    );
    authorization::revoke_token(&mut tx, "t").await.unwrap();
    assert_eq!(
        authorization::find_access(&mut tx, "t", 60_000, NOW).await.unwrap(),
        None
    );
    authorization::revoke_client(&mut tx, &id(ADA), "shop").await.unwrap();
    assert_eq!(authorization::find_code(&mut tx, "a").await.unwrap(), None);
}

#[apply(on_both!)]
async fn a_pushed_request_is_found_by_its_client_until_it_ends(world: &World) {
    let mut tx = with_ada(world).await;
    let ends_at = NOW.plus_ms(10);
    authorization::insert_pushed(&mut tx, "p", "shop", "a=b", ends_at)
        .await
        .unwrap();
    for (client, at, found) in [("shop", 9, Some("a=b")), ("shop", 10, None), ("other", 9, None)] {
        let query = authorization::find_pushed(&mut tx, "p", client, NOW.plus_ms(at))
            .await
            .unwrap();
        assert_eq!(query.as_deref(), found);
    }
    assert_eq!(authorization::prune(&mut tx, NOW.plus_ms(11)).await.unwrap(), 1);
}

#[apply(on_both!)]
async fn a_client_loses_only_its_own_requests_and_codes(world: &World) {
    let mut tx = with_ada(world).await;
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    for client in ["shop", "other"] {
        let of_client = AuthorizationCode {
            client_id: client.into(),
            ..code(client)
        };
        authorization::insert_code(&mut tx, &of_client).await.unwrap();
        authorization::insert_request(&mut tx, &request(client, client))
            .await
            .unwrap();
        authorization::insert_pushed(&mut tx, client, client, "a=b", NOW.plus_ms(10))
            .await
            .unwrap();
    }
    clients::forget(&mut tx, "shop").await.unwrap();
    for (client, stays) in [("shop", false), ("other", true)] {
        let code = authorization::find_code(&mut tx, client).await.unwrap();
        let request = authorization::find_request(&mut tx, client, NOW).await.unwrap();
        let pushed = authorization::find_pushed(&mut tx, client, client, NOW).await.unwrap();
        let found = [code.is_some(), request.is_some(), pushed.is_some()];
        assert_eq!(found, [stays; 3], "{client}");
    }
}

#[apply(on_both!)]
async fn a_statement_of_a_client_is_used_once(world: &World) {
    let mut tx = with_ada(world).await;
    for (digest, ends_at, is_first) in [("a", 10, true), ("a", 20, false), ("b", 20, true)] {
        let used = client_assertions::use_once(&mut tx, digest, NOW.plus_ms(ends_at)).await;
        assert_eq!(used.unwrap(), is_first, "{digest}");
    }
    assert_eq!(client_assertions::prune(&mut tx, NOW.plus_ms(11)).await.unwrap(), 1);
    assert!(client_assertions::use_once(&mut tx, "a", NOW).await.unwrap());
}

#[apply(on_both!)]
async fn an_account_has_one_subject_for_a_client(world: &World) {
    let mut tx = with_ada(world).await;
    let ada = id(ADA).0;
    assert_eq!(pairwise_subjects::find(&mut tx, &ada, "shop").await.unwrap(), None);
    let subject = |name: &str| PairwiseSubject {
        subject: name.into(),
        salt: format!("salt of {name}"),
    };
    for name in ["first", "second"] {
        pairwise_subjects::insert(&mut tx, &ada, "shop", &subject(name))
            .await
            .unwrap();
    }
    let found = pairwise_subjects::find(&mut tx, &ada, "shop").await.unwrap();
    assert_eq!(found, Some(subject("first")));
    assert_eq!(pairwise_subjects::find(&mut tx, &ada, "other").await.unwrap(), None);
    for (client, deleted) in [("other", 0), ("shop", 1), ("shop", 0)] {
        assert_eq!(
            pairwise_subjects::forget(&mut tx, client).await.unwrap(),
            deleted,
            "{client}"
        );
    }
}
