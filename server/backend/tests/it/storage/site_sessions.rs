//! Sessions at sites.

use super::fixtures::{NOW, id, session, with_ada};
use crate::world::{ADA, GRACE, World};
use backend::store::{accounts, sessions, site_sessions};

#[apply(on_both!)]
async fn a_session_at_a_site_belongs_to_its_session(world: &World) {
    let mut tx = with_ada(world).await;
    for name in ["s", "t"] {
        sessions::insert(&mut tx, name, &session(name)).await.unwrap();
    }
    for (digest, session, client, ms) in [
        ("first", "s", "wiki", 0),
        ("second", "s", "wiki", 60_000),
        ("third", "s", "wiki", 60_001),
        ("elsewhere", "s", "board", 0),
        ("other", "t", "wiki", 0),
    ] {
        let at = NOW.plus_ms(ms);
        site_sessions::insert(&mut tx, digest, (session, client), at)
            .await
            .unwrap();
    }
    let mut found = Vec::new();
    for digest in ["first", "second", "third", "elsewhere", "other"] {
        let user = site_sessions::find(&mut tx, digest, 1_000_000, NOW).await.unwrap();
        found.extend(user.map(|user| (digest, user.client_id, user.session_id, user.email)));
    }
    let of = |digest, client: &str, session: &str| (digest, client.to_owned(), session.to_owned(), ADA.to_owned());
    let expected = [
        of("second", "wiki", "s"),
        of("third", "wiki", "s"),
        of("elsewhere", "board", "s"),
        of("other", "wiki", "t"),
    ];
    assert_eq!(found, expected, "the first one was replaced");

    let mut is_live = async |digest: &str, idle_ms, at| {
        let user = site_sessions::find(&mut tx, digest, idle_ms, at).await.unwrap();
        user.is_some()
    };
    assert!(is_live("other", 100, NOW.plus_ms(99)).await && !is_live("other", 100, NOW.plus_ms(100)).await);
    site_sessions::delete(&mut tx, &id(GRACE), "wiki").await.unwrap();
    site_sessions::delete(&mut tx, &id(ADA), "wiki").await.unwrap();
    for (digest, remains) in [("third", false), ("other", false), ("elsewhere", true)] {
        let user = site_sessions::find(&mut tx, digest, 1_000, NOW).await.unwrap();
        assert_eq!(user.is_some(), remains, "{digest}");
    }
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW), None)
        .await
        .unwrap();
    assert_eq!(
        site_sessions::find(&mut tx, "elsewhere", 1_000, NOW).await.unwrap(),
        None
    );
}
