//! Connected products, and the notices of ended sessions to them.

use super::fixtures::{NOW, id, session, with_ada};
use crate::world::{ADA, World};
use backend::store::{clients, connected_products, logout_notices, sessions};

#[apply(on_both!)]
async fn a_notice_is_due_when_its_session_has_ended(world: &World) {
    let mut tx = with_ada(world).await;
    for name in ["s", "t"] {
        sessions::insert(&mut tx, name, &session(name)).await.unwrap();
        let of = (name, id(ADA).0);
        for notice in [name.to_owned(), format!("again {name}")] {
            logout_notices::insert(&mut tx, &notice, (of.0, &of.1), "shop")
                .await
                .unwrap();
        }
    }
    logout_notices::insert(&mut tx, "unregistered", ("s", &id(ADA).0), "former")
        .await
        .unwrap();
    assert!(!logout_notices::are_due(&mut tx, "shop", NOW).await.unwrap());
    assert!(sessions::end(&mut tx, &id(ADA), "s").await.unwrap());
    assert!(logout_notices::are_due(&mut tx, "shop", NOW).await.unwrap());
    assert!(!logout_notices::are_due(&mut tx, "other", NOW).await.unwrap());
    tx.commit().await.unwrap();

    let db = world.backend.db();
    let claim = async |at| {
        let (now, until) = (NOW.plus_ms(at), NOW.plus_ms(at + 10));
        let claimed = logout_notices::claim(db, "shop", until, now, 9).await.unwrap();
        claimed
            .into_iter()
            .map(|notice| (notice.sid, notice.account_id, notice.tried_at - NOW.0))
            .collect::<Vec<_>>()
    };
    let notice = |sid: &str| [(sid.to_owned(), id(ADA).0, 0)];
    assert_eq!(claim(0).await, notice("s"));
    assert_eq!(claim(9).await, []);
    assert_eq!(claim(10).await, notice("s"));
    // After as long as it has failed.
    for (failed, next) in [(10, 20), (25, 50), (70, 130)] {
        let (ids, now) = (["s".to_owned(), "none".to_owned()], NOW.plus_ms(failed));
        logout_notices::postpone(db, &ids, (10, 60), now).await.unwrap();
        assert_eq!(claim(next - 1).await, [], "{failed}");
        assert_eq!(claim(next).await, notice("s"), "{failed}");
    }
    logout_notices::delete(db, &["s".to_owned(), "none".to_owned()])
        .await
        .unwrap();
    assert_eq!(claim(1_000).await, []);

    let mut tx = db.begin().await.unwrap();
    logout_notices::disconnect(&mut tx, &id(ADA), "other").await.unwrap();
    assert!(!logout_notices::are_due(&mut tx, "shop", NOW).await.unwrap());
    logout_notices::disconnect(&mut tx, &id(ADA), "shop").await.unwrap();
    assert!(logout_notices::are_due(&mut tx, "shop", NOW).await.unwrap());
    tx.commit().await.unwrap();
    let ids = ["t".to_owned()];
    logout_notices::delete(db, &ids).await.unwrap();
    // A notice that no server delivers is marked as seen, and deleted later.
    let mut tx = db.begin().await.unwrap();
    assert_eq!(logout_notices::prune(&mut tx, NOW, NOW).await.unwrap(), 0);
    assert_eq!(logout_notices::prune(&mut tx, NOW, NOW.plus_ms(1)).await.unwrap(), 1);
}

#[apply(on_both!)]
async fn the_notices_to_a_client_are_deleted(world: &World) {
    let mut tx = with_ada(world).await;
    let ada = id(ADA);
    for name in ["s", "t"] {
        sessions::insert(&mut tx, name, &session(name)).await.unwrap();
        for client in ["shop", "other"] {
            let notice = format!("{client} {name}");
            logout_notices::insert(&mut tx, &notice, (name, &ada.0), client)
                .await
                .unwrap();
        }
    }
    assert!(sessions::end(&mut tx, &ada, "s").await.unwrap());
    // Only those of live sessions.
    logout_notices::forget(&mut tx, &ada, "shop").await.unwrap();
    assert!(sessions::end(&mut tx, &ada, "t").await.unwrap());
    tx.commit().await.unwrap();
    let db = world.backend.db();
    // Due again at once.
    let due = async |client| logout_notices::claim(db, client, NOW, NOW, 9).await.unwrap().len();
    assert_eq!((due("shop").await, due("other").await), (1, 2));
    let mut tx = db.begin().await.unwrap();
    clients::forget(&mut tx, "shop").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((due("shop").await, due("other").await), (0, 2));
}

#[apply(on_both!)]
async fn a_connected_product_is_recorded_once(world: &World) {
    let mut tx = with_ada(world).await;
    let ada = id(ADA);
    assert_eq!(connected_products::find(&mut tx, &ada.0, "shop").await.unwrap(), None);
    for (at, scope) in [(0, "openid"), (5, "openid email")] {
        connected_products::record(&mut tx, &ada.0, "shop", scope, NOW.plus_ms(at))
            .await
            .unwrap();
    }
    let found = connected_products::find(&mut tx, &ada.0, "shop")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.connected_at, found.used_at), (NOW.0, NOW.0 + 5));
    assert_eq!(found.scope, "openid email");
    assert_eq!(connected_products::of_account(&mut tx, &ada).await.unwrap(), [found]);
    for (client, accounts, usage) in [
        ("shop", vec![id(ADA)], (1, Some(NOW.0 + 5))),
        ("other", vec![], (0, None)),
    ] {
        assert_eq!(
            connected_products::accounts_of(&mut tx, client).await.unwrap(),
            accounts
        );
        assert_eq!(connected_products::usage(&mut tx, client).await.unwrap(), usage);
    }
    assert!(!connected_products::delete(&mut tx, &ada, "other").await.unwrap());
    assert!(connected_products::delete(&mut tx, &ada, "shop").await.unwrap());
    assert_eq!(connected_products::of_account(&mut tx, &ada).await.unwrap(), []);
}
