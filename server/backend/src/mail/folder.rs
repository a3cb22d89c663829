//! E-mails of a development run: one JSON file each, readable only by the user who started it.

use super::{KeptEmail, SmtpError};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Writes an e-mail. The file gets its final name when complete.
pub(super) async fn keep(folder: PathBuf, id: String, email: KeptEmail) -> Result<(), SmtpError> {
    let written = tokio::task::spawn_blocking(move || write(&folder, &id, &email)).await;
    written.map_err(io::Error::other).flatten().map_err(|error| SmtpError {
        text: format!("the folder for e-mails: {}", error.kind()),
        words: String::new(),
        advice: "",
        permanent: false,
        kind: "connection",
    })
}

/// Lists e-mails, newest first, to one recipient or to all.
pub(super) fn kept(folder: &Path, to: Option<&str>) -> Vec<KeptEmail> {
    let ending = to.map_or_else(|| ".json".to_owned(), ending);
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.ends_with(&ending))
        })
        .collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names
        .iter()
        .filter_map(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok())
        .collect()
}

fn write(folder: &Path, id: &str, email: &KeptEmail) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let id: String = id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect();
    let name = format!("{:015}-{id}{}", email.sent_at, ending(&email.to));
    let unfinished = folder.join(format!("{name}.part"));
    // 0600. Attack: another user of the machine reads a live code.
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(&serde_json::to_vec_pretty(email)?)?;
    std::fs::rename(&unfinished, folder.join(name))
}

/// Returns the file name suffix for a recipient's e-mails: a digest, because an address may contain a slash.
fn ending(to: &str) -> String {
    format!("-{}.json", hex::encode(&Sha256::digest(to)[..6]))
}

#[cfg(test)]
mod tests {
    use super::super::{Mailer, a_email};
    use account::EmailAddress;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn emails_are_stored_as_files_that_only_their_owner_can_read() {
        let folder = std::env::temp_dir()
            .join(format!("emails-{}", std::process::id()))
            .join("inner");
        let mail = Mailer::Folder(folder.clone());
        assert!(mail.kept(None).is_empty(), "a missing folder contains no e-mails");
        for (at, to) in [
            (9_000, "ada@example.com"),
            (10_000, "a/b@example.com"),
            (11_000, "ada@example.com"),
        ] {
            mail.send("l1", &EmailAddress::parse(to).unwrap(), &a_email(&at.to_string()), at)
                .await
                .unwrap();
        }
        let subjects = |to| mail.kept(to).into_iter().map(|email| email.subject).collect::<Vec<_>>();
        assert_eq!(subjects(None), ["11000", "10000", "9000"]);
        assert_eq!(subjects(Some("a/b@example.com")), ["10000"]);
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert!(entry.file_name().to_str().unwrap().ends_with(".json"));
        }
        std::fs::write(folder.join("000000000012000-half.json"), "{").unwrap();
        assert_eq!(mail.kept(None).len(), 3, "an unreadable file is skipped");
        std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_failed_write_to_the_folder_is_a_temporary_error() {
        let mail = Mailer::Folder("/proc/none".into());
        let to = EmailAddress::parse("ada@example.com").unwrap();
        let error = mail.send("l1", &to, &a_email("Hello"), 1).await.unwrap_err();
        assert!(!error.permanent && !error.text.contains('@'), "{error:?}");
    }
}
