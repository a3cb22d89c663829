//! Accounts at providers, and organizations.

use super::fixtures::{NOW, begin, id, local, session, with_ada};
use crate::world::{ADA, GRACE, World, address, organization};
use backend::store::identities::Identity;
use backend::store::{accounts, identities, organizations, sessions};

const ISSUER: &str = "https://id.example.com";

fn identity(of: &str, subject: Option<&str>) -> Identity {
    Identity {
        id: format!("identity {subject:?}"),
        account_id: id(of).0,
        issuer: ISSUER.into(),
        subject: subject.map(str::to_owned),
        email: of.to_owned(),
        linked_at: NOW.0,
        last_used_at: None,
    }
}

#[apply(on_both!)]
async fn an_identity_belongs_to_one_account(world: &World) {
    let mut tx = with_ada(world).await;
    let grace = local(GRACE);
    assert!(accounts::insert(&mut tx, &grace, None, NOW).await.unwrap());
    let ada = identity(ADA, Some("1"));
    assert!(identities::insert(&mut tx, &ada).await.unwrap());
    let twin = Identity {
        id: "twin".into(),
        ..identity(GRACE, Some("1"))
    };
    assert!(!identities::insert(&mut tx, &twin).await.unwrap());
    assert_eq!(identities::find(&mut tx, ISSUER, "1").await.unwrap(), Some(ada.clone()));
    assert_eq!(
        identities::find(&mut tx, "https://other.example", "1").await.unwrap(),
        None
    );
    assert!(!identities::delete(&mut tx, &id(GRACE), &ada.id).await.unwrap());
    assert!(identities::delete(&mut tx, &id(ADA), &ada.id).await.unwrap());
    assert_eq!(identities::of_account(&mut tx, &id(ADA)).await.unwrap(), []);
    identities::insert_all(&mut tx, &[]).await.unwrap();
    for _ in 0..2 {
        identities::insert_all(&mut tx, std::slice::from_ref(&ada))
            .await
            .unwrap();
    }
    identities::delete_of_issuer(&mut tx, &id(ADA), "https://other.example")
        .await
        .unwrap();
    identities::delete_of_issuer(&mut tx, &id(GRACE), ISSUER).await.unwrap();
    assert_eq!(identities::of_account(&mut tx, &id(ADA)).await.unwrap().len(), 1);
    identities::delete_of_issuer(&mut tx, &id(ADA), ISSUER).await.unwrap();
    assert!(identities::insert(&mut tx, &ada).await.unwrap());
    assert_eq!(identities::delete_all(&mut tx, &id(ADA)).await.unwrap(), 1);
}

#[apply(on_both!)]
async fn an_identity_without_a_subject_gets_its_first(world: &World) {
    let mut tx = with_ada(world).await;
    let declared = identity(ADA, None);
    assert!(identities::insert(&mut tx, &declared).await.unwrap());
    let found = identities::find_declared(&mut tx, ISSUER, &address(ADA)).await.unwrap();
    assert_eq!(found, Some(declared.clone()));
    let at = NOW.plus_ms(1);
    assert!(
        identities::used(&mut tx, &declared.id, "1", Some(&address(GRACE)), at)
            .await
            .unwrap()
    );
    assert!(identities::used(&mut tx, &declared.id, "1", None, at).await.unwrap());
    assert!(!identities::used(&mut tx, &declared.id, "2", None, at).await.unwrap());
    assert_eq!(
        identities::find_declared(&mut tx, ISSUER, &address(ADA)).await.unwrap(),
        None
    );
    let found = identities::find(&mut tx, ISSUER, "1").await.unwrap().unwrap();
    assert_eq!((found.email.as_str(), found.last_used_at), (GRACE, Some(at.0)));
}

/// Property 7.
#[apply(on_both!)]
async fn a_response_of_a_provider_counts_once(world: &World) {
    let mut tx = begin(world).await;
    assert!(!identities::is_redeemed(&mut tx, "state").await.unwrap());
    assert!(identities::redeem(&mut tx, "state", NOW).await.unwrap());
    assert!(identities::is_redeemed(&mut tx, "state").await.unwrap());
    assert!(!identities::redeem(&mut tx, "state", NOW).await.unwrap());
    assert_eq!(identities::prune(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(identities::prune(&mut tx, NOW.plus_ms(1)).await.unwrap(), 1);
}

#[apply(on_both!)]
async fn a_domain_has_at_most_one_verified_organization(world: &World) {
    let mut tx = begin(world).await;
    let membership = organizations::ensure(&mut tx, &organization(), NOW).await.unwrap();
    assert_eq!(
        organizations::ensure(&mut tx, &organization(), NOW).await.unwrap(),
        membership
    );
    assert_eq!(organizations::of_domain(&mut tx, "example.com").await.unwrap(), None);
    assert!(!organizations::owns_provider(&mut tx, "engines").await.unwrap());
    organizations::set_provider(&mut tx, &membership.id, Some("engines"))
        .await
        .unwrap();
    assert!(organizations::owns_provider(&mut tx, "engines").await.unwrap());
    let other = account::Organization {
        name: "Other".into(),
        ..organization()
    };
    let other = organizations::ensure(&mut tx, &other, NOW).await.unwrap();
    for of in [&membership, &other] {
        assert!(
            organizations::add_domain(&mut tx, &of.id, "example.com", "proof", NOW)
                .await
                .unwrap()
        );
        assert!(
            !organizations::add_domain(&mut tx, &of.id, "example.com", "proof", NOW)
                .await
                .unwrap()
        );
    }
    assert_eq!(organizations::of_domain(&mut tx, "example.com").await.unwrap(), None);
    assert!(
        organizations::verify_domain(&mut tx, &other.id, "example.com", NOW)
            .await
            .unwrap()
    );
    assert!(
        !organizations::verify_domain(&mut tx, &membership.id, "example.com", NOW)
            .await
            .unwrap()
    );
    assert_eq!(
        organizations::of_domain(&mut tx, "example.com").await.unwrap(),
        Some(other)
    );
}

#[apply(on_both!)]
async fn a_session_is_authenticated_again(world: &World) {
    let mut tx = with_ada(world).await;
    sessions::insert(&mut tx, "digest", &session("one")).await.unwrap();
    sessions::authenticate(&mut tx, "one", "next", "provider", NOW.plus_ms(5))
        .await
        .unwrap();
    let found = sessions::find(&mut tx, "next", 1_000, NOW).await.unwrap().unwrap();
    assert_eq!(
        (found.authenticated_at, found.methods.as_str()),
        (NOW.0 + 5, "provider")
    );
    let (session, _) = accounts::find_by_session(&mut tx, "next", 1_000, NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(session, found);
    assert!(sessions::find(&mut tx, "digest", 1_000, NOW).await.unwrap().is_none());
}
