//! The deletion of accounts, and the files with their data.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::race;
use crate::service::{Kind, NEW_PASSWORD, Plan, Service};
use blackbox::Fault;
use blackbox::http::Answer;
use std::io::{Cursor, Read};

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 45,
        property: "A deletion ends all that an account has; until it is done, its owner chooses before anything else",
        hole: "Without the check of `delete_after` in `signed_in()` (`flows/sessions.rs`), every page opened after a sign-in, and a second request was accepted.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: deletions,
    },
    Proof {
        number: 45,
        property: "The file with an account's data has all of its own and nothing of others, also under load",
        hole: "With identities read from all other accounts (`store/export.rs`), each file had the addresses of all users.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: exports,
    },
];

const DELETE: &str = "/api/privacy/delete";

/// Requests a deletion while the same account signs in and resets its password on the next server, then deletes it at once during
/// another sign-in. Afterwards, whatever was held before is tried.
fn deletions(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (mut wrong, mut times) = (Vec::new(), 0);
    for _ in 0..ground.times(3, 30) {
        let email = service.create_account(Kind::Local)?;
        let mut browser = service.browser_at(0);
        browser.sign_in(&service.mail, &email)?;
        let mut elsewhere = service.browser_at(1);
        elsewhere.sign_in(&service.mail, &email)?;
        let (at_code, code) = at_code(&service, &email)?;
        let mut resetting = service.browser_at(1);
        resetting.reset_to_password(&service.mail, &email)?;
        let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        let runners = vec![
            (browser.tab(service.port(0)), browser.request(DELETE, &[])),
            (browser.tab(service.port(1)), browser.request(DELETE, &[])),
            (
                at_code.tab(service.port(1)),
                at_code.request("/api/sign_in/answer", &[("code", &code)]),
            ),
            (
                resetting.tab(service.port(0)),
                resetting.request("/api/reset/choose", &new),
            ),
        ];
        let answers = race::release(runners)?;
        times += answers.len();
        let mut check = |holds: bool, what: &str| {
            times += 1;
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        check(race::faults(&answers) == 0, "a fault during the request");
        // A reset that was faster ends the session of the request, which then changes nothing.
        let requested = race::count(&answers[..2], "DeletionRequested");
        let was_reset = answers[3].status == 200;
        check(requested == 1 || requested == 0 && was_reset, "no or two requests");
        check(
            !browser.is_signed_in()? && !elsewhere.is_signed_in()?,
            "a session survived",
        );
        let password = if was_reset {
            NEW_PASSWORD
        } else {
            crate::service::PASSWORD
        };
        if requested == 0 {
            service.run(&["user", "delete", &email, "--yes"], "")?;
        }
        let mut owner = service.browser_at(1);
        let signed_in = sign_in(&service, &mut owner, &email, password)?;
        check(signed_in.status == 200, "the owner cannot return");
        for path in ["/security", "/profile", "/account/privacy"] {
            let answer = owner.open(path)?;
            let leads = answer.header("location").starts_with("/account/deletion");
            check(answer.status == 303 && leads, path);
        }
        check(
            owner.post(DELETE, &[])?.outcome() == "deletion_pending",
            "another request",
        );

        // The end, during a sign-in and a choice.
        let (late, code) = {
            let mut late = service.browser_at(0);
            let seen = service.mail.to(&email).len();
            late.sign_in_to_code_with(&email, password)?;
            (late, service.mail.code_after(&email, seen)?)
        };
        let keep = owner.request("/api/deletion/keep", &[]);
        let answers = std::thread::scope(|scope| {
            let end = scope.spawn(|| service.run(&["user", "delete", &email, "--now", "--yes"], ""));
            let answers = race::release(vec![
                (owner.tab(service.port(1)), keep),
                (
                    late.tab(service.port(0)),
                    late.request("/api/sign_in/answer", &[("code", &code)]),
                ),
            ]);
            end.join().map_err(|_| "the command fell over")??;
            answers
        })?;
        let mut check = |holds: bool, what: &str| {
            times += 1;
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        check(race::faults(&answers) == 0, "a fault during the deletion");
        check(!owner.is_signed_in()?, "a session of a deleted account");
        check(
            !signed_in_after(&service, &late, &answers[1])?,
            "a sign-in to a deleted account",
        );
        let mut stranger = service.browser_at(0);
        stranger.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
        let answer = stranger.post("/api/sign_in/password", &[("password", password)])?;
        check(answer.outcome() == "sign_in_wrong", "the password of a deleted account");
        let rows = service.sql(
            ground,
            &format!("SELECT count(*) FROM accounts WHERE email = '{email}'"),
        )?;
        check(rows.trim() == "0", "a row of a deleted account");
    }
    let orphans = "SELECT (SELECT count(*) FROM sessions WHERE account_id NOT IN (SELECT id FROM accounts))
                        + (SELECT count(*) FROM events WHERE account_id <> '' AND account_id NOT IN (SELECT id FROM accounts))";
    let orphans = service.sql(ground, orphans)?;
    if orphans.trim() != "0" {
        wrong.push(format!("{} rows without an account", orphans.trim()));
    }
    Ok(Finding {
        tried: "a request twice at once, with a sign-in and a reset at their last step on the next server; every page after the owner's return; the deletion during a choice and a sign-in".into(),
        times,
        figure: format!("{} wrong {}", wrong.len(), wrong.join(", ")).trim_end().into(),
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}

/// A browser at the code of a sign-in on the next server, and the code.
fn at_code(service: &Service, email: &str) -> Result<(Browser, String), Fault> {
    let mut browser = service.browser_at(1);
    let seen = service.mail.to(email).len();
    browser.sign_in_to_code(email)?;
    Ok((browser, service.mail.code_after(email, seen)?))
}

/// Completes a sign-in that may lead to the choice.
fn sign_in(service: &Service, browser: &mut Browser, email: &str, password: &str) -> Result<Answer, Fault> {
    let seen = service.mail.to(email).len();
    browser.sign_in_to_code_with(email, password)?;
    let code = service.mail.code_after(email, seen)?;
    browser.post("/api/sign_in/answer", &[("code", &code)])
}

/// Returns whether the session that an answer has begun is live.
fn signed_in_after(service: &Service, browser: &Browser, answer: &Answer) -> Result<bool, Fault> {
    let mut browser = browser.tab(service.port(0));
    browser.jar.keep(answer);
    let opened = browser.open("/account/deletion")?;
    Ok(opened.status == 200)
}

/// Many users with a name of their own download their data at the same time.
fn exports(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let emails = service.create_accounts(Kind::Local, ground.times(6, 40))?;
    let (mut wrong, mut times, mut waited) = (Vec::new(), 0, 0);
    let mut browsers = Vec::new();
    for (number, email) in emails.iter().enumerate() {
        let mut browser = service.browser_at(number);
        browser.sign_in(&service.mail, email)?;
        browser.post("/api/profile/name", &[("name", &name_of(email))])?;
        browsers.push(browser);
    }
    for round in 0..ground.times(2, 4) {
        let runners = browsers.iter().enumerate().map(|(number, browser)| {
            let tab = browser.tab(service.port(number + round));
            (tab, browser.request("/api/privacy/data", &[]))
        });
        for (email, answer) in emails.iter().zip(race::release(runners.collect())?) {
            times += 1;
            if answer.status == 503 {
                // As every busy server says it.
                waited += 1;
                continue;
            }
            let file = unzipped(&answer)?;
            for other in &emails {
                let has = file.contains(other.as_str()) || file.contains(&name_of(other));
                if has != (other == email) {
                    wrong.push(format!("{other} in the file of {email}: {has}"));
                }
            }
            if file.contains("$argon2") || file.contains("password_hash") {
                wrong.push("a hash".to_owned());
            }
        }
    }
    Ok(Finding {
        tried: "files of all users at the same time, on every server".into(),
        times,
        figure: format!("{} wrong {}; {waited} told to wait", wrong.len(), wrong.join(", ")),
        bound: "0, most not told to wait".into(),
        holds: wrong.is_empty() && waited * 2 <= times,
    })
}

/// A name that nothing else contains.
fn name_of(email: &str) -> String {
    format!("Owner of {}", email.replace(['@', '.'], " "))
}

/// Returns the content of both files in a zip file.
fn unzipped(answer: &Answer) -> Result<String, Fault> {
    let broken = |error: &dyn std::fmt::Display| format!("not a zip file: {} {error}", answer.status);
    let mut zip = zip::ZipArchive::new(Cursor::new(&answer.body)).map_err(|error| broken(&error))?;
    let mut text = String::new();
    for number in 0..zip.len() {
        let mut file = zip.by_index(number).map_err(|error| broken(&error))?;
        file.read_to_string(&mut text).map_err(|error| broken(&error))?;
    }
    Ok(text)
}
