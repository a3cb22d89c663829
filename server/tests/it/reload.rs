//! SIGHUP: what changes while the program runs, and what does not.

use crate::mail::MailServer;
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
    // The origin's: the port is another one.
    let page = request.header("host", "127.0.0.1:3000").send().await.unwrap();
    page.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_puts_the_configuration_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (MailServer::answering("550 no"), MailServer::answering("250 fine"));
    let smtp = |server: &MailServer| format!("smtp_url = \"{}\"", server.url);
    write(folder.path(), &[&smtp(&before), "brand = \"Before\""]);
    let mut running = Running::start_in(folder.path(), &[("REKEY_CONFIG", "rekey.toml")]);
    running
        .call("/api/reset/begin", "email=ada@example.com")
        .send()
        .await
        .unwrap();
    running.line_with("did not leave");
    write(
        folder.path(),
        &[
            &smtp(&after),
            "brand = \"After\"",
            "log = \"info,server=debug\"",
            "hashes_at_once = 1",
        ],
    );
    running.hang_up();
    let named = running.line_with("needs a restart");
    assert!(named.contains("REKEY_HASHES_AT_ONCE"), "{named}");
    let reloaded = running.line_with("the configuration is reloaded");
    for key in ["REKEY_SMTP_URL", "REKEY_BRAND", "REKEY_LOG"] {
        assert!(reloaded.contains(key), "{reloaded}");
    }
    assert!(!running.logged.contains("s3cret"), "{}", running.logged);
    assert!(sign_in_page(&running).await.contains("After"));
    // The e-mail that the server before refused goes out.
    while after.recipients.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_wrong_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["brand = \"Before\""]);
    let mut running = Running::start_in(folder.path(), &[("REKEY_CONFIG", "rekey.toml")]);
    write(folder.path(), &["brand = \"After\"", "password_min = 1"]);
    running.hang_up();
    let refused = running.line_with("stays as it was");
    assert!(refused.contains("password_min in rekey.toml"), "{refused}");
    assert!(sign_in_page(&running).await.contains("Before"));
    running.end();
}
