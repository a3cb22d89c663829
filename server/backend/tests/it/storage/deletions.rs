//! Accounts that wait for their deletion.

use super::fixtures::{NOW, id, with_ada};
use crate::world::{ADA, World};
use backend::store::{accounts, deletions, organizations};

#[apply(on_both!)]
async fn an_account_waits_until_it_is_kept_or_due(world: &World) {
    let mut tx = with_ada(world).await;
    let (ada, until) = (id(ADA), NOW.plus_days(30));
    assert_eq!(deletions::find(&mut tx, &ada.0).await.unwrap(), None);
    assert!(!deletions::cancel(&mut tx, &ada).await.unwrap());
    assert!(deletions::request(&mut tx, &ada, until, None).await.unwrap());
    assert!(!deletions::request(&mut tx, &ada, NOW, None).await.unwrap(), "twice");
    assert_eq!(deletions::find(&mut tx, &ada.0).await.unwrap(), Some(until));
    assert_eq!(deletions::due(&mut tx, until).await.unwrap(), []);
    assert!(!deletions::lock_due(&mut tx, &ada, until).await.unwrap());
    let later = until.plus_ms(1);
    assert_eq!(
        deletions::due(&mut tx, later).await.unwrap(),
        std::slice::from_ref(&ada)
    );
    assert!(deletions::lock_due(&mut tx, &ada, later).await.unwrap());
    assert!(deletions::cancel(&mut tx, &ada).await.unwrap());
    assert!(!deletions::lock_due(&mut tx, &ada, later).await.unwrap());
    assert_eq!(deletions::find(&mut tx, "nobody").await.unwrap(), None);
}

#[apply(on_both!)]
async fn an_owner_is_reminded_once(world: &World) {
    let mut tx = with_ada(world).await;
    let (ada, until) = (id(ADA), NOW.plus_days(30));
    deletions::request(&mut tx, &ada, until, Some(NOW)).await.unwrap();
    assert_eq!(deletions::unreminded(&mut tx, NOW).await.unwrap(), []);
    let later = NOW.plus_ms(1);
    assert_eq!(
        deletions::unreminded(&mut tx, later).await.unwrap(),
        std::slice::from_ref(&ada)
    );
    assert!(!deletions::remind(&mut tx, &ada, NOW).await.unwrap());
    assert!(deletions::remind(&mut tx, &ada, later).await.unwrap());
    assert!(!deletions::remind(&mut tx, &ada, later).await.unwrap());
    assert_eq!(deletions::unreminded(&mut tx, later).await.unwrap(), []);
    deletions::cancel(&mut tx, &ada).await.unwrap();
    deletions::request(&mut tx, &ada, until, Some(NOW)).await.unwrap();
    deletions::cancel(&mut tx, &ada).await.unwrap();
    assert_eq!(deletions::unreminded(&mut tx, later).await.unwrap(), [], "kept");
}

#[apply(on_both!)]
async fn an_organization_cancels_the_deletion_of_its_members(world: &World) {
    let mut tx = with_ada(world).await;
    let of = organizations::ensure(&mut tx, &crate::world::organization(), NOW)
        .await
        .unwrap();
    let ada = id(ADA);
    deletions::request(&mut tx, &ada, NOW, Some(NOW)).await.unwrap();
    accounts::set_managed(&mut tx, &ada, Some(&of.id), NOW).await.unwrap();
    assert_eq!(deletions::unreminded(&mut tx, NOW.plus_ms(1)).await.unwrap(), []);
    assert_eq!(deletions::find(&mut tx, &ada.0).await.unwrap(), None);
    assert!(!deletions::request(&mut tx, &ada, NOW, None).await.unwrap(), "managed");
    accounts::set_managed(&mut tx, &ada, None, NOW).await.unwrap();
    deletions::request(&mut tx, &ada, NOW, None).await.unwrap();
    accounts::set_managed(&mut tx, &ada, None, NOW).await.unwrap();
    assert_eq!(deletions::find(&mut tx, &ada.0).await.unwrap(), Some(NOW));
}

#[apply(on_both!)]
async fn deletions_are_postponed_with_another_reminder(world: &World) {
    let mut tx = with_ada(world).await;
    let (ada, later) = (id(ADA), NOW.plus_days(7));
    assert_eq!(deletions::postpone_all(&mut tx, later, NOW).await.unwrap(), 0);
    deletions::request(&mut tx, &ada, NOW, None).await.unwrap();
    assert_eq!(deletions::postpone_all(&mut tx, later, NOW).await.unwrap(), 1);
    assert_eq!(deletions::find(&mut tx, &ada.0).await.unwrap(), Some(later));
    assert_eq!(deletions::unreminded(&mut tx, NOW.plus_ms(1)).await.unwrap(), [ada]);
    assert_eq!(
        deletions::postpone_all(&mut tx, NOW, NOW).await.unwrap(),
        0,
        "never earlier"
    );
}

/// Attack: an intruder requests the deletion, and support deactivates the account, which its owner then cannot keep.
#[apply(on_both!)]
async fn a_deactivated_account_is_not_deleted(world: &World) {
    let mut tx = with_ada(world).await;
    let (ada, due, later) = (id(ADA), NOW.plus_ms(1), NOW.plus_days(7));
    deletions::request(&mut tx, &ada, NOW, Some(NOW)).await.unwrap();
    accounts::set_disabled(&mut tx, &ada, Some(NOW), None).await.unwrap();
    assert_eq!(deletions::due(&mut tx, due).await.unwrap(), []);
    assert_eq!(deletions::unreminded(&mut tx, due).await.unwrap(), []);
    assert!(!deletions::lock_due(&mut tx, &ada, due).await.unwrap());
    assert!(!deletions::remind(&mut tx, &ada, due).await.unwrap());
    accounts::set_disabled(&mut tx, &ada, None, None).await.unwrap();
    deletions::postpone(&mut tx, &ada, later).await.unwrap();
    deletions::postpone(&mut tx, &ada, NOW).await.unwrap();
    assert_eq!(deletions::find(&mut tx, &ada.0).await.unwrap(), Some(later));
}
