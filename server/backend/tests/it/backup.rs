//! Backups during writes, and restores.

use crate::database::Database;
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address};
use account::{ResetStep, SignInStep};
use backend::store::{Db, accounts};
use backend::{BackupError, Fault, Restored, Take, back_up, restore};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_during_writes_is_consistent_and_private() {
    let world = Arc::new(World::on_sqlite().await);
    let (done, to) = (Arc::new(AtomicBool::new(false)), file(&world, "backup"));
    let writer = tokio::spawn({
        let (world, done) = (world.clone(), done.clone());
        async move {
            let mut written = 0;
            // Rows come in pairs: a consistent copy contains both or neither.
            while !done.load(Ordering::Relaxed) || written == 0 {
                let mut tx = world.backend.db().begin().await.unwrap();
                for half in ["a", "b"] {
                    world
                        .insert(&mut tx, &format!("{half}{written}@example.com"), Some("hash"))
                        .await;
                }
                tx.commit().await.unwrap();
                written += 1;
            }
        }
    });
    for number in 0..5 {
        back_up(world.backend.db(), &with(&to, &number.to_string()))
            .await
            .unwrap();
    }
    done.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    for number in 0..5 {
        let copy = with(&to, &number.to_string());
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        let db = Db::open(&format!("sqlite://{}", copy.display())).await.unwrap();
        let mut tx = db.read().await.unwrap();
        assert_eq!(accounts::list(&mut tx, "", 100_000).await.unwrap().len() % 2, 0);
    }
    let left = std::fs::read_dir(to.parent().unwrap()).unwrap();
    assert!(
        !left
            .map(|entry| entry.unwrap().path())
            .any(|path| ending(&path, ".part"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_does_not_overwrite_a_file_or_leave_a_partial_one() {
    let world = World::on_sqlite().await;
    let to = file(&world, "backup");
    std::fs::write(&to, "precious").unwrap();
    let result = back_up(world.backend.db(), &to).await;
    assert!(matches!(result, Err(BackupError::Exists(_))), "{result:?}");
    assert_eq!(std::fs::read(&to).unwrap(), b"precious");
    let nowhere = back_up(world.backend.db(), &file(&world, "no/such/folder")).await;
    assert!(matches!(nowhere, Err(BackupError::File { .. })), "{nowhere:?}");

    let server = World::on_postgres().await;
    let to = file(&world, "of-a-server");
    let result = back_up(server.backend.db(), &to).await;
    assert!(matches!(result, Err(BackupError::NoFile)), "{result:?}");
    assert_eq!(
        std::fs::read_dir(to.parent().unwrap()).unwrap().count(),
        5,
        "database, -wal, -shm, .lock, backup"
    );
    server.end().await;
}

/// Properties 5, 6, 10 and 22, after a restore.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_keeps_accounts_but_no_sessions_or_codes() {
    let world = World::on_sqlite().await;
    world.create_account(ADA).await;
    let signed_in = world.signed_in(ADA).await;
    let trusted = world.trusted(ADA).await;
    let choosing = world.choosing(ADA).await;
    let mut waiting = world.browser();
    world.clock.advance_minutes(5);
    waiting.begin_reset(ADA).await.unwrap();
    let to = file(&world, "backup");
    back_up(world.backend.db(), &to).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    let emails = world.emails_to(ADA).await.len();
    // Created after the backup, so the restore loses it.
    world.create_account(GRACE).await;

    let (world, restored) = restored(world, &to, false).await;
    let ended = restored.ended.unwrap();
    assert_eq!((ended.sessions, ended.emails), (2, 1));
    assert!(restored.kept.unwrap().ends_with("rekey.db.before-restore-1"));
    for held in [&signed_in.held, &trusted.held] {
        let mut browser = world.browser();
        browser.held = held.clone();
        assert!(!browser.is_signed_in().await);
        browser.begin_sign_in(ADA).await.unwrap();
        let step = browser.password(PASSWORD).await.unwrap();
        assert!(matches!(step, SignInStep::EnterCode(_)), "{step:?}");
    }
    let mut browser = world.browser();
    browser.held = choosing.held.clone();
    assert!(browser.choose(NEW_PASSWORD).await.is_err());
    browser.held = waiting.held.clone();
    assert!(browser.answer_reset(&code).await.is_err());
    let sent_again = world.emails_to(ADA).await.len() - emails;
    assert_eq!(sent_again, 2, "those of the two sign-ins above");
    let mut tx = world.backend.db().read().await.unwrap();
    assert!(
        accounts::find_by_email(&mut tx, &address(GRACE))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migrated_service_keeps_its_sessions() {
    let world = World::on_sqlite().await;
    world.create_account(ADA).await;
    let signed_in = world.signed_in(ADA).await;
    let (resetting, code) = world.resetting(ADA).await;
    let to = file(&world, "backup");
    back_up(world.backend.db(), &to).await.unwrap();
    let (world, restored) = restored(world, &to, true).await;
    assert!(restored.ended.is_none());
    let mut browser = world.browser();
    browser.held = signed_in.held.clone();
    assert!(browser.is_signed_in().await);
    browser.held = resetting.held.clone();
    assert_step!(browser.answer_reset(&code), ResetStep::ChoosePassword);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_refused_while_a_server_runs() {
    let world = World::on_sqlite().await;
    let to = file(&world, "backup");
    back_up(world.backend.db(), &to).await.unwrap();
    let result = restore(&url(&world), &to, Take::default(), world.now()).await;
    assert!(matches!(result, Err(BackupError::Fault(Fault::InUse))), "{result:?}");
    world.backend.db().close().await;
    restore(&url(&world), &to, Take::default(), world.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_backup_is_refused_and_changes_nothing() {
    let world = World::on_sqlite().await;
    world.create_account(ADA).await;
    let good = file(&world, "backup");
    back_up(world.backend.db(), &good).await.unwrap();
    world.backend.db().close().await;
    let whole = std::fs::read(&good).unwrap();
    let mut torn = whole.clone();
    torn[4_096..20_480].fill(0x55);
    for (name, bytes) in [
        ("text", b"no database".to_vec()),
        ("empty", Vec::new()),
        ("short", whole[..whole.len() / 2].to_vec()),
        ("torn", torn),
    ] {
        let from = file(&world, name);
        std::fs::write(&from, bytes).unwrap();
        refused(&world, &from, name).await;
    }
    refused(&world, &file(&world, "absent"), "absent").await;
    // The WAL of a database that is in use, or was during the copy.
    std::fs::write(with(&good, "-wal"), "x").unwrap();
    refused(&world, &good, "with -wal").await;
    std::fs::remove_file(with(&good, "-wal")).unwrap();
    changed(&good, "ALTER TABLE flows RENAME TO streams").await;
    refused(&world, &good, "another program's").await;
    changed(&good, "ALTER TABLE streams RENAME TO flows").await;
    changed(
        &good,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of a newer version', TRUE, x'00', 1)",
    )
    .await;
    refused(&world, &good, "a newer version's").await;

    let world = world.started_again().await;
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
}

/// Attack: a forged backup contains triggers that run later, or rows that let its author sign in.
#[tokio::test(flavor = "multi_thread")]
async fn a_modified_backup_is_refused_with_the_change_named() {
    let world = World::on_sqlite().await;
    world.create_account(ADA).await;
    let good = file(&world, "backup");
    back_up(world.backend.db(), &good).await.unwrap();
    world.backend.db().close().await;
    let hash = "UPDATE passwords SET hash = '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA'";
    let hash_of_django = "UPDATE passwords SET hash = 'pbkdf2_sha256$1000$salt$AAAA'";
    let hash_of_a_directory = "UPDATE passwords SET hash = '{SSHA}VtMrX63/x6+7EhF+qpJpsLa1I/iF8P4/'";
    for (change, named) in [
        (
            "CREATE TRIGGER t AFTER UPDATE ON flows BEGIN DELETE FROM events; END",
            "trigger t",
        ),
        ("CREATE VIEW v AS SELECT 1", "view v"),
        ("CREATE TABLE extra (x)", "table extra"),
        ("DROP INDEX sessions_by_end", "index sessions_by_end"),
        (hash, ADA),
        (hash_of_django, ADA),
        (hash_of_a_directory, ADA),
    ] {
        let bad = file(&world, "bad");
        std::fs::copy(&good, &bad).unwrap();
        changed(&bad, change).await;
        refused(&world, &bad, change).await;
        let result = restore(&url(&world), &bad, Take::default(), world.now())
            .await
            .unwrap_err();
        assert!(result.to_string().contains(named), "{result}");
        std::fs::remove_file(&bad).unwrap();
    }
    changed(&good, hash).await;
    let take = Take {
        foreign_hashes: true,
        ..Take::default()
    };
    restore(&url(&world), &good, take, world.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_keeps_the_replaced_database_and_its_wal() {
    let world = World::on_sqlite().await;
    let to = file(&world, "backup");
    back_up(world.backend.db(), &to).await.unwrap();
    world.backend.db().close().await;
    let database = Db::file(&url(&world)).unwrap();
    let before = std::fs::read(&database).unwrap();
    std::fs::write(with(&database, "-wal"), "left").unwrap();
    std::fs::write(with(&database, "-shm"), "left").unwrap();
    for number in 1..=2 {
        let restored = restore(&url(&world), &to, Take::default(), world.now()).await.unwrap();
        let kept = with(&database, &format!(".before-restore-{number}"));
        assert_eq!(restored.kept.as_ref(), Some(&kept));
        if number == 1 {
            assert_eq!(std::fs::read(&kept).unwrap(), before);
            assert_eq!(std::fs::read(with(&kept, "-wal")).unwrap(), b"left");
        }
    }
    for stale in ["-wal", "-shm", ".restoring"] {
        assert!(!with(&database, stale).exists(), "{stale}");
    }
    assert_eq!(
        std::fs::metadata(&database).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Without an existing database.
    let elsewhere = file(&world, "new.db");
    let url = format!("sqlite://{}", elsewhere.display());
    assert!(
        restore(&url, &to, Take::default(), world.now())
            .await
            .unwrap()
            .kept
            .is_none()
    );
    assert!(elsewhere.is_file());
    let server = restore("postgres://rekey@127.0.0.1/rekey", &to, Take::default(), world.now()).await;
    assert!(matches!(server, Err(BackupError::NoFile)), "{server:?}");
}

async fn restored(world: World, from: &Path, keep_sessions: bool) -> (World, Restored) {
    world.backend.db().close().await;
    let restored = restore(
        &url(&world),
        from,
        Take {
            keep_sessions,
            ..Take::default()
        },
        world.now(),
    )
    .await
    .unwrap();
    (world.started_again().await, restored)
}

async fn refused(world: &World, from: &Path, what: &str) {
    let database = Db::file(&url(world)).unwrap();
    let before = std::fs::read(&database).unwrap();
    let result = restore(&url(world), from, Take::default(), world.now()).await;
    assert!(result.is_err(), "{what}: {result:?}");
    assert!(std::fs::read(&database).unwrap() == before, "{what}");
    for left in [".restoring", ".before-restore-1"] {
        assert!(!with(&database, left).exists(), "{what}: {left}");
    }
}

async fn changed(file: &Path, statement: &'static str) {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display()))
        .await
        .unwrap();
    sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    pool.close().await;
}

fn url(world: &World) -> String {
    format!("sqlite://{}", file(world, "rekey.db").display())
}

fn file(world: &World, name: &str) -> PathBuf {
    let Database::Sqlite(folder) = &*world.database else {
        panic!("a file")
    };
    folder.path().join(name)
}

fn with(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

fn ending(path: &Path, ending: &str) -> bool {
    path.to_string_lossy().ends_with(ending)
}
