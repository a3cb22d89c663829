//! Changes of an account's address by its user.

use super::fixtures::{NOW, id, local, with_ada};
use crate::world::{ADA, GRACE, World, address};
use account::{CodeCounter, EmailAddress, Timestamp};
use backend::store::{WriteTx, accounts, email_changes, waiting};

const SECOND: &str = "second@example.com";

/// Completes a change from an address, to be undone for a second.
async fn change(tx: &mut WriteTx, flow: &str, old: &EmailAddress, at: Timestamp) -> bool {
    email_changes::begin(tx, flow, &id(ADA), old, at).await.unwrap();
    email_changes::complete(tx, flow, &id(ADA), old, at.plus_ms(1_000), at)
        .await
        .unwrap()
}

/// Whether an address was left lately.
async fn was_left(tx: &mut WriteTx, old: &EmailAddress, at: Timestamp) -> bool {
    let found = waiting::find(tx, CodeCounter::Anyone, old, at, at).await.unwrap();
    assert!(found.moved.as_ref().is_none_or(|moved| *moved == id(ADA)));
    found.moved.is_some()
}

#[apply(on_both!)]
async fn a_change_is_completed_once_by_its_account_from_its_address(world: &World) {
    let mut tx = with_ada(world).await;
    let (ada, grace) = (address(ADA), address(GRACE));
    assert!(accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap());
    for (account, old) in [(id(ADA), &ada), (id(GRACE), &grace)] {
        email_changes::begin(&mut tx, "f", &account, old, NOW).await.unwrap();
    }
    assert_eq!(email_changes::account_of(&mut tx, "f").await.unwrap(), Some(id(ADA)));
    assert_eq!(email_changes::account_of(&mut tx, "none").await.unwrap(), None);
    let end = NOW.plus_ms(1_000);
    assert!(!was_left(&mut tx, &ada, NOW).await);
    for (account, old, completes) in [
        (id(GRACE), &ada, false),
        (id(ADA), &grace, false),
        (id(ADA), &ada, true),
        (id(ADA), &ada, false),
    ] {
        let completed = email_changes::complete(&mut tx, "f", &account, old, end, NOW).await;
        assert_eq!(completed.unwrap(), completes, "{account:?} {old}");
    }
    assert!(was_left(&mut tx, &ada, NOW.plus_ms(999)).await);
    assert!(!was_left(&mut tx, &ada, end).await);
    assert!(!was_left(&mut tx, &grace, NOW).await);
}

#[apply(on_both!)]
async fn undoing_ends_this_change_and_later_ones(world: &World) {
    let mut tx = with_ada(world).await;
    let [first, ada, second] = ["first@example.com", ADA, SECOND].map(address);
    for (flow, old, at_ms) in [("1", &first, 0), ("2", &ada, 10), ("3", &second, 20)] {
        assert!(change(&mut tx, flow, old, NOW.plus_ms(at_ms)).await);
    }
    let pending = address("pending@example.com");
    email_changes::begin(&mut tx, "4", &id(ADA), &pending, NOW)
        .await
        .unwrap();
    assert!(!email_changes::undo(&mut tx, &id(GRACE), &ada, NOW).await.unwrap());
    assert!(!email_changes::undo(&mut tx, &id(ADA), &pending, NOW).await.unwrap());
    // The end of the first change.
    let late = NOW.plus_ms(1_000);
    assert!(!email_changes::undo(&mut tx, &id(ADA), &first, late).await.unwrap());
    assert!(email_changes::undo(&mut tx, &id(ADA), &ada, late).await.unwrap());
    assert!(!email_changes::undo(&mut tx, &id(ADA), &ada, NOW).await.unwrap());
    assert!(!email_changes::undo(&mut tx, &id(ADA), &second, NOW).await.unwrap());
    assert_eq!(email_changes::account_of(&mut tx, "4").await.unwrap(), None);
    assert_eq!(email_changes::account_of(&mut tx, "1").await.unwrap(), Some(id(ADA)));
}

#[apply(on_both!)]
async fn changes_are_forgotten(world: &World) {
    let mut tx = with_ada(world).await;
    let [ada, second] = [ADA, SECOND].map(address);
    for (flow, old) in [("1", &ada), ("2", &second)] {
        assert!(change(&mut tx, flow, old, NOW).await);
    }
    // Ada's address is hers in this test.
    let left = email_changes::left_by(&mut tx, &id(ADA)).await.unwrap();
    assert_eq!(left, [SECOND]);
    let until = Some(NOW.plus_ms(1_000));
    assert_eq!(
        email_changes::undoable_until(&mut tx, &id(ADA), NOW).await.unwrap(),
        until
    );
    let late = NOW.plus_ms(1_000);
    assert_eq!(
        email_changes::undoable_until(&mut tx, &id(ADA), late).await.unwrap(),
        None
    );
    assert_eq!(
        email_changes::undoable_until(&mut tx, &id(GRACE), NOW).await.unwrap(),
        None
    );
    for (email, at, reserved) in [
        (&second, NOW, true),
        (&second, late, false),
        (&address(GRACE), NOW, false),
    ] {
        let found = email_changes::is_reserved(&mut tx, email, at).await.unwrap();
        assert_eq!(found, reserved, "{email}");
    }
    email_changes::end_all(&mut tx, &id(GRACE)).await.unwrap();
    assert_eq!(email_changes::prune(&mut tx, NOW.plus_ms(999)).await.unwrap(), 0);
    assert_eq!(email_changes::prune(&mut tx, NOW.plus_ms(1_000)).await.unwrap(), 2);
    assert!(change(&mut tx, "3", &ada, NOW).await);
    email_changes::end_all(&mut tx, &id(ADA)).await.unwrap();
    assert!(!was_left(&mut tx, &ada, NOW).await);
}
