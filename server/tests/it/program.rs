//! The program itself, started and stopped.

use std::io::{BufRead, BufReader, Read};
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
fn every_command_explains_itself() {
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
        &["user", "hand-over", "--help"],
        &["user", "disable", "--help"],
        &["check-config", "--help"],
    ] {
        let (right, text) = told(&rekey(folder.path()).args(command).output().unwrap());
        assert!(right && text.contains("Usage: rekey"), "{command:?}: {text}");
    }
}

#[test]
fn the_readme_has_the_table_of_keys_as_the_program_prints_it() {
    let folder = tempfile::tempdir().unwrap();
    let printed = rekey(folder.path()).args(["check-config", "--list"]).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let readme = include_str!("../../../README.md");
    let table = readme.split("<!-- configuration:begin -->\n").nth(1).unwrap();
    assert_eq!(table.split("<!-- configuration:end -->").next().unwrap(), printed);
}

#[test]
fn a_start_that_is_refused_says_all_that_is_wrong_and_makes_nothing() {
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
    assert!(refused(&["seed"], &[("REKEY_ORIGIN", "https://example.com")]).contains("this machine only"));
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

#[test]
fn an_operator_adds_lists_and_disables_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| told(&rekey(folder.path()).args(arguments).output().unwrap());
    assert!(run(&["seed"]).0);
    assert!(run(&["seed"]).0, "twice is as once");
    let add = [
        "user",
        "add",
        "--email",
        "New@Example.com",
        "--name",
        "Nell New",
        "--google",
    ];
    assert_eq!(run(&add), (true, "new@example.com is added.\n".into()));
    assert!(!run(&add).0, "an account that is there stays as it is");
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
        right && list.contains("new@example.com\tNell New\tgoogle\toff\n"),
        "{list}"
    );
    assert!(
        list.contains("managed@example.com\tMary Managed\tmanaged by Analytical Engines Ltd\ton\n"),
        "{list}"
    );
    assert_eq!(list.lines().count(), 6);
}

#[test]
fn the_development_run_greets_and_ends_when_told_to() {
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
        "/dev/letters",
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
    assert!(log.contains("SIGTERM") && log.contains("ended"), "{log}");
    for made in ["data/keys.toml", "data/rekey.db", "data/letters"] {
        assert!(folder.path().join(made).exists(), "{made}");
    }
}
