//! Notices to an account's owner, and the owner's activity.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::life::{Life, live};
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use argon2::password_hash::PasswordHasher;
use blackbox::Fault;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 19,
        property: "The owner gets a notice of a reset, a password change, a new device and ten failures",
        hole: "`flows/reset.rs` sent no notice: 4 e-mails instead of 5. `flows/mailed_code.rs` sent a notice for every failure from the tenth on: 5 e-mails instead of 1 after 14 failures.",
        on: Setting::ONE,
        run: notices,
    },
    Proof {
        number: 20,
        property: "Every security event is in an append-only log that its owner can read, without secrets",
        hole: "`flows/sessions.rs` did not record a sign-in: the proof reported the missing event, as it did for a sign-up and a leaked password. In `store/events.rs` an event replaced the previous one of its kind: 5 missing rows were reported.",
        on: Setting::ONE,
        run: logged,
    },
];

/// A word of each notice's subject, and its count in one life with two new browsers.
const NOTICES: [(&str, usize); 4] = [
    ("password was reset", 1),
    ("password was changed", 1),
    ("New sign-in", 2),
    ("Failed sign-in attempts", 1),
];

fn notices(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let life = live(&service)?;
    let messages = service.mail.to(&life.email);
    // Codes and notices have different senders.
    let notices: Vec<_> = messages
        .iter()
        .filter(|message| message.code().is_none() && !message.mail.contains("@signin."))
        .collect();
    let subjects: Vec<_> = notices.iter().map(|message| message.subject()).collect();
    let mut wrong = Vec::new();
    for (word, wanted) in NOTICES {
        let found = subjects.iter().filter(|subject| subject.contains(word)).count();
        if found != wanted {
            wrong.push(format!("«{word}» {found} times"));
        }
    }
    for message in &notices {
        let text = message.text();
        if message.recipients != [format!("RCPT TO:<{}>", life.email)] {
            wrong.push(format!("to {}", message.recipients.join(" ")));
        }
        if life.secrets.iter().any(|secret| text.contains(secret.as_str())) {
            wrong.push(format!("a secret in «{}»", message.subject()));
        }
    }
    // Failures of other accounts, and of addresses without one, must not be counted.
    let (other, stranger) = (service.create_account(Kind::Local)?, service.stranger());
    for email in [&other, &stranger] {
        for _ in 0..if *email == other { 9 } else { 11 } {
            // The client differs each time, because failures are counted per address.
            let mut browser = service.browser();
            browser.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
            browser.post("/api/sign_in/password", &[("password", "an entirely wrong password")])?;
        }
    }
    service.be_quiet()?;
    let before_the_tenth = service.mail.to(&other).len() + service.mail.to(&stranger).len();
    let mut browser = service.browser();
    for _ in 0..5 {
        browser.step("/api/sign_in/begin", &[("email", &other)], "EnterPassword")?;
        browser.post("/api/sign_in/password", &[("password", "an entirely wrong password")])?;
    }
    service.be_quiet()?;
    let after = service.mail.to(&other).len();
    if (before_the_tenth, after) != (0, 1) {
        wrong.push(format!(
            "{before_the_tenth} e-mails before ten failures on another account, {after} after 14"
        ));
    }
    Ok(Finding {
        tried: "ten incorrect passwords, a new device, a password change, a reset, another new device; ten failures by ten clients"
            .into(),
        times: notices.len() + after,
        figure: format!("{} notices, {} wrong {}", notices.len(), wrong.len(), wrong.join("; ")),
        bound: "5 of 4 kinds by their subjects, to the owner alone, and 1; no secret".into(),
        holds: notices.len() == 5 && wrong.is_empty(),
    })
}

/// Returns the log of an account: one row per line.
fn log_of(service: &Service, ground: &Ground, email: &str) -> Result<Vec<String>, Fault> {
    let rows = service.sql(
        ground,
        &format!(
            "SELECT e.id, e.kind, e.actor, e.at, e.browser, e.client FROM events e JOIN accounts a ON a.id = e.account_id \
             WHERE a.email = '{email}'"
        ),
    )?;
    Ok(rows.lines().map(str::to_owned).collect())
}

/// The password of an imported account; it is on the list of leaked passwords.
const LEAKED: &str = "grey lantern over nine gates";

fn logged(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        leaked: Some(LEAKED),
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let mut life = live(&service)?;
    let email = life.email.clone();
    let mut wrong = Vec::new();
    let mut log = log_of(&service, ground, &email)?;
    let mut steps = 0;
    // Check that earlier rows are unchanged, and that the owner can read a new row of this kind.
    let mut grown = |life: &mut Life, kind: &str, sentence: Option<&str>| -> Result<(), Fault> {
        let now = log_of(&service, ground, &email)?;
        steps += 1;
        if let Some(gone) = log.iter().find(|row| !now.contains(row)) {
            wrong.push(format!("missing since {kind}: {gone}"));
        }
        let mark = format!("|{kind}|");
        if !now.iter().any(|row| !log.contains(row) && row.contains(&mark)) {
            wrong.push(format!("no new {kind}"));
        }
        if let Some(sentence) = sentence
            && !life.browser.open("/security")?.says(sentence)
        {
            wrong.push(format!("the owner cannot read «{sentence}»"));
        }
        log = now;
        Ok(())
    };
    let id_of = |what: &str| {
        let account = format!("account_id = (SELECT id FROM accounts WHERE email = '{email}')");
        service.sql(ground, &what.replace("OF_THE_ACCOUNT", &account))
    };
    let newest = "SELECT id FROM sessions WHERE OF_THE_ACCOUNT ORDER BY signed_in_at DESC LIMIT 1";

    let mut other = service.browser();
    let seen = service.mail.to(&email).len();
    other.sign_in_to_code(&email)?;
    other.post("/api/sign_in/answer", &[("code", "000000")])?;
    grown(&mut life, "wrong_code", Some("failed attempts since"))?;
    let code = service.mail.code_after(&email, seen)?;
    other.post("/api/sign_in/answer", &[("code", &code), ("trust", "on")])?;
    life.secrets.push(code);
    grown(&mut life, "signed_in", Some("Signed in"))?;
    let device = id_of("SELECT id FROM devices WHERE OF_THE_ACCOUNT AND trusted_until IS NOT NULL")?;
    life.post("/api/security/forget_device", &[("id", &device)])?;
    grown(&mut life, "device_forgotten", Some("Device no longer trusted"))?;
    life.post("/api/security/end_session", &[("id", &id_of(newest)?)])?;
    grown(&mut life, "session_ended", Some("Signed out from the Security page"))?;
    other.sign_in(&service.mail, &email)?;
    life.post("/api/security/end_others", &[])?;
    grown(&mut life, "sessions_ended", Some("Signed out everywhere else"))?;
    service.run(&["user", "disable", "--email", &email], "")?;
    grown(&mut life, "disabled", None)?;
    service.run(&["user", "disable", "--email", &email, "--undo"], "")?;
    life.sign_in(&service, PASSWORD)?;
    grown(&mut life, "enabled", Some("Account deactivated by support"))?;
    life.post("/api/sign_in/sign_out", &[])?;
    grown(&mut life, "signed_out", None)?;
    service.assign_to_organization(&email)?;
    grown(&mut life, "handed_over", None)?;

    // Events caused by the earlier life.
    for kind in [
        "added",
        "password_changed",
        "reset_asked",
        "signed_in",
        "signed_out",
        "wrong_password",
        "wrong_code",
        "password_reset",
    ] {
        if !log.iter().any(|row| row.contains(&format!("|{kind}|"))) {
            wrong.push(format!("no {kind}"));
        }
    }
    for (kind, sentence, (email, mut owner)) in [
        ("signed_up", "Account created", signed_up(&service)?),
        (
            "password_leaked",
            "found in a data breach of another service",
            imported(&service)?,
        ),
    ] {
        steps += 1;
        let mark = format!("|{kind}|");
        if !log_of(&service, ground, &email)?.iter().any(|row| row.contains(&mark)) {
            wrong.push(format!("no {kind}"));
        }
        if !owner.open("/security")?.says(sentence) {
            wrong.push(format!("the owner cannot read «{sentence}»"));
        }
    }
    // An operator's command has no client address.
    let by_user: Vec<_> = log.iter().filter(|row| row.contains("|person|")).collect();
    if by_user.len() < 20 || by_user.iter().any(|row| row.split('|').any(str::is_empty)) {
        wrong.push("an event without actor, time or client".into());
    }
    let all = log.join("\n");
    if life.secrets.iter().any(|secret| all.contains(secret.as_str())) || all.contains(&email) {
        wrong.push("a secret or an address in an event".into());
    }
    // Other accounts can't read it.
    let mut other = service.browser();
    other.sign_in(&service.mail, &service.create_account(Kind::Local)?)?;
    let page = other.open("/security")?;
    let clients = by_user.iter().filter_map(|row| row.rsplit('|').next());
    if page.status != 200 || clients.into_iter().any(|client| page.says(&format!("{client}<"))) {
        wrong.push("another account's page shows it".into());
    }
    Ok(Finding {
        tried: "the log after each step of an account's life, in the database and on the owner's page".into(),
        times: steps + log.len(),
        figure: format!("{} events, {} wrong {}", log.len(), wrong.len(), wrong.join("; ")),
        bound: "0 wrong".into(),
        holds: wrong.is_empty(),
    })
}

/// Returns the address and browser of a new, signed-in account.
fn signed_up(service: &Service) -> Result<(String, Browser), Fault> {
    let mut browser = service.browser();
    let email = browser.sign_up(service, NEW_PASSWORD)?;
    browser.sign_in_with(&service.mail, &email, NEW_PASSWORD)?;
    Ok((email, browser))
}

/// Returns the address and browser of an imported, signed-in account with [`LEAKED`].
fn imported(service: &Service) -> Result<(String, Browser), Fault> {
    let email = service.stranger();
    let hash = argon2::Argon2::default()
        .hash_password_with_salt(LEAKED.as_bytes(), b"sixteen bytes...")
        .map_err(|error| error.to_string())?;
    let file = format!("email,name,password_hash\n{email},Robin Doe,\"{hash}\"\n");
    service.run(&["import", "-", "--format", "csv"], &file)?;
    let mut browser = service.browser();
    browser.sign_in_with(&service.mail, &email, LEAKED)?;
    Ok((email, browser))
}
