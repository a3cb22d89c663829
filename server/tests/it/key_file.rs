//! The key file: created once, readable only by its owner.

use server::keys::{add, from_file, make_current, read, read_or_make, remove, rotate};
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
fn the_first_start_creates_a_key_and_later_starts_keep_it() {
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
fn a_file_readable_by_other_users_is_refused() {
    for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
        let (_folder, path) = file(&format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n"), mode);
        assert!(read(&path).unwrap_err().contains("chmod 600"), "{mode:o}");
    }
    let (_folder, path) = file(&format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n"), 0o400);
    assert!(read(&path).is_ok());
}

#[test]
fn older_keys_stay_available() {
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
fn an_invalid_file_is_reported_without_its_keys() {
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
        (
            format!("current = \"k.1\"\n[keys]\n\"k.1\" = \"{KEY}\"\n"),
            "a key name that is not",
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

#[test]
fn a_rotation_adds_a_random_key_and_keeps_the_others() {
    let (_folder, path) = file(&format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n"), 0o600);
    let before = read(&path).unwrap();
    assert_eq!(
        (rotate(&path).unwrap(), rotate(&path).unwrap()),
        ("k2".into(), "k3".into())
    );
    let after = read(&path).unwrap();
    assert_eq!(after.ids().collect::<Vec<_>>(), ["k3", "k1", "k2"]);
    let mac = |id: &str| after.find(id).unwrap().mac("test", &[]);
    assert_eq!(mac("k1"), before.current().mac("test", &[]));
    assert!(mac("k2") != mac("k1") && mac("k3") != mac("k2"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count() == 1,
        "no temporary file is left"
    );
}

#[test]
fn a_key_can_be_added_before_it_becomes_current() {
    let (_folder, path) = file(&format!("current = \"old\"\n[keys]\nold = \"{KEY}\"\n"), 0o600);
    assert_eq!(add(&path).unwrap(), "k1");
    assert_eq!(read(&path).unwrap().current().id(), "old");
    make_current(&path, "k1").unwrap();
    assert_eq!(read(&path).unwrap().current().id(), "k1");
    assert!(make_current(&path, "k7").unwrap_err().contains("no key k7"));
    assert!(
        !make_current(&path, KEY).unwrap_err().contains(KEY),
        "a key given instead of a name"
    );
    assert!(remove(&path, "k1").unwrap_err().contains("current key"));
    remove(&path, "old").unwrap();
    assert_eq!(read(&path).unwrap().ids().collect::<Vec<_>>(), ["k1"]);
}

#[test]
fn a_failed_change_leaves_the_file_unchanged() {
    let content = format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n");
    let (_folder, path) = file(&content, 0o600);
    let part = path.with_extension("toml.part");
    std::fs::write(&part, "another change").unwrap();
    assert!(rotate(&path).unwrap_err().contains("another change is in progress"));
    assert_eq!(std::fs::read_to_string(&part).unwrap(), "another change");
    std::fs::remove_file(&part).unwrap();
    std::fs::write(&path, "current = ").unwrap();
    assert!(rotate(&path).unwrap_err().contains("is not TOML"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "current = ");
    assert!(!part.exists());
    assert!(rotate(Path::new("/no/such/keys.toml")).is_err());
}

#[test]
fn a_symbolic_link_to_the_file_is_kept() {
    let (folder, path) = file(&format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n"), 0o600);
    let link = folder.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    rotate(&link).unwrap();
    assert!(link.is_symlink());
    assert_eq!(read(&path).unwrap().current().id(), "k2");
}

#[test]
fn a_running_server_reloads_its_key_file() {
    let (_folder, path) = file(&format!("current = \"k1\"\n[keys]\nk1 = \"{KEY}\"\n"), 0o600);
    let keys = from_file(&path, read(&path).unwrap());
    rotate(&path).unwrap();
    assert_eq!(keys.current().id(), "k1");
    assert!(keys.find("k2").is_some(), "an unknown key causes a reload");
    assert_eq!(keys.current().id(), "k2");
    std::fs::write(&path, "half of").unwrap();
    keys.read_again();
    assert_eq!(keys.current().id(), "k2");
}
