//! Operator commands for accounts, backups and keys.

use crate::databases;
use crate::program::{rekey, run, success_and_output};
use crate::running::Running;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::process::Stdio;

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn a_destructive_command_requires_confirmation() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| run(folder.path(), line);
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
fn a_command_on_existing_accounts_creates_no_database() {
    let folder = tempfile::tempdir().unwrap();
    server::keys::read_or_make(&folder.path().join("data/keys.toml")).unwrap();
    let run = |line: &str| {
        let mut command = rekey(folder.path());
        command.env("REKEY_DATABASE_URL", "sqlite://other/rekey.db");
        success_and_output(&command.args(words(line)).output().unwrap())
    };
    for line in [
        "user list",
        "user show ada@example.com",
        "user email ada@example.com a@example.com --yes",
        "user delete ada@example.com --yes",
        "user disable --email ada@example.com",
        "user hand-over --email ada@example.com --organization O --administrator-name A --administrator-email a@example.com",
        "org list",
        "org domain O add example.com",
        "org provider O none",
        "org admin O add ada@example.com --yes",
        "org remove O --yes",
        "keys list",
        "keys remove k1",
        "mail queue",
        "mail retry --all",
        "mail drop --all --yes",
        "end-sessions",
        "backup copy.db",
    ] {
        let expected = "The database other/rekey.db does not exist. Check REKEY_DATABASE_URL.\n";
        assert_eq!(run(line), (false, expected.into()), "{line}");
    }
    assert!(!folder.path().join("other").exists());
    let (done, text) = run("user add --email ada@example.com --name Ada");
    assert!(done, "the first account needs no database before it: {text}");
}

/// Strict or distributed databases report such failures (SQLSTATE 40001).
#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_retried_after_a_serialization_failure() {
    let folder = tempfile::tempdir().unwrap();
    let url = databases::postgres("operators").await;
    let command = |line: &str| {
        let mut command = rekey(folder.path());
        command.args(words(line)).env("REKEY_DATABASE_URL", &url);
        command
    };
    assert!(success_and_output(&command("seed").output().unwrap()).0);
    let mut beside = PgConnection::connect(&url).await.unwrap();
    let mut watching = PgConnection::connect(&url).await.unwrap();
    let (_, name) = url.rsplit_once('/').unwrap();
    let strict = format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'");
    sqlx::raw_sql(AssertSqlSafe(strict)).execute(&mut beside).await.unwrap();
    for line in [
        "user email ada@example.com ada@lovelace.example --yes",
        "user hand-over --email grace@example.com --organization O --administrator-name A --administrator-email a@example.com",
        "user delete ada@lovelace.example --yes",
        "user disable --email ada@lovelace.example",
        "user delete grace@example.com --now --yes",
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
        // Wait until the command waits for the row changed by another transaction.
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
        let (done, text) = success_and_output(&child.wait_with_output().unwrap());
        assert!(done, "{line}: {text}");
    }
}

/// Skipped unless the tests run as root.
#[test]
fn root_changes_nothing_in_another_users_folder() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| run(folder.path(), line);
    assert!(run("seed").0);
    let data = folder.path().join("data");
    if std::os::unix::fs::chown(&data, Some(65_534), None).is_err() {
        return;
    }
    let listing = || {
        let mut files: Vec<_> = std::fs::read_dir(&data)
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        files.sort();
        files
    };
    let before = listing();
    for command in ["user list", "keys rotate", "restore copy.db", "serve --dev"] {
        let (done, text) = run(command);
        assert!(
            !done && text.contains("belongs to nobody") && text.contains("runuser -u nobody -- "),
            "{text}"
        );
    }
    assert_eq!(listing(), before);
    // Read-only commands are allowed.
    let (_, text) = run("health");
    assert!(text.contains("no answer at"), "{text}");
    assert!(run("check-config --dev").0);
}

#[test]
fn an_operator_can_show_change_and_delete_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| run(folder.path(), line);
    assert!(run("seed").0);
    let (success, text) = run("user show mary@engines.example");
    assert!(
        success && text.contains("kind\tmanaged by Analytical Engines Ltd\n") && text.contains("last sign-in\t-\n"),
        "{text}"
    );
    assert!(run("user email ada@example.com ada@lovelace.example --yes").0);
    let (success, text) = run("user email ada@lovelace.example grace@example.com --yes");
    assert!(!success && text.contains("nothing was changed"), "{text}");
    let waiting = run("user show ada@lovelace.example").1;
    assert!(waiting.contains("queued e-mail\tnotice: address changed"), "{waiting}");
    let (success, text) = run("user delete ada@lovelace.example");
    assert!(!success && text.contains("Add --yes"), "{text}");
    let (success, text) = run("user delete ada@lovelace.example --yes");
    assert!(success && text.contains("can keep it until then"), "{text}");
    let (success, text) = run("user delete ada@lovelace.example --yes");
    assert!(success && text.contains("will already be deleted"), "{text}");
    assert!(!run("user show ada@lovelace.example").1.contains("deleted after\t-"));
    let (success, text) = run("user delete mary@engines.example --yes");
    assert!(!success && text.contains("Add --now"), "{text}");
    let (success, text) = run("user delete ada@lovelace.example --now");
    assert!(!success && text.contains("cannot be undone"), "{text}");
    assert!(run("user delete ada@lovelace.example --now --yes").0);
    let (success, text) = run("user show ada@lovelace.example");
    assert!(!success && text.contains("There is no account"), "{text}");
}

#[test]
fn a_used_database_requires_its_own_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| run(folder.path(), line);
    assert!(run("seed").0);
    let file = folder.path().join("data/keys.toml");
    let original = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let (done, text) = run("serve --dev");
    assert!(
        !done && text.contains("does not exist, but the database does"),
        "{text}"
    );
    assert!(!file.exists());
    let elsewhere = tempfile::tempdir().unwrap();
    server::keys::read_or_make(&elsewhere.path().join("keys.toml")).unwrap();
    std::fs::copy(elsewhere.path().join("keys.toml"), &file).unwrap();
    for command in ["user list", "keys list", "serve --dev"] {
        let (done, text) = run(command);
        let named = text.contains("the key `k1` in data/keys.toml is not the one");
        assert!(!done && named, "{command:?}: {text}");
    }
    std::fs::write(&file, original).unwrap();
    assert!(run("user list").0);
}

#[test]
fn an_operator_can_add_list_and_disable_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| run(folder.path(), line);
    assert!(run("seed").0);
    assert!(run("seed").0, "a repetition changes nothing");
    let add = "user add --email New@Example.com --name Nell --provider google";
    assert_eq!(run(add), (true, "Added new@example.com.\n".into()));
    assert!(!run(add).0, "an existing account is unchanged");
    assert!(!run("user add --email x@example.com --name X --provider unknown").0);
    assert!(!run("user add --email x@example.com --name X --organization O").0);
    assert!(run("user disable --email new@example.com").0);
    assert!(!run("user disable --email nobody@example.com").0);
    let (success, list) = run("user list");
    assert!(
        success && list.contains("new@example.com\tNell\taccounts.google.com\tdeactivated\n"),
        "{list}"
    );
    assert!(
        list.contains("mary@engines.example\tMary Managed\tmanaged by Analytical Engines Ltd\tactive\n"),
        "{list}"
    );
    assert_eq!(list.lines().count(), 7);
}

#[test]
fn a_backup_can_be_taken_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| run(folder.path(), line);
    assert!(run("seed").0);
    let (success, text) = run("backup b.db");
    assert!(success && text.contains("data/keys.toml is not included"), "{text}");
    let (success, text) = run("backup b.db");
    assert!(
        !success && text == "Nothing was backed up: b.db already exists.\n",
        "{text}"
    );
    assert!(run("user disable --email ada@example.com").0);

    let server = Running::start_in(folder.path(), &[]);
    let (success, text) = run("restore b.db");
    assert!(
        !success && text.contains("a server is using data/rekey.db. Stop it first"),
        "{text}"
    );
    assert!(run("backup c.db").0, "a server may run meanwhile");
    server.end();

    let (success, text) = run("restore b.db");
    assert!(success && text.contains("data/rekey.db.before-restore-1"), "{text}");
    assert!(
        text.contains("Ended: 0 sessions") && !text.contains("Warning"),
        "{text}"
    );
    let (_, list) = run("user list");
    assert!(
        list.contains("ada@example.com\tAda Lovelace\tpassword\tactive\n"),
        "{list}"
    );
    assert!(run("end-sessions").1.starts_with("Ended: 0 sessions"));
    let keys = folder.path().join("data/keys.toml");
    let of_another = std::fs::read_to_string(&keys).unwrap().replace("k1", "k9");
    std::fs::write(&keys, of_another).unwrap();
    let (success, text) = run("restore b.db");
    assert!(
        success && text.contains("passwords need a key that is not in the key file"),
        "{text}"
    );
}

#[test]
fn backup_and_restore_refer_to_the_postgresql_tools() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), "seed").0, "creates keys");
    let run = |command: &str| {
        let mut rekey = rekey(folder.path());
        rekey
            .args([command, "b.db"])
            .env("REKEY_DATABASE_URL", "postgres://rekey:secret@127.0.0.1:1/rekey");
        success_and_output(&rekey.output().unwrap())
    };
    for (command, tool) in [
        ("backup", "pg_dump --format=custom"),
        ("restore", "pg_restore --no-owner"),
    ] {
        let (success, text) = run(command);
        assert!(!success && text.contains(tool) && !text.contains("secret"), "{text}");
        // The operators' document has the same lines.
        let page = include_str!("../../../deploy/backup.md");
        for line in text.lines().filter_map(|line| line.strip_prefix("  ")) {
            assert!(page.contains(line), "{line}");
        }
    }
}

#[test]
fn keys_can_be_rotated_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| run(folder.path(), line);
    let mut server = Running::start_in(folder.path(), &[]);
    let (success, text) = run("keys rotate");
    assert!(success && text.starts_with("k2 is now the current key"), "{text}");
    server.line_with("the keys were reloaded current=\"k2\"");
    let (success, list) = run("keys list");
    let hashes = list
        .strip_prefix("k2\tcurrent\t0 passwords\t0 codes\t0 e-mails\t0 refresh tokens\nk1\tolder\t")
        .unwrap();
    assert!(success && !hashes.starts_with('0'), "{list}");
    let (success, text) = run("keys remove k1");
    assert!(!success && text.starts_with("k1 is needed by "), "{text}");
    assert!(run("keys remove k1 --force").0);
    let (_, list) = run("keys list");
    assert!(list.contains("Warning: ") && !list.contains("k1\t"), "{list}");

    let (success, text) = run("keys replace-signing-key");
    assert!(success && text.starts_with("ID tokens are now signed with "), "{text}");
    assert!(run("keys add").1.starts_with("Added k3 to "));
    assert!(run("keys use k3").0);
    server.line_with("the keys were reloaded current=\"k3\"");
    server.end();
}
