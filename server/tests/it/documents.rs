//! The paths, functions, links and commands in the documents exist.

use clap::error::ErrorKind;
use std::collections::BTreeSet;
use std::fs::{File, Permissions, read_dir, read_to_string, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders at the start of a path in a document.
const FOLDERS: [&str; 9] = [
    ".ci", ".cargo", "app", "deploy", "docs", "end2end", "frontend", "server", "style",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files with an extension in a folder and its subfolders.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path, extension),
            false if path.extension().is_some_and(|found| found == extension) => vec![path],
            false => Vec::new(),
        })
        .collect()
}

/// Every document with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let top = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    let below = ["docs", "deploy"].map(|folder| files(&root().join(folder), "md"));
    let all = top.into_iter().chain(below.into_iter().flatten());
    all.map(|path| (path.clone(), read_to_string(path).unwrap())).collect()
}

/// A document's lines of code, with continued lines joined, and its other lines.
fn split_code(text: &str) -> (Vec<String>, Vec<&str>) {
    let (mut code, mut prose, mut in_code) = (Vec::<String>::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            prose.push(line);
        } else if let Some(last) = code.last_mut().filter(|last| last.ends_with('\\')) {
            last.pop();
            last.push_str(line);
        } else {
            code.push(line.to_owned());
        }
    }
    (code, prose)
}

/// The text between backticks.
fn spans<'t>(prose: &[&'t str]) -> Vec<&'t str> {
    prose
        .iter()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

fn architecture() -> Vec<String> {
    let page = read_to_string(root().join("docs/architecture.md")).unwrap();
    spans(&split_code(&page).1).into_iter().map(str::to_owned).collect()
}

#[test]
fn every_path_in_the_architecture_exists() {
    let is_path = |span: &String| {
        span.split_once('/')
            .is_some_and(|(folder, _)| FOLDERS.contains(&folder))
    };
    let paths: BTreeSet<_> = architecture().into_iter().filter(is_path).collect();
    assert!(paths.len() > 100, "{paths:?}");
    let missing: Vec<_> = paths.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_function_in_the_architecture_exists() {
    let folders = ["app/src", "server/account/src", "server/backend/src", "server/src"];
    let sources = folders.into_iter().flat_map(|folder| files(&root().join(folder), "rs"));
    let code: String = sources.map(|path| read_to_string(path).unwrap()).collect();
    let spans = architecture();
    let functions: BTreeSet<_> = spans.iter().filter_map(|span| span.strip_suffix("()")).collect();
    assert!(functions.len() > 30, "{functions:?}");
    let is_missing = |name: &&&str| {
        // `Type::function` is in an `impl` block of the type.
        let (of, function) = name.rsplit_once("::").unwrap_or(("", name));
        let mut blocks = code
            .split("\nimpl")
            .filter(|block| of.is_empty() || block.starts_with(&format!(" {of}")));
        !blocks.any(|block| {
            ["(", "<"]
                .iter()
                .any(|next| block.contains(&format!("fn {function}{next}")))
        })
    };
    let missing: Vec<_> = functions.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A heading's anchor, as code forges generate it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_link_between_documents_has_a_target() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        for rest in split_code(&text).1.join("\n").split("](").skip(1) {
            let link = rest.split(')').next().unwrap();
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = match file {
                "" => path.clone(),
                _ => path.parent().unwrap().join(file),
            };
            let is_there = match section {
                "" => target.exists(),
                _ => read_to_string(&target).is_ok_and(|text| {
                    let headings = text.lines().filter(|line| line.starts_with('#'));
                    headings
                        .map(|line| anchor(line.trim_start_matches('#').trim()))
                        .any(|known| known == section)
                }),
            };
            if !is_there {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The words of a `rekey` command in a shell line, if any.
fn command(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted && word.is_empty() => break,
            '<' | '>' | '|' | ';' if !quoted => break,
            c if c.is_whitespace() && !quoted => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()))
            }
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    let start = words.iter().position(|word| word == "rekey" || word == "rekey-run")?;
    // Variables or a change of user may precede the command.
    let is_prefix =
        words[..start].iter().all(|word| word.contains('=')) || words[..start].last().is_some_and(|word| word == "--");
    is_prefix.then(|| words.split_off(start))
}

/// The parser's error for a command, if any. In prose, a command may occur without its arguments.
fn refusal(words: &[String], in_prose: bool) -> Option<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let error = server::cli::check(&words).err()?;
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => in_prose,
        _ => false,
    };
    (!is_fine).then(|| error.to_string())
}

#[test]
fn every_command_in_the_documents_exists() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for (path, text) in documents() {
        let (code, prose) = split_code(&text);
        let spans = spans(&prose);
        let lines = code
            .iter()
            .map(|line| (line.as_str(), false))
            .chain(spans.into_iter().map(|span| (span, true)));
        for (line, in_prose) in lines {
            // `rekey user …` means several commands.
            let Some(words) = command(line).filter(|_| !line.contains('…')) else {
                continue;
            };
            seen += 1;
            if let Some(refusal) = refusal(&words, in_prose) {
                wrong.push(format!("{}: {line}\n{refusal}", path.display()));
            }
        }
    }
    assert!(seen > 60, "{seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_make_target_in_the_documents_exists() {
    let makefile = read_to_string(root().join("Makefile")).unwrap();
    for (path, text) in documents() {
        let (code, prose) = split_code(&text);
        let lines = code.iter().map(String::as_str).chain(spans(&prose));
        for target in lines.filter_map(|line| line.trim_start().strip_prefix("make ")?.split_whitespace().next()) {
            let is_there = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
            assert!(is_there, "{}: make {target}", path.display());
        }
    }
}

/// Runs a document's line in a shell with the program on its path, and a password on standard input.
fn run(folder: &Path, line: &str, variables: &[(&str, &str)]) -> String {
    write(folder.join("password"), "nine quiet kettles under the stairs\n").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_rekey")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder).env_clear();
    shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    shell.envs(variables.iter().copied());
    shell.stdin(File::open(folder.join("password")).unwrap());
    let (success, text) = crate::program::success_and_output(&shell.output().unwrap());
    assert!(success, "{line}\n{text}");
    text
}

/// The operators' document, and a folder with its key file.
fn installed() -> (String, tempfile::TempDir) {
    let page = read_to_string(root().join("deploy/README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let code = split_code(&page).0;
    let make_key = code.iter().find(|line| line.starts_with("umask 077;")).unwrap();
    run(folder.path(), make_key, &[]);
    (page, folder)
}

/// Writes a document's first configuration to a file.
fn write_example(page: &str, folder: &Path) {
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let file = folder.join("rekey.toml");
    write(&file, example).unwrap();
    set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_documented_configuration_is_accepted() {
    let (page, folder) = installed();
    write_example(&page, folder.path());
    let variables = [("REKEY_CONFIG", "rekey.toml"), ("REKEY_KEY_FILE", "keys.toml")];
    let shown = run(folder.path(), "rekey check-config", &variables);
    assert!(
        shown.contains("REKEY_BRAND=Example\n") && !shown.contains("PASSWORD@"),
        "{shown}"
    );
}

#[test]
fn the_documented_registration_of_a_product_is_accepted() {
    let page = read_to_string(root().join("docs/products.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let code = split_code(&page).0;
    let make_secret = code.iter().find(|line| line.contains("umask 077")).unwrap();
    run(folder.path(), make_secret, &[]);
    write_example(&page, folder.path());
    let shown = run(
        folder.path(),
        "rekey check-config --dev",
        &[("REKEY_CONFIG", "rekey.toml")],
    );
    for line in ["id = \"shop\"", "client_secret = \"(set)\""] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
}

#[test]
fn the_documented_operator_commands_run() {
    let (page, folder) = installed();
    write(folder.path().join("users.csv"), "email\ngrace@example.com\n").unwrap();
    let section = page
        .split("\n## Commands\n")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let (mut lines, _) = split_code(section);
    // These need a server, a mail server or the whole configuration; other tests cover them.
    let elsewhere = ["rekey serve", "rekey mail test", "rekey check-config", "rekey health"];
    lines.retain(|line| !elsewhere.iter().any(|command| line.starts_with(command)));
    assert!(lines.len() >= 12, "{lines:?}");
    for line in lines {
        run(folder.path(), &line, &[("REKEY_KEY_FILE", "keys.toml")]);
    }
}
