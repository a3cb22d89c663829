//! Calling, starting and stopping the program.

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

pub fn success_and_output(output: &Output) -> (bool, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Runs a command, with the folder's `rekey.toml` if there is one. Returns whether it succeeded, and its output.
pub fn run(folder: &Path, line: &str) -> (bool, String) {
    let mut command = rekey(folder);
    if folder.join("rekey.toml").exists() {
        command.env("REKEY_CONFIG", "rekey.toml");
    }
    success_and_output(&command.args(line.split(' ')).output().unwrap())
}

/// Runs a command that succeeds. Returns its output.
pub fn done(folder: &Path, line: &str) -> String {
    let (done, text) = run(folder, line);
    assert!(done, "{line}: {text}");
    text
}

/// Runs a command that is refused. Returns the sentence that says why.
pub fn refused(folder: &Path, line: &str) -> String {
    let (done, text) = run(folder, line);
    assert!(!done, "{line}: {text}");
    assert_eq!(text.lines().count(), 1, "one sentence: {text}");
    text
}

#[test]
fn every_command_has_help() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "",
        "serve",
        "migrate",
        "import",
        "seed",
        "user",
        "user add",
        "user list",
        "user show",
        "user email",
        "user delete",
        "user hand-over",
        "user disable",
        "org",
        "org add",
        "org list",
        "org domain",
        "org domain NAME add",
        "org domain NAME verify",
        "org domain NAME trust",
        "org domain NAME remove",
        "org provider",
        "org admin",
        "org admin NAME add",
        "org admin NAME remove",
        "org remove",
        "client",
        "client add",
        "client list",
        "client show",
        "client rotate",
        "client remove",
        "mail",
        "mail test",
        "mail queue",
        "mail retry",
        "mail drop",
        "mail-group",
        "mail-group choices",
        "mail-group choose",
        "unsubscribe-link",
        "health",
        "backup",
        "restore",
        "end-sessions",
        "keys",
        "keys list",
        "keys rotate",
        "keys add",
        "keys use",
        "keys remove",
        "keys replace-signing-key",
        "check-config",
    ] {
        let words = command.split_whitespace().chain(["--help"]);
        let (success, text) = success_and_output(&rekey(folder.path()).args(words).output().unwrap());
        assert!(success && text.contains("Usage: rekey"), "{command}: {text}");
    }
}

#[test]
fn the_program_prints_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let result = success_and_output(&rekey(folder.path()).arg("--version").output().unwrap());
    assert_eq!(result, (true, format!("rekey {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_documented_table_of_keys_matches_the_program() {
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
        let (success, text) = success_and_output(&output);
        assert!(!success, "{text}");
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
    assert!(text.contains("REKEY_LISTEN: must be a loopback address"), "{text}");
    assert!(refused(&["seed"], &[("REKEY_ORIGIN", "https://example.com")]).contains("need a loopback host"));
    assert!(!folder.path().join("data/rekey.db").exists());
}

#[test]
fn check_config_lists_the_keys_and_shows_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let (success, text) = success_and_output(&rekey(folder.path()).args(["check-config", "--list"]).output().unwrap());
    assert!(
        success && text.contains("| `REKEY_LISTEN` | `127.0.0.1:3000` |") && text.contains("`REKEY_CONFIG`"),
        "{text}"
    );
    let (success, text) = success_and_output(&rekey(folder.path()).args(["check-config", "--dev"]).output().unwrap());
    assert!(success && text.contains("REKEY_PASSWORD_MIN=15"), "{text}");
    assert!(!folder.path().join("data").exists(), "check-config creates nothing");
}

#[test]
fn files_are_private_under_any_umask() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str| {
        let program = env!("CARGO_BIN_EXE_rekey");
        let mut command = std::process::Command::new("sh");
        let command = command
            .args(["-c", &format!("umask 000; exec {program} {words}")])
            .current_dir(folder.path());
        success_and_output(&command.env_clear().output().unwrap())
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
    // A database created by an earlier release.
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
    // Links are refused, because they could point to another user's file.
    let other = folder.path().join("others");
    std::fs::write(&other, "").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::remove_file(&database).unwrap();
    std::os::unix::fs::symlink(&other, &database).unwrap();
    assert!(!run("user list").0);
    assert_eq!(mode("others"), 0o644);
}

#[test]
fn a_configuration_file_with_a_password_must_be_private() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rekey.toml");
    let checked = |content: &str, mode: u32| {
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = rekey(folder.path());
        success_and_output(
            &command
                .args(["check-config", "--dev"])
                .env("REKEY_CONFIG", &file)
                .output()
                .unwrap(),
        )
    };
    let with = "database_url = \"postgres://rekey:hunter2@127.0.0.1/rekey\"";
    let (success, text) = checked(with, 0o640);
    assert!(
        !success && text.contains("chmod 600") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(checked(with, 0o600).0);
    assert!(checked("brand = \"Example\"", 0o644).0);
}

#[test]
fn the_development_server_prints_its_url_and_stops_on_a_signal() {
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
        "make product",
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
async fn metrics_are_served_only_on_a_separate_listener() {
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
    assert_eq!(page.status(), 404, "nothing else is served");
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
        success_and_output(&command.arg("health").env("REKEY_LISTEN", &address).output().unwrap())
    };
    assert_eq!(health(), (true, "ready\n".into()));
    running.end();
    let (success, text) = health();
    assert!(!success && text.contains("no answer at"), "{text}");
}
