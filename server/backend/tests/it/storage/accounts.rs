//! Accounts, their passwords and hashing keys.

use super::fixtures::{NOW, begin, flow, id, insert_flow, is_live, local, session, with_ada};
use crate::world::{ADA, GRACE, World, address, organization};
use account::{Account, AccountId, ActivityKind, Purpose, Timestamp};
use backend::Caller;
use backend::store::events::Actor;
use backend::store::flows::Flow;
use backend::store::{
    ReadConn, account_changes, accounts, deletions, events, export, flows, key_checks, organizations, sessions,
};

#[apply(on_both!)]
async fn an_address_has_at_most_one_account(world: &World) {
    let mut tx = begin(world).await;
    let managed = Account {
        managed_by: Some(organizations::ensure(&mut tx, &organization(), NOW).await.unwrap()),
        has_password: false,
        ..local(GRACE)
    };
    assert!(accounts::insert(&mut tx, &local(ADA), Some("hash"), NOW).await.unwrap());
    assert!(accounts::insert(&mut tx, &managed, None, NOW).await.unwrap());
    let twin = Account {
        id: AccountId("another".into()),
        ..local(ADA)
    };
    assert!(!accounts::insert(&mut tx, &twin, Some("hash 2"), NOW).await.unwrap());
    assert_eq!(
        accounts::find_by_email(&mut tx, &address(GRACE))
            .await
            .unwrap()
            .unwrap()
            .account,
        managed
    );
}

#[apply(on_both!)]
async fn accounts_are_listed_in_order_of_address(world: &World) {
    let mut tx = with_ada(world).await;
    assert!(accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap());
    let list = accounts::list(&mut tx, "", 10).await.unwrap();
    assert_eq!(
        list.iter().map(|account| account.email.as_str()).collect::<Vec<_>>(),
        [ADA, GRACE]
    );
    assert_eq!(accounts::list(&mut tx, ADA, 10).await.unwrap().len(), 1);
    for (after, password) in [("", Some("hash")), (&id(ADA).0, Some("hash")), (&id(GRACE).0, None)] {
        let next = accounts::password_of_next(&mut tx, &AccountId(after.into()))
            .await
            .unwrap();
        assert_eq!(next.as_deref(), password, "{after}");
    }
    assert_eq!(accounts::list(&mut tx, "", 1).await.unwrap().len(), 1);
}

#[apply(on_both!)]
async fn only_the_verified_hash_is_upgraded(world: &World) {
    let mut tx = with_ada(world).await;
    accounts::lock_for_update(&mut tx, &id(ADA)).await.unwrap();
    accounts::upgrade_hash(&mut tx, &id(ADA), "not the hash", "hash 3")
        .await
        .unwrap();
    assert_eq!(hash(&mut tx).await.as_deref(), Some("hash"));
    accounts::upgrade_hash(&mut tx, &id(ADA), "hash", "hash 3")
        .await
        .unwrap();
    assert_eq!(hash(&mut tx).await.as_deref(), Some("hash 3"));
}

#[apply(on_both!)]
async fn the_properties_of_an_account_can_be_changed(world: &World) {
    let mut tx = with_ada(world).await;
    accounts::mark_unchecked(&mut tx, &id(ADA), NOW).await.unwrap();
    assert!(accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap().unchecked);
    accounts::mark_checked(&mut tx, &id(ADA)).await.unwrap();
    accounts::set_language(&mut tx, &id(ADA), "ar").await.unwrap();
    accounts::set_name(&mut tx, &id(ADA), "Ada King", NOW).await.unwrap();
    accounts::set_preferred_name(&mut tx, &id(ADA), "Countess", NOW)
        .await
        .unwrap();
    accounts::set_work(&mut tx, &id(ADA), "Analyst", "Engines")
        .await
        .unwrap();
    let work = accounts::work(&mut tx, &id(ADA)).await.unwrap();
    assert_eq!(work, ("Analyst".to_owned(), "Engines".to_owned()));
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW), None)
        .await
        .unwrap();
    let stored = accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap();
    assert!(!stored.unchecked && stored.account.disabled_at == Some(NOW));
    assert_eq!(stored.account.language.as_deref(), Some("ar"));
    assert_eq!(stored.account.name, "Ada King");
    assert_eq!(stored.account.preferred_name, "Countess");
    let membership = organizations::ensure(&mut tx, &organization(), NOW).await.unwrap();
    for managed_by in [Some(membership), None] {
        let id_of = managed_by.as_ref().map(|membership| membership.id.as_str());
        accounts::set_managed(&mut tx, &id(ADA), id_of, NOW).await.unwrap();
        let stored = accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap();
        assert_eq!(stored.account.managed_by, managed_by);
        assert_eq!(stored.password.as_deref(), Some("hash"));
    }
}

#[apply(on_both!)]
async fn many_accounts_are_inserted_at_once(world: &World) {
    let mut tx = with_ada(world).await;
    let row = |email: &str, name: &str, unchecked: bool| {
        let stored = accounts::Stored {
            account: Account {
                id: AccountId(format!("{name} of {email}")),
                name: name.into(),
                has_password: unchecked,
                ..local(email)
            },
            password: unchecked.then(|| "hash".to_owned()),
            unchecked,
            administers: false,
        };
        (stored, Some(Timestamp(5)).filter(|_| unchecked))
    };
    let rows = [
        row(ADA, "Twin", true),
        row(GRACE, "Grace", true),
        row(GRACE, "Twin", false),
        row("new@example.com", "New", false),
    ];
    let mut made = accounts::insert_all(&mut tx, &rows, NOW).await.unwrap();
    made.sort_by(|a, b| a.0.cmp(&b.0));
    let ids = [&rows[1], &rows[3]].map(|(stored, _)| stored.account.id.clone());
    assert_eq!(made, ids);
    assert!(accounts::insert_all(&mut tx, &rows, NOW).await.unwrap().is_empty());
    assert!(accounts::insert_all(&mut tx, &[], NOW).await.unwrap().is_empty());
    let grace = accounts::find(&mut tx, &ids[0]).await.unwrap().unwrap();
    assert_eq!(grace.account, rows[1].0.account);
    assert!(grace.unchecked && grace.password.as_deref() == Some("hash"));
    let new = accounts::find(&mut tx, &ids[1]).await.unwrap().unwrap();
    assert!(!new.unchecked && new.password.is_none());
}

/// Properties 5 and 8.
#[apply(on_both!)]
async fn a_password_is_set_only_with_a_redeemed_proof(world: &World) {
    let mut tx = with_ada(world).await;
    assert!(flows::redeem(&mut tx, "f", NOW).await.unwrap().is_none());
    insert_flow(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    assert!(flows::redeem(&mut tx, "f", NOW).await.unwrap().is_none());
    assert!(flows::pass_code(&mut tx, "f", NOW).await.unwrap());
    let (proof, _) = flows::redeem(&mut tx, "f", NOW).await.unwrap().unwrap();
    assert!(flows::redeem(&mut tx, "f", NOW).await.unwrap().is_none());
    assert!(
        accounts::set_password(&mut tx, &proof, "hash 2", true, NOW)
            .await
            .unwrap()
    );
    let stored = accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap();
    assert_eq!((stored.password.as_deref(), stored.unchecked), (Some("hash 2"), true));
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW), None)
        .await
        .unwrap();
    assert!(
        !accounts::set_password(&mut tx, &proof, "hash 3", false, NOW)
            .await
            .unwrap()
    );
    accounts::set_disabled(&mut tx, &id(ADA), None, None).await.unwrap();
    let membership = organizations::ensure(&mut tx, &organization(), NOW).await.unwrap();
    accounts::set_managed(&mut tx, &id(ADA), Some(&membership.id), NOW)
        .await
        .unwrap();
    assert!(
        !accounts::set_password(&mut tx, &proof, "hash 3", false, NOW)
            .await
            .unwrap()
    );
    assert_eq!(hash(&mut tx).await.as_deref(), Some("hash 2"));
}

#[apply(on_both!)]
async fn an_account_can_be_changed_and_deleted(world: &World) {
    let mut tx = with_ada(world).await;
    accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap();
    let (ada, new) = (id(ADA), address("ada@lovelace.example"));
    assert!(
        !account_changes::set_address(&mut tx, &ada, &address(GRACE), NOW)
            .await
            .unwrap()
    );
    assert!(account_changes::set_address(&mut tx, &ada, &new, NOW).await.unwrap());
    assert!(accounts::find_by_email(&mut tx, &address(ADA)).await.unwrap().is_none());
    account_changes::created_at(&mut tx, &ada).await.unwrap();
    assert_eq!(account_changes::last_sign_in(&mut tx, &ada).await.unwrap(), None);
    for ms in [1, 2] {
        let (kind, at) = (ActivityKind::SignedIn, NOW.plus_ms(ms));
        events::append(&mut tx, &ada, kind, Actor::User, &Caller::default(), at)
            .await
            .unwrap();
    }
    let last = account_changes::last_sign_in(&mut tx, &ada).await.unwrap();
    assert_eq!(last, Some(NOW.plus_ms(2)));
    let bound = Flow {
        email: new.clone(),
        account: Some(ada.clone()),
        ..flow("bound")
    };
    insert_flow(&mut tx, Purpose::Reset, &bound).await.unwrap();
    let waiting = account_changes::waiting_flows(&mut tx, &new, NOW).await.unwrap();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    account_changes::unbind_flows(&mut tx, &new).await.unwrap();
    let found = flows::find(&mut tx, "bound", Purpose::Reset).await.unwrap().unwrap();
    assert_eq!(found.account, None);
    sessions::insert(&mut tx, "token", &session("one")).await.unwrap();
    deletions::delete(&mut tx, &ada, &new).await.unwrap();
    assert!(accounts::find(&mut tx, &ada).await.unwrap().is_none());
    assert!(accounts::find(&mut tx, &id(GRACE)).await.unwrap().is_some());
    assert!(!is_live(&mut tx, "token", NOW).await);
    assert_eq!(account_changes::last_sign_in(&mut tx, &ada).await.unwrap(), None);
    assert!(
        flows::find(&mut tx, "bound", Purpose::Reset).await.unwrap().is_some(),
        "a flow without a proof continues"
    );
}

/// Property 18.
#[apply(on_both!)]
async fn key_checks_are_kept_until_forgotten(world: &World) {
    let mut tx = world.backend.db().begin().await.unwrap();
    key_checks::keep(&mut tx, "one", "first").await.unwrap();
    key_checks::keep(&mut tx, "one", "second").await.unwrap();
    assert_eq!(
        key_checks::find(&mut tx, "one").await.unwrap().as_deref(),
        Some("first")
    );
    key_checks::forget(&mut tx, "one").await.unwrap();
    assert_eq!(key_checks::find(&mut tx, "one").await.unwrap(), None);
}

async fn hash(conn: &mut ReadConn) -> Option<String> {
    accounts::find(conn, &id(ADA)).await.unwrap().unwrap().password
}

#[apply(on_both!)]
async fn the_data_of_an_account_is_only_its_own(world: &World) {
    let mut tx = with_ada(world).await;
    accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap();
    sessions::insert(&mut tx, "token", &session("one")).await.unwrap();
    for (email, has_password, count) in [(ADA, true, 1), (GRACE, false, 0)] {
        let row = export::account(&mut tx, &id(email)).await.unwrap().unwrap();
        assert_eq!((row.email.as_str(), row.has_password), (email, has_password));
        let rows = export::rows(&mut tx, &id(email), &address(email)).await.unwrap();
        assert_eq!(rows.sessions.len(), count);
        assert_eq!(export::sites(&mut tx, &id(email)).await.unwrap().len(), 0);
    }
    assert!(export::account(&mut tx, &id("nobody")).await.unwrap().is_none());
}
