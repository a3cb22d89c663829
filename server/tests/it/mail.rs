//! `rekey mail`: the connection to the mail server, and the queued e-mails.

use crate::databases;
use crate::program::{rekey, success_and_output};
use crate::running::Running;
use blackbox::mailbox::{Mailbox, Mood};
use std::path::Path;

/// A mail server with a configured response to MAIL FROM, and its URL.
pub fn mail_server(answer: &'static str) -> (Mailbox, String) {
    let server = Mailbox::open().unwrap();
    server.set(Mood::Answers(answer));
    let url = server.url().replace("//", "//user:s3cret@");
    (server, url)
}

const FINE: &str = "250 fine";
const NOT_ALLOWED: &str = "550 5.7.1 ada@example.com may not";

#[test]
fn a_mail_test_shows_the_conversation_and_its_result() {
    let (folder, (server, url)) = (tempfile::tempdir().unwrap(), mail_server(FINE));
    let test = |arguments: &[&str]| {
        let mut command = rekey(folder.path());
        command
            .args(["mail", "test", "--to", "ada@example.com"])
            .args(arguments);
        let settings = [
            ("REKEY_SMTP_URL", url.as_str()),
            ("REKEY_ORIGIN", "https://accounts.example.com"),
        ];
        success_and_output(&command.envs(settings).output().unwrap())
    };
    let (accepted, text) = test(&[]);
    assert!(accepted, "{text}");
    for line in [
        "< 220 mail.example ESMTP \\u{1b}[31m\n",
        "> EHLO accounts.example.com\n",
        "> AUTH PLAIN ****\n",
        "> MAIL FROM:<noreply@signin.rekey.example>\n",
        "> RCPT TO:<ada@example.com>\n",
        "< 250 taken\n",
        "Accepted: the mail server accepted the e-mail",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
    assert!(test(&["--notices"]).1.contains("> MAIL FROM:<noreply@rekey.example>\n"));
    server.set(Mood::Answers(NOT_ALLOWED));
    let (accepted, text) = test(&[]);
    assert!(!accepted, "{text}");
    for line in [
        "< 550 5.7.1 ada@example.com may not\n",
        "Not sent: the mail server answered 550 5.7.1 to MAIL FROM",
        "SPF, DKIM and DMARC",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!folder.path().join("data").exists(), "it needs no database and no keys");
}

#[test]
fn a_mail_test_without_a_mail_server_reports_the_missing_key() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| success_and_output(&rekey(folder.path()).args(arguments).output().unwrap());
    let (accepted, text) = run(&["mail", "test", "--to", "ada@example.com"]);
    assert!(!accepted && text.contains("set REKEY_SMTP_URL"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_listed_and_retried_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = databases::sqlite(folder.path());
    the_queue_is_read_and_moved(folder.path(), &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_listed_and_retried_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    the_queue_is_read_and_moved(folder.path(), &databases::postgres("mail_queue").await).await;
}

async fn the_queue_is_read_and_moved(folder: &Path, database: &str) {
    let (server, url) = mail_server(NOT_ALLOWED);
    let settings = [("REKEY_SMTP_URL", url.as_str()), ("REKEY_DATABASE_URL", database)];
    let run = |arguments: &[&str]| success_and_output(&rekey(folder).args(arguments).envs(settings).output().unwrap());
    let mut running = Running::start_in(folder, &settings);
    for form in ["email=ada@example.com", "email=grace@example.com"] {
        running.call("/api/reset/begin", form).send().await.unwrap();
        running.line_with("was not sent");
    }
    let queue = || run(&["mail", "queue"]).1;
    // The outcome of an attempt is stored after it is logged.
    while queue().matches("550 5.7.1 to MAIL FROM").count() < 2 {
        tokio::task::yield_now().await;
    }
    // Stop the server so that nothing else changes the queue.
    assert!(!running.end().contains("example.com"));
    while queue().contains("being sent") {
        tokio::task::yield_now().await;
    }
    let waiting = queue();
    assert!(
        waiting.starts_with("ID\tKIND\tWRITTEN\tATTEMPTS\tNEXT ATTEMPT\tREASON\n"),
        "{waiting}"
    );
    assert_eq!(waiting.matches("\treset code\t").count(), 2, "{waiting}");
    assert!(!waiting.contains('@'), "{waiting}");
    assert!(run(&["mail", "queue", "--addresses"]).1.contains("\tada@example.com\t"));
    let first = waiting.lines().nth(1).unwrap().split('\t').next().unwrap();
    assert!(run(&["mail", "drop", first]).1.contains("Dropped: 1."));
    for command in ["drop", "retry"] {
        let (done, text) = run(&["mail", command, first]);
        assert!(!done && text.contains(&format!("E-mail {first} is not ")), "{text}");
    }
    assert!(!run(&["mail", "retry"]).0, "one or all");
    assert!(run(&["mail", "retry", "--all"]).1.contains("Due now: 1."));
    assert!(queue().contains("\tdue\t"));
    server.set(Mood::Kind);
    let running = Running::start_in(folder, &settings);
    while !queue().contains("No e-mails are queued.") {
        tokio::task::yield_now().await;
    }
    running.end();
    assert_eq!(server.messages().len(), 1);
}

/// The database URL may name other authorities.
#[tokio::test(flavor = "multi_thread")]
async fn the_operators_authorities_apply_to_the_database() {
    let server = databases::variable("TEST_POSTGRES");
    let port = server.rsplit(':').next().unwrap().split('/').next().unwrap();
    // The loopback under a name that isn't recognized as local.
    let url = format!("postgres:///rekey?user=rekey&host=::ffff:127.0.0.1&port={port}");
    let ca = databases::variable("TEST_POSTGRES_CA");
    let opens = async |settings: &[(&str, &str)]| {
        let settings: Vec<_> = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let (config, problems) = server::config::load(&settings, server::config::ConfigPurpose::Command);
        assert_eq!(problems, []);
        server::start::database(&config).await.is_ok()
    };
    assert!(opens(&[("REKEY_DATABASE_URL", &url), ("REKEY_CA_FILE", &ca)]).await);
    assert!(!opens(&[("REKEY_DATABASE_URL", &url)]).await);
}
