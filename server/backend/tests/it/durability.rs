//! What a loss of power may take: nothing that was acknowledged and matters.

use crate::database::Database;
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, other_code};
use account::{Refusal, SignInStep};
use backend::store::{Db, Tx, accounts};
use backend::{Courier, Error, Fault, Mail};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::yield_now;

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_synced_whatever_was_before_it() {
    for database in [Database::sqlite(), Database::careful_postgres().await] {
        let world = World::on(database).await;
        let db = world.backend.db();
        assert!(is_synced(&mut db.begin().await.unwrap()).await);
        assert!(!is_synced(&mut db.begin_unsynced().await.unwrap()).await);
        assert!(is_synced(&mut db.begin().await.unwrap()).await);
        let whole = is_synced(&mut db.write().await.unwrap()).await;
        assert_eq!(whole, matches!(db, Db::Postgres { .. }));
        assert!(is_synced(&mut db.begin().await.unwrap()).await);
        world.end().await;
    }
}

/// PostgreSQL tells of a transaction only while it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_synced_unless_its_loss_is_none() {
    let world = World::on_sqlite().await;
    world.person(ADA).await;
    let courier = Courier::new(world.backend.clone(), Mail::Memory(Arc::default()));

    let mut browser = world.browser();
    browser.begin_sign_in(ADA).await.unwrap();
    assert!(!synced(&world).await, "a begun sign-in");
    assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    assert!(synced(&world).await, "a wrong password");
    browser.password(PASSWORD).await.unwrap();
    assert!(synced(&world).await, "a right password, and the letter that follows");
    let code = world.code_mailed_to(ADA).await;
    assert!(!synced(&world).await, "what became of a letter");
    browser.answer_sign_in(&other_code(&code, 1)).await.unwrap_err();
    assert!(synced(&world).await, "a wrong code");
    assert!(
        world.backend.prune(9).await.is_ok() && !synced(&world).await,
        "dead rows that went"
    );
    browser.answer_sign_in(&code).await.unwrap();
    assert!(synced(&world).await, "a session");

    assert_eq!(courier.round().await, 1, "the notice of a new device");
    assert!(!synced(&world).await, "a letter that left");
    browser.sign_out().await;
    assert!(synced(&world).await, "a session's end");

    let (mut browser, code) = world.resetting(ADA).await;
    assert!(!synced(&world).await, "a letter that was leased");
    browser.answer_reset(&code).await.unwrap();
    assert!(synced(&world).await, "a used code");
    world.backend.prune(9).await.unwrap();
    browser.choose(NEW_PASSWORD).await.unwrap();
    assert!(synced(&world).await, "a new password");
    world.deliver().await;
    world.clock.advance_minutes(1);
    world.browser().begin_reset(ADA).await.unwrap();
    assert!(synced(&world).await, "a reset's letter");
    world.end().await;
}

/// Property 25.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_full_is_written_again() {
    let world = World::on_sqlite().await;
    world.person(ADA).await;
    of_the_writer(&world, "PRAGMA max_page_count = 1").await;
    let mut refused = 0;
    for stranger in 0..200 {
        let (email, browser) = (format!("{stranger}@example.com"), world.browser());
        match world.backend.begin_reset(&browser.caller, &browser.held, &email).await {
            Ok(_) => assert_eq!(refused, 0, "it is still full"),
            Err(Error::Fault(Fault::Away(_))) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 1, "{refused}");
    assert_eq!(
        world.browser().sign_in_step().await,
        SignInStep::AskEmail {
            email: None,
            resume: None
        }
    );
    of_the_writer(&world, "PRAGMA max_page_count = 1000000").await;
    world.browser().begin_reset(ADA).await.unwrap();
    world.end().await;
}

/// A request that nobody waits for any more keeps no other server from writing, at whatever step it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_let_go_is_rolled_back() {
    let world = World::on_sqlite().await;
    world.person(ADA).await;
    let (other, account) = (world.database.open().await, world.stored(ADA).await.account.id);
    for polls in 0..40 {
        let (email, browser) = (format!("{polls}@example.com"), world.browser());
        let mut begun = Box::pin(world.backend.begin_reset(&browser.caller, &browser.held, &email));
        for _ in 0..polls {
            if poll_fn(|context| Poll::Ready(begun.as_mut().poll(context)))
                .await
                .is_ready()
            {
                break;
            }
            yield_now().await;
        }
        drop(begun);
        let mut tx = other.begin().await.unwrap();
        accounts::set_language(&mut tx, &account, "ar").await.unwrap();
        tx.commit().await.unwrap();
    }
    other.close().await;
    world.browser().begin_reset(ADA).await.unwrap();
    world.end().await;
}

/// Whether the last write was on the disk before it was acknowledged: the writer stays as it was for that one.
async fn synced(world: &World) -> bool {
    let level: i64 = of_the_writer(world, "PRAGMA synchronous").await;
    level == 2
}

async fn of_the_writer(world: &World, pragma: &'static str) -> i64 {
    let Db::Sqlite { writer, .. } = world.backend.db() else {
        panic!("a scenario on SQLite");
    };
    let mut kept = writer.hold().await.unwrap();
    sqlx::query_scalar(pragma)
        .fetch_one(&mut kept.connection)
        .await
        .unwrap()
}

/// Whether what it commits is on the disk before it is acknowledged.
async fn is_synced(tx: &mut Tx) -> bool {
    match tx {
        Tx::Sqlite(tx) => {
            let level: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(&mut **tx)
                .await
                .unwrap();
            level == 2
        }
        Tx::Postgres(tx) => {
            let level: String = sqlx::query_scalar("SHOW synchronous_commit")
                .fetch_one(&mut **tx)
                .await
                .unwrap();
            level == "on"
        }
    }
}
