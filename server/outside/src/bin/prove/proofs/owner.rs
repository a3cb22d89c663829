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
        hole: "`flows/reset.rs` without its notice: 4 letters instead of 5. `flows/mailed_code.rs`, a notice from the tenth failure on: 5 letters instead of 1 after 14 failures.",
        on: Setting::ONE,
        run: told,
    },
    Proof {
        number: 20,
        property: "Every security event is in a log that only grows, readable by its owner, without secrets",
        hole: "`flows/sessions.rs` without the event of a sign-in: named as missing. `store/events.rs`, an event takes the place of the one of its kind before: 5 rows named that are gone.",
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

/// A word of each notice's subject, and how many of it a life earns: two of its browsers are new.
const NOTICES: [(&str, usize); 4] = [
    ("password was reset", 1),
    ("password was changed", 1),
    ("New sign-in", 2),
    ("Failed tries", 1),
];

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
    let mut wrong = Vec::new();
    for (word, wanted) in NOTICES {
        let found = subjects.iter().filter(|subject| subject.contains(word)).count();
        if found != wanted {
            wrong.push(format!("«{word}» {found} times"));
        }
    }
    for letter in &notices {
        let text = letter.text();
        if letter.recipients != [format!("RCPT TO:<{}>", life.email)] {
            wrong.push(format!("to {}", letter.recipients.join(" ")));
        }
        if life.secrets.iter().any(|secret| text.contains(secret.as_str())) {
            wrong.push(format!("a secret in «{}»", letter.subject()));
        }
    }
    // Nobody else's failures, and none for whom there is no account.
    let (other, stranger) = (service.person(Kind::Local)?, service.stranger());
    for email in [&other, &stranger] {
        for _ in 0..if *email == other { 9 } else { 11 } {
            // Another client each time: the count is the address's.
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
            "{before_the_tenth} letters before ten failures of another person, {after} after 14"
        ));
    }
    Ok(Finding {
        tried: "ten wrong passwords, a new device, a change, a reset, another new device; ten failures by ten clients"
            .into(),
        times: notices.len() + after,
        figure: format!("{} notices, {} wrong {}", notices.len(), wrong.len(), wrong.join("; ")),
        bound: "5 of 4 kinds by their subjects, to the owner alone, and 1; no secret".into(),
        holds: notices.len() == 5 && wrong.is_empty(),
    })
}

/// What the log of an account holds: a row a line.
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

fn logged(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let mut life = live(&service)?;
    let email = life.email.clone();
    let mut wrong = Vec::new();
    let mut log = log_of(&service, ground, &email)?;
    let mut steps = 0;
    // What was there is there, as it was, and this is new; the owner reads it.
    let mut grown = |life: &mut Life, kind: &str, sentence: Option<&str>| -> Result<(), Fault> {
        let now = log_of(&service, ground, &email)?;
        steps += 1;
        if let Some(gone) = log.iter().find(|row| !now.contains(row)) {
            wrong.push(format!("before {kind} there was {gone}"));
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
    grown(&mut life, "wrong_code", Some("Wrong passcode"))?;
    let code = service.mail.code_after(&email, seen)?;
    other.post("/api/sign_in/answer", &[("code", &code), ("trust", "on")])?;
    life.secrets.push(code);
    grown(&mut life, "signed_in", Some("Signed in"))?;
    let device = id_of("SELECT id FROM devices WHERE OF_THE_ACCOUNT AND trusted_until IS NOT NULL")?;
    life.post("/api/security/forget_device", &[("id", &device)])?;
    grown(&mut life, "device_forgotten", Some("Device no longer trusted"))?;
    life.post("/api/security/end_session", &[("id", &id_of(newest)?)])?;
    grown(&mut life, "session_ended", Some("Signed out from the security page"))?;
    other.sign_in(&service.mail, &email)?;
    life.post("/api/security/end_others", &[])?;
    grown(&mut life, "sessions_ended", Some("Signed out everywhere else"))?;
    service.run(&["user", "disable", "--email", &email], "")?;
    grown(&mut life, "disabled", None)?;
    service.run(&["user", "disable", "--email", &email, "--undo"], "")?;
    life.sign_in(&service, PASSWORD)?;
    grown(&mut life, "enabled", Some("Account switched off by the operator"))?;
    life.post("/api/sign_in/sign_out", &[])?;
    grown(&mut life, "signed_out", None)?;
    let words = [
        "user",
        "hand-over",
        "--email",
        &email,
        "--organization",
        "Analytical Engines Ltd",
        "--administrator-name",
        "Charles Babbage",
        "--administrator-email",
        "it-help@example.com",
    ];
    service.run(&words, "")?;
    grown(&mut life, "handed_over", None)?;

    // What the life before these steps left.
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
    // What an operator did at a terminal comes from no client.
    let persons: Vec<_> = log.iter().filter(|row| row.contains("|person|")).collect();
    if persons.len() < 20 || persons.iter().any(|row| row.split('|').any(str::is_empty)) {
        wrong.push("an event without actor, time or client".into());
    }
    let all = log.join("\n");
    if life.secrets.iter().any(|secret| all.contains(secret.as_str())) || all.contains(&email) {
        wrong.push("a secret or an address in an event".into());
    }
    // Nobody else reads it.
    let mut somebody = service.browser();
    somebody.sign_in(&service.mail, &service.person(Kind::Local)?)?;
    let page = somebody.open("/security")?;
    let clients = persons.iter().filter_map(|row| row.rsplit('|').next());
    if page.status != 200 || clients.into_iter().any(|client| page.says(&format!("{client}<"))) {
        wrong.push("another account's page shows it".into());
    }
    Ok(Finding {
        tried: "the log after each step of a life of an account, in the database and on its owner's page".into(),
        times: steps + log.len(),
        figure: format!("{} events, {} wrong {}", log.len(), wrong.len(), wrong.join("; ")),
        bound: "0 wrong".into(),
        holds: wrong.is_empty(),
    })
}
