//! Clients that commands add.

use super::fixtures::{NOW, begin};
use crate::world::World;
use backend::oauth::{ClientOptions, ClientSettings};
use backend::store::clients::{self, StoredClient};

#[apply(on_both!)]
async fn a_client_is_stored_once_with_all_its_addresses(world: &World) {
    let client = |id: &str, digest: Option<&str>| StoredClient {
        settings: ClientSettings {
            options: ClientOptions {
                pairwise: true,
                ..ClientOptions::default()
            },
            id: id.into(),
            name: "Wiki".into(),
            redirect_uris: vec!["https://wiki.example/a".into(), "https://wiki.example/b".into()],
            client_secret: None,
            third_party: digest.is_none(),
            post_logout_redirect_uris: vec![],
            backchannel_logout_uri: digest.map(|_| "https://wiki.example/ended".into()),
        },
        secret_digest: digest.map(Into::into),
        previous: None,
        created_at: NOW,
    };
    let mut tx = begin(world).await;
    assert_eq!(clients::all(&mut tx).await.unwrap(), []);
    let (wiki, app) = (client("wiki", Some("one")), client("app", None));
    for (client, is_new) in [(&wiki, true), (&app, true), (&client("wiki", None), false)] {
        assert_eq!(clients::insert(&mut tx, client).await.unwrap(), is_new);
    }
    assert_eq!(clients::all(&mut tx).await.unwrap(), [app.clone(), wiki.clone()]);
    let until = NOW.plus_ms(10);
    for (id, replaced) in [("wiki", true), ("app", false), ("unknown", false)] {
        let found = clients::replace_secret(&mut tx, id, "two", until).await.unwrap();
        assert_eq!(found, replaced, "{id}");
    }
    let rotated = StoredClient {
        secret_digest: Some("two".into()),
        previous: Some(("one".into(), until)),
        ..wiki
    };
    assert_eq!(clients::all(&mut tx).await.unwrap(), [app, rotated.clone()]);
    assert!(clients::delete(&mut tx, "app").await.unwrap());
    assert!(!clients::delete(&mut tx, "app").await.unwrap());
    assert_eq!(clients::all(&mut tx).await.unwrap(), [rotated]);
}

#[apply(on_both!)]
async fn each_change_has_a_version_of_its_own(world: &World) {
    let mut tx = begin(world).await;
    let first = clients::version(&mut tx).await.unwrap();
    for more in 1..=2 {
        clients::note_change(&mut tx).await.unwrap();
        assert_eq!(clients::version(&mut tx).await.unwrap(), first + more);
    }
}
