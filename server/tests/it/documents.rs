//! The documents say what is so: the paths, functions and commands in them exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What stands between backticks in a line.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The Rust sources below a folder.
fn sources(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The folders of the repository: a path on the page begins with one of them.
const FOLDERS: [&str; 9] = [
    ".ci", ".cargo", "app", "deploy", "docs", "end2end", "frontend", "server", "style",
];

#[test]
fn every_path_in_the_architecture_exists() {
    let page = read("docs/architecture.md");
    let paths: BTreeSet<_> = code_spans(&page)
        .filter(|span| {
            span.split_once('/')
                .is_some_and(|(folder, _)| FOLDERS.contains(&folder))
        })
        .collect();
    assert!(paths.len() > 100, "{paths:?}");
    let missing: Vec<_> = paths.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_function_in_the_architecture_exists() {
    let page = read("docs/architecture.md");
    let mut code = String::new();
    for folder in ["app/src", "server/account/src", "server/backend/src", "server/src"] {
        sources(&root().join(folder), &mut code);
    }
    let functions: BTreeSet<_> = code_spans(&page).filter_map(|span| span.strip_suffix("()")).collect();
    assert!(functions.len() > 30, "{functions:?}");
    let missing: Vec<_> = functions
        .iter()
        .filter(|name| !["(", "<"].iter().any(|after| code.contains(&format!("fn {name}{after}"))))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
