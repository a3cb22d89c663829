//! What commands ask before they act, what they need, and what they do beside others.

use crate::program::{rekey, told};

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn what_changes_much_is_done_only_when_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| told(&rekey(folder.path()).args(words(line)).output().unwrap());
    assert!(run("seed").0);
    let (done, text) = run("user email ada@example.com ada@lovelace.example");
    assert!(!done && text.ends_with("Add --yes to do it.\n"), "{text}");
    assert!(run("user show ada@example.com").0, "nothing has changed");
    assert!(run("user email ada@example.com ada@lovelace.example --yes").0);
    let (done, text) = run("mail drop --all");
    assert!(!done && text.ends_with("Add --yes to do it.\n"), "{text}");
    assert_eq!(run("mail queue").1.lines().count(), 3, "both notices wait");
    let (done, text) = run("mail drop --all --yes");
    assert!(done && text.starts_with("Dropped: 2."), "{text}");
}
