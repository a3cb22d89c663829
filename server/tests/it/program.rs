//! Starting and stopping the program.

use crate::running::Running;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub fn rekey(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekey"));
    command.current_dir(folder).env_clear();
    command
}

pub fn told(output: &Output) -> (bool, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn every_command_has_help() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["import", "--help"],
        &["seed", "--help"],
        &["user", "--help"],
        &["user", "add", "--help"],
        &["user", "list", "--help"],
        &["user", "show", "--help"],
        &["user", "email", "--help"],
        &["user", "delete", "--help"],
        &["user", "hand-over", "--help"],
        &["user", "disable", "--help"],
        &["mail", "--help"],
        &["mail", "test", "--help"],
        &["mail", "queue", "--help"],
        &["mail", "retry", "--help"],
        &["mail", "drop", "--help"],
        &["health", "--help"],
        &["backup", "--help"],
        &["restore", "--help"],
        &["end-sessions", "--help"],
        &["keys", "--help"],
        &["keys", "list", "--help"],
        &["keys", "rotate", "--help"],
        &["keys", "add", "--help"],
        &["keys", "use", "--help"],
        &["keys", "remove", "--help"],
        &["check-config", "--help"],
    ] {
        let (right, text) = told(&rekey(folder.path()).args(command).output().unwrap());
        assert!(right && text.contains("Usage: rekey"), "{command:?}: {text}");
    }
}

#[test]
fn the_program_prints_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let told = told(&rekey(folder.path()).arg("--version").output().unwrap());
    assert_eq!(told, (true, format!("rekey {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_documents_have_the_table_of_keys_as_the_program_prints_it() {
    let folder = tempfile::tempdir().unwrap();
    let printed = rekey(folder.path()).args(["check-config", "--list"]).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let page = include_str!("../../../docs/configuration.md");
    let table = page.split("<!-- configuration:begin -->\n").nth(1).unwrap();
    assert_eq!(table.split("<!-- configuration:end -->").next().unwrap(), printed);
}

#[test]
fn a_refused_start_reports_every_problem_and_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], settings: &[(&str, &str)]| {
        let mut command = rekey(folder.path());
        let output = command.args(arguments).envs(settings.iter().copied()).output().unwrap();
        let (right, text) = told(&output);
        assert!(!right, "{text}");
        text
    };
    let text = refused(
        &["serve"],
        &[("REKEY_ORIGIN", "http://example.com"), ("REKEY_LISTN", "x")],
    );
    for key in [
        "REKEY_LISTN: ",
        "REKEY_SMTP_URL: ",
        "REKEY_ORIGIN: ",
        "REKEY_KEY_FILE: ",
    ] {
        assert_eq!(text.matches(key).count(), 1, "{key}{text}");
    }
    let text = refused(&["serve", "--dev"], &[("REKEY_LISTEN", "0.0.0.0:3000")]);
    assert!(text.contains("REKEY_LISTEN: is not a loopback address"), "{text}");
    assert!(refused(&["seed"], &[("REKEY_ORIGIN", "https://example.com")]).contains("loopback hosts only"));
    assert!(!folder.path().join("data/rekey.db").exists());
}

#[test]
fn the_configuration_is_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (right, text) = told(&rekey(folder.path()).args(["check-config", "--list"]).output().unwrap());
    assert!(
        right && text.contains("| `REKEY_LISTEN` | `127.0.0.1:3000` |") && text.contains("`REKEY_CONFIG`"),
        "{text}"
    );
    let (right, text) = told(&rekey(folder.path()).args(["check-config", "--dev"]).output().unwrap());
    assert!(right && text.contains("REKEY_PASSWORD_MIN=15"), "{text}");
    assert!(!folder.path().join("data").exists(), "looking makes nothing");
}

/// With a permissive umask.
#[test]
fn files_are_private_under_any_umask() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str| {
        let program = env!("CARGO_BIN_EXE_rekey");
        let mut command = std::process::Command::new("sh");
        let command = command
            .args(["-c", &format!("umask 000; exec {program} {words}")])
            .current_dir(folder.path());
        told(&command.env_clear().output().unwrap())
    };
    let mode = |name: &str| {
        std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert!(run("seed").0);
    assert!(run("backup copy.db").0);
    for name in ["data/rekey.db", "data/keys.toml", "copy.db"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    // Created by an earlier release.
    let database = folder.path().join("data/rekey.db");
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(run("user list").0);
    assert_eq!(mode("data/rekey.db"), 0o600);
    let (done, text) = run("restore copy.db");
    assert!(done, "{text}");
    for file in std::fs::read_dir(folder.path().join("data")).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{:?}",
            file.path()
        );
    }
    // Not through a link, which could point to another user's file.
    let other = folder.path().join("others");
    std::fs::write(&other, "").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::remove_file(&database).unwrap();
    std::os::unix::fs::symlink(&other, &database).unwrap();
    assert!(!run("user list").0);
    assert_eq!(mode("others"), 0o644);
}

/// Only if the tests run as root.
#[test]
fn root_changes_nothing_in_another_users_folder() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| told(&rekey(folder.path()).args(arguments).output().unwrap());
    assert!(run(&["seed"]).0);
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
    for command in [
        &["user", "list"][..],
        &["keys", "rotate"],
        &["restore", "copy.db"],
        &["serve", "--dev"],
    ] {
        let (done, text) = run(command);
        assert!(
            !done && text.contains("belongs to nobody") && text.contains("runuser -u nobody -- "),
            "{text}"
        );
    }
    assert_eq!(listing(), before);
    // Reading changes nothing.
    let (_, text) = run(&["health"]);
    assert!(text.contains("no answer at"), "{text}");
    assert!(run(&["check-config", "--dev"]).0);
}

#[test]
fn an_account_is_shown_moved_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| told(&rekey(folder.path()).args(arguments).output().unwrap());
    assert!(run(&["seed"]).0);
    let (right, text) = run(&["user", "show", "managed@example.com"]);
    assert!(
        right && text.contains("kind\tmanaged by Analytical Engines Ltd\n") && text.contains("last sign-in\t-\n"),
        "{text}"
    );
    assert!(run(&["user", "email", "ada@example.com", "ada@lovelace.example", "--yes"]).0);
    let (right, text) = run(&["user", "email", "ada@lovelace.example", "grace@example.com", "--yes"]);
    assert!(!right && text.contains("nothing was changed"), "{text}");
    let waiting = run(&["user", "show", "ada@lovelace.example"]).1;
    assert!(waiting.contains("queued e-mail\tnotice: address changed"), "{waiting}");
    let (right, text) = run(&["user", "delete", "ada@lovelace.example"]);
    assert!(!right && text.contains("Add --yes"), "{text}");
    assert!(run(&["user", "delete", "ada@lovelace.example", "--yes"]).0);
    let (right, text) = run(&["user", "show", "ada@lovelace.example"]);
    assert!(!right && text.contains("There is no account"), "{text}");
}

#[test]
fn a_configuration_with_a_password_must_be_private() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rekey.toml");
    let checked = |content: &str, mode: u32| {
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = rekey(folder.path());
        told(
            &command
                .args(["check-config", "--dev"])
                .env("REKEY_CONFIG", &file)
                .output()
                .unwrap(),
        )
    };
    let with = "database_url = \"postgres://rekey:hunter2@127.0.0.1/rekey\"";
    let (right, text) = checked(with, 0o640);
    assert!(
        !right && text.contains("chmod 600") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(checked(with, 0o600).0);
    assert!(checked("brand = \"Example\"", 0o644).0);
}

#[test]
fn a_different_key_file_is_refused_and_none_is_created_for_a_used_database() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| told(&rekey(folder.path()).args(arguments).output().unwrap());
    assert!(run(&["seed"]).0);
    let file = folder.path().join("data/keys.toml");
    let right = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let (done, text) = run(&["serve", "--dev"]);
    assert!(
        !done && text.contains("does not exist, but the database does"),
        "{text}"
    );
    assert!(!file.exists());
    let elsewhere = tempfile::tempdir().unwrap();
    server::keys::read_or_make(&elsewhere.path().join("keys.toml")).unwrap();
    std::fs::copy(elsewhere.path().join("keys.toml"), &file).unwrap();
    for command in [&["user", "list"][..], &["keys", "list"], &["serve", "--dev"]] {
        let (done, text) = run(command);
        let named = text.contains("the key `k1` in data/keys.toml is not the one");
        assert!(!done && named, "{command:?}: {text}");
    }
    std::fs::write(&file, right).unwrap();
    assert!(run(&["user", "list"]).0);
}

#[test]
fn an_operator_adds_lists_and_disables_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| told(&rekey(folder.path()).args(arguments).output().unwrap());
    assert!(run(&["seed"]).0);
    assert!(run(&["seed"]).0, "a repetition changes nothing");
    let add = [
        "user",
        "add",
        "--email",
        "New@Example.com",
        "--name",
        "Nell New",
        "--google",
    ];
    assert_eq!(run(&add), (true, "Added new@example.com.\n".into()));
    assert!(!run(&add).0, "an existing account is unchanged");
    assert!(
        !run(&[
            "user",
            "add",
            "--email",
            "x@example.com",
            "--name",
            "X",
            "--google",
            "--password-stdin"
        ])
        .0
    );
    assert!(
        !run(&[
            "user",
            "add",
            "--email",
            "x@example.com",
            "--name",
            "X",
            "--organization",
            "O"
        ])
        .0
    );
    assert!(run(&["user", "disable", "--email", "new@example.com"]).0);
    assert!(!run(&["user", "disable", "--email", "nobody@example.com"]).0);
    let (right, list) = run(&["user", "list"]);
    assert!(
        right && list.contains("new@example.com\tNell New\tgoogle\tdeactivated\n"),
        "{list}"
    );
    assert!(
        list.contains("managed@example.com\tMary Managed\tmanaged by Analytical Engines Ltd\tactive\n"),
        "{list}"
    );
    assert_eq!(list.lines().count(), 6);
}

#[test]
fn the_development_run_prints_its_url_and_stops_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = rekey(folder.path())
        .args(["serve", "--dev"])
        .env("REKEY_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut greeting = String::new();
    while !greeting.contains("Stop") {
        assert_ne!(out.read_line(&mut greeting).unwrap(), 0, "{greeting}");
    }
    for word in [
        "/signin",
        "/dev/emails",
        "ada@example.com",
        "correct horse battery staple",
    ] {
        assert!(greeting.contains(word), "{word}: {greeting}");
    }
    let status = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(child.wait().unwrap().success(), "{log}");
    assert!(log.contains("SIGTERM") && log.contains("stopped"), "{log}");
    for made in ["data/keys.toml", "data/rekey.db", "data/emails"] {
        assert!(folder.path().join(made).exists(), "{made}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_served_on_a_separate_listener_only() {
    let mut running = Running::start(&[("REKEY_METRICS_LISTEN", "127.0.0.1:0")]);
    let metrics = running.address_after("serving metrics");
    assert_eq!(running.get("/metrics").send().await.unwrap().status(), 404);
    let scraped = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap();
    assert_eq!(
        scraped.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = scraped.text().await.unwrap();
    assert!(
        text.contains(r#"rekey_http_requests_total{route="(none)",method="GET",status="4xx"} 1"#),
        "{text}"
    );
    let page = reqwest::get(format!("http://{metrics}/signin")).await.unwrap();
    assert_eq!(page.status(), 404, "and nothing else is there");
    running.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_json_log_line_of_a_request_has_its_id() {
    let running = Running::start(&[("REKEY_LOG_FORMAT", "json"), ("REKEY_LOG", "info,sqlx=debug")]);
    let answer = running.get("/readyz").send().await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let log = running.end();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_request: Vec<_> = lines.iter().filter(|line| line["request_id"] == *id).collect();
    let targets: Vec<_> = of_request.iter().filter_map(|line| line["target"].as_str()).collect();
    assert!(
        targets.contains(&"rekey::access") && targets.contains(&"sqlx::query"),
        "{log}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "stopped" && line.get("request_id").is_none())
    );
}

#[test]
fn a_backup_is_taken_and_restored_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| told(&rekey(folder.path()).args(arguments).output().unwrap());
    assert!(run(&["seed"]).0);
    let (right, text) = run(&["backup", "b.db"]);
    assert!(right && text.contains("data/keys.toml is not included"), "{text}");
    let (right, text) = run(&["backup", "b.db"]);
    assert!(
        !right && text == "Nothing was backed up: b.db already exists.\n",
        "{text}"
    );
    assert!(run(&["user", "disable", "--email", "ada@example.com"]).0);

    let server = Running::start_in(folder.path(), &[]);
    let (right, text) = run(&["restore", "b.db"]);
    assert!(
        !right && text.contains("a server is using data/rekey.db. Stop it first"),
        "{text}"
    );
    assert!(run(&["backup", "c.db"]).0, "a server may run meanwhile");
    server.end();

    let (right, text) = run(&["restore", "b.db"]);
    assert!(right && text.contains("data/rekey.db.before-restore-1"), "{text}");
    assert!(
        text.contains("Ended: 0 sessions") && !text.contains("Warning"),
        "{text}"
    );
    let (_, list) = run(&["user", "list"]);
    assert!(
        list.contains("ada@example.com\tAda Lovelace\tlocal\tactive\n"),
        "{list}"
    );
    assert!(run(&["end-sessions"]).1.starts_with("Ended: 0 sessions"));
    let keys = folder.path().join("data/keys.toml");
    let of_another = std::fs::read_to_string(&keys).unwrap().replace("k1", "k9");
    std::fs::write(&keys, of_another).unwrap();
    let (right, text) = run(&["restore", "b.db"]);
    assert!(
        right && text.contains("passwords need a key that is not in the key file"),
        "{text}"
    );
}

#[test]
fn a_service_manager_is_notified_of_readiness_and_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let running = Running::start(&[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    let heard = || {
        let mut text = [0; 64];
        let length = socket.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    };
    assert_eq!(heard(), "READY=1\n");
    running.end();
    assert_eq!(heard(), "STOPPING=1\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_check_reports_readiness() {
    let running = Running::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let address = running.address().to_owned();
    let health = || {
        let mut command = rekey(folder.path());
        told(&command.arg("health").env("REKEY_LISTEN", &address).output().unwrap())
    };
    assert_eq!(health(), (true, "ready\n".into()));
    running.end();
    let (right, text) = health();
    assert!(!right && text.contains("no answer at"), "{text}");
}

#[test]
fn on_postgres_a_backup_refers_to_its_own_tools() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        told(&rekey(folder.path()).arg("seed").output().unwrap()).0,
        "makes keys"
    );
    let run = |command: &str| {
        let mut rekey = rekey(folder.path());
        rekey
            .args([command, "b.db"])
            .env("REKEY_DATABASE_URL", "postgres://rekey:secret@127.0.0.1:1/rekey");
        told(&rekey.output().unwrap())
    };
    for (command, tool) in [
        ("backup", "pg_dump --format=custom"),
        ("restore", "pg_restore --no-owner"),
    ] {
        let (right, text) = run(command);
        assert!(!right && text.contains(tool) && !text.contains("secret"), "{text}");
        // The operators' document has the same lines.
        let page = include_str!("../../../deploy/backup.md");
        for line in text.lines().filter_map(|line| line.strip_prefix("  ")) {
            assert!(page.contains(line), "{line}");
        }
    }
}

#[test]
fn keys_are_rotated_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| told(&rekey(folder.path()).args(arguments).output().unwrap());
    let mut server = Running::start_in(folder.path(), &[]);
    let (right, text) = run(&["keys", "rotate"]);
    assert!(right && text.starts_with("k2 is now the current key"), "{text}");
    server.line_with("the keys were reloaded current=\"k2\"");
    let (right, list) = run(&["keys", "list"]);
    let hashes = list
        .strip_prefix("k2\tcurrent\t0 passwords\t0 codes\t0 e-mails\nk1\tolder\t")
        .unwrap();
    assert!(right && !hashes.starts_with('0'), "{list}");
    let (right, text) = run(&["keys", "remove", "k1"]);
    assert!(!right && text.starts_with("k1 is needed by "), "{text}");
    assert!(run(&["keys", "remove", "k1", "--force"]).0);
    let (_, list) = run(&["keys", "list"]);
    assert!(list.contains("Warning: ") && !list.contains("k1\t"), "{list}");

    assert!(run(&["keys", "add"]).1.starts_with("Added k3 to "));
    assert!(run(&["keys", "use", "k3"]).0);
    server.line_with("the keys were reloaded current=\"k3\"");
    server.end();
}
