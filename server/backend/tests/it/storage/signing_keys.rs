//! Keys that sign ID tokens.

use super::fixtures::{NOW, begin};
use crate::world::World;
use backend::store::signing_keys::{self, StoredKey};

#[apply(on_both!)]
async fn a_number_is_given_once_and_the_newest_key_is_first(world: &World) {
    let key = |number, jwk: &str| StoredKey {
        number,
        jwk: jwk.into(),
        sealed: "sealed".into(),
        created_at: NOW.0,
        ends_at: NOW.0 + 1_000,
    };
    let mut tx = begin(world).await;
    assert!(signing_keys::insert(&mut tx, &key(1, "a")).await.unwrap());
    assert!(!signing_keys::insert(&mut tx, &key(1, "b")).await.unwrap());
    assert!(signing_keys::insert(&mut tx, &key(2, "b")).await.unwrap());
    assert_eq!(signing_keys::all(&mut tx).await.unwrap(), [key(2, "b"), key(1, "a")]);
    signing_keys::retire(&mut tx, 1, NOW.plus_ms(10)).await.unwrap();
    assert_eq!(signing_keys::prune(&mut tx, NOW.plus_ms(10)).await.unwrap(), 0);
    assert_eq!(signing_keys::prune(&mut tx, NOW.plus_ms(11)).await.unwrap(), 1);
    assert_eq!(signing_keys::all(&mut tx).await.unwrap(), [key(2, "b")]);
    assert!(signing_keys::insert(&mut tx, &key(3, "c")).await.unwrap());
    signing_keys::delete(&mut tx, 2).await.unwrap();
    assert_eq!(signing_keys::all(&mut tx).await.unwrap(), [key(3, "c")]);
}
