//! One-time secrets, and forms sent twice.

use crate::browser::{Browser, CHANGE, change_of};
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::race::{self, Runner};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use crate::waiting::{Purpose, Waiting};
use blackbox::Fault;
use blackbox::http::Answer;
use std::collections::BTreeSet;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 2,
        property: "A one-time secret succeeds once",
        hole: "`pass_code`, `spend_try` and `mark_used` in `store/flows/codes.rs` and `store/codes.rs` lacked their `IS NULL`: 60 successes of 60. A password change ended no session, and `set_password` in `store/accounts.rs` did not compare the old hash: 20 successes of 20.",
        on: Setting::ALL,
        run: once,
    },
    Proof {
        number: 27,
        property: "Every POST sent twice has one effect",
        hole: "In `store/flows`, `pass_password` lacked `password_passed_at IS NULL` and `take_send` its wait: 2 e-mails for a password. `flows/mailed_email.rs` lacked `take_form`: 2 e-mails for a sign-up sent twice concurrently. `change_password.rs` ended no session and `set_password` did not compare the old hash: 2 events and 2 e-mails for a password change, and an extra session. `flows/sign_in.rs` recorded a sign-out that ended nothing: 2 events, on PostgreSQL with 2 servers. `set_trust` in `store/devices.rs` counted a device that was not trusted (an earlier version): 2 events.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: twice,
    },
    Proof {
        number: 35,
        property: "Every first form sent twice, with the first response lost, has one effect and one screen",
        hole: "The version without the visit cookie: 24 of 24 failed, with 3 flows for a sign-in sent three times.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: lost_answers,
    },
];

/// Releases identical correct submissions concurrently, to the servers in turn.
fn once(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (rounds, runners) = ground.times((2, 60), (5, 200));
    let mut times = 0;
    let mut race = |name: &str, path: &str, fields: &[(&str, &str)], browser: &Browser, step: &str| {
        let wanted = usize::from(!step.is_empty());
        // A change hashes twice; more changes than the queue holds would get 503.
        let runners = if path == CHANGE { runners.min(20) } else { runners };
        let answers = race::release(together(&service, browser, path, fields, runners))?;
        times += 1;
        let mut right: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        if path == CHANGE {
            // The same change sent again with the same new password gets the same session.
            right.dedup_by_key(|answer| answer.cookies().find(|(name, _)| *name == "__Host-session"));
        }
        let right = right.len();
        let faults = race::faults(&answers);
        if (right, faults) != (wanted, 0) {
            return Err(format!("{name}: {right} successes, {faults} faults"));
        }
        let mut next = browser.tab(service.port(0));
        for answer in answers.iter().filter(|answer| answer.outcome() == step) {
            next.jar.keep(answer);
        }
        Ok::<_, Fault>(next)
    };
    for email in service.create_accounts(Kind::LocalWithoutPassword, rounds)? {
        let flow = Waiting::begin(&service, Purpose::Reset, &email)?;
        let browser = race(
            "a reset's code",
            flow.path,
            &[("code", &flow.code)],
            &flow.browser,
            flow.step,
        )?;
        let new = [("password", PASSWORD), ("again", PASSWORD)];
        race("a reset's new password", "/api/reset/choose", &new, &browser, "Done")?;
        let other = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        race("a used reset", "/api/reset/choose", &other, &browser, "")?;
        let flow = Waiting::begin(&service, Purpose::SignIn, &email)?;
        let mut owner = race(
            "a sign-in's code",
            flow.path,
            &[("code", &flow.code)],
            &flow.browser,
            flow.step,
        )?;
        if !owner.is_signed_in()? {
            return Err("the sign-in's code signed no browser in".into());
        }
        race("a change", CHANGE, &change_of(PASSWORD, NEW_PASSWORD), &owner, "email")?;
        let flow = Waiting::begin(&service, Purpose::SignUp, &service.stranger())?;
        let browser = race(
            "a sign-up's code",
            flow.path,
            &[("code", &flow.code)],
            &flow.browser,
            flow.step,
        )?;
        let new = [("name", "Robin"), ("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        race("a sign-up's end", "/api/sign_up/finish", &new, &browser, "Done")?;
    }
    Ok(Finding {
        tried: format!(
            "{runners} identical correct submissions at once: codes of a reset, sign-in and sign-up, a new password, a new account, a password change (at most 20); a reset with no tries left"
        ),
        times,
        figure: "1 success each, 0 of a reset without tries".into(),
        bound: "1 success, 0 without tries, no 5xx".into(),
        holds: true,
    })
}

/// Sends the same request from many tabs concurrently, to the servers in turn.
fn together(service: &Service, browser: &Browser, path: &str, fields: &[(&str, &str)], runners: usize) -> Vec<Runner> {
    let tab = |runner| {
        let tab = browser.tab(service.port(runner));
        let request = tab.request(path, fields);
        (tab, request)
    };
    (0..runners).map(tab).collect()
}

/// Sends every form of the three flows, the change and the sign-out twice, in sequence and concurrently.
fn twice(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        clock: true,
        ..Plan::default()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let mut twice = Twice {
        service: &service,
        ground,
        clock_s: 0,
        parallel: false,
        messages: 0,
        times: 0,
        wrong: Vec::new(),
    };
    for parallel in [false, true] {
        twice.parallel = parallel;
        for _ in 0..ground.times(1, 10) {
            twice.reset_and_sign_in()?;
            twice.sign_up()?;
        }
    }
    Ok(Finding {
        tried: "every form of a reset, a sign-in, a sign-up, the security page and the sign-out, twice: in sequence, and concurrently".into(),
        times: twice.times,
        figure: if twice.wrong.is_empty() {
            "1 effect each".into()
        } else {
            twice.wrong.join("; ")
        },
        bound: "1 e-mail, 1 session, 1 account, 1 event, no 5xx".into(),
        holds: twice.wrong.is_empty(),
    })
}

/// Sends the first form of each flow again after a lost answer: with and without an account or scripts, in sequence and
/// concurrently.
fn lost_answers(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan::default().set("LIMIT_CODES_AN_HOUR", 1000);
    let service = Service::start_with(ground, setting, &plan)?;
    let (mut times, mut wrong) = (0, Vec::new());
    for _ in 0..ground.times(1, 10) {
        for (page, path, messages) in [
            ("/signin", "/api/sign_in/begin", 0),
            ("/reset", "/api/reset/begin", 1),
            ("/signup", "/api/sign_up/begin", 1),
        ] {
            for (known, scripts, parallel) in (0..8).map(|way| (way & 1 == 0, way & 2 == 0, way & 4 == 0)) {
                times += 1;
                let email = match known {
                    true => service.create_account(Kind::LocalWithoutPassword)?,
                    false => service.stranger(),
                };
                let mut browser = service.browser();
                browser.open(page)?;
                let fields = [("email", email.as_str())];
                let answers = if parallel {
                    race::release(together(&service, &browser, path, &fields, 2))?
                } else {
                    let mut lost = browser.tab(service.port(0));
                    let first = lost.post(path, &fields)?;
                    vec![first, browser.tab(service.port(1)).post(path, &fields)?]
                };
                let mut second = browser.tab(service.port(0));
                let answer = if scripts {
                    second.post(path, &fields)?
                } else {
                    second.submit(path, &fields)?
                };
                let done = if scripts { 200 } else { 303 };
                let flows = || answers.iter().chain([&answer]).map(flow_of).collect::<BTreeSet<_>>();
                let what = format!("{path} known {known} scripts {scripts} together {parallel}");
                if answer.status != done || answers.iter().any(|answer| answer.status != 200) {
                    wrong.push(format!("{what}: {} {}", answer.status, answer.outcome()));
                } else if flows().len() != 1 {
                    wrong.push(format!("{what}: {} flows", flows().len()));
                }
                if messages > 0 {
                    service.mail.wait(&email, messages)?;
                }
                service.be_quiet()?;
                let came = service.mail.to(&email).len();
                if came != messages {
                    wrong.push(format!("{what}: {came} e-mails"));
                }
            }
        }
    }
    Ok(Finding {
        tried: "the first form of a sign-in, reset and sign-up sent three times, in sequence and concurrently; the browser receives only the last response".into(),
        times,
        figure: format!("{} wrong {}", wrong.len(), wrong.first().map(String::as_str).unwrap_or_default()),
        bound: "1 flow, 1 e-mail, no refusal".into(),
        holds: wrong.is_empty(),
    })
}

/// Returns the flow token in an answer.
fn flow_of(answer: &Answer) -> String {
    let mut cookies = answer.cookies();
    let flow = cookies.find(|(name, _)| ["__Host-signin", "__Host-reset", "__Host-signup"].contains(name));
    flow.map(|(_, token)| token.to_owned()).unwrap_or_default()
}

/// The effects of sending each form twice.
struct Twice<'a> {
    service: &'a Service,
    ground: &'a Ground,
    clock_s: i64,
    parallel: bool,
    messages: usize,
    times: usize,
    wrong: Vec<String>,
}

impl Twice<'_> {
    /// Sends a form twice, with `messages` e-mails allowed. Returns the number of earlier e-mails to the address.
    fn both(
        &mut self,
        browser: &mut Browser,
        email: &str,
        path: &str,
        fields: &[(&str, &str)],
        wanted: usize,
    ) -> Result<usize, Fault> {
        self.times += 1;
        let since = self.service.mail.to(email).len();
        let answers = if self.parallel {
            race::release(together(self.service, browser, path, fields, 2))?
        } else {
            vec![browser.post(path, fields)?, browser.post(path, fields)?]
        };
        if race::faults(&answers) > 0 {
            self.say(path, "5xx");
        }
        if !answers.iter().any(|answer| answer.status == 200) {
            return Err(answers[0].unexpected(path));
        }
        if self.parallel {
            for answer in answers.iter().filter(|answer| answer.status == 200) {
                browser.jar.keep(answer);
            }
        }
        self.messages += wanted;
        self.service.mail.wait(email, self.messages)?;
        if wanted > 0 {
            self.judge_emails(email, path)?;
        }
        Ok(since)
    }

    /// Checks that the address received exactly the e-mails that all forms so far should cause.
    fn judge_emails(&mut self, email: &str, last: &str) -> Result<(), Fault> {
        self.service.be_quiet()?;
        let came = self.service.mail.to(email).len();
        if came != self.messages {
            self.say(last, &format!("{came} e-mails so far instead of {}", self.messages));
            self.messages = came;
        }
        Ok(())
    }

    fn say(&mut self, what: &str, came: &str) {
        let how = if self.parallel { "together" } else { "in a row" };
        self.wrong.push(format!("{what} {how}: {came}"));
    }

    /// Checks a count of the account's rows.
    fn count(&mut self, what: &str, email: &str, from: &str, wanted: &str) -> Result<(), Fault> {
        let sql = format!("SELECT count(*) FROM accounts a {from} a.email = '{email}'");
        let found = self.service.sql(self.ground, &sql)?;
        if found != wanted {
            self.say(what, &found);
        }
        Ok(())
    }

    fn sessions(&mut self, what: &str, email: &str, wanted: &str) -> Result<(), Fault> {
        self.count(what, email, "JOIN sessions s ON s.account_id = a.id WHERE", wanted)
    }

    fn events(&mut self, kind: &str, email: &str, wanted: &str) -> Result<(), Fault> {
        let from = format!("JOIN events e ON e.account_id = a.id WHERE e.kind = '{kind}' AND");
        self.count(&format!("events {kind}"), email, &from, wanted)
    }

    fn reset_and_sign_in(&mut self) -> Result<(), Fault> {
        let email = &self.service.create_account(Kind::Local)?;
        let mail = &self.service.mail;
        let mut browser = self.service.browser();
        self.messages = 0;
        let since = self.both(&mut browser, email, "/api/reset/begin", &[("email", email)], 1)?;
        mail.code_after(email, since)?;
        let since = self.resend(&mut browser, email, "/api/reset/resend")?;
        let code = mail.code_after(email, since)?;
        self.both(&mut browser, email, "/api/reset/answer", &[("code", &code)], 0)?;
        let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        self.both(&mut browser, email, "/api/reset/choose", &new, 1)?;
        self.both(&mut browser, email, "/api/sign_in/begin", &[("email", email)], 0)?;
        let password = [("password", NEW_PASSWORD)];
        let since = self.both(&mut browser, email, "/api/sign_in/password", &password, 1)?;
        mail.code_after(email, since)?;
        let since = self.resend(&mut browser, email, "/api/sign_in/resend")?;
        let code = mail.code_after(email, since)?;
        // The owner gets a new device's notice.
        self.both(&mut browser, email, "/api/sign_in/answer", &[("code", &code)], 1)?;
        self.sessions("sessions of a sign-in", email, "1")?;
        self.security_page(&mut browser, email)?;
        self.both(&mut browser, email, CHANGE, &change_of(NEW_PASSWORD, PASSWORD), 1)?;
        self.sessions("sessions after a change", email, "1")?;
        if !browser.is_signed_in()? {
            self.say("a change", "signed out");
        }
        self.both(&mut browser, email, "/api/sign_in/sign_out", &[], 0)?;
        self.sessions("sessions after a sign-out", email, "0")?;
        self.judge_emails(email, "a sign-out")?;
        for kind in [
            "reset_asked",
            "password_reset",
            "signed_in",
            "password_changed",
            "signed_out",
        ] {
            let wanted = match kind {
                // Two other browsers, for the security page.
                "signed_in" => "3",
                // The second event is for the resent passcode.
                "reset_asked" => "2",
                _ => "1",
            };
            self.events(kind, email, wanted)?;
        }
        Ok(())
    }

    /// Requests the passcode again when that is allowed.
    fn resend(&mut self, browser: &mut Browser, email: &str, path: &str) -> Result<usize, Fault> {
        self.clock_s += 31;
        self.service.move_clock(self.clock_s)?;
        self.both(browser, email, path, &[], 1)
    }

    /// Ends another browser's session, forgets its device, and signs out all others.
    fn security_page(&mut self, browser: &mut Browser, email: &str) -> Result<(), Fault> {
        let of_account = format!("account_id = (SELECT id FROM accounts WHERE email = '{email}')");
        let mail = &self.service.mail;
        let mut other = self.service.browser();
        let seen = mail.to(email).len();
        other.sign_in_to_code_with(email, NEW_PASSWORD)?;
        let code = mail.code_after(email, seen)?;
        other.post("/api/sign_in/answer", &[("code", &code), ("trust", "on")])?;
        let device = format!("SELECT id FROM devices WHERE {of_account} AND trusted_until IS NOT NULL");
        let session = format!("SELECT id FROM sessions WHERE {of_account} ORDER BY signed_in_at DESC LIMIT 1");
        // The passcode and the new device's notice.
        self.messages += 2;
        for (path, id) in [
            ("/api/security/forget_device", device),
            ("/api/security/end_session", session),
        ] {
            let id = self.service.sql(self.ground, &id)?;
            self.both(browser, email, path, &[("id", &id)], 0)?;
        }
        self.sessions("sessions after one was ended", email, "1")?;
        self.service.browser().sign_in_with(mail, email, NEW_PASSWORD)?;
        self.messages += 2;
        self.both(browser, email, "/api/security/end_others", &[], 0)?;
        self.sessions("sessions after the others were ended", email, "1")?;
        for kind in ["device_forgotten", "session_ended", "sessions_ended"] {
            self.events(kind, email, "1")?;
        }
        Ok(())
    }

    fn sign_up(&mut self) -> Result<(), Fault> {
        let email = &self.service.stranger();
        let mut browser = self.service.browser();
        self.messages = 0;
        let since = self.both(&mut browser, email, "/api/sign_up/begin", &[("email", email)], 1)?;
        self.service.mail.code_after(email, since)?;
        let since = self.resend(&mut browser, email, "/api/sign_up/resend")?;
        let code = self.service.mail.code_after(email, since)?;
        self.both(&mut browser, email, "/api/sign_up/answer", &[("code", &code)], 0)?;
        let details = [("name", "Robin"), ("password", PASSWORD), ("again", PASSWORD)];
        self.both(&mut browser, email, "/api/sign_up/finish", &details, 0)?;
        self.judge_emails(email, "a sign-up")?;
        self.count("accounts", email, "WHERE", "1")?;
        self.events("signed_up", email, "1")
    }
}
