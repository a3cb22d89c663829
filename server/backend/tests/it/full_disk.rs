//! A disk without room, played by SQLite's own bound on the pages of a file.

use crate::world::{ADA, World, address};
use account::{AccountKind, Name};
use backend::{Error, Fault, NewPerson, store::Db};

/// Property 25. SQLite ends the transaction by itself then, and what counts transactions has to notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let world = World::on_sqlite().await;
    world.person(ADA).await;
    let Db::Sqlite { writer, .. } = world.backend.db() else {
        panic!("another database");
    };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writer).await.unwrap();
    let bound = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(bound).execute(writer).await.unwrap();

    let mut added = 0;
    let refused = loop {
        match add(&world, added).await {
            Ok(()) => added += 1,
            Err(refused) => break refused,
        }
        assert!(added < 2_000, "it never came to the bound");
    };

    assert!(matches!(refused, Error::Fault(Fault::Away(_))), "{refused:?}");
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
    sqlx::query("PRAGMA max_page_count = 1000000")
        .execute(writer)
        .await
        .unwrap();
    add(&world, added).await.unwrap();
}

async fn add(world: &World, number: usize) -> Result<(), Error> {
    let person = NewPerson {
        email: address(&format!("person{number}@example.com")),
        name: Name::parse("Robin Doe").unwrap(),
        kind: AccountKind::Local,
        password: None,
        language: None,
    };
    assert!(world.backend.add_person(person).await?);
    Ok(())
}
