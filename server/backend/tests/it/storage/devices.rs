//! Devices, their trust and tokens.

use super::fixtures::{NOW, device, id, with_ada};
use crate::world::{ADA, GRACE, World};
use backend::store::devices;

#[apply(on_both!)]
async fn a_device_is_trusted_until_its_trust_expires(world: &World) {
    let mut tx = with_ada(world).await;
    devices::insert(&mut tx, "digest a", &device("a", Some(NOW.0 + 1)), NOW)
        .await
        .unwrap();
    devices::insert(&mut tx, "digest b", &device("b", None), NOW)
        .await
        .unwrap();
    assert_eq!(
        devices::find(&mut tx, "digest a", &id(ADA)).await.unwrap().unwrap().id,
        "a"
    );
    assert!(devices::find(&mut tx, "digest a", &id(GRACE)).await.unwrap().is_none());
    assert_eq!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().len(), 1);
    assert_eq!(
        devices::trusted(&mut tx, &id(ADA), NOW.plus_ms(1)).await.unwrap().len(),
        0
    );
    let tomorrow = NOW.plus_days(1);
    assert!(!devices::set_trust(&mut tx, &id(GRACE), "b", tomorrow).await.unwrap());
    assert_eq!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().len(), 1);
    assert!(devices::set_trust(&mut tx, &id(ADA), "b", tomorrow).await.unwrap());
    assert!(!devices::set_trust(&mut tx, &id(ADA), "b", tomorrow).await.unwrap());
    assert_eq!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().len(), 2);
}

#[apply(on_both!)]
async fn only_its_owner_can_forget_a_device(world: &World) {
    let mut tx = with_ada(world).await;
    devices::insert(&mut tx, "digest a", &device("a", Some(NOW.0 + 1)), NOW)
        .await
        .unwrap();
    devices::insert(&mut tx, "digest b", &device("b", None), NOW)
        .await
        .unwrap();
    assert!(!devices::forget(&mut tx, &id(GRACE), "b").await.unwrap());
    assert!(devices::forget(&mut tx, &id(ADA), "b").await.unwrap());
    assert!(!devices::forget(&mut tx, &id(ADA), "b").await.unwrap());
    assert!(devices::find(&mut tx, "digest b", &id(ADA)).await.unwrap().is_none());
    devices::insert(&mut tx, "digest c", &device("c", None), NOW)
        .await
        .unwrap();
    devices::forget_all_but(&mut tx, &id(GRACE), "").await.unwrap();
    devices::forget_all_but(&mut tx, &id(ADA), "c").await.unwrap();
    assert!(devices::find(&mut tx, "digest a", &id(ADA)).await.unwrap().is_none());
    assert!(devices::find(&mut tx, "digest c", &id(ADA)).await.unwrap().is_some());
}

/// Property 31.
#[apply(on_both!)]
async fn a_device_token_can_be_replaced(world: &World) {
    let mut tx = with_ada(world).await;
    let device = device("a", Some(NOW.0 + 1));
    devices::insert(&mut tx, "one", &device, NOW).await.unwrap();
    devices::replace_token(&mut tx, "a", "two", "one", NOW.plus_ms(7))
        .await
        .unwrap();
    // Repeating the replacement changes nothing.
    devices::replace_token(&mut tx, "a", "two", "one", NOW.plus_ms(9))
        .await
        .unwrap();
    let mut replaced_at = Vec::new();
    for digest in ["one", "two"] {
        let found = devices::find(&mut tx, digest, &id(ADA)).await.unwrap().unwrap();
        replaced_at.push(found.replaced_at);
    }
    assert_eq!(replaced_at, [Some(NOW.0 + 7), None]);
    // Older tokens stay known.
    devices::replace_token(&mut tx, "a", "three", "two", NOW.plus_ms(9))
        .await
        .unwrap();
    let found = devices::find(&mut tx, "one", &id(ADA)).await.unwrap().unwrap();
    assert_eq!(found.replaced_at, Some(NOW.0 + 7));
    assert!(!devices::distrust(&mut tx, "a", "three").await.unwrap());
    assert!(devices::distrust(&mut tx, "a", "one").await.unwrap());
    assert!(!devices::distrust(&mut tx, "a", "one").await.unwrap());
    assert!(devices::find(&mut tx, "one", &id(ADA)).await.unwrap().is_none());
    let found = devices::find(&mut tx, "two", &id(ADA)).await.unwrap().unwrap();
    assert_eq!((found.trusted_until, found.replaced_at), (None, Some(NOW.0 + 9)));
    devices::replace_token(&mut tx, "a", "four", "three", NOW.plus_ms(11))
        .await
        .unwrap();
    assert_eq!(devices::prune_tokens(&mut tx, NOW.plus_ms(9)).await.unwrap(), 0);
    assert_eq!(devices::prune_tokens(&mut tx, NOW.plus_ms(10)).await.unwrap(), 1);
    assert!(devices::find(&mut tx, "two", &id(ADA)).await.unwrap().is_none());
    assert_eq!(devices::prune(&mut tx, NOW.plus_ms(11)).await.unwrap(), 0);
    assert_eq!(devices::prune(&mut tx, NOW.plus_ms(12)).await.unwrap(), 1);
    assert_eq!(devices::date_unknown_use(&mut tx, NOW).await.unwrap(), 0);
}
