//! Changes of an account's e-mail address, and securing a stolen account.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::race::{self, Runner};
use crate::service::{Kind, NEW_PASSWORD, Plan, Service};
use blackbox::Fault;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 43,
        property: "The owner of the old mailbox undoes a change of the address, against every race",
        hole: "`complete` in `store/email_changes.rs` did not compare the old address: 2 changes at once. `undo` ended only its own change: the address in between took the account back.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: undone,
    },
    Proof {
        number: 44,
        property: "A scanner that follows links and submits forms changes nothing",
        hole: "`secure` in `flows/secure.rs` accepted the step before the code: the scanner ended every session.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: scanned,
    },
];

const ANSWER: &str = "/api/email/answer";
const SECURE: &str = "/api/secure/now";

/// Changes the address of an account twice at once, then a third time while its owner undoes it.
fn undone(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (mut wrong, rounds) = (Vec::new(), ground.times(3, 30));
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    for email in service.create_accounts(Kind::Local, rounds)? {
        let [x, y, z] = [(); 3].map(|()| service.stranger());
        let mut thief = service.browser_at(0);
        thief.sign_in(&service.mail, &email)?;
        let mut first = thief.tab(service.port(0));
        let mut second = thief.tab(service.port(1));
        let to_x = begin(&service, &mut first, &x)?;
        let to_y = begin(&service, &mut second, &y)?;
        let mut runners = Vec::new();
        for _ in 0..5 {
            runners.push(runner(&service, 0, &first, ANSWER, &[("code", &to_x)]));
            runners.push(runner(&service, 1, &second, ANSWER, &[("code", &to_y)]));
        }
        let answers = race::release(runners)?;
        let now = service.sql(
            ground,
            &format!("SELECT email FROM accounts WHERE email IN ('{x}', '{y}')"),
        )?;
        let changes = service.sql(
            ground,
            &format!("SELECT count(*) FROM email_changes WHERE old_email = '{email}' AND changed_at IS NOT NULL"),
        )?;
        expect(now.lines().count() == 1 && changes.trim() == "1", "two changes at once");
        expect(race::faults(&answers) == 0, "a fault");

        // The owner has entered the code from the old mailbox; the thief has one for a further address.
        let mut owner = service.browser_at(1);
        let messages = service.mail.to(&email).len();
        owner.step("/api/secure/begin", &[("email", &email)], "EnterCode")?;
        let code = service.mail.code_after(&email, messages)?;
        owner.step("/api/secure/answer", &[("code", &code)], "Review")?;
        let to_z = begin(&service, &mut thief, &z)?;
        let answers = race::release(vec![
            runner(&service, 0, &thief, ANSWER, &[("code", &to_z)]),
            runner(&service, 1, &owner, SECURE, &[]),
            runner(&service, 0, &owner, SECURE, &[]),
            runner(&service, 1, &thief, ANSWER, &[("code", &to_z)]),
        ])?;
        expect(race::faults(&answers) == 0, "a fault at the undoing");
        let secured = answers
            .iter()
            .find(|answer| answer.outcome() == "Done" && answer.cookies().any(|(name, _)| name == "__Host-reset"));
        let Some(secured) = secured else {
            expect(false, "not secured");
            continue;
        };
        owner.jar.keep(secured);
        expect(!thief.is_signed_in()?, "the thief is signed in");
        // From the addresses in between, nothing is undone.
        for address in [&x, &y, &z] {
            expect(!gets_code(&service, address)?, "a code for the address in between");
        }
        let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        owner.step("/api/reset/choose", &new, "Done")?;
        let signed_in = service.browser().sign_in_with(&service.mail, &email, NEW_PASSWORD);
        expect(signed_in.is_ok(), "the owner is not back");
    }
    // Two accounts change to one address.
    for _ in 0..rounds {
        let address = service.stranger();
        let mut runners = Vec::new();
        for (server, email) in service.create_accounts(Kind::Local, 2)?.iter().enumerate() {
            let mut browser = service.browser_at(server);
            browser.sign_in(&service.mail, email)?;
            let code = begin(&service, &mut browser, &address)?;
            runners.push(runner(&service, server, &browser, ANSWER, &[("code", &code)]));
        }
        let answers = race::release(runners)?;
        expect(
            race::count(&answers, "Done") == 1 && race::faults(&answers) == 0,
            "two accounts at one address",
        );
    }
    Ok(Finding {
        tried: "two changes at once, ten requests; a third one while the owner of the old mailbox secures the account; the addresses in between; two accounts to one address".into(),
        times: rounds * 2,
        figure: format!("{} wrong {}", wrong.len(), wrong.first().map(String::as_str).unwrap_or_default()),
        bound: "1 change, then the old address, no session of the thief, no 5xx".into(),
        holds: wrong.is_empty(),
    })
}

/// Follows every link to the pages of securing and of the change, and submits their forms with everything but the mailed code.
fn scanned(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (mut wrong, mut times) = (Vec::new(), 0);
    for email in service.create_accounts(Kind::Local, ground.times(2, 20))? {
        let mut owner = service.browser_at(0);
        owner.sign_in(&service.mail, &email)?;
        let mut scanner = service.browser_at(1);
        for path in ["/secure", "/profile/email", "/security", "/reset"] {
            scanner.open(path)?;
        }
        for round in 0..3 {
            for (path, fields) in [
                ("/api/secure/begin", [("email", email.as_str())]),
                ("/api/secure/answer", [("code", "01234567")]),
                (SECURE, [("email", email.as_str())]),
                ("/api/email/begin", [("email", "scanner@example.com")]),
                (ANSWER, [("code", "01234567")]),
                ("/api/reset/choose", [("password", NEW_PASSWORD)]),
            ] {
                let answer = if round == 1 {
                    scanner.submit(path, &fields)?
                } else {
                    scanner.post(path, &fields)?
                };
                times += 1;
                if answer.status >= 500 {
                    wrong.push(format!("{path}: {}", answer.status));
                }
            }
        }
        let events = service.sql(
            ground,
            "SELECT count(*) FROM events WHERE kind IN ('secured', 'email_changed', 'sessions_ended')",
        )?;
        if !owner.is_signed_in()? || events.trim() != "0" {
            wrong.push("the account changed".into());
        }
    }
    Ok(Finding {
        tried:
            "every page and form of securing an account and of a change of address, in order, without the mailed code"
                .into(),
        times,
        figure: format!(
            "{} wrong {}",
            wrong.len(),
            wrong.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "nothing changed, no 5xx".into(),
        holds: wrong.is_empty(),
    })
}

/// Enters a new address; returns the code mailed to it.
fn begin(service: &Service, browser: &mut Browser, address: &str) -> Result<String, Fault> {
    let messages = service.mail.to(address).len();
    browser.step("/api/email/begin", &[("email", address)], "EnterCode")?;
    service.mail.code_after(address, messages)
}

/// Whether a code comes to an address of a stolen account.
fn gets_code(service: &Service, address: &str) -> Result<bool, Fault> {
    let messages = service.mail.to(address).len();
    service
        .browser()
        .step("/api/secure/begin", &[("email", address)], "EnterCode")?;
    Ok(service.mail.wait(address, messages + 1)?.code().is_some())
}

fn runner(service: &Service, server: usize, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Runner {
    let tab = browser.tab(service.port(server));
    let request = tab.request(path, fields);
    (tab, request)
}
