//! Importing file formats of other systems.

use crate::import::{HASH, Service, success_and_streams};
use crate::program::{rekey, success_and_output};
use std::path::Path;
use std::process::Output;

#[test]
fn a_name_is_optional() {
    let service = Service::new();
    let result = success_and_streams(&service.import("users.csv", "email,name\nada@example.com,\n"));
    assert_eq!(
        result,
        (true, "1 added, 0 already existed, 0 rejected.\n".into(), String::new())
    );
    assert!(success_and_streams(&service.import("without.csv", "email\ngrace@example.com\n")).0);
    assert!(success_and_streams(&service.import("users.jsonl", "{\"email\":\"joan@example.com\"}\n")).0);
    assert_eq!(
        service.accounts(),
        ["ada@example.com ", "grace@example.com ", "joan@example.com "]
    );
}

#[test]
fn common_column_names_are_recognized_and_others_can_be_ignored() {
    let service = Service::new();
    let content = "E-Mail,Full Name,Phone,Created At\nada@example.com,Ada,123,2024-11-25 10:00:00\n";
    std::fs::write(service.0.path().join("users.csv"), content).unwrap();
    let output = rekey(service.0.path())
        .args(["import", "--ignore", "phone", "--ignore", "Fax", "users.csv"])
        .output()
        .unwrap();
    assert_eq!(
        success_and_streams(&output),
        (true, "1 added, 0 already existed, 0 rejected.\n".into(), String::new())
    );
    assert_eq!(service.accounts(), ["ada@example.com Ada"]);
}

/// Spreadsheets use these in locales with a decimal comma.
#[test]
fn semicolons_and_tabs_can_separate_columns() {
    for (name, delimiter) in [("semicolon.csv", ";"), ("tab.csv", "\t")] {
        let service = Service::new();
        let content = "\"email\"|name\nada@example.com|\"Lovelace, Ada; the\tCountess\"\n".replace('|', delimiter);
        let (success, _, err) = success_and_streams(&service.import(name, content));
        assert!(success, "{err}");
        assert_eq!(service.accounts(), ["ada@example.com Lovelace, Ada; the Countess"]);
    }
}

#[test]
fn utf_16_is_read_in_both_byte_orders() {
    type Bytes = fn(u16) -> [u8; 2];
    for bytes in [u16::to_le_bytes as Bytes, u16::to_be_bytes] {
        let service = Service::new();
        let text = format!(
            "\u{feff}email\tname\nada@example.com\tÄda 🦀 {}\nbad\tBad\n",
            "x".repeat(20)
        );
        let content: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
        let (_, _, err) = success_and_streams(&service.import("users.csv", &content));
        assert!(err.starts_with("line 3: email is not an e-mail address\n"), "{err}");
        assert_eq!(
            service.accounts(),
            [format!("ada@example.com Äda 🦀 {}", "x".repeat(20))]
        );
        let (success, _, err) = success_and_streams(&service.import("cut.csv", &content[..content.len() - 1]));
        assert!(!success);
        assert!(
            err.contains("the file cannot be read from here on: invalid data"),
            "{err}"
        );
    }
}

#[test]
fn an_unverified_account_is_imported_without_its_password() {
    let service = Service::new();
    let content = format!(
        "email,password_hash,Email verified\n\
         a@example.com,{HASH},false\nb@example.com,{HASH},0\nc@example.com,{HASH},F\nd@example.com,{HASH},no\n\
         e@example.com,{HASH},\nf@example.com,{HASH},true\ng@example.com,,false\nh@example.com,{HASH},perhaps\n"
    );
    let (success, out, err) = success_and_streams(&service.import("users.csv", content));
    assert!(!success);
    let expected = "7 added, 0 already existed, 1 rejected.\n\
                    Imported without a password, because the address is unverified: 5. A reset sets a new one.\n";
    assert_eq!(out, expected);
    assert!(
        err.starts_with("line 9: email_verified must be true or false\n"),
        "{err}"
    );
    let json = format!("{{\"email\":\"i@example.com\",\"password_hash\":\"{HASH}\",\"email_verified\":null}}\n");
    let (success, out, _) = success_and_streams(&service.import("users.jsonl", json));
    assert!(success && out.contains("the address is unverified: 1."), "{out}");
    let output = rekey(service.0.path()).args(["keys", "list"]).output().unwrap();
    let (success, list, _) = success_and_streams(&output);
    assert!(
        success && list.contains("1 password"),
        "only the hash of f is kept: {list}"
    );
}

/// Attack: a stranger has signed up with the victim's address on a system that omits false values.
#[test]
fn email_verified_must_be_in_all_records_or_in_none() {
    let with_field = format!("{{\"email\":\"a@example.com\",\"password_hash\":\"{HASH}\",\"email_verified\":true}}\n");
    let without_field = format!("{{\"email\":\"b@example.com\",\"password_hash\":\"{HASH}\"}}\n");
    for (first, second, why) in [
        (&with_field, &without_field, "it has no email_verified"),
        (&without_field, &with_field, "it has email_verified"),
    ] {
        let service = Service::new();
        let (success, out, err) =
            success_and_streams(&service.import("users.jsonl", format!("{first}{second}{second}")));
        assert!(
            !success && out.starts_with("1 added, 0 already existed, 2 rejected"),
            "{out}"
        );
        assert!(err.starts_with(&format!("line 2: {why}")), "{err}");
    }
}

#[test]
fn a_disabled_account_is_imported_as_deactivated() {
    let service = Service::new();
    let content = "email,disabled\nada@example.com,true\ngrace@example.com,false\njoan@example.com,\n";
    assert!(success_and_streams(&service.import("users.csv", content)).0);
    let (_, list) = success_and_output(&rekey(service.0.path()).args(["user", "list"]).output().unwrap());
    let states: Vec<_> = list.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(states, ["deactivated", "active", "active"]);
}

/// Imports another system's export.
fn import_from(service: &Service, file: &Path, arguments: &[&str]) -> Output {
    let mut command = rekey(service.0.path());
    command.arg("import").args(arguments).arg(file).output().unwrap()
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/import")
        .join(name)
}

#[test]
fn a_keycloak_export_is_imported_unmodified() {
    let service = Service::new();
    let output = import_from(&service, &fixture("keycloak.json"), &["--from", "keycloak"]);
    let expected = "7 added, 0 already existed, 0 rejected, 1 left out (service accounts: 1).\n\
                    Imported without a password, because the address is unverified: 1. A reset sets a new one.\n";
    assert_eq!(success_and_streams(&output), (true, expected.into(), String::new()));
    let (_, list) = success_and_output(&rekey(service.0.path()).args(["user", "list"]).output().unwrap());
    assert!(list.contains("\noff@example.com\t\tpassword\tdeactivated\n"), "{list}");
}

#[test]
fn skipped_records_are_counted_by_kind() {
    let service = Service::new();
    let dump = service.0.path().join("dump.json");
    std::fs::write(
        &dump,
        r#"[{"model": "auth.group", "pk": 1, "fields": {"name": "staff"}}]"#,
    )
    .unwrap();
    for (file, from, left_out) in [
        (
            fixture("supabase.csv"),
            "supabase",
            "2 left out (deleted users: 1, anonymous users: 1).\n",
        ),
        (dump, "django", "1 left out (objects that are not users: 1).\n"),
    ] {
        let (_, out, _) = success_and_streams(&import_from(&service, &file, &["--from", from, "--dry-run"]));
        assert!(out.contains(&format!(" 0 records are rejected, {left_out}")), "{out}");
    }
}

/// Attack: an endless record exhausts memory.
#[test]
fn a_json_record_has_a_size_limit() {
    let service = Service::new();
    let file = service.0.path().join("realm.json");
    let user = |email: &str, name: &str| format!("{{\"email\":\"{email}\",\"firstName\":\"{name}\"}}");
    let long = "x".repeat(1024 * 1024 + 128 * 1024);
    let realm = format!(
        "{{\"clients\": [\"{long}\"], \"users\": [{}, {}, {}]}}",
        user("ada@example.com", "Ada"),
        user("eve@example.com", &long),
        user("grace@example.com", "Grace")
    );
    std::fs::write(&file, realm).unwrap();
    let (success, out, err) = success_and_streams(&import_from(&service, &file, &["--from", "keycloak"]));
    assert_eq!(
        (success, out.as_str()),
        (false, "1 added, 0 already existed, 0 rejected.\n")
    );
    assert_eq!(
        err,
        "user 2: the record is longer than 1 MiB. Nothing after user 1 was read.\n"
    );
}

#[test]
fn rejected_json_records_are_reported_by_position() {
    let service = Service::new();
    let file = service.0.path().join("users.json");
    let user = |email: &str| format!("{{\"email\":\"{email}\",\"emailVerified\":true,\"passwordHash\":\"c2VjcmV0\"}}");
    let users = format!(
        "{{\"users\":[{},\n\n{},17,\n{}",
        user("ada@example.com").replace("c2VjcmV0", ""),
        user("ADA@example.com").replace("c2VjcmV0", ""),
        user("grace@example.com")
    );
    std::fs::write(&file, users).unwrap();
    let config = fixture("firebase-hash-config.txt");
    let arguments = ["--from", "firebase", "--firebase-hash-config", config.to_str().unwrap()];
    let (success, out, err) = success_and_streams(&import_from(&service, &file, &arguments));
    assert_eq!(
        (success, out.as_str()),
        (false, "1 added, 0 already existed, 3 rejected.\n")
    );
    let expected = "user 2: ada@example.com is also the address of user 1; only user 1 is imported\n\
                    user 3: it is not a JSON object\n\
                    user 4: grace@example.com: password_hash is damaged: it begins like Firebase's scrypt, but the rest \
                    cannot be parsed\n\
                    The file has invalid JSON or no list of users at line 4, character 76; nothing after user 4 was read.\n";
    assert_eq!(err, expected);
}

#[test]
fn an_export_of_the_wrong_system_imports_no_account() {
    let service = Service::new();
    let empty = service.0.path().join("empty.txt");
    std::fs::write(
        &empty,
        "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: c2VjcmV0,\n}\n",
    )
    .unwrap();
    let (csv, json) = (fixture("wordpress.csv"), fixture("django.json"));
    let without_users = service.0.path().join("realm.json");
    std::fs::write(&without_users, "{\"realm\": \"shop\"}").unwrap();
    for (file, arguments, expected) in [
        (
            &csv,
            &["--from", "keycloak"][..],
            "Exports of that system need --format json.",
        ),
        (&csv, &["--from", "django"], "The header line has no column email."),
        (
            &json,
            &["--from", "wordpress", "--format", "csv"],
            "no column user_email.",
        ),
        (&json, &["--format", "json"], "--format json needs --from"),
        (
            &without_users,
            &["--from", "keycloak"],
            "The file has no list of users.",
        ),
        (&empty, &["--from", "django"], "add --format json or --format csv."),
        (&json, &["--from", "firebase"], "--firebase-hash-config <FILE>"),
    ] {
        let (success, _, err) = success_and_streams(&import_from(&service, file, arguments));
        assert!(!success && err.contains(expected), "{arguments:?}: {err}");
    }
    let config = ["--from", "firebase", "--firebase-hash-config", empty.to_str().unwrap()];
    let (success, _, err) = success_and_streams(&import_from(&service, &json, &config));
    assert!(!success && err.contains("empty.txt has no mem_cost"), "{err}");
    assert!(!err.contains("c2VjcmV0"), "{err}");
    assert!(service.accounts().is_empty());
}
