//! The key file: made once, for its owner's eyes.

use server::keys::{read, read_or_make};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const OTHER: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn file(content: &str, mode: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

#[test]
fn the_first_start_makes_a_key_that_later_starts_keep() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/keys.toml");
    let made = read_or_make(&path).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let again = read_or_make(&path).unwrap();
    assert_eq!(made.current().mac("test", &[]), again.current().mac("test", &[]));
    let elsewhere = read_or_make(&folder.path().join("other.toml")).unwrap();
    assert_ne!(made.current().mac("test", &[]), elsewhere.current().mac("test", &[]));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
        let (_folder, path) = file(&format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n"), mode);
        assert!(read(&path).unwrap_err().contains("chmod 600"), "{mode:o}");
    }
    let (_folder, path) = file(&format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n"), 0o400);
    assert!(read(&path).is_ok());
}

#[test]
fn an_older_key_still_verifies() {
    let (_folder, path) = file(
        &format!("current = \"k2\"\n[keys]\nk1 = \"{KEY}\"\nk2 = \"{OTHER}\"\n"),
        0o600,
    );
    let keyring = read(&path).unwrap();
    assert_eq!(
        (
            keyring.current().id(),
            keyring.find("k1").is_some(),
            keyring.find("k3").is_some()
        ),
        ("k2", true, false)
    );
}

#[test]
fn a_wrong_file_is_told_without_its_keys() {
    let cases = [
        (String::new(), "is not TOML"),
        (format!("current = \"k1\"\nkeys = \"{KEY}\"\n"), "is not TOML"),
        (
            format!("current = \"k1\"\nextra = 1\n[keys]\nk1 = \"{KEY}\"\n"),
            "is not TOML",
        ),
        (
            format!("current = \"k2\"\n[keys]\nk1 = \"{KEY}\"\n"),
            "not among its keys",
        ),
        (
            "current = \"k1\"\n[keys]\nk1 = \"AQIDBAUGBwgJ\"\n".into(),
            "not 32 bytes",
        ),
        (
            format!("current = \"k1\"\n[keys]\nk1 = \"{}=\"\n", "A".repeat(43)),
            "of zeros",
        ),
    ];
    for (content, expected) in cases {
        let (_folder, path) = file(&content, 0o600);
        let text = read(&path).unwrap_err();
        assert!(text.contains(expected) && !text.contains("AQID"), "{content:?}: {text}");
    }
    assert!(
        read(Path::new("/no/such/keys.toml"))
            .unwrap_err()
            .contains("does not exist")
    );
}
