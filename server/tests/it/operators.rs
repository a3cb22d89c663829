//! Confirmation, requirements and concurrency of commands.

use crate::databases;
use crate::program::{rekey, told};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::process::Stdio;

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn a_far_reaching_change_needs_a_confirmation() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| told(&rekey(folder.path()).args(words(line)).output().unwrap());
    assert!(run("seed").0);
    let (done, text) = run("user email ada@example.com ada@lovelace.example");
    assert!(!done && text.ends_with("Add --yes to confirm.\n"), "{text}");
    assert!(run("user show ada@example.com").0, "nothing has changed");
    assert!(run("user email ada@example.com ada@lovelace.example --yes").0);
    let (done, text) = run("mail drop --all");
    assert!(!done && text.ends_with("Add --yes to confirm.\n"), "{text}");
    assert_eq!(run("mail queue").1.lines().count(), 3, "both notices wait");
    let (done, text) = run("mail drop --all --yes");
    assert!(done && text.starts_with("Dropped: 2."), "{text}");
}

/// A mistyped path would look like a service without accounts, and its backup would look valid.
#[test]
fn a_command_about_accounts_that_exist_creates_no_database() {
    let folder = tempfile::tempdir().unwrap();
    server::keys::read_or_make(&folder.path().join("data/keys.toml")).unwrap();
    let run = |line: &str| {
        let mut command = rekey(folder.path());
        command.env("REKEY_DATABASE_URL", "sqlite://other/rekey.db");
        told(&command.args(words(line)).output().unwrap())
    };
    for line in [
        "user list",
        "user show ada@example.com",
        "user email ada@example.com a@example.com --yes",
        "user delete ada@example.com --yes",
        "user disable --email ada@example.com",
        "user hand-over --email ada@example.com --organization O --administrator-name A --administrator-email a@example.com",
        "keys list",
        "keys remove k1",
        "mail queue",
        "mail retry --all",
        "mail drop --all --yes",
        "end-sessions",
        "backup copy.db",
    ] {
        let expected = "There is no database other/rekey.db. Check REKEY_DATABASE_URL.\n";
        assert_eq!(run(line), (false, expected.into()), "{line}");
    }
    assert!(!folder.path().join("other").exists());
    let (done, text) = run("user add --email ada@example.com --name Ada");
    assert!(done, "the first account needs no database before it: {text}");
}

/// Strict or distributed databases do this (SQLSTATE 40001).
#[tokio::test(flavor = "multi_thread")]
async fn a_serialization_failure_of_a_command_is_retried() {
    let folder = tempfile::tempdir().unwrap();
    let url = databases::postgres("operators").await;
    let command = |line: &str| {
        let mut command = rekey(folder.path());
        command.args(words(line)).env("REKEY_DATABASE_URL", &url);
        command
    };
    assert!(told(&command("seed").output().unwrap()).0);
    let mut beside = PgConnection::connect(&url).await.unwrap();
    let mut watching = PgConnection::connect(&url).await.unwrap();
    let (_, name) = url.rsplit_once('/').unwrap();
    let strict = format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'");
    sqlx::raw_sql(AssertSqlSafe(strict)).execute(&mut beside).await.unwrap();
    for line in [
        "user email ada@example.com ada@lovelace.example --yes",
        "user disable --email ada@lovelace.example",
        "user hand-over --email grace@example.com --organization O --administrator-name A --administrator-email a@example.com",
        "user delete grace@example.com --yes",
    ] {
        let mut tx = beside.begin().await.unwrap();
        sqlx::query("UPDATE accounts SET name = name || '.'")
            .execute(&mut *tx)
            .await
            .unwrap();
        let mut child = command(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Waits until the command waits for the row that another transaction has changed.
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&mut watching)
            .await
            .unwrap();
            if waiting > 0 {
                break;
            }
            assert!(child.try_wait().unwrap().is_none(), "{line}");
        }
        tx.commit().await.unwrap();
        let (done, text) = told(&child.wait_with_output().unwrap());
        assert!(done, "{line}: {text}");
    }
}
