//! Exports of the systems, in `tests/fixtures/import`. Every password is `correct horse battery staple`.
//!
//! - Firebase: by the exporter of firebase-tools 15.34.2 (npm), with hashes of firebase-scrypt 2.2.0 and an example signer key.
//! - Django: by `dumpdata` of Django 5.2.19; the same rows in the format of PostgreSQL's `\copy`.
//! - WordPress: the columns of `wp user list`, with hashes of WordPress 6.1.9 and, for 6.8, of PHP 8.2's `password_hash`.
//! - Keycloak, Auth0 and Supabase: based on their documentation and published exports, with hashes of argon2-cffi 25.1.0,
//!   Python's hashlib and bcrypt 4.3.0.

use super::super::{Batch, Import, Reader, text};
use super::Source;
use account::{Key, Keyring};
use backend::{EngineChoice, Hashing, ImportedAccount, Verdict};
use std::fs::File;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/import")
        .join(name)
}

fn batch(name: &str, from: Source) -> Batch {
    let import = Import {
        file: fixture(name),
        format: None,
        from: Some(from),
        firebase_hash_config: (from == Source::Firebase).then(|| fixture("firebase-hash-config.txt")),
        ignore: Vec::new(),
        dry_run: true,
    };
    let reader = Reader::new(&import).unwrap();
    let input = text::as_utf8(File::open(&import.file).unwrap()).unwrap().unwrap();
    let (sender, mut batches) = mpsc::channel(1);
    reader.read(input, &sender).unwrap();
    batches.try_recv().unwrap()
}

async fn described(account: &ImportedAccount, hashing: &Hashing) -> String {
    let password = match &account.password {
        None if account.google_subject.as_deref() == Some("1234567890") => "Google",
        None => "no password",
        Some(hash) => {
            let stored = hashing.keep(hash).unwrap();
            let typed = "correct horse battery staple".into();
            match hashing.verify("here", &typed, Some(&stored)).await.unwrap() {
                Verdict::RightButOld => "password",
                _ => "wrong password",
            }
        }
    };
    let name = account.name.as_ref().map_or("no name", |name| name.as_str());
    let created = account.created_at.map_or("now".into(), |at| at.0.to_string());
    let state = if account.disabled { "disabled" } else { "active" };
    let language = account.language.as_deref().unwrap_or("-");
    format!("{} {name}, {password}, {language}, {created}, {state}", account.email)
}

fn check(name: &str, from: Source, expected: &[&str], unverified: usize) {
    let hashing = Hashing::new(
        Keyring::new(Key::new("k1".into(), [7; 32]), vec![]),
        1,
        EngineChoice::Reference,
    )
    .unwrap();
    let batch = batch(name, from);
    assert_eq!(batch.refused, [], "{name}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let accounts = batch.accounts.iter();
    let accounts: Vec<_> = accounts
        .map(|account| runtime.block_on(described(account, &hashing)))
        .collect();
    assert_eq!(accounts, expected, "{name}");
    assert_eq!(batch.unverified, unverified, "{name}");
}

#[test]
fn keycloak() {
    let expected = [
        "ada@example.com Ada Lovelace, password, ar, 1732528800123, active",
        "grace@example.com Grace Hopper, password, -, 1732528800123, active",
        "joan@example.com Joan, password, -, 1732528800123, active",
        "old@example.com no name, password, -, 1732528800123, active",
        "unverified@example.com no name, no password, -, 1732528800123, active",
        "off@example.com no name, password, -, 1732528800123, disabled",
        "social@example.com Sonia Social, Google, -, 1732528800123, active",
    ];
    check("keycloak.json", Source::Keycloak, &expected, 1);
}

#[test]
fn auth0() {
    let expected = [
        "ada@example.com Ada Lovelace, password, -, 1732528800123, active",
        "unverified@example.com no name, no password, -, 1732528800123, active",
        "off@example.com Otto Off, password, -, 1732528800123, disabled",
        "social@example.com Sonia Social, Google, -, 1732528800123, active",
        "late@example.com no name, password, -, now, active",
    ];
    check("auth0.ndjson", Source::Auth0, &expected, 1);
}

#[test]
fn supabase() {
    let expected = [
        "ada@example.com Ada Lovelace, password, -, 1732528800123, active",
        "unverified@example.com Una, no password, -, 1732528800123, active",
        "off@example.com no name, password, -, 1732528800123, disabled",
        "back@example.com no name, password, -, 1732528800123, active",
        "social@example.com Sonia Social, Google, -, 1732528800123, active",
    ];
    check("supabase.csv", Source::Supabase, &expected, 1);
}

#[test]
fn firebase() {
    let expected = [
        "ada@example.com Ada \"Countess\", Lovelace, password, -, 1732528800123, active",
        "unverified@example.com Una, no password, -, 1732528800123, active",
        "off@example.com Otto Off, password, -, 1732528800123, disabled",
        "social@example.com Sonia Social, Google, -, 1732528800123, active",
    ];
    check("firebase.json", Source::Firebase, &expected, 1);
    check("firebase.csv", Source::Firebase, &expected, 1);
}

#[test]
fn django() {
    let expected = [
        "ada@example.com Ada Lovelace, password, -, 1732528800123, active",
        "off@example.com no name, password, -, 1732528800123, disabled",
        "social@example.com social, no password, -, 1732528800123, active",
    ];
    check("django.json", Source::Django, &expected, 0);
    check("django.csv", Source::Django, &expected, 0);
}

#[test]
fn wordpress() {
    let expected = [
        "ada@example.com Ada Lovelace, password, -, 1732528800000, active",
        "old@example.com no name, password, -, 1732528800000, active",
        "social@example.com Sonia \"Social\", too, no password, -, now, active",
    ];
    check("wordpress.csv", Source::Wordpress, &expected, 0);
}
