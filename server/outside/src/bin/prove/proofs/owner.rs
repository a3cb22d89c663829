//! What the owner is told, what is kept of it, and what nobody else can read.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use outside::Fault;
use outside::http::Answer;

/// See the module.
pub const PROOFS: &[Proof] = &[
    Proof {
        number: 14,
        property: "No password, code, token or address in a URL, log, error, page or cache",
        hole: "`flows/reset.rs`, the address in a line of the log: found.",
        on: Setting::ONE,
        run: nowhere,
    },
    Proof {
        number: 15,
        property: "A copy of the database alone holds no password, code or session",
        hole: "`hashing.rs`, passwords hashed without the key: the right one verified.",
        on: Setting::ONE,
        run: stolen,
    },
    Proof {
        number: 19,
        property: "The owner is told of reset, change, new device and ten failures",
        hole: "`flows/reset.rs` without its notice: 4 letters instead of 5.",
        on: Setting::ONE,
        run: told,
    },
    Proof {
        number: 20,
        property: "Every security event is in a log that only grows, readable by its owner, without secrets",
        hole: "`flows/sessions.rs` without the event of a sign-in: named as missing.",
        on: Setting::ONE,
        run: logged,
    },
];

/// A life of an account: what was typed and given in it, and what was answered.
struct Life {
    email: String,
    secrets: Vec<String>,
    answers: Vec<(String, Answer)>,
    browser: Browser,
}

/// Ten wrong passwords, a sign-in, a change, a reset, a sign-in, a sign-out, and pages in between.
fn live(service: &Service) -> Result<Life, Fault> {
    let mut life = Life {
        email: service.person(Kind::Local)?,
        secrets: vec![PASSWORD.into(), NEW_PASSWORD.into()],
        answers: Vec::new(),
        browser: service.browser(),
    };
    let email = life.email.clone();
    let wrong = "an entirely wrong password";
    life.secrets.push(wrong.into());
    life.post("/api/sign_in/begin", &[("email", &email)])?;
    for _ in 0..10 {
        life.post("/api/sign_in/password", &[("password", wrong)])?;
    }
    life.sign_in(service, PASSWORD)?;
    let change = [
        ("current", PASSWORD),
        ("password", NEW_PASSWORD),
        ("again", NEW_PASSWORD),
    ];
    life.post("/api/security/change_password", &change)?;
    life.open("/security")?;
    life.post("/api/sign_in/sign_out", &[])?;
    let seen = service.mail.to(&email).len();
    life.post("/api/reset/begin", &[("email", &email)])?;
    let code = service.mail.code_after(&email, seen)?;
    life.secrets.push(code.clone());
    life.post("/api/reset/answer", &[("code", "00000000")])?;
    life.open("/reset")?;
    life.post("/api/reset/answer", &[("code", &code)])?;
    life.post("/api/reset/choose", &[("password", PASSWORD), ("again", "another one")])?;
    life.post("/api/reset/choose", &[("password", PASSWORD), ("again", PASSWORD)])?;
    life.browser = service.browser();
    life.sign_in(service, PASSWORD)?;
    life.open("/security")?;
    service.be_quiet()?;
    Ok(life)
}

impl Life {
    fn sign_in(&mut self, service: &Service, password: &str) -> Result<(), Fault> {
        let email = self.email.clone();
        let seen = service.mail.to(&email).len();
        self.post("/api/sign_in/begin", &[("email", &email)])?;
        self.post("/api/sign_in/password", &[("password", password)])?;
        let code = service.mail.code_after(&email, seen)?;
        self.post("/api/sign_in/answer", &[("code", &code)])?;
        self.secrets.push(code);
        if self.browser.is_signed_in()? {
            Ok(())
        } else {
            Err("the life does not go on".into())
        }
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<(), Fault> {
        let answer = self.browser.post(path, fields)?;
        self.keep(path, answer)
    }

    fn open(&mut self, path: &str) -> Result<(), Fault> {
        let answer = self.browser.open(path)?;
        self.keep(path, answer)
    }

    fn keep(&mut self, path: &str, answer: Answer) -> Result<(), Fault> {
        if answer.status >= 500 {
            return Err(answer.unexpected(path));
        }
        let tokens = answer.cookies().filter(|(_, value)| value.len() >= 32);
        self.secrets.extend(tokens.map(|(_, value)| value.to_owned()));
        self.answers.push((path.to_owned(), answer));
        Ok(())
    }
}

fn nowhere(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits().set("LOG", "debug"))?;
    let life = live(&service)?;
    let (mut found, mut looked) = (Vec::new(), 0);
    let log = service.log();
    for secret in life.secrets.iter().chain([&life.email]) {
        looked += 1;
        if log.contains(secret.as_str()) {
            found.push(format!("«{secret}» in the log"));
        }
    }
    for (path, answer) in &life.answers {
        let location = answer.header("location");
        for secret in &life.secrets {
            looked += 2;
            if answer.text().contains(secret.as_str()) {
                found.push(format!("a secret in the content of {path}"));
            }
            if location.contains(secret.as_str()) {
                found.push(format!("a secret in an address after {path}"));
            }
        }
        if location.contains(&life.email) {
            found.push(format!("an e-mail address in an address after {path}"));
        }
        if answer.header("cache-control") != "no-store" {
            found.push(format!("{path} may be stored"));
        }
    }
    Ok(Finding {
        tried: format!(
            "{} secrets of a life of an account, in its log at `debug` and {} answers",
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
        holds: found.is_empty() && log.len() > 1_000,
    })
}

fn stolen(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let life = live(&service)?;
    // A code that still works, of a letter that has not left.
    service.mail.set(crate::mailbox::Mood::Down);
    let waiting = service.person(Kind::LocalWithoutPassword)?;
    service.browser().begin_reset(&waiting)?;
    let mut rows = String::new();
    for table in [
        "accounts",
        "flows",
        "codes",
        "devices",
        "sessions",
        "letters",
        "limits",
        "throttles",
        "events",
    ] {
        rows.push_str(&service.sql(ground, &format!("SELECT * FROM {table}"))?);
        rows.push('\n');
    }
    let mut found: Vec<_> = life
        .secrets
        .iter()
        .filter(|secret| secret.len() > 8 && rows.contains(secret.as_str()))
        .map(|secret| format!("«{secret}» as it is"))
        .collect();
    // Codes are short: a digest without a key would be found by trying them all. The plainest ones of each are looked for.
    let digests = service.sql(ground, "SELECT digest, id, flow_id, email, purpose FROM codes")?;
    let codes = life
        .secrets
        .iter()
        .filter(|secret| secret.len() <= 8 && secret.bytes().all(|byte| byte.is_ascii_digit()));
    let mut tried = life.secrets.len();
    for code in codes {
        for line in digests.lines() {
            let parts: Vec<_> = line.split('|').collect();
            let (Some(digest), Some(rest)) = (parts.first(), parts.get(1..)) else {
                continue;
            };
            let mut guesses = vec![code.clone()];
            guesses.extend(rest.iter().flat_map(|part| {
                [
                    format!("{part}{code}"),
                    format!("{code}{part}"),
                    format!("{part}:{code}"),
                ]
            }));
            for guess in guesses {
                tried += 1;
                if *digest == sha256(&guess) {
                    found.push(format!("a code's digest is that of {} characters", guess.len()));
                }
            }
        }
    }
    // A sealed letter shows nothing of its words.
    let letters = service.sql(ground, "SELECT body FROM letters WHERE body <> ''")?;
    if letters.is_empty()
        || ["code", "Request", "Firefox", waiting.as_str()]
            .iter()
            .any(|word| letters.contains(word))
    {
        found.push("a letter that waits is to be read".into());
    }
    // A password under Argon2 is keyed: without the key the right one does not verify.
    let hashes = service.sql(
        ground,
        &format!("SELECT password FROM accounts WHERE email = '{}'", life.email),
    )?;
    if verifies_without_key(&hashes, PASSWORD)? {
        found.push("a password verifies without the key".into());
    }
    Ok(Finding {
        tried: "all rows: secrets as they are, codes against plain digests, letters that wait, the right password without the key".into(),
        times: tried + 2,
        figure: format!("{} found {}", found.len(), found.first().map(String::as_str).unwrap_or_default()),
        bound: "0".into(),
        holds: found.is_empty() && !digests.is_empty() && hashes.contains("argon2id"),
    })
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn verifies_without_key(stored: &str, password: &str) -> Result<bool, Fault> {
    use argon2::password_hash::{PasswordHash, PasswordVerifier};
    let phc = stored.find('$').map_or("", |at| &stored[at..]);
    let hash = PasswordHash::new(phc).map_err(|error| format!("a stored password does not read: {error}"))?;
    Ok(argon2::Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok())
}

fn told(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let life = live(&service)?;
    let letters = service.mail.to(&life.email);
    // Codes come from one sender, notices from the other.
    let notices: Vec<_> = letters
        .iter()
        .filter(|letter| letter.code().is_none() && !letter.mail.contains("@signin."))
        .collect();
    let subjects: Vec<_> = notices.iter().map(|letter| letter.subject()).collect();
    // Failures, two new devices, the change, the reset.
    let distinct: std::collections::BTreeSet<_> = subjects.iter().collect();
    let to_owner = notices
        .iter()
        .all(|letter| letter.recipients == [format!("RCPT TO:<{}>", life.email)]);
    Ok(Finding {
        tried: "ten wrong passwords, a new device, a change, a reset, another new device".into(),
        times: 5,
        figure: format!(
            "{} notices: {}",
            notices.len(),
            distinct
                .iter()
                .map(|subject| subject.as_str())
                .collect::<Vec<_>>()
                .join("; ")
        ),
        bound: "5 notices of 4 kinds, to the owner".into(),
        holds: notices.len() == 5 && distinct.len() == 4 && to_owner,
    })
}

fn logged(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let mut life = live(&service)?;
    let whose = format!(
        "FROM events e JOIN accounts a ON a.id = e.account_id WHERE a.email = '{}'",
        life.email
    );
    let kinds = service.sql(ground, &format!("SELECT DISTINCT e.kind {whose} ORDER BY e.kind"))?;
    let rows = service.sql(
        ground,
        &format!("SELECT e.id, e.kind, e.actor, e.at, e.browser, e.client {whose} ORDER BY e.at, e.id"),
    )?;
    let page = life.browser.open("/security")?;
    let mut wrong = Vec::new();
    let wanted = [
        "password_changed",
        "reset_asked",
        "signed_in",
        "signed_out",
        "wrong_password",
        "wrong_code",
        "password_reset",
    ];
    for kind in wanted {
        if !kinds.lines().any(|line| line == kind) {
            wrong.push(format!("no {kind} in {}", kinds.replace('\n', " ")));
        }
    }
    // What an operator did at a terminal comes from no client.
    let persons = rows.lines().filter(|row| row.contains("|person|"));
    if persons.clone().count() < 10 || persons.clone().any(|row| row.split('|').any(str::is_empty)) {
        wrong.push("an event without actor, time or client".into());
    }
    if life.secrets.iter().any(|secret| rows.contains(secret.as_str())) {
        wrong.push("a secret in an event".into());
    }
    if !page.says("Firefox") || !page.says("127.") {
        wrong.push("the owner cannot read it".into());
    }
    // Only grows: what was there is there, as it was, after more has happened.
    life.post("/api/sign_in/sign_out", &[])?;
    let after = service.sql(
        ground,
        &format!("SELECT e.id, e.kind, e.actor, e.at, e.browser, e.client {whose} ORDER BY e.at, e.id"),
    )?;
    if !after.starts_with(&rows) || after == rows {
        wrong.push("the log does not only grow".into());
    }
    Ok(Finding {
        tried: "the log after a life of an account, in the database and on its owner's page".into(),
        times: rows.lines().count(),
        figure: format!("{} wrong {}", wrong.len(), wrong.join("; ")),
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}
