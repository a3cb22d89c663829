//! Importing accounts from a file.

use crate::program::{rekey, success_and_output};
use std::io::Write;
use std::process::{Output, Stdio};
use tempfile::TempDir;

pub const HASH: &str = "pbkdf2_sha256$1000$YBX3CQfiE3WGRRAfNr8XLg$dQVxWlmDqfIaQ/r1EnnVJQnCx1TtLz9QNgF1lSxizr4=";

/// A service without accounts.
pub struct Service(pub TempDir);

impl Service {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        server::keys::read_or_make(&folder.path().join("data/keys.toml")).unwrap();
        Self(folder)
    }

    /// Imports a file with a name and content.
    pub fn import(&self, name: &str, content: impl AsRef<[u8]>) -> Output {
        std::fs::write(self.0.path().join(name), content).unwrap();
        rekey(self.0.path()).args(["import", name]).output().unwrap()
    }

    /// All addresses and names.
    pub fn accounts(&self) -> Vec<String> {
        let (success, list) = success_and_output(&rekey(self.0.path()).args(["user", "list"]).output().unwrap());
        assert!(success, "{list}");
        list.lines()
            .map(|line| line.split('\t').take(2).collect::<Vec<_>>().join(" "))
            .collect()
    }
}

pub fn success_and_streams(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_invalid_line_is_reported_with_its_number_and_the_rest_is_imported() {
    let service = Service::new();
    let content = format!(
        "email,name,password_hash,language,created_at\n\
         ada@example.com,Ada,{HASH},en,2024-11-25T10:00:00Z\n\
         {HASH},Columns mixed up,ada@example.com,,\n\
         a@example.com,https://example.com,{HASH},,\n\
         b@example.com,B,{HASH}!,,\n\
         c@example.com,C,$2b$31$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmi7y,,\n\
         d@example.com,D,!unusable,,\n\
         e@example.com,E,{HASH},tlh,\n\
         f@example.com,F,{HASH},,yesterday\n\
         g@example.com,G,{HASH}\n\
         ,H,{HASH},,\n\
         grace@example.com,Grace,,,\n"
    );
    let output = service.import("users.csv", &content);
    let (success, out, err) = success_and_streams(&output);
    assert!(!success);
    assert_eq!(out, "2 added, 0 already existed, 9 rejected.\n");
    let lines: Vec<_> = err.lines().collect();
    for (at, expected) in [
        "line 3: email is not an e-mail address",
        "line 4: a@example.com: name must be empty, or one line of at most 100 characters without links or addresses",
        "line 5: b@example.com: password_hash is damaged: it begins like pbkdf2_sha256, but the rest cannot be parsed",
        "line 6: c@example.com: password_hash costs more to verify than a sign-in may cost (at most cost 15)",
        "line 7: d@example.com: password_hash has an unknown format (known are argon2, bcrypt, scrypt, PBKDF2, phpass, SHA-crypt, {SSHA}, and the formats of Django, WordPress, ASP.NET Core Identity, better-auth and Firebase)",
        "line 8: e@example.com: language must be en, ar, or empty",
        "line 9: f@example.com: created_at must be empty, or a time such as 2024-11-25T10:00:00Z or 2024-11-25 10:00:00 (UTC)",
        "line 10: 3 fields instead of 5",
        "line 11: email is empty",
        "Some records were not imported. Fix the ones listed above and run the import again; no account is added twice.",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(lines[at], expected);
    }
    assert_eq!(lines.len(), 10);
    assert!(!err.contains("dQVxWlm") && !err.contains("Mixed"), "{err}");
    assert_eq!(service.accounts(), ["ada@example.com Ada", "grace@example.com Grace"]);
}

#[test]
fn a_second_run_imports_only_the_fixed_line() {
    let service = Service::new();
    let first = "email,name,password_hash\nada@example.com,Ada,\ngrace@example.com,@,\n";
    assert_eq!(
        success_and_streams(&service.import("users.csv", first)).1,
        "1 added, 0 already existed, 1 rejected.\n"
    );
    assert_eq!(
        success_and_streams(&service.import("users.csv", first)).1,
        "0 added, 1 already existed, 1 rejected.\n"
    );
    let mended = first.replace("com,@,", "com,Grace,");
    let result = success_and_streams(&service.import("users.csv", mended));
    assert_eq!(
        result,
        (true, "1 added, 1 already existed, 0 rejected.\n".into(), String::new())
    );
    assert_eq!(service.accounts().len(), 2);
}

#[test]
fn records_with_a_duplicate_address_are_reported() {
    let service = Service::new();
    let content = "name,email\nAda,ada@example.com\nAda again,ADA@Example.com\nAda once more, ada@example.com. \n";
    std::fs::write(service.0.path().join("users.csv"), content).unwrap();
    let expected = "line 3: ada@example.com is also the address of line 2; only line 2 is imported\n\
                    line 4: ada@example.com is also the address of line 2; only line 2 is imported\n";
    let dry_run = rekey(service.0.path())
        .args(["import", "--dry-run", "users.csv"])
        .output()
        .unwrap();
    for (output, result) in [
        (dry_run, "1 accounts can be imported, 2 records are rejected.\n"),
        (
            service.import("users.csv", content),
            "1 added, 0 already existed, 2 rejected.\n",
        ),
    ] {
        let (success, out, err) = success_and_streams(&output);
        assert_eq!((success, out.as_str()), (false, result));
        assert!(err.starts_with(expected), "{err}");
    }
    assert_eq!(service.accounts(), ["ada@example.com Ada"]);
}

#[test]
fn json_lines_are_imported_and_reported_like_csv() {
    let service = Service::new();
    let content = format!(
        r#"{{"email": "ada@example.com", "name": "Ada \"L\" Lovelace", "password_hash": "{HASH}"}}

{{"email": "grace@example.com", "name": "Gr\u00e4ce", "language": "ar", "created_at": "1999-12-31T23:59:59+01:00", "password_hash": null}}
{{"email": "a@example.com", "name": "A", "password": "{HASH}"}}
{{"email": "b@example.com", "name": "B", "password_hash": 17}}
{{"email": "c@example.com", "name": "C", "password_hash": "{HASH}
["{HASH}"]
{{"email": "d@example.com", "name": "{}"}}
{{"email": "e@example.com", "name": "E", "{HASH}": ""}}
{{"email": "last@example.com", "name": "Last"}}"#,
        "D".repeat(70_000)
    );
    let (success, out, err) = success_and_streams(&service.import("users.jsonl", &content));
    assert!(!success);
    assert_eq!(out, "3 added, 0 already existed, 6 rejected.\n");
    let lines: Vec<_> = err.lines().collect();
    let known = "known are email, name, password_hash, google_subject, language, created_at, email_verified, disabled; use --ignore NAME to ignore one";
    for (at, expected) in [
        &format!("line 4: it has unknown fields: \"password\" (did you mean password_hash?); {known}"),
        "line 5: password_hash is not text",
        "line 6: it has invalid JSON at character ",
        "line 7: it is not a JSON object",
        "line 8: it is longer than 64 KiB",
        &format!("line 9: it has unknown fields: a name; {known}"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(lines[at].starts_with(expected), "{err}");
    }
    assert!(!err.contains("dQVxWlm"), "{err}");
    assert_eq!(
        service.accounts(),
        [
            "ada@example.com Ada \"L\" Lovelace",
            "grace@example.com Gräce",
            "last@example.com Last"
        ]
    );
}

/// Like Excel: byte order mark, CR LF, line breaks and quotes in quotes, blank lines, no final line ending.
#[test]
fn lines_are_numbered_as_in_an_editor() {
    let service = Service::new();
    let content = "\u{feff}email,name,password_hash\r\n\
                   ada@example.com,\"Ada\r\n\"\"Countess\"\" of, Lovelace\",\r\n\
                   \r\n\
                   \r\n\
                   bad,Line six,\r\n\
                   worse,\"Lines\n\nseven to nine\",\r\n\
                   grace@example.com,\"Grace\",\"\"\r\n\
                   worst,Line eleven,";
    for (content, name) in [(content.to_owned(), "crlf.csv"), (content.replace('\r', ""), "lf.csv")] {
        let (_, _, err) = success_and_streams(&service.import(name, content));
        let lines: Vec<_> = err.lines().take(3).collect();
        assert_eq!(
            lines,
            [
                "line 6: email is not an e-mail address",
                "line 7: email is not an e-mail address (the record continues to line 9)",
                "line 11: email is not an e-mail address"
            ]
        );
    }
    assert_eq!(
        service.accounts(),
        [
            "ada@example.com Ada \"Countess\" of, Lovelace",
            "grace@example.com Grace"
        ]
    );
}

#[test]
fn invalid_utf_8_is_reported() {
    let service = Service::new();
    let csv = b"email,name\nada@example.com,Ad\xe4\ngrace@example.com,Grace\n";
    let (_, out, err) = success_and_streams(&service.import("users.csv", csv));
    assert_eq!(out, "1 added, 0 already existed, 1 rejected.\n");
    assert!(err.starts_with("line 2: it is not UTF-8\n"), "{err}");
    let json =
        b"{\"email\":\"ada@example.com\",\"name\":\"Ad\xe4\"}\n{\"email\":\"ada@example.com\",\"name\":\"Ada\"}\n";
    let (_, out, err) = success_and_streams(&service.import("users.jsonl", json));
    assert_eq!(out, "1 added, 0 already existed, 1 rejected.\n");
    assert!(err.starts_with("line 1: it is not UTF-8\n"), "{err}");
}

#[test]
fn an_invalid_file_imports_no_account() {
    let service = Service::new();
    let known = "known are email, name, password_hash, google_subject, language, created_at, email_verified, disabled; use --ignore NAME to ignore one";
    for (name, content, expected) in [
        ("users.csv", "".to_owned(), "users.csv is empty.".to_owned()),
        ("users.jsonl", "".into(), "users.jsonl is empty.".into()),
        (
            "users.csv",
            "\n\n".into(),
            "The file is empty; its first line must name the columns.".into(),
        ),
        (
            "users.csv",
            "email,pasword_hash,name,Phone,e-mail verifed\nada@example.com,,Ada,,\n".into(),
            format!(
                "The header line has unknown columns: \"pasword_hash\" (did you mean password_hash?), \"Phone\", \
                 \"e-mail verifed\" (did you mean email_verified?); {known}."
            ),
        ),
        (
            "users.csv",
            format!("{HASH},name,email\n"),
            format!("The header line has unknown columns: column 1; {known}."),
        ),
        (
            "users.csv",
            "ada@example.com,Ada,\n".into(),
            format!("The header line has unknown columns: column 1, \"Ada\", column 3; {known}."),
        ),
        (
            "users.csv",
            "name\nAda\n".into(),
            "The header line has no column email.".into(),
        ),
        (
            "users.csv",
            "email,name,E-Mail\n".into(),
            "The header line has email twice.".into(),
        ),
        (
            "users.txt",
            "email,name\n".into(),
            "The format is not clear from the file name; add --format csv or --format json-lines.".into(),
        ),
    ] {
        let (success, _, err) = success_and_streams(&service.import(name, &content));
        assert_eq!((success, err.trim_end()), (false, expected.as_str()), "{content}");
    }
    let missing = rekey(service.0.path())
        .args(["import", "missing.csv"])
        .output()
        .unwrap();
    assert_eq!(
        success_and_streams(&missing).2,
        "missing.csv cannot be read: entity not found\n"
    );
    assert!(service.accounts().is_empty());
    assert!(
        success_and_streams(&service.import("users.csv", "email,name\n")).0,
        "a file without records is no error"
    );
}

#[test]
fn an_unclosed_quote_is_reported_and_nothing_after_it_is_imported() {
    let service = Service::new();
    let smuggled = "grace@example.com,Grace,\n".repeat(3);
    let content = format!("email,name,password_hash\nada@example.com,Ada,\neve@example.com,\"Eve,\n{smuggled}");
    let (success, out, err) = success_and_streams(&service.import("users.csv", content));
    assert_eq!(
        (success, out.as_str()),
        (false, "1 added, 0 already existed, 1 rejected.\n")
    );
    assert!(
        err.starts_with("line 3: a quote is not closed; nothing after it was read\n"),
        "{err}"
    );
    let content = format!(
        "email,name,password_hash\nada@example.com,Ada,\n\"{}",
        "x@example.com,X,\n".repeat(100_000)
    );
    let (success, out, err) = success_and_streams(&service.import("users.csv", content));
    assert_eq!(
        (success, out.as_str()),
        (false, "0 added, 1 already existed, 0 rejected.\n")
    );
    let expected =
        "line 3: a record of more than 1 MiB begins here. Is a quote not closed? Nothing after it was read.\n";
    assert_eq!(err, expected);
    assert_eq!(service.accounts(), ["ada@example.com Ada"]);
}

#[test]
fn a_dry_run_checks_the_file_without_changes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("users.csv"),
        "email,name\nada@example.com,Ada\nbad,Bad\n",
    )
    .unwrap();
    let output = rekey(folder.path())
        .args(["import", "--dry-run", "users.csv"])
        .output()
        .unwrap();
    let (success, out, err) = success_and_streams(&output);
    assert_eq!(
        (success, out.as_str()),
        (false, "1 accounts can be imported, 1 records are rejected.\n")
    );
    assert_eq!(
        err,
        "line 3: email is not an e-mail address\nSome records cannot be imported.\n"
    );
    assert!(!folder.path().join("data").exists());
}

#[test]
fn standard_input_is_read_in_the_given_format() {
    let service = Service::new();
    let run = |arguments: &[&str]| {
        let mut child = rekey(service.0.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A refused command doesn't read its input.
        let _ = child
            .stdin
            .take()
            .unwrap()
            .write_all(b"{\"email\":\"ada@example.com\",\"name\":\"Ada\"}\n");
        success_and_output(&child.wait_with_output().unwrap())
    };
    assert!(!run(&["import", "-"]).0);
    let result = run(&["import", "-", "--format", "json-lines"]);
    assert_eq!(result, (true, "1 added, 0 already existed, 0 rejected.\n".into()));
    assert_eq!(service.accounts(), ["ada@example.com Ada"]);
}

#[test]
fn a_long_import_reports_progress() {
    let service = Service::new();
    let lines: String = (0..100_500).map(|n| format!("user{n}@example.com,User,\n")).collect();
    let content = format!("email,name,password_hash\n{lines}");
    std::fs::write(service.0.path().join("users.csv"), content).unwrap();
    let output = rekey(service.0.path())
        .args(["import", "--dry-run", "users.csv"])
        .output()
        .unwrap();
    let (success, out, err) = success_and_streams(&output);
    assert!(success);
    assert_eq!(out, "100500 accounts can be imported, 0 records are rejected.\n");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("100000 accounts read, "), "{err}");
}
