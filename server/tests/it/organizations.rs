//! Operator commands for organizations.

use crate::program::{done, refused, rekey, success_and_output};
use std::net::UdpSocket;
use std::path::Path;
use std::sync::{Arc, Mutex};

const ADD: &str = "org add Engines --administrator-name Charles --administrator-email it@motors.example";

fn seeded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), "seed");
    done(folder.path(), ADD);
    folder
}

/// The line of the organization in `org list`.
fn listed(folder: &Path) -> Vec<String> {
    let list = done(folder, "org list");
    let line = list.lines().find(|line| line.starts_with("Engines\t")).unwrap();
    line.split('\t').map(str::to_owned).collect()
}

#[test]
fn an_organization_is_added_listed_and_removed() {
    let folder = seeded();
    let folder = folder.path();
    assert_eq!(listed(folder), ["Engines", "-", "-", "0 members", "-"]);
    assert!(refused(folder, ADD).contains("already an organization"));
    assert!(
        refused(
            folder,
            "org add a@b --administrator-name C --administrator-email it@motors.example"
        )
        .contains("one line")
    );
    assert!(refused(folder, "org provider Nowhere none").contains("no organization with the name Nowhere"));
    done(folder, "org domain Engines trust Motors.Example");
    let text = refused(folder, "org admin Engines add ada@example.com");
    assert!(
        text.ends_with("its password is then refused and its sessions end.\n"),
        "{text}"
    );
    let text = done(folder, "org admin Engines add ada@example.com --yes");
    assert!(
        text.ends_with("can sign in only when Engines has verified example.com.\n"),
        "{text}"
    );
    assert_eq!(
        listed(folder),
        [
            "Engines",
            "-",
            "motors.example (verified)",
            "1 member",
            "ada@example.com"
        ]
    );
    assert!(refused(folder, "org admin Engines add nobody@example.com --yes").contains("no account"));
    done(folder, "org admin Engines remove ada@example.com");
    assert!(refused(folder, "org admin Engines remove ada@example.com").contains("is not an administrator"));
    done(folder, "org domain Engines remove motors.example");
    assert!(refused(folder, "org domain Engines remove motors.example").contains("does not claim"));
    assert!(refused(folder, "org remove Engines").ends_with("Add --yes to confirm.\n"));
    assert_eq!(
        done(folder, "org remove Engines --yes"),
        "Removed Engines. Accounts taken back: 1.\n"
    );
    assert!(done(folder, "user show ada@example.com").contains("kind\tpassword"));
}

#[test]
fn a_provider_must_be_configured() {
    let folder = seeded();
    let folder = folder.path();
    assert!(refused(folder, "org provider Engines engines").contains("no [[providers]] table with the id \"engines\""));
    std::fs::write(
        folder.join("rekey.toml"),
        "[[providers]]\nid = \"engines\"\nname = \"Engines\"\nissuer = \"https://id.motors.example\"\nclient_id = \"rekey\"\n",
    )
    .unwrap();
    done(folder, "org provider Engines engines");
    assert_eq!(listed(folder)[1], "engines");
    done(folder, "org provider Engines none");
    assert_eq!(listed(folder)[1], "-");
}

#[test]
fn a_public_mail_domain_is_refused() {
    let folder = seeded();
    for action in ["add", "trust"] {
        let text = refused(folder.path(), &format!("org domain Engines {action} gmail.com"));
        assert!(text.contains("public mail provider"), "{text}");
    }
    assert!(refused(folder.path(), "org domain Engines add localhost").contains("is not a domain"));
}

/// How the DNS server answers.
#[derive(Clone, PartialEq)]
enum Mode {
    Silent,
    /// This response code, without records.
    Code(u8),
    Text(String),
}

/// A DNS server that answers every question alike; returns its address.
fn dns(mode: Arc<Mutex<Mode>>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while let Ok((_, peer)) = socket.recv_from(&mut buffer) {
            let mode = mode.lock().unwrap().clone();
            // The header has 12 bytes; the name of the question ends with a zero, then follow type and class.
            let end = 12 + buffer[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let (code, text) = match mode {
                Mode::Silent => continue,
                Mode::Code(code) => (code, None),
                Mode::Text(text) => (0, Some(text)),
            };
            let answers = u8::from(text.is_some());
            let mut response = vec![buffer[0], buffer[1], 0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0];
            response.extend(&buffer[12..end]);
            if let Some(text) = text {
                let length = u8::try_from(text.len()).unwrap();
                // A pointer to the question's name, TXT, IN, a minute, the length of the data.
                response.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
                response.extend(text.bytes());
            }
            socket.send_to(&response, peer).unwrap();
        }
    });
    address
}

#[test]
fn a_domain_is_verified_in_the_dns() {
    let folder = seeded();
    let folder = folder.path();
    let mode = Arc::new(Mutex::new(Mode::Silent));
    let server = dns(mode.clone());
    let verify = |now: Mode| {
        *mode.lock().unwrap() = now;
        let mut command = rekey(folder);
        command.args(["org", "domain", "Engines", "verify", "motors.example"]);
        success_and_output(&command.env("REKEY_DNS_SERVER", &server).output().unwrap())
    };
    let (success, text) = verify(Mode::Silent);
    assert!(!success && text.contains("does not claim"), "{text}");
    let added = done(folder, "org domain Engines add motors.example");
    let value = added.split('"').rev().nth(1).unwrap();
    assert!(
        added.contains("_rekey-verification.motors.example. TXT \"rekey-verification="),
        "{added}"
    );
    for (now, sentence) in [
        (
            Mode::Silent,
            "The DNS server did not answer within 5 seconds; try again, or check REKEY_DNS_SERVER.\n",
        ),
        (
            Mode::Code(2),
            "The DNS server reported a failure for _rekey-verification.motors.example; try again later.\n",
        ),
        (
            Mode::Code(3),
            "The DNS has no TXT record _rekey-verification.motors.example; new records can take some hours.\n",
        ),
        (
            Mode::Text("rekey-verification=0".into()),
            "The DNS has a TXT record _rekey-verification.motors.example, but not the right one; \
             `rekey org domain … add motors.example` prints it.\n",
        ),
    ] {
        assert_eq!(verify(now), (false, sentence.to_owned()));
    }
    assert_eq!(
        verify(Mode::Text(value.to_owned())),
        (true, "motors.example is verified for Engines.\n".into())
    );
    assert_eq!(listed(folder)[2], "motors.example (verified)");
}
