//! Organizations: administrators, members, invitations.

use super::fixtures::{NOW, begin, id, local, with_ada};
use crate::world::{ADA, GRACE, World, address, organization};
use account::{AccountId, ActivityKind, Organization};
use backend::Caller;
use backend::store::events::Actor;
use backend::store::identities::{self, Identity};
use backend::store::{WriteTx, accounts, administrators, events, invitations, members, organizations};

async fn with_member(world: &World) -> (WriteTx, String) {
    let mut tx = with_ada(world).await;
    let of = organizations::insert(&mut tx, &organization(), NOW)
        .await
        .unwrap()
        .unwrap();
    accounts::set_managed(&mut tx, &id(ADA), Some(&of.id), NOW)
        .await
        .unwrap();
    (tx, of.id)
}

async fn log(tx: &mut WriteTx, account: &AccountId, kind: ActivityKind, at: i64) {
    let (caller, grace) = (Caller::default(), id(GRACE));
    let actor = Actor::Administrator(&grace);
    events::append(tx, account, kind, actor, &caller, NOW.plus_ms(at))
        .await
        .unwrap();
}

#[apply(on_both!)]
async fn organizations_are_found_and_listed_by_name(world: &World) {
    let mut tx = begin(world).await;
    let of = organizations::insert(&mut tx, &organization(), NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        organizations::insert(&mut tx, &organization(), NOW).await.unwrap(),
        None
    );
    let zeta = Organization {
        name: "Zeta".into(),
        ..organization()
    };
    let zeta = organizations::insert(&mut tx, &zeta, NOW).await.unwrap().unwrap();
    let found = organizations::find_by_name(&mut tx, "Zeta").await.unwrap();
    assert_eq!(found, Some(zeta.clone()));
    assert_eq!(organizations::find_by_name(&mut tx, "zeta").await.unwrap(), None);
    assert_eq!(
        organizations::list(&mut tx, "", 1).await.unwrap(),
        std::slice::from_ref(&of)
    );
    assert_eq!(
        organizations::list(&mut tx, &of.organization.name, 9).await.unwrap(),
        std::slice::from_ref(&zeta)
    );
    organizations::lock_for_update(&mut tx, &of.id).await.unwrap();
    assert!(organizations::delete(&mut tx, &zeta.id).await.unwrap());
    assert!(!organizations::delete(&mut tx, &zeta.id).await.unwrap());
}

#[apply(on_both!)]
async fn domains_of_an_organization_are_listed_and_removed(world: &World) {
    let mut tx = begin(world).await;
    let of = organizations::insert(&mut tx, &organization(), NOW)
        .await
        .unwrap()
        .unwrap();
    for domain in ["b.example", "a.example"] {
        organizations::add_domain(&mut tx, &of.id, domain, "proof", NOW)
            .await
            .unwrap();
    }
    organizations::verify_domain(&mut tx, &of.id, "b.example", NOW)
        .await
        .unwrap();
    let listed = organizations::domains(&mut tx, &of.id).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|row| (row.domain.as_str(), row.verified_at))
        .collect();
    assert_eq!(listed, [("a.example", None), ("b.example", Some(NOW.0))]);
    assert!(organizations::has_verified(&mut tx, &of.id, "b.example").await.unwrap());
    assert!(
        !organizations::has_verified(&mut tx, "other", "b.example")
            .await
            .unwrap()
    );
    assert!(!organizations::has_verified(&mut tx, &of.id, "a.example").await.unwrap());
    assert!(
        organizations::remove_domain(&mut tx, &of.id, "b.example")
            .await
            .unwrap()
    );
    assert!(
        !organizations::remove_domain(&mut tx, &of.id, "b.example")
            .await
            .unwrap()
    );
    assert_eq!(organizations::of_domain(&mut tx, "b.example").await.unwrap(), None);
}

#[apply(on_both!)]
async fn only_members_are_administrators(world: &World) {
    let (mut tx, of) = with_member(world).await;
    accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap();
    assert!(!administrators::insert(&mut tx, &of, &id(GRACE), NOW).await.unwrap());
    assert!(administrators::insert(&mut tx, &of, &id(ADA), NOW).await.unwrap());
    assert!(!administrators::insert(&mut tx, &of, &id(ADA), NOW).await.unwrap());
    let listed = administrators::of_organization(&mut tx, &of).await.unwrap();
    assert_eq!((listed.len(), listed[0].email.as_str()), (1, ADA));
    assert!(accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap().administers);
    assert!(!accounts::find(&mut tx, &id(GRACE)).await.unwrap().unwrap().administers);
    // Still a member, still an administrator.
    accounts::set_managed(&mut tx, &id(ADA), Some(&of), NOW).await.unwrap();
    assert!(administrators::delete(&mut tx, &of, &id(ADA)).await.unwrap());
    assert!(!administrators::delete(&mut tx, &of, &id(ADA)).await.unwrap());
    administrators::insert(&mut tx, &of, &id(ADA), NOW).await.unwrap();
    assert!(!organizations::delete(&mut tx, &of).await.unwrap(), "it has members");
    accounts::set_managed(&mut tx, &id(ADA), None, NOW).await.unwrap();
    assert_eq!(administrators::of_organization(&mut tx, &of).await.unwrap(), []);
}

#[apply(on_both!)]
async fn members_are_listed_with_their_last_sign_in(world: &World) {
    let (mut tx, of) = with_member(world).await;
    accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap();
    log(&mut tx, &id(ADA), ActivityKind::SignedIn, 1).await;
    log(&mut tx, &id(ADA), ActivityKind::ProviderSignedIn, 2).await;
    log(&mut tx, &id(ADA), ActivityKind::SignedOut, 3).await;
    assert_eq!(members::count(&mut tx, &of).await.unwrap(), 1);
    let page = members::page(&mut tx, &of, "ada", "", 9).await.unwrap();
    assert_eq!((page.len(), page[0].last_sign_in), (1, Some(NOW.0 + 2)));
    assert!(!page[0].administrator);
    assert_eq!(members::page(&mut tx, &of, "", ADA, 9).await.unwrap(), []);
    assert_eq!(members::page(&mut tx, &of, "da", "", 9).await.unwrap(), []);
    assert_eq!(
        members::ids(&mut tx, &of, "", 9).await.unwrap(),
        [(id(ADA), ADA.to_owned())]
    );
    assert_eq!(members::ids(&mut tx, &of, ADA, 9).await.unwrap(), []);
    assert!(members::any_at(&mut tx, &of, "example.com").await.unwrap());
    assert!(!members::any_at(&mut tx, &of, "ample.com").await.unwrap());
    assert!(!members::any_at(&mut tx, "other", "example.com").await.unwrap());
}

#[apply(on_both!)]
async fn only_the_organization_that_deactivated_a_member_reactivates_them(world: &World) {
    let (mut tx, of) = with_member(world).await;
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW), None)
        .await
        .unwrap();
    assert!(!accounts::enable_by_organization(&mut tx, &id(ADA), &of).await.unwrap());
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW), Some(&of))
        .await
        .unwrap();
    assert!(
        !accounts::enable_by_organization(&mut tx, &id(ADA), "other")
            .await
            .unwrap()
    );
    assert!(accounts::enable_by_organization(&mut tx, &id(ADA), &of).await.unwrap());
    let account = accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap().account;
    assert_eq!(account.disabled_at, None);
}

#[apply(on_both!)]
async fn the_identities_of_members_at_a_provider_are_disconnected(world: &World) {
    let (mut tx, of) = with_member(world).await;
    accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap();
    for (number, (email, issuer)) in [(ADA, "a"), (ADA, "b"), (GRACE, "a")].into_iter().enumerate() {
        let identity = Identity {
            id: number.to_string(),
            account_id: id(email).0,
            issuer: issuer.into(),
            subject: Some(email.into()),
            email: email.into(),
            linked_at: NOW.0,
            last_used_at: None,
        };
        assert!(identities::insert(&mut tx, &identity).await.unwrap());
    }
    identities::delete_of_members(&mut tx, &of, "a").await.unwrap();
    let left = identities::of_account(&mut tx, &id(ADA)).await.unwrap();
    assert_eq!(left.iter().map(|row| row.issuer.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(identities::of_account(&mut tx, &id(GRACE)).await.unwrap().len(), 1);
    organizations::set_provider(&mut tx, &of, Some("b")).await.unwrap();
    let provider = organizations::provider_of(&mut tx, &of).await.unwrap();
    assert_eq!(provider.as_deref(), Some("b"));
}

#[apply(on_both!)]
async fn an_organization_has_the_events_of_its_members_since_they_joined(world: &World) {
    let mut tx = with_ada(world).await;
    accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap();
    let of = organizations::insert(&mut tx, &organization(), NOW)
        .await
        .unwrap()
        .unwrap();
    log(&mut tx, &id(ADA), ActivityKind::SignedIn, 1).await;
    accounts::set_managed(&mut tx, &id(ADA), Some(&of.id), NOW)
        .await
        .unwrap();
    log(&mut tx, &id(ADA), ActivityKind::HandedOver, 2).await;
    log(&mut tx, &id(ADA), ActivityKind::WrongPassword, 3).await;
    // One for each member, so it would hide all others.
    log(&mut tx, &id(ADA), ActivityKind::OrganizationProviderChanged, 3).await;
    let caller = Caller::default();
    let (kind, at) = (ActivityKind::SessionsEnded, NOW.plus_ms(4));
    events::append_all(&mut tx, &[id(ADA)], kind, Actor::Operator, &caller, at)
        .await
        .unwrap();
    let kinds = async |tx: &mut WriteTx, limit| {
        let listed = members::events(tx, &of.id, limit).await.unwrap();
        listed
            .into_iter()
            .map(|event| (event.email, event.by, event.activity.kind))
            .collect::<Vec<_>>()
    };
    let ada = ADA.to_owned();
    let expected = [
        (ada.clone(), None, ActivityKind::SessionsEnded),
        (ada.clone(), Some(GRACE.to_owned()), ActivityKind::HandedOver),
    ];
    assert_eq!(kinds(&mut tx, 9).await, expected);
    assert_eq!(kinds(&mut tx, 1).await, expected[..1]);
    log(&mut tx, &id(ADA), ActivityKind::MemberRemoved, 5).await;
    accounts::set_managed(&mut tx, &id(ADA), None, NOW).await.unwrap();
    let removed = (ada, Some(GRACE.to_owned()), ActivityKind::MemberRemoved);
    assert_eq!(
        kinds(&mut tx, 9).await,
        [removed],
        "of a former member, only the removal"
    );
}

#[apply(on_both!)]
async fn an_invitation_is_open_until_it_is_answered_or_ends(world: &World) {
    let (mut tx, of) = with_member(world).await;
    let (grace, ends_at) = (address(GRACE), NOW.plus_ms(10));
    for _ in 0..2 {
        invitations::insert(&mut tx, &of, &grace, &id(ADA), NOW, ends_at)
            .await
            .unwrap();
    }
    let open = invitations::of_organization(&mut tx, &of, NOW).await.unwrap();
    assert_eq!(
        (open.len(), open[0].organization.as_str()),
        (1, organization().name.as_str())
    );
    assert_eq!(invitations::of_address(&mut tx, &grace, NOW).await.unwrap(), open);
    assert_eq!(invitations::of_address(&mut tx, &address(ADA), NOW).await.unwrap(), []);
    assert_eq!(invitations::of_address(&mut tx, &grace, ends_at).await.unwrap(), []);
    assert_eq!(invitations::of_organization(&mut tx, &of, ends_at).await.unwrap(), []);
    let invitation = open[0].id.clone();
    assert!(
        !invitations::close(&mut tx, &address(ADA), &invitation, NOW)
            .await
            .unwrap()
    );
    assert!(!invitations::close(&mut tx, &grace, &invitation, ends_at).await.unwrap());
    assert!(!invitations::withdraw(&mut tx, "other", &invitation).await.unwrap());
    assert!(invitations::close(&mut tx, &grace, &invitation, NOW).await.unwrap());
    invitations::insert(&mut tx, &of, &grace, &id(ADA), NOW, ends_at)
        .await
        .unwrap();
    let open = invitations::of_address(&mut tx, &grace, NOW).await.unwrap();
    assert!(invitations::withdraw(&mut tx, &of, &open[0].id).await.unwrap());
    invitations::insert(&mut tx, &of, &grace, &id(ADA), NOW, ends_at)
        .await
        .unwrap();
    assert_eq!(invitations::prune(&mut tx, ends_at).await.unwrap(), 0);
    assert_eq!(invitations::prune(&mut tx, ends_at.plus_ms(1)).await.unwrap(), 1);
}
