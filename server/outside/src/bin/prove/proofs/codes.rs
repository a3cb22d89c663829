//! One-time passcodes and the other secrets that work once.

use crate::browser::{Browser, other_than};
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::race::{self, Runner};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use outside::Fault;

/// See the module.
pub const PROOFS: &[Proof] = &[
    Proof {
        number: 1,
        property: "A code works for its account, purpose, browser and address only",
        hole: "`account/src/code.rs`: the digest without purpose, address and flow, and `store/codes.rs` `of_flow` giving everybody's codes: 8 of 14 off the diagonal opened.",
        on: Setting::ONE,
        run: diagonal,
    },
    Proof {
        number: 2,
        property: "A one-time secret succeeds once",
        hole: "`store/flows.rs` and `store/codes.rs`: `pass_code`, `spend_try` and `mark_used` without their `IS NULL`: 60 successes of 60. A change ending no session, and `store/accounts.rs` `set_password` not asking for the old hash: 20 successes of 20.",
        on: Setting::ALL,
        run: once,
    },
    Proof {
        number: 3,
        property: "No more than 5 guesses of a code are evaluated",
        hole: "`store/flows.rs`, `spend_try` setting `tries_left = 5` instead of one less: 12 of 12 codes fell, 60 guesses looked at.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: five_guesses,
    },
    Proof {
        number: 4,
        property: "The count of failures survives code, flow, cookie, client, restart and endpoint",
        hole: "`flows/mailed_code.rs`, wrong codes counted by purpose: the right codes passed at both doors.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: failures_stay,
    },
    Proof {
        number: 5,
        property: "Only the newest code works; codes die with the password and the account",
        hole: "`flows/mailed_letter.rs`, `end_flows` doing nothing: codes worked after a reset, a change and a switch-off. The same again: an answered reset chose after a change, too.",
        on: Setting::ONE,
        run: newest_only,
    },
    Proof {
        number: 27,
        property: "Every POST twice has one effect",
        hole: "`store/flows.rs`, `pass_password` without `password_passed_at IS NULL` and `take_send` without its wait: 2 letters for a password. `flows/mailed_letter.rs` without `take_form`: 2 letters for a sign-up sent together. `change_password.rs` ending no session and `set_password` not asking for the old hash: 2 events and 2 letters of a change, and a session too many. `flows/sign_in.rs` telling of a sign-out that ended nothing: 2 events, on PostgreSQL with 2 servers.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: twice,
    },
];

/// A flow that waits for its code.
struct Waiting {
    browser: Browser,
    path: &'static str,
    code: String,
    step: &'static str,
}

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    SignIn,
    Reset,
    SignUp,
}

impl Waiting {
    /// Begins one of a purpose for somebody, in a browser of its own.
    fn begin(service: &Service, purpose: Purpose, email: &str) -> Result<Self, Fault> {
        let mut browser = service.browser();
        let seen = service.mail.to(email).len();
        let (path, step) = match purpose {
            Purpose::SignIn => {
                browser.sign_in_to_code(email)?;
                ("/api/sign_in/answer", "SignedIn")
            }
            Purpose::Reset => {
                browser.begin_reset(email)?;
                ("/api/reset/answer", "ChoosePassword")
            }
            Purpose::SignUp => {
                browser.step("/api/sign_up/begin", &[("email", email)], "EnterCode")?;
                ("/api/sign_up/answer", "ChooseDetails")
            }
        };
        let code = service.mail.code_after(email, seen)?;
        let digits = if purpose == Purpose::Reset { 8 } else { 6 };
        if code.len() != digits {
            return Err(format!("a code of {} digits for {purpose:?}", code.len()));
        }
        Ok(Self {
            browser,
            path,
            code,
            step,
        })
    }

    /// Whether that code opens it.
    fn opens(&mut self, code: &str) -> Result<bool, Fault> {
        let answer = self.browser.post(self.path, &[("code", code)])?;
        match answer.status {
            200 => Ok(answer.told() == self.step),
            409 | 422 | 429 => Ok(false),
            _ => Err(answer.unexpected(self.path)),
        }
    }
}

/// Each code in each flow but its own.
fn diagonal(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (mut cells, mut wrong, mut right) = (0, Vec::new(), 0);
    let purposes = [Purpose::SignIn, Purpose::Reset, Purpose::SignUp];
    for _ in 0..ground.times(1, 10) {
        for from in purposes {
            for to in purposes {
                // Another account: with the same purpose, and with another one.
                let (one, other) = (whose(&service, from)?, whose(&service, to)?);
                let code = waiting(&service, from, &one)?.code;
                let mut flow = waiting(&service, to, &other)?;
                cells += 1;
                if flow.code != code && flow.opens(&code)? {
                    wrong.push(format!("{from:?} of another account opens {to:?}"));
                }
                let own = flow.code.clone();
                right += usize::from(flow.opens(&own)?);
                // The same account, another purpose: sign-up is for addresses without an account.
                if from != to && from != Purpose::SignUp && to != Purpose::SignUp {
                    let code = waiting(&service, from, &other)?.code;
                    let mut flow = waiting(&service, to, &other)?;
                    cells += 1;
                    if flow.opens(&code)? {
                        wrong.push(format!("{from:?} opens {to:?}"));
                    }
                }
            }
            // The same account and purpose in another browser, whose own code is older.
            let email = whose(&service, from)?;
            let mut other = waiting(&service, from, &email)?;
            let code = waiting(&service, from, &email)?.code;
            cells += 1;
            if other.code != code && other.opens(&code)? {
                wrong.push(format!("{from:?} works in another browser"));
            }
        }
    }
    let own = purposes.len() * purposes.len() * ground.times(1, 10);
    Ok(Finding {
        tried: "each code in the flow of another account, purpose, browser and address; then its own".into(),
        times: cells + own,
        figure: format!(
            "{} of {cells} off the diagonal, {right} of {own} on it {}",
            wrong.len(),
            wrong.join("; ")
        ),
        bound: "0 off, all on".into(),
        holds: wrong.is_empty() && right == own,
    })
}

fn whose(service: &Service, purpose: Purpose) -> Result<String, Fault> {
    match purpose {
        Purpose::SignIn | Purpose::Reset => service.person(Kind::Local),
        Purpose::SignUp => Ok(service.stranger()),
    }
}

/// A flow that waits, once the service lets the address have a letter.
fn waiting(service: &Service, purpose: Purpose, email: &str) -> Result<Waiting, Fault> {
    again(|| Waiting::begin(service, purpose, email))
}

/// Until it is let: a reset letter a second.
fn again<T>(mut begin: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut outcome = begin();
    for _ in 0..40 {
        match &outcome {
            Err(fault) if fault.contains("TooMany") => {
                std::thread::sleep(std::time::Duration::from_millis(100));
                outcome = begin();
            }
            _ => break,
        }
    }
    outcome
}

/// Identical right submissions, released together, to all servers in turn.
fn once(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (rounds, runners) = ground.times((2, 60), (5, 200));
    let mut times = 0;
    let mut race = |name: &str, path: &str, fields: &[(&str, &str)], browser: &Browser, step: &str| {
        let wanted = usize::from(!step.is_empty());
        // A change hashes twice, and more of them than the queue takes in would be told to come later.
        let runners = if path == CHANGE { runners.min(20) } else { runners };
        let answers = race::release(together(&service, browser, path, fields, runners))?;
        times += 1;
        let right = answers.iter().filter(|answer| answer.status == 200).count();
        let faults = race::faults(&answers);
        if (right, faults) != (wanted, 0) {
            return Err(format!("{name}: {right} successes, {faults} faults"));
        }
        let mut next = browser.tab(service.port(0));
        for answer in answers.iter().filter(|answer| answer.told() == step) {
            next.jar.keep(answer);
        }
        Ok::<_, Fault>(next)
    };
    for email in service.people(Kind::LocalWithoutPassword, rounds)? {
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
            return Err("nobody is signed in by a sign-in's code".into());
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
            "{runners} identical right submissions together: codes of reset, sign-in and sign-up, the new password, the new account, a change (20 at most); a reset that is used up"
        ),
        times,
        figure: "1 success each, 0 of a used reset".into(),
        bound: "1 success, 0 when used up, no 5xx".into(),
        holds: true,
    })
}

/// The same request from so many tabs, to all servers in turn.
fn together(service: &Service, browser: &Browser, path: &str, fields: &[(&str, &str)], runners: usize) -> Vec<Runner> {
    let tab = |runner| {
        let tab = browser.tab(service.port(runner));
        let request = tab.request(path, fields);
        (tab, request)
    };
    (0..runners).map(tab).collect()
}

/// Different guesses at once, the right one among them.
fn five_guesses(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (codes, guesses) = ground.times((12, 60), (100, 200));
    let (mut successes, mut most) = (0, 0);
    for (index, email) in service
        .people(Kind::LocalWithoutPassword, codes)?
        .into_iter()
        .enumerate()
    {
        let flow = Waiting::begin(&service, Purpose::Reset, &email)?;
        // The right one stands at another place each time.
        let place = (index * 37 + 11) % guesses;
        let runners = (0..guesses).map(|runner| {
            let by = u64::try_from(guesses + runner - place).unwrap_or_default() % u64::try_from(guesses).unwrap_or(1);
            let tab = flow.browser.tab(service.port(runner));
            let request = tab.request(flow.path, &[("code", &other_than(&flow.code, by))]);
            (tab, request)
        });
        let answers = race::release(runners.collect())?;
        if race::faults(&answers) > 0 {
            return Err("a guess was answered with 5xx".into());
        }
        let right = race::count(&answers, flow.step);
        // The last wrong one says that there are none left, as do all that were not looked at; so those that count down are counted.
        most = most.max(right + race::count(&answers, "CodeWrong"));
        successes += right;
    }
    // With 5 of 200 looked at, a code falls with 1 in 40: 2.5 of 100 expected, 8 with less than 1 in 1,000.
    let bound = ground.times(5, 8);
    Ok(Finding {
        tried: format!("{guesses} different guesses together, the right one among them, over {codes} codes"),
        times: codes * guesses,
        figure: format!("{successes} codes fell, at most {most} guesses of one were looked at"),
        bound: format!("≤ {bound} codes, ≤ 5 guesses"),
        holds: successes <= bound && most <= 5,
    })
}

/// 25 wrong codes an hour, whatever is changed in between.
fn failures_stay(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan::default()
        .set("LIMIT_RESET_EVERY_S", 1)
        .set("LIMIT_RESET_AN_HOUR", 1000)
        .set("LIMIT_RESET_A_DAY", 1000)
        .set("LIMIT_CODES_AN_HOUR", 1000);
    let mut service = Service::start_with(ground, setting, &plan)?;
    let email = service.person(Kind::Local)?;
    let (mut wrong, mut flows) = (0, 0);
    while wrong < 25 {
        // A new flow, cookie and client each time, at another server, after a restart, at the other purpose's door.
        let purpose = if flows % 3 == 2 {
            Purpose::SignIn
        } else {
            Purpose::Reset
        };
        let mut flow = waiting(&service, purpose, &email)?;
        flow.browser = flow.browser.tab(service.port(flows));
        flows += 1;
        for by in 1..=4 {
            if wrong < 25 {
                let answer = flow.browser.post(flow.path, &[("code", &other_than(&flow.code, by))])?;
                if answer.told() != "CodeWrong" {
                    return Err(answer.unexpected("a wrong code"));
                }
                wrong += 1;
            }
        }
        if flows == 3 {
            service.kill_server(0);
            service.start_server(0)?;
        }
    }
    let mut doors = Vec::new();
    for purpose in [Purpose::Reset, Purpose::SignIn] {
        let mut flow = waiting(&service, purpose, &email)?;
        let answer = flow.browser.post(flow.path, &[("code", &flow.code)])?;
        doors.push(format!("{purpose:?}: {} {}", answer.status, answer.told()));
    }
    let holds = doors.iter().all(|door| door.ends_with("429 CodesPaused"));
    Ok(Finding {
        tried: format!(
            "{wrong} wrong codes over {flows} flows, codes, cookies and clients, two purposes, a kill; then the right ones"
        ),
        times: wrong + doors.len(),
        figure: doors.join(", "),
        bound: "429 CodesPaused at every door".into(),
        holds,
    })
}

/// Older codes, and those before a change, are dead.
fn newest_only(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let rounds = ground.times(1, 20);
    let mut wrong = Vec::new();
    for _ in 0..rounds {
        // Another browser asked for a newer one.
        let email = service.person(Kind::Local)?;
        let mut older = Waiting::begin(&service, Purpose::Reset, &email)?;
        let mut newer = waiting(&service, Purpose::Reset, &email)?;
        let (old_code, new_code) = (older.code.clone(), newer.code.clone());
        if older.opens(&old_code)? || newer.opens(&old_code)? {
            wrong.push("an older code");
        }
        if !newer.opens(&new_code)? {
            wrong.push("the newest one does not work");
        }
        // A reset ended: a sign-in's code that waited is dead.
        let email = service.person(Kind::Local)?;
        let mut flow = waiting(&service, Purpose::SignIn, &email)?;
        service.browser().reset(&service.mail, &email, NEW_PASSWORD)?;
        let code = flow.code.clone();
        if flow.opens(&code)? {
            wrong.push("a sign-in's code after a reset");
        }
        // A changed password: codes that waited are dead, and so is a reset whose code was answered.
        let email = service.person(Kind::Local)?;
        let mut owner = service.browser();
        owner.sign_in(&service.mail, &email)?;
        let mut answered = service.browser();
        answered.reset_to_password(&service.mail, &email)?;
        let mut flows = [
            waiting(&service, Purpose::Reset, &email)?,
            waiting(&service, Purpose::SignIn, &email)?,
        ];
        change(&mut owner, PASSWORD, NEW_PASSWORD)?;
        for flow in &mut flows {
            let code = flow.code.clone();
            if flow.opens(&code)? {
                wrong.push("a code after a change");
            }
        }
        if chooses(&mut answered)? {
            wrong.push("an answered reset after a change");
        }
        // Switched off.
        let email = service.person(Kind::Local)?;
        let mut answered = service.browser();
        answered.reset_to_password(&service.mail, &email)?;
        let mut flows = [
            waiting(&service, Purpose::Reset, &email)?,
            waiting(&service, Purpose::SignIn, &email)?,
        ];
        service.run(&["user", "disable", "--email", &email], "")?;
        for flow in &mut flows {
            let code = flow.code.clone();
            if flow.opens(&code)? {
                wrong.push("a code of an account that is switched off");
            }
        }
        if chooses(&mut answered)? {
            wrong.push("an answered reset of an account that is switched off");
        }
    }
    Ok(Finding {
        tried: "a code after a newer one, a reset, a change, a switch-off; an answered reset after the last two".into(),
        times: rounds * 10,
        figure: if wrong.is_empty() {
            "0 worked".into()
        } else {
            wrong.join(", ")
        },
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}

/// Whether a reset whose code was answered still sets a password.
fn chooses(answered: &mut Browser) -> Result<bool, Fault> {
    let path = "/api/reset/choose";
    let fields = [
        ("password", "seven amber bicycles at dawn"),
        ("again", "seven amber bicycles at dawn"),
    ];
    let answer = answered.post(path, &fields)?;
    match answer.status {
        200 => Ok(true),
        400..500 => Ok(false),
        _ => Err(answer.unexpected(path)),
    }
}

/// Where a password is changed.
const CHANGE: &str = "/api/security/change_password";

/// The fields of a change.
const fn change_of<'a>(from: &'a str, to: &'a str) -> [(&'a str, &'a str); 3] {
    [("current", from), ("password", to), ("again", to)]
}

/// Changes the password of a browser that is signed in.
fn change(browser: &mut Browser, from: &str, to: &str) -> Result<(), Fault> {
    let answer = browser.post(CHANGE, &change_of(from, to))?;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(answer.unexpected("a change of the password"))
    }
}

/// Each form of the three ways in, of the change and of the sign-out, sent twice: one after the other, and together.
fn twice(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::default())?;
    let mut told = Twice {
        service: &service,
        ground,
        parallel: false,
        letters: 0,
        times: 0,
        wrong: Vec::new(),
    };
    for parallel in [false, true] {
        told.parallel = parallel;
        for _ in 0..ground.times(1, 10) {
            told.reset_and_sign_in()?;
            told.sign_up()?;
        }
    }
    Ok(Finding {
        tried: "every form of a reset, a sign-in, a sign-up, a change and a sign-out, twice: one after the other, and together".into(),
        times: told.times,
        figure: if told.wrong.is_empty() {
            "1 effect each".into()
        } else {
            told.wrong.join("; ")
        },
        bound: "1 letter, 1 session, 1 account, 1 event, no 5xx".into(),
        holds: told.wrong.is_empty(),
    })
}

/// What two of each form came to.
struct Twice<'a> {
    service: &'a Service,
    ground: &'a Ground,
    parallel: bool,
    letters: usize,
    times: usize,
    wrong: Vec<String>,
}

impl Twice<'_> {
    /// Sends a form twice; so many letters may come of it. Gives how many the address had before.
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
        self.letters += wanted;
        self.service.mail.wait(email, self.letters)?;
        if wanted > 0 {
            self.judge_letters(email, path)?;
        }
        Ok(since)
    }

    /// Whether an address had so many letters as all forms so far should have brought, and no more.
    fn judge_letters(&mut self, email: &str, last: &str) -> Result<(), Fault> {
        self.service.be_quiet()?;
        let came = self.service.mail.to(email).len();
        if came != self.letters {
            self.say(last, &format!("{came} letters so far instead of {}", self.letters));
            self.letters = came;
        }
        Ok(())
    }

    fn say(&mut self, what: &str, came: &str) {
        let how = if self.parallel { "together" } else { "in a row" };
        self.wrong.push(format!("{what} {how}: {came}"));
    }

    /// What is counted of an account, demanded to be so many.
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

    fn events(&mut self, kind: &str, email: &str) -> Result<(), Fault> {
        let from = format!("JOIN events e ON e.account_id = a.id WHERE e.kind = '{kind}' AND");
        self.count(&format!("events {kind}"), email, &from, "1")
    }

    fn reset_and_sign_in(&mut self) -> Result<(), Fault> {
        let email = &self.service.person(Kind::Local)?;
        let mail = &self.service.mail;
        let mut browser = self.service.browser();
        self.letters = 0;
        let since = self.both(&mut browser, email, "/api/reset/begin", &[("email", email)], 1)?;
        let code = mail.code_after(email, since)?;
        self.both(&mut browser, email, "/api/reset/answer", &[("code", &code)], 0)?;
        let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        self.both(&mut browser, email, "/api/reset/choose", &new, 1)?;
        self.both(&mut browser, email, "/api/sign_in/begin", &[("email", email)], 0)?;
        let password = [("password", NEW_PASSWORD)];
        let since = self.both(&mut browser, email, "/api/sign_in/password", &password, 1)?;
        let code = mail.code_after(email, since)?;
        // The owner is told of a device that is new.
        self.both(&mut browser, email, "/api/sign_in/answer", &[("code", &code)], 1)?;
        self.sessions("sessions of a sign-in", email, "1")?;
        self.both(&mut browser, email, CHANGE, &change_of(NEW_PASSWORD, PASSWORD), 1)?;
        self.sessions("sessions after a change", email, "1")?;
        if !browser.is_signed_in()? {
            self.say("a change", "signed out");
        }
        self.both(&mut browser, email, "/api/sign_in/sign_out", &[], 0)?;
        self.sessions("sessions after a sign-out", email, "0")?;
        self.judge_letters(email, "a sign-out")?;
        for kind in [
            "reset_asked",
            "password_reset",
            "signed_in",
            "password_changed",
            "signed_out",
        ] {
            self.events(kind, email)?;
        }
        Ok(())
    }

    fn sign_up(&mut self) -> Result<(), Fault> {
        let email = &self.service.stranger();
        let mut browser = self.service.browser();
        self.letters = 0;
        let since = self.both(&mut browser, email, "/api/sign_up/begin", &[("email", email)], 1)?;
        let code = self.service.mail.code_after(email, since)?;
        self.both(&mut browser, email, "/api/sign_up/answer", &[("code", &code)], 0)?;
        let details = [("name", "Robin"), ("password", PASSWORD), ("again", PASSWORD)];
        self.both(&mut browser, email, "/api/sign_up/finish", &details, 0)?;
        self.judge_letters(email, "a sign-up")?;
        self.count("accounts", email, "WHERE", "1")?;
        self.events("signed_up", email)
    }
}
