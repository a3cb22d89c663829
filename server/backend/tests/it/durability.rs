//! Durability: a power failure loses no acknowledged write that matters.

use crate::database::Database;
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, other_code};
use account::{Refusal, SignInStep, Timestamp};
use backend::store::sqlite::{File, Writer};
use backend::store::{Conn, Db, Engine, ReadConn, accounts, throttles};
use backend::{Error, Fault, Mailer, OutboxWorker};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_synced_regardless_of_the_previous_one() {
    for database in [Database::sqlite(), Database::careful_postgres().await] {
        let world = World::on(database).await;
        let db = world.backend.db();
        assert!(is_synced(&mut db.begin().await.unwrap()).await);
        assert!(!is_synced(&mut db.begin_unsynced().await.unwrap()).await);
        assert!(is_synced(&mut db.begin().await.unwrap()).await);
        let whole = is_synced(&mut db.autocommit().await.unwrap()).await;
        assert_eq!(whole, matches!(db.engine, Engine::Postgres(_)));
        assert!(is_synced(&mut db.begin().await.unwrap()).await);
        world.end().await;
    }
}

/// PostgreSQL reports the setting of a transaction only while it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_synced_unless_its_loss_is_harmless() {
    let world = World::on_sqlite().await;
    world.create_account(ADA).await;
    let outbox_worker = OutboxWorker::new(world.backend.clone(), Mailer::Memory(Arc::default()));

    let mut browser = world.at_the_password(ADA).await;
    assert!(!synced(&world).await, "the start of a sign-in");
    assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    assert!(synced(&world).await, "an incorrect password");
    browser.password(PASSWORD).await.unwrap();
    assert!(synced(&world).await, "a correct password, and the e-mail that follows");
    let code = world.code_mailed_to(ADA).await;
    assert!(!synced(&world).await, "the outcome of a delivery");
    browser.answer_sign_in(&other_code(&code, 1)).await.unwrap_err();
    assert!(synced(&world).await, "an incorrect code");
    assert!(
        world.backend.upkeep().sweep().await.is_ok() && !synced(&world).await,
        "the deletion of expired rows"
    );
    browser.answer_sign_in(&code).await.unwrap();
    assert!(synced(&world).await, "a session");

    assert_eq!(outbox_worker.round().await, 1, "the notice of a new device");
    assert!(!synced(&world).await, "a sent e-mail");
    browser.sign_out().await;
    assert!(synced(&world).await, "a session's end");

    let (mut browser, code) = world.resetting(ADA).await;
    assert!(!synced(&world).await, "a leased e-mail");
    browser.answer_reset(&code).await.unwrap();
    assert!(synced(&world).await, "a used code");
    world.backend.upkeep().sweep().await.unwrap();
    browser.choose(NEW_PASSWORD).await.unwrap();
    assert!(synced(&world).await, "a new password");
    world.deliver().await;
    world.clock.advance_minutes(1);
    world.browser().begin_reset(ADA).await.unwrap();
    assert!(synced(&world).await, "a reset's e-mail");
    world.end().await;
}

/// Property 25.
#[tokio::test(flavor = "multi_thread")]
async fn writes_resume_after_a_full_disk() {
    let world = World::on_sqlite().await;
    world.create_account(ADA).await;
    of_the_writer(&world, "PRAGMA max_page_count = 1").await;
    let mut refused = 0;
    for stranger in 0..200 {
        let (email, browser) = (format!("{stranger}@example.com"), world.browser());
        match browser.request().reset().begin(&email, "").await {
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

/// A request cancelled at any step doesn't block writes of other servers.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_transaction_is_rolled_back() {
    let world = World::on_sqlite().await;
    world.create_account(ADA).await;
    let (other, account) = (world.database.open().await, world.stored(ADA).await.account.id);
    for polls in 0..40 {
        let (email, browser) = (format!("{polls}@example.com"), world.browser());
        let mut begun = Box::pin(browser.request().reset().begin(&email, ""));
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

/// Group commit: waiting writes share one commit, and each can be rolled back alone.
#[tokio::test]
async fn waiting_transactions_share_one_commit() {
    let world = World::on_sqlite().await;
    let writer = writer(&world);
    let mut kept = writer.acquire().await.unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let mut handle = kept.connection.lock_handle().await.unwrap();
    let count = commits.clone();
    handle.set_commit_hook(move || count.fetch_add(1, Ordering::Relaxed) < usize::MAX);
    drop(handle);
    let mut asked = JoinSet::new();
    for number in 0..19 {
        let db = world.backend.db().clone();
        asked.spawn(async move {
            let tx = match number % 5 {
                1 => db.begin_unsynced().await,
                2 => return count_by_autocommit(&db, number).await,
                _ => db.begin().await,
            };
            let mut tx = tx.unwrap();
            throttles::count(&mut tx, &format!("number {number}"), Timestamp(1))
                .await
                .unwrap();
            if number % 5 == 3 {
                // Roll back this write.
                return;
            }
            tx.commit().await.unwrap();
            let seen = failures(&db, number).await;
            assert_eq!(seen, 1, "acknowledged before it is durable");
        });
    }
    // All of them are waiting.
    yield_now().await;
    drop(kept);
    while let Some(done) = asked.join_next().await {
        done.unwrap();
    }
    assert_eq!(commits.load(Ordering::Relaxed), 1);
    for number in 0..19 {
        let seen = failures(world.backend.db(), number).await;
        assert_eq!(seen, i64::from(number % 5 != 3), "{number}");
    }
    world.end().await;
}

async fn count_by_autocommit(db: &Db, number: i32) {
    let mut writer = db.autocommit().await.unwrap();
    let Conn::Sqlite(conn) = &mut writer.conn else {
        panic!("a file")
    };
    sqlx::query("INSERT INTO throttles (key, failures, next_allowed_at, updated_at) VALUES ($1, 1, 0, 1)")
        .bind(format!("number {number}"))
        .execute(&mut **conn)
        .await
        .unwrap();
    writer.finish().await.unwrap();
    assert_eq!(failures(db, number).await, 1, "finished before it is durable");
}

async fn failures(db: &Db, number: i32) -> i64 {
    let Engine::Sqlite(File { readers, .. }) = &db.engine else {
        panic!("a file")
    };
    sqlx::query_scalar("SELECT COALESCE(SUM(failures), 0) FROM throttles WHERE key = $1")
        .bind(format!("number {number}"))
        .fetch_one(readers)
        .await
        .unwrap()
}

/// If the disk becomes full in the middle of a group, exactly the acknowledged writes are stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_no_acknowledged_write() {
    let world = World::on_sqlite().await;
    let pages = of_the_writer(&world, "PRAGMA page_count").await;
    let (mut acknowledged, mut refused) = (0, 0);
    for round in 0..6 {
        let full = format!("PRAGMA max_page_count = {}", pages + 10 * (round + 1));
        of_the_writer(&world, &full).await;
        let mut asked = JoinSet::new();
        for stranger in 0..40 {
            let (email, browser) = (format!("{round}-{stranger}@example.com"), world.browser());
            asked.spawn(async move { browser.request().reset().begin(&email, "").await.map(drop) });
        }
        while let Some(outcome) = asked.join_next().await {
            match outcome.unwrap() {
                Ok(()) => acknowledged += 1,
                Err(Error::Fault(Fault::Away(_))) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(acknowledged > 0 && refused > 0, "{acknowledged} {refused}");
    assert_eq!(of_the_writer(&world, "SELECT count(*) FROM flows").await, acknowledged);
    assert_eq!(of_the_writer(&world, "SELECT count(*) FROM outbox").await, acknowledged);
    world.end().await;
}

/// Requests cancelled at any step among active ones.
#[tokio::test(flavor = "multi_thread")]
async fn cancelled_requests_affect_no_other_request() {
    let world = World::on_sqlite().await;
    let mut asked = JoinSet::new();
    for number in 0..120 {
        let (email, browser) = (format!("{number}@example.com"), world.browser());
        asked.spawn(async move {
            let mut begun = Box::pin(browser.request().reset().begin(&email, ""));
            if number % 3 > 0 {
                return begun.await.map(drop).map(|()| 1);
            }
            for _ in 0..number / 3 {
                if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(begun.as_mut().poll(context))).await {
                    return done.map(|_| 1);
                }
                yield_now().await;
            }
            Ok(0)
        });
    }
    let mut acknowledged = 0;
    while let Some(outcome) = asked.join_next().await {
        acknowledged += outcome.unwrap().unwrap();
    }
    let kept = of_the_writer(&world, "SELECT count(*) FROM flows").await;
    assert!((acknowledged..=120).contains(&kept), "{kept} {acknowledged}");
    assert_eq!(of_the_writer(&world, "SELECT count(*) FROM outbox").await, kept);
    world.end().await;
}

/// Cancelled at each step of a savepoint's release.
#[tokio::test]
async fn a_request_cancelled_at_its_end_affects_no_other_request() {
    let world = World::on_sqlite().await;
    // Each step several times, because the connection's thread may finish first.
    for wakes in (0..8).cycle().take(80) {
        let kept = writer(&world).acquire().await.unwrap();
        let one = |db: Db| async move {
            let mut tx = db.begin().await?;
            throttles::count(&mut tx, "key", Timestamp(1)).await?;
            tx.commit().await
        };
        let db = || world.backend.db().clone();
        // The transactions queue in this order.
        let before = tokio::spawn(one(db()));
        yield_now().await;
        let mut let_go = Box::pin(one(db()));
        assert!(poll_once(&mut let_go).await.is_none());
        let after = tokio::spawn(one(db()));
        yield_now().await;
        drop(kept);
        let mut left = wakes;
        poll_fn(|context| {
            if left == 0 || let_go.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            left -= 1;
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        drop(let_go);
        let (before, after) = (before.await.unwrap(), after.await.unwrap());
        assert!(before.is_ok() && after.is_ok(), "{wakes} {before:?} {after:?}");
    }
    world.end().await;
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *future).poll(context) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })
    })
    .await
}

/// The WAL is checkpointed in the background and restarts, so that it doesn't grow without bound.
#[tokio::test(flavor = "multi_thread")]
async fn the_wal_is_checkpointed_into_the_file() {
    let world = World::on_sqlite().await;
    let Database::Sqlite(folder) = &*world.database else {
        unreachable!()
    };
    let alone = SqliteConnectOptions::new()
        .filename(folder.path().join("rekey.db"))
        .immutable(true);
    for number in 0..400 {
        let mut tx = world.backend.db().begin_unsynced().await.unwrap();
        throttles::count(&mut tx, &format!("number {number}"), Timestamp(1))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let transition = async {
        loop {
            // `immutable` ignores the WAL.
            let mut connection = alone.connect().await.unwrap();
            let rows: Result<i64, _> = sqlx::query_scalar("SELECT count(*) FROM throttles")
                .fetch_one(&mut connection)
                .await;
            connection.close().await.unwrap();
            // A checkpoint may be in progress.
            if rows.is_ok_and(|rows| rows > 0) {
                break;
            }
        }
    };
    let transition = timeout(Duration::from_secs(30), transition).await;
    assert!(transition.is_ok(), "all of it stays in the log");
    world.end().await;
}

/// Whether the last write was synced before it was acknowledged: the writer keeps the setting of that write.
async fn synced(world: &World) -> bool {
    let level: i64 = of_the_writer(world, "PRAGMA synchronous").await;
    level == 2
}

fn writer(world: &World) -> &Writer {
    let Engine::Sqlite(File { writer, .. }) = &world.backend.db().engine else {
        panic!("a scenario on SQLite");
    };
    writer
}

async fn of_the_writer(world: &World, sql: &str) -> i64 {
    let mut kept = writer(world).acquire().await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut kept.connection)
        .await
        .unwrap()
}

/// Whether its commits are on the disk before they are acknowledged.
async fn is_synced(conn: &mut ReadConn) -> bool {
    match &mut conn.conn {
        Conn::Sqlite(conn) => {
            let level: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(&mut **conn)
                .await
                .unwrap();
            level == 2
        }
        Conn::Postgres(conn) => {
            let level: String = sqlx::query_scalar("SHOW synchronous_commit")
                .fetch_one(&mut **conn)
                .await
                .unwrap();
            level == "on"
        }
    }
}
