//! Reloading the configuration on SIGHUP.

use crate::databases;
use crate::mail::mail_server;
use crate::program::{rekey, success_and_output};
use crate::running::Running;
use std::path::Path;

fn write(folder: &Path, lines: &[&str]) {
    use std::os::unix::fs::PermissionsExt;
    let file = folder.join("rekey.toml");
    std::fs::write(&file, lines.join("\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn sign_in_page(running: &Running) -> String {
    let request = running.get("/signin").header("accept", "text/html");
    // The origin's host, with another port.
    let page = request.header("host", "127.0.0.1:3000").send().await.unwrap();
    page.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_applies_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let ((_before, before), (after, after_url)) = (mail_server("550 no"), mail_server("250 fine"));
    let smtp = |url: &str| format!("smtp_url = \"{url}\"");
    write(folder.path(), &[&smtp(&before), "brand = \"Before\""]);
    let mut running = Running::start_in(folder.path(), &[("REKEY_CONFIG", "rekey.toml")]);
    running
        .call("/api/reset/begin", "email=ada@example.com")
        .send()
        .await
        .unwrap();
    running.line_with("was not sent");
    write(
        folder.path(),
        &[
            &smtp(&after_url),
            "brand = \"After\"",
            "log = \"info,server=debug\"",
            "hashes_at_once = 1",
        ],
    );
    running.hang_up();
    let named = running.line_with("needs a restart");
    assert!(named.contains("REKEY_HASHES_AT_ONCE"), "{named}");
    let reloaded = running.line_with("the configuration was reloaded");
    for key in ["REKEY_SMTP_URL", "REKEY_BRAND", "REKEY_LOG"] {
        assert!(reloaded.contains(key), "{reloaded}");
    }
    assert!(!running.logged.contains("s3cret"), "{}", running.logged);
    assert!(sign_in_page(&running).await.contains("After"));
    // The e-mail rejected by the earlier mail server is sent.
    while after.messages().is_empty() {
        tokio::task::yield_now().await;
    }
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_configuration_is_not_applied() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["brand = \"Before\""]);
    let mut running = Running::start_in(folder.path(), &[("REKEY_CONFIG", "rekey.toml")]);
    write(folder.path(), &["brand = \"After\"", "password_min = 1"]);
    running.hang_up();
    let refused = running.line_with("was not reloaded");
    assert!(refused.contains("password_min in rekey.toml"), "{refused}");
    assert!(sign_in_page(&running).await.contains("Before"));
    running.end();
}

/// Requests a reset code and waits until its delivery is stored.
async fn send_a_code(running: &Running, folder: &Path, form: &'static str) {
    running.call("/api/reset/begin", form).send().await.unwrap();
    let queue = || success_and_output(&rekey(folder).args(["mail", "queue"]).output().unwrap()).1;
    while !queue().contains("No e-mails are queued.") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_connection_survives_an_unrelated_reload() {
    let folder = tempfile::tempdir().unwrap();
    let (server, url) = mail_server("250 fine");
    let authorities = std::fs::read_to_string(databases::variable("TEST_POSTGRES_CA")).unwrap();
    std::fs::write(folder.path().join("ca.pem"), &authorities).unwrap();
    let smtp = format!("smtp_url = \"{url}\"");
    write(folder.path(), &[&smtp, "ca_file = \"ca.pem\"", "brand = \"Before\""]);
    let mut running = Running::start_in(folder.path(), &[("REKEY_CONFIG", "rekey.toml")]);
    send_a_code(&running, folder.path(), "email=ada@example.com").await;
    write(folder.path(), &[&smtp, "ca_file = \"ca.pem\"", "brand = \"After\""]);
    running.hang_up();
    running.line_with("the configuration was reloaded");
    send_a_code(&running, folder.path(), "email=grace@example.com").await;
    assert_eq!(server.connections(), 1);
    // The trusted authorities for the mail server have changed.
    std::fs::write(folder.path().join("ca.pem"), authorities.repeat(2)).unwrap();
    running.hang_up();
    running.line_with("the configuration was reloaded");
    send_a_code(&running, folder.path(), "email=eve@example.com").await;
    assert_eq!(server.connections(), 2);
    running.end();
}
