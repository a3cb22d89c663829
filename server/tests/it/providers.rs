//! Identity providers in the configuration file.

use crate::program::{rekey, success_and_output};
use crate::running::Running;
use backend::oidc::ProviderSettings;
use server::config::{Config, ConfigPurpose, PROVIDER_KEYS, Problem, load};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

fn write(file: &Path, content: &str, mode: u32) {
    std::fs::write(file, content).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Reads a configuration file, in which `FOLDER` is a folder with files of secrets.
fn read(content: &str, purpose: ConfigPurpose) -> (Config, Vec<Problem>) {
    let folder = tempfile::tempdir().unwrap();
    secrets(&folder);
    let file = folder.path().join("rekey.toml");
    let content = content.replace("FOLDER", &folder.path().display().to_string());
    write(&file, &content, 0o600);
    load(&[("REKEY_CONFIG".into(), file.display().to_string())], purpose)
}

fn secrets(folder: &TempDir) {
    write(&folder.path().join("secret"), "s3cret\n", 0o600);
    write(&folder.path().join("open"), "s3cret\n", 0o644);
    write(&folder.path().join("empty"), "\n", 0o600);
}

const BOTH: &str = "
brand = \"Acme\"

[[providers]]
preset = \"google\"
client_id = \"1234.apps.example.com\"
client_secret_file = \"FOLDER/secret\"

[[providers]]
id = \"engines\"
name = \"Analytical Engines\"
issuer = \"https://id.engines.example/tenant\"
client_id = \"rekey\"
scopes = \"openid email\"
listed = false
";

#[test]
fn providers_are_read_from_the_file() {
    let (config, problems) = read(BOTH, ConfigPurpose::Command);
    assert_eq!(problems, []);
    let google = ProviderSettings {
        id: "google".into(),
        name: "Google".into(),
        issuer: "https://accounts.google.com".into(),
        client_id: "1234.apps.example.com".into(),
        client_secret: Some("s3cret".into()),
        scopes: "openid email profile".into(),
        listed: true,
    };
    let engines = ProviderSettings {
        id: "engines".into(),
        name: "Analytical Engines".into(),
        issuer: "https://id.engines.example/tenant".into(),
        client_id: "rekey".into(),
        client_secret: None,
        scopes: "openid email".into(),
        listed: false,
    };
    assert_eq!(config.providers, [google, engines]);
    assert_eq!(config.settings.brand, "Acme");
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn an_invalid_provider_is_reported_with_its_place_and_without_secrets() {
    const GOOGLE: &str = "[[providers]]\npreset = \"google\"\nclient_id = \"1\"\n";
    let after = |line: &str| format!("{GOOGLE}{line}\n");
    for (content, key, text) in [
        (
            after("preset = \"other\"").replacen("preset = \"google\"\n", "", 1),
            "preset",
            "is not the name of a preset",
        ),
        (after("id = \"Google\""), "id", "is not an identifier"),
        (after("name = \"\""), "name", "is empty"),
        (
            after("issuer = \"http://accounts.google.com\""),
            "issuer",
            "is not https",
        ),
        (after("issuer = \"accounts.google.com\""), "issuer", "is not a URL"),
        (
            after("issuer = [\"https://accounts.google.com\", 1.5, {}]"),
            "issuer",
            "has the wrong type",
        ),
        (GOOGLE.replace("\"1\"", "\"\""), "client_id", "is empty"),
        (GOOGLE.replace("client_id = \"1\"\n", ""), "client_id", "is not set"),
        (
            after("client_secret_file = \"FOLDER/none\""),
            "client_secret_file",
            "names a file that cannot be read",
        ),
        (
            after("client_secret_file = \"FOLDER/open\""),
            "client_secret_file",
            "names a file that others can read; run `chmod 600",
        ),
        (
            after("client_secret_file = \"FOLDER/empty\""),
            "client_secret_file",
            "names an empty file",
        ),
        (
            after("client_secret = \"s3cret\""),
            "client_secret",
            "must be in a file of its own",
        ),
        (after("scopes = \"email profile\""), "scopes", "lacks `openid`"),
        (after("listed = \"yes\""), "listed", "is neither true nor false"),
        (
            after("secret_file = \"FOLDER/secret\""),
            "secret_file",
            "is not a known key",
        ),
    ] {
        let (_, problems) = read(&content, ConfigPurpose::Command);
        let problem = problems
            .iter()
            .find(|problem| problem.text.starts_with(text))
            .unwrap_or_else(|| panic!("{content}\n{problems:?}"));
        assert!(
            problem.key.starts_with(&format!("{key} in [[providers]] 1 of /")),
            "{problem}"
        );
        assert!(!problem.to_string().contains("s3cret"), "{problem}");
        if let Some(known) = PROVIDER_KEYS.iter().find(|known| known.name == key) {
            assert!(problem.text.ends_with(known.takes), "{problem}");
        }
    }
}

#[test]
fn all_problems_of_all_providers_are_reported() {
    let content = "[[providers]]\nid = \"a\"\n[[providers]]\nid = \"a\"\nname = \"A\"\nissuer = \"https://a.example\"\nclient_id = \"1\"\n";
    let (_, problems) = read(content, ConfigPurpose::Command);
    let found: Vec<_> = problems.iter().map(|problem| problem.to_string()).collect();
    let expected = [
        ("name in [[providers]] 1", "is not set"),
        ("issuer in [[providers]] 1", "is not set"),
        ("client_id in [[providers]] 1", "is not set"),
        ("id in [[providers]] 2", "is the identifier of another provider"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (line, (key, text)) in found.iter().zip(expected) {
        assert!(line.starts_with(key) && line.contains(text), "{line}");
    }
}

#[test]
fn providers_are_set_only_as_tables_of_the_file() {
    for content in [
        "providers = \"google\"",
        "[providers]\npreset = \"google\"",
        "providers = [1]",
    ] {
        let (_, problems) = read(content, ConfigPurpose::Command);
        assert_eq!(problems.len(), 1, "{content}");
        assert!(problems[0].text.contains("[[providers]] tables"), "{}", problems[0]);
    }
    let (_, problems) = load(&[("REKEY_PROVIDERS".into(), "google".into())], ConfigPurpose::Command);
    assert!(problems[0].text.contains("as [[providers]] tables"), "{problems:?}");
}

#[test]
fn check_config_shows_providers_and_their_redirect_addresses_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    secrets(&folder);
    write(&folder.path().join("rekey.toml"), &BOTH.replace("FOLDER/", ""), 0o600);
    let mut command = rekey(folder.path());
    let command = command
        .args(["check-config", "--dev"])
        .env("REKEY_CONFIG", "rekey.toml");
    let (right, text) = success_and_output(&command.output().unwrap());
    assert!(right, "{text}");
    for line in [
        "id = \"google\"",
        "issuer = \"https://accounts.google.com\"",
        "client_secret = \"(set)\"",
        "# Redirect address: http://127.0.0.1:3000/signin/provider/google/callback",
        "listed = false",
        "client_secret = \"\"",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_providers_need_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    secrets(&folder);
    let file = folder.path().join("rekey.toml");
    let content = BOTH.replace("FOLDER/", "");
    write(&file, &content, 0o600);
    let mut running = Running::start_in(folder.path(), &[("REKEY_CONFIG", "rekey.toml")]);
    write(&file, &content.replace("Acme", "Zenith"), 0o600);
    running.hang_up();
    running.line_with("the configuration was reloaded");
    assert!(!running.logged.contains("needs a restart"), "{}", running.logged);
    write(&folder.path().join("secret"), "another s3cret", 0o600);
    running.hang_up();
    let named = running.line_with("needs a restart");
    assert!(
        named.contains("[[providers]]") && !running.logged.contains("s3cret"),
        "{named}"
    );
    running.end();
}
