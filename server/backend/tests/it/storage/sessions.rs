//! Sessions.

use super::fixtures::{NOW, begin, id, is_live, session, with_ada};
use crate::world::{ADA, GRACE, World};
use backend::store::{accounts, sessions};

#[apply(on_both!)]
async fn sessions_expire_and_can_be_ended(world: &World) {
    let mut tx = with_ada(world).await;
    for one in ["a", "b", "c"] {
        sessions::insert(&mut tx, &format!("digest {one}"), &session(one))
            .await
            .unwrap();
    }
    assert!(!is_live(&mut tx, "a", NOW).await);
    assert!(is_live(&mut tx, "digest a", NOW.plus_ms(99)).await);
    assert!(!is_live(&mut tx, "digest a", NOW.plus_ms(100)).await);
    tx.commit().await.unwrap();
    let db = world.backend.db();
    sessions::touch(db, "a", NOW.plus_ms(900), NOW.plus_ms(950))
        .await
        .unwrap();
    // The last use is later than the first time, so nothing is written.
    sessions::touch(db, "a", NOW.plus_ms(940), NOW.plus_ms(1_500))
        .await
        .unwrap();
    let mut tx = db.begin().await.unwrap();
    sessions::touch_in(&mut tx, "a", NOW.plus_ms(920)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = begin(world).await;
    assert!(is_live(&mut tx, "digest a", NOW.plus_ms(999)).await);
    assert!(!is_live(&mut tx, "digest a", NOW.plus_ms(1_000)).await);
    let of_ada = sessions::of_account(&mut tx, &id(ADA), 1_000, NOW).await.unwrap();
    assert_eq!(
        of_ada.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert!(!sessions::end(&mut tx, &id(GRACE), "a").await.unwrap());
    sessions::lock_all_for_update(&mut tx, &id(ADA)).await.unwrap();
    assert!(sessions::lock_for_update(&mut tx, "a").await.unwrap());
    assert!(sessions::end(&mut tx, &id(ADA), "a").await.unwrap());
    assert!(!sessions::lock_for_update(&mut tx, "a").await.unwrap());
    assert!(!sessions::end(&mut tx, &id(ADA), "a").await.unwrap());
    assert_eq!(sessions::end_all_but(&mut tx, &id(ADA), "b").await.unwrap(), 1);
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW), None)
        .await
        .unwrap();
    assert!(!is_live(&mut tx, "digest b", NOW).await);
}
