//! Confidentiality of secrets and addresses.

use crate::ground::Ground;
use crate::life::live;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, PASSWORD, Plan, Service, TABLES};
use crate::waiting::{Purpose, waiting};
use blackbox::Fault;
use blackbox::http::{Connection, Jar};
use blackbox::mailbox::Mood;
use blackbox::program::free_port;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 14,
        property: "No password, code, token or address in a URL, log, error, page, metric or cache",
        hole: "`flows/reset.rs` logged the address: found.",
        on: Setting::ONE,
        run: nowhere,
    },
    Proof {
        number: 15,
        property: "A copy of the database alone reveals no password, code or session",
        hole: "`hashing.rs` hashed passwords without the key: the correct password was verified. `account/src/code.rs` used a key of zeros for the digest: a code was valid under other keys.",
        on: Setting::ONE,
        run: stolen,
    },
];

fn nowhere(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let metrics = free_port()?;
    let plan = Plan::without_limits().set("LOG", "debug");
    let plan = plan.set("METRICS_LISTEN", format!("127.0.0.1:{metrics}"));
    let service = Service::start_with(ground, setting, &plan)?;
    let mut life = live(&service)?;
    life.sign_up(&service)?;
    let (mut found, mut looked) = (Vec::new(), 0);
    let log = service.log();
    for secret in life.secrets.iter().chain([&life.email]) {
        looked += 1;
        if log.lines().any(|line| tells(line, secret)) {
            found.push(format!("«{secret}» in the log"));
        }
    }
    let metrics = Connection::open(metrics)?.get("/metrics", &mut Jar::default())?.text();
    for secret in life.secrets.iter().chain([&life.email]) {
        looked += 1;
        if metrics.lines().any(|line| tells(line, secret)) {
            found.push(format!("«{secret}» in a metric"));
        }
    }
    for path in ["/healthz", "/readyz", "/nowhere"] {
        let answer = service.browser().open(path)?;
        life.answers.push((path.to_owned(), answer));
    }
    for (path, answer) in &life.answers {
        let location = answer.header("location");
        for secret in &life.secrets {
            looked += 2;
            if answer.text().contains(secret.as_str()) {
                found.push(format!("a secret in the body of {path}"));
            }
            if location.contains(secret.as_str()) {
                found.push(format!("a secret in an address after {path}"));
            }
        }
        if location.contains(&life.email) {
            found.push(format!("an e-mail address in an address after {path}"));
        }
        if answer.header("cache-control") != "no-store, no-transform" {
            found.push(format!("{path} may be stored"));
        }
    }
    Ok(Finding {
        tried: format!(
            "{} secrets of an account's life, in the log at level `debug`, the metrics and {} responses",
            life.secrets.len(),
            life.answers.len()
        ),
        times: looked,
        figure: format!(
            "{} found {}",
            found.len(),
            found.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "0, all no-store".into(),
        holds: found.is_empty() && log.len() > 1_000 && metrics.contains("rekey_events_total"),
    })
}

/// Returns whether a log line contains a secret. Short secrets match whole words only, and not in the timestamp, which has six
/// digits of microseconds.
fn tells(line: &str, secret: &str) -> bool {
    if secret.len() > 8 {
        return line.contains(secret);
    }
    let words = line.split_once(' ').map_or(line, |(_, words)| words);
    words
        .split(|character: char| !character.is_ascii_alphanumeric())
        .any(|word| word == secret)
}

/// Searches all rows, then runs the database with forged keys, which must reject codes and passwords.
fn stolen(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let mut service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let life = live(&service)?;
    let mut flow = waiting(&service, Purpose::Reset, &life.email)?;
    // A valid code of an e-mail that hasn't been sent.
    service.mail.set(Mood::Down);
    let addressee = service.create_account(Kind::LocalWithoutPassword)?;
    service.browser().begin_reset(&addressee)?;
    let mut rows = String::new();
    for table in TABLES {
        rows.push_str(&service.sql(ground, &format!("SELECT * FROM {table}"))?);
        rows.push('\n');
    }
    let mut found: Vec<_> = life
        .secrets
        .iter()
        .filter(|secret| secret.len() > 8 && rows.contains(secret.as_str()))
        .map(|secret| format!("«{secret}» as it is"))
        .collect();
    // A sealed e-mail must not contain any of its words.
    let emails = service.sql(ground, "SELECT body FROM outbox WHERE body <> ''")?;
    let words = ["code", "Request", "Firefox", addressee.as_str()];
    if emails.is_empty() || words.iter().any(|word| emails.contains(word)) {
        found.push("a queued e-mail is readable".into());
    }
    // An attacker with all rows and the program forges the keys.
    service.kill_server(0);
    let keys = service.exchange_keys(None)?;
    // The program detects other keys unless these rows are deleted.
    service.sql(ground, "DELETE FROM key_checks")?;
    service.mail.set(Mood::Kind);
    service.start_server(0)?;
    let code = flow.code.clone();
    if flow.opens(&code)? {
        found.push("a code is right under other keys".into());
    }
    let mut browser = service.browser();
    browser.step("/api/sign_in/begin", &[("email", &life.email)], "EnterPassword")?;
    if browser.post("/api/sign_in/password", &[("password", PASSWORD)])?.status == 200 {
        found.push("a password is right under other keys".into());
    }
    service.until_log_has("cannot be decrypted", 1)?;
    if !service.mail.to(&addressee).is_empty() {
        found.push("an e-mail opens under other keys".into());
    }
    // Both are valid with the original keys, so the keys made the difference.
    service.kill_server(0);
    service.exchange_keys(Some(&keys))?;
    service.sql(ground, "DELETE FROM key_checks")?;
    service.start_server(0)?;
    let both_right = flow.opens(&code)? && service.browser().password_is(&life.email, PASSWORD)?;
    Ok(Finding {
        tried: "all rows searched for plain secrets; a code, a password and a queued e-mail under invented keys".into(),
        times: life.secrets.len() + words.len() + 5,
        figure: format!(
            "{} found {}; {} under the original keys",
            found.len(),
            found.join("; "),
            if both_right { "right" } else { "wrong" }
        ),
        bound: "0; right under the original keys".into(),
        holds: found.is_empty() && both_right,
    })
}
