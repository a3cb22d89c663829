//! The database: transactions, read-only servers, copies, indexes.

use super::fixtures::{NOW, flow, id, insert_flow, local, with_ada};
use crate::world::{ADA, World, address};
use account::Purpose;
use backend::store::postgres::Server;
use backend::store::sqlite::{File, backup};
use backend::store::{Conn, Db, Engine, accounts, deletions};
use sqlx::AssertSqlSafe;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// Read-only mode begins while connections are open, such as after a failover.
#[apply(on_both!)]
async fn a_read_only_database_is_not_ready(world: &World) {
    let db = world.backend.db();
    let Engine::Postgres(Server { pool, .. }) = &db.engine else {
        let mut watch = pin!(db.watch());
        assert!(timeout(Duration::from_millis(1), &mut watch).await.is_err());
        return db.ping().await.unwrap();
    };
    let changes = async {
        let mut operator = pool.acquire().await.unwrap().detach();
        let database = "SELECT current_database()";
        let database: String = sqlx::query_scalar(database).fetch_one(&mut operator).await.unwrap();
        for (read_only, ready) in [(true, false), (false, true)] {
            let change = format!("ALTER DATABASE {database} SET default_transaction_read_only = {read_only}");
            sqlx::raw_sql(AssertSqlSafe(change))
                .execute(&mut operator)
                .await
                .unwrap();
            while db.ping().await.is_ok() != ready {
                tokio::task::yield_now().await;
            }
            assert_eq!(db.begin().await.is_ok(), ready);
        }
        // Read-only connections have left the pool.
        let mut tx = db.begin().await.unwrap();
        accounts::insert(&mut tx, &local(ADA), None, NOW).await.unwrap();
        tx.commit().await.unwrap();
    };
    tokio::select! {
        () = db.watch() => unreachable!(),
        () = changes => {}
    }
}

/// A rollback to the previous release.
#[apply(on_both!)]
async fn the_program_runs_on_the_schema_of_the_next_release(world: &World) {
    const NEXT: &str =
        "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time
                          FROM _sqlx_migrations WHERE version = 1";
    let mut tx = world.backend.db().begin().await.unwrap();
    match &mut tx.conn {
        Conn::Sqlite(tx) => drop(sqlx::query(NEXT).execute(&mut **tx).await.unwrap()),
        Conn::Postgres(tx) => drop(sqlx::query(NEXT).execute(&mut **tx).await.unwrap()),
    }
    tx.commit().await.unwrap();
    world.backend.db().migrate().await.unwrap();
    assert!(world.backend.db().migrate_strictly().await.is_err());
}

#[apply(on_both!)]
async fn transactions_commit_or_roll_back_until_the_database_closes(world: &World) {
    let db = world.database.open().await;
    db.migrate().await.unwrap();
    db.ping().await.unwrap();
    for (synced, last) in [(true, false), (false, false), (true, true)] {
        let begun = if synced {
            db.begin().await
        } else {
            db.begin_unsynced().await
        };
        let mut tx = begun.unwrap();
        accounts::insert(&mut tx, &local(ADA), None, NOW).await.unwrap();
        if last {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        let mut tx = db.read().await.unwrap();
        assert_eq!(accounts::find(&mut tx, &id(ADA)).await.unwrap().is_some(), last);
    }
    let mut writer = db.autocommit().await.unwrap();
    let arabic = "update accounts set language = 'ar'";
    match &mut writer.conn {
        Conn::Sqlite(conn) => drop(sqlx::query(arabic).execute(&mut **conn).await.unwrap()),
        Conn::Postgres(conn) => drop(sqlx::query(arabic).execute(&mut **conn).await.unwrap()),
    }
    writer.finish().await.unwrap();
    let stored = accounts::find(&mut db.read().await.unwrap(), &id(ADA)).await;
    assert_eq!(stored.unwrap().unwrap().account.language.as_deref(), Some("ar"));
    if let Engine::Sqlite(File { writer, .. }) = &db.engine {
        drop(writer.acquire().await.unwrap());
    }
    db.close().await;
    assert!(db.ping().await.is_err() && db.begin().await.is_err());
    assert!(Db::open("postgres://rekey@127.0.0.1:1/nowhere").await.is_err());
}

/// SQLite only: PostgreSQL has its own backup tools.
#[apply(on_both!)]
async fn a_copy_of_a_database_file_is_complete(world: &World) {
    let mut tx = with_ada(world).await;
    insert_flow(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    tx.commit().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy");
    let copied = backup::copy(world.backend.db(), &to).await.unwrap();
    assert_eq!(
        (copied, to.exists()),
        match &world.backend.db().engine {
            Engine::Sqlite(_) => (true, true),
            Engine::Postgres(_) => (false, false),
        }
    );
    if copied {
        assert_eq!(backup::fault_of(&to).await, None);
        assert!(backup::copy(world.backend.db(), &to).await.is_err(), "it exists");
    }
    std::fs::write(&to, "nothing").unwrap();
    assert!(backup::fault_of(&to).await.is_some());
}

/// Attack: a copy of the file has the rows that were deleted before.
#[apply(on_both!)]
async fn deleted_rows_leave_no_bytes(world: &World) {
    let mut tx = with_ada(world).await;
    accounts::insert(&mut tx, &local("grace@example.com"), None, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(world.database.stolen().await.contains(ADA));
    let mut tx = world.backend.db().begin().await.unwrap();
    deletions::delete(&mut tx, &id(ADA), &address(ADA)).await.unwrap();
    tx.commit().await.unwrap();
    world.backend.db().forget_deleted().await.unwrap();
    let stolen = world.database.stolen().await;
    assert!(stolen.contains("grace@example.com") && !stolen.contains(ADA));
}
