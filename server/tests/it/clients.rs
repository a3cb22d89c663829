//! Clients of the OpenID provider in the configuration file.

use crate::program::{rekey, success_and_output};
use backend::oauth::{ClientOptions, ClientSettings, TokenAlgorithm};
use server::config::{CLIENT_KEYS, Config, ConfigPurpose, Problem, load};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SECRET: &str = "s3cret of at least 32 characters";
const RSA: &str = include_str!("../../backend/tests/fixtures/rsa.pem");
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

fn write(file: &Path, content: &str, mode: u32) {
    std::fs::write(file, content).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Reads a configuration file, in which `FOLDER` is a folder with files of secrets.
fn read(content: &str) -> (Config, Vec<Problem>) {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("secret"), SECRET, 0o600);
    write(&folder.path().join("open"), SECRET, 0o644);
    write(&folder.path().join("logo.svg"), "<svg/>", 0o644);
    write(&folder.path().join("keys.json"), KEYS, 0o644);
    write(&folder.path().join("rsa.pem"), RSA, 0o600);
    write(&folder.path().join("short"), &SECRET[1..], 0o600);
    let file = folder.path().join("rekey.toml");
    let content = content.replace("FOLDER", &folder.path().display().to_string());
    write(&file, &content, 0o600);
    load(
        &[("REKEY_CONFIG".into(), file.display().to_string())],
        ConfigPurpose::Command,
    )
}

const BOTH: &str = "
rsa_key_file = \"FOLDER/rsa.pem\"
[[clients]]
id = \"shop\"
name = \"Shop\"
redirect_uris = [\"https://shop.example/callback\", \"https://shop.example/other\"]
client_secret_file = \"FOLDER/secret\"
third_party = true
post_logout_redirect_uris = [\"https://shop.example/goodbye\"]
backchannel_logout_uri = \"https://shop.example/ended\"
home_uri = \"https://shop.example/\"
logo_file = \"FOLDER/logo.svg\"
id_token_signed_response_alg = \"RS256\"
subject_type = \"pairwise\"
access_token_audience = \"https://api.shop.example\"

[[clients]]
id = \"desktop-app\"
name = \"Desktop app\"
redirect_uris = [\"http://127.0.0.1/callback\"]
";

#[test]
fn clients_are_read_from_the_file() {
    let (config, problems) = read(BOTH);
    assert_eq!(problems, []);
    let shop = ClientSettings {
        id: "shop".into(),
        name: "Shop".into(),
        redirect_uris: vec![
            "https://shop.example/callback".into(),
            "https://shop.example/other".into(),
        ],
        client_secret: Some(SECRET.into()),
        third_party: true,
        post_logout_redirect_uris: vec!["https://shop.example/goodbye".into()],
        backchannel_logout_uri: Some("https://shop.example/ended".into()),
        options: ClientOptions {
            home_uri: Some("https://shop.example/".into()),
            logo: Some("data:image/svg+xml;base64,PHN2Zy8+".into()),
            id_token_signed_response_alg: TokenAlgorithm::RS256,
            pairwise: true,
            access_token_audience: Some("https://api.shop.example".into()),
            jwks: None,
        },
    };
    let app = ClientSettings {
        id: "desktop-app".into(),
        name: "Desktop app".into(),
        redirect_uris: vec!["http://127.0.0.1/callback".into()],
        ..ClientSettings::default()
    };
    assert_eq!(config.clients, [shop, app]);
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn an_invalid_client_is_reported_with_its_place_and_without_secrets() {
    const SHOP: &str =
        "[[clients]]\nid = \"shop\"\nname = \"Shop\"\nredirect_uris = [\"https://shop.example/callback\"]\n";
    let with = |from: &str, to: &str| SHOP.replace(from, to);
    let after = |line: &str| format!("{SHOP}{line}\n");
    for (content, key, text) in [
        (with("\"shop\"", "\"Shop\""), "id", "is not an identifier"),
        (with("id = \"shop\"\n", ""), "id", "is not set"),
        (with("\"Shop\"", "\"\""), "name", "is empty"),
        (
            with("[\"https://shop.example/callback\"]", "[]"),
            "redirect_uris",
            "is empty",
        ),
        (
            with("https://shop.example", "http://shop.example"),
            "redirect_uris",
            "has an entry that is not https",
        ),
        (
            with("https://shop.example", "https://*.shop.example"),
            "redirect_uris",
            "has an entry",
        ),
        (
            with("/callback", "/callback#top"),
            "redirect_uris",
            "has an entry with a fragment",
        ),
        (with("https://", ""), "redirect_uris", "has an entry that is not a URL"),
        (
            after("client_secret_file = \"FOLDER/open\""),
            "client_secret_file",
            "names a file that others can read",
        ),
        (
            after("client_secret_file = \"FOLDER/short\""),
            "client_secret_file",
            "names a file with a short secret",
        ),
        (
            after("client_secret = \"s3cret\""),
            "client_secret",
            "must be in a file of its own",
        ),
        (
            after("post_logout_redirect_uris = [\"https://shop.example/goodbye\", \"/goodbye\"]"),
            "post_logout_redirect_uris",
            "has an entry that is not a URL",
        ),
        (
            after("backchannel_logout_uri = \"http://shop.example/ended\""),
            "backchannel_logout_uri",
            "has an entry that is not https",
        ),
        (
            after("third_party = \"no\""),
            "third_party",
            "is neither true nor false",
        ),
        (after("scopes = \"openid\""), "scopes", "is not a known key"),
        (after("home_uri = \"/\""), "home_uri", "has an entry that is not a URL"),
        (
            after("logo_file = \"FOLDER/secret\""),
            "logo_file",
            "names a file that is neither",
        ),
        (
            after("logo_file = \"FOLDER/none\""),
            "logo_file",
            "names a file that cannot be read",
        ),
        (
            after("id_token_signed_response_alg = \"HS256\""),
            "id_token_signed_response_alg",
            "is not a known algorithm",
        ),
        (
            after("subject_type = \"private\""),
            "subject_type",
            "is neither public nor pairwise",
        ),
        (
            after("access_token_audience = \"api\""),
            "access_token_audience",
            "is not a URI",
        ),
        (
            after("jwks_file = \"FOLDER/logo.svg\""),
            "jwks_file",
            "names a file without public keys",
        ),
        (
            after("jwks_file = \"FOLDER/keys.json\"\nclient_secret_file = \"FOLDER/secret\""),
            "client_secret_file",
            "is set together with jwks_file",
        ),
    ] {
        let (_, problems) = read(&content);
        let problem = problems
            .iter()
            .find(|problem| problem.text.starts_with(text))
            .unwrap_or_else(|| panic!("{content}\n{problems:?}"));
        assert!(
            problem.key.starts_with(&format!("{key} in [[clients]] 1 of /")),
            "{problem}"
        );
        assert!(!problem.to_string().contains("s3cret"), "{problem}");
        if let Some(known) = CLIENT_KEYS.iter().find(|known| known.name == key) {
            assert!(problem.text.ends_with(known.takes), "{problem}");
        }
    }
    let (config, problems) = read(&after("jwks_file = \"FOLDER/keys.json\""));
    assert!(problems.is_empty() && config.clients[0].options.jwks.is_some());
    let (_, problems) = read(&after("id_token_signed_response_alg = \"RS256\""));
    assert_eq!(problems[0].key, "REKEY_RSA_KEY_FILE", "{problems:?}");
    let (_, problems) = read("rsa_key_file = \"FOLDER/keys.json\"");
    assert!(
        problems[0].text.starts_with("names a file that others can read"),
        "{problems:?}"
    );
    let (_, problems) = read("rsa_key_file = \"FOLDER/secret\"");
    assert!(problems[0].text.starts_with("there is no block"), "{problems:?}");
    let (_, problems) = read(&SHOP.repeat(2));
    assert!(
        problems[0].text.starts_with("is the identifier of another client"),
        "{problems:?}"
    );
    let (_, problems) = load(&[("REKEY_CLIENTS".into(), "shop".into())], ConfigPurpose::Command);
    assert!(problems[0].text.contains("as [[clients]] tables"), "{problems:?}");
}

#[test]
fn only_the_development_run_knows_the_sample_product() {
    let names = |environment: &[(String, String)], purpose| {
        let (config, _) = load(environment, purpose);
        config.clients.into_iter().map(|client| client.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[], ConfigPurpose::ServeDev), ["Notes"]);
    for purpose in [ConfigPurpose::Serve, ConfigPurpose::Command] {
        assert!(names(&[], purpose).is_empty(), "{purpose:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rekey.toml");
    let client =
        |id: &str| format!("[[clients]]\nid = {id:?}\nname = \"Own\"\nredirect_uris = [\"https://own.example\"]\n");
    let environment = [("REKEY_CONFIG".into(), file.display().to_string())];
    write(&file, &client("notes"), 0o600);
    assert_eq!(names(&environment, ConfigPurpose::ServeDev), ["Own"]);
    write(&file, &client("own"), 0o600);
    assert_eq!(names(&environment, ConfigPurpose::ServeDev), ["Own", "Notes"]);
}

#[test]
fn check_config_shows_clients_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("secret"), SECRET, 0o600);
    write(&folder.path().join("rekey.toml"), &BOTH.replace("FOLDER/", ""), 0o600);
    write(&folder.path().join("logo.svg"), "<svg/>", 0o644);
    write(&folder.path().join("rsa.pem"), RSA, 0o600);
    let mut command = rekey(folder.path());
    let command = command
        .args(["check-config", "--dev"])
        .env("REKEY_CONFIG", "rekey.toml");
    let (right, text) = success_and_output(&command.output().unwrap());
    assert!(right, "{text}");
    for line in [
        "id = \"shop\"",
        "redirect_uris = [\"https://shop.example/callback\", \"https://shop.example/other\"]",
        "client_secret = \"(set)\"",
        "third_party = true",
        "post_logout_redirect_uris = [\"https://shop.example/goodbye\"]",
        "backchannel_logout_uri = \"https://shop.example/ended\"",
        "home_uri = \"https://shop.example/\"",
        "logo = \"(set)\"",
        "id_token_signed_response_alg = \"RS256\"",
        "subject_type = \"pairwise\"",
        "access_token_audience = \"https://api.shop.example\"",
        "jwks = \"\"",
        "id = \"desktop-app\"",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    assert!(!text.contains("s3cret") && !text.contains("BEGIN PRIVATE"), "{text}");
}
