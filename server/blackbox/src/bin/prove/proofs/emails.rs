//! E-mails caused by strangers: their number, and their effect on the owner's e-mails and activity.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, PASSWORD, Plan, Service};
use blackbox::Fault;
use blackbox::http::another_client;
use std::net::Ipv4Addr;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 29,
        property: "Strangers don't use up the owner's e-mails: 1 network delays none, 20 delay them by at most 3.5 hours",
        hole: "The version without budgets per network: the proof stopped, because a stranger's e-mail delayed the next one.",
        on: Setting::ONE,
        run: delays,
    },
    Proof {
        number: 29,
        property: "Strangers' attempts don't displace the owner's activity",
        hole: "`store/events.rs` listed attempts among actions: the thief's sign-in was not on the first page, but 5 pages later.",
        on: Setting::ONE,
        run: activity,
    },
    Proof {
        number: 30,
        property: "A mailbox gets at most 10 e-mails a day from one network and 30 from all, then one every 10 minutes, including aliases",
        hole: "The version without budgets per network: 276; 120, then 480 in two hours; 220.",
        on: Setting::ONE,
        run: bounded,
    },
];

/// A service with a clock that the proof advances.
struct Leaping {
    service: Service,
    now_s: i64,
}

impl Leaping {
    fn start(ground: &Ground, setting: Setting) -> Result<Self, Fault> {
        let plan = Plan {
            clock: true,
            ..Plan::default()
        };
        let service = Service::start_with(ground, setting, &plan)?;
        Ok(Self { service, now_s: 0 })
    }

    fn leap(&mut self, seconds: i64) -> Result<(), Fault> {
        self.now_s += seconds;
        self.service.move_clock(self.now_s)
    }

    /// Requests an e-mail as a client's unknown browser: `Err` contains the seconds to wait.
    fn ask(&self, client: Ipv4Addr, path: &str, email: &str) -> Result<Result<(), i64>, Fault> {
        let mut browser = self.service.browser();
        browser.client = client;
        outcome(&mut browser, path, email)
    }

    fn reset(&self, client: Ipv4Addr, email: &str) -> Result<Result<(), i64>, Fault> {
        self.ask(client, RESET, email)
    }

    /// Exhausts the mailbox's daily budget with six networks and five e-mails each.
    fn use_up(&mut self, networks: &[Ipv4Addr], email: &str) -> Result<(), Fault> {
        for _ in 0..5 {
            for network in &networks[..6] {
                if let Err(wait) = self.reset(*network, email)? {
                    return Err(format!("a stranger waits {wait} s before the mailbox's day is used up"));
                }
            }
            self.leap(31)?;
        }
        Ok(())
    }
}

const RESET: &str = "/api/reset/begin";
const SIGN_UP: &str = "/api/sign_up/begin";

fn outcome(browser: &mut Browser, path: &str, email: &str) -> Result<Result<(), i64>, Fault> {
    let answer = browser.post(path, &[("email", email)])?;
    match answer.status {
        200 => Ok(Ok(())),
        429 => {
            let wait = answer.header("retry-after").parse();
            wait.map(Err)
                .map_err(|_| format!("429 without Retry-After from {path}"))
        }
        _ => Err(answer.unexpected(path)),
    }
}

fn networks(count: usize) -> Vec<Ipv4Addr> {
    (0..count).map(|_| another_client()).collect()
}

/// Measures the owner's delay while one network, and then twenty, request as much as they can.
fn delays(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let mut leaping = Leaping::start(ground, setting)?;
    let mut wrong = Vec::new();
    let mut asked = 0;

    // In every hour of a day, one network makes requests, and the owner makes one from another network.
    let email = leaping.service.create_account(Kind::Local)?;
    let one = another_client();
    let mut owners = 0;
    for hour in 0..24 {
        for path in [RESET, SIGN_UP, RESET, SIGN_UP, RESET, SIGN_UP] {
            let _ = leaping.ask(one, path, &email)?;
            leaping.leap(31)?;
            asked += 1;
        }
        if let Err(wait) = leaping.reset(another_client(), &email)? {
            wrong.push(format!("hour {hour}: the owner waits {wait} s for one network"));
        }
        owners += 1;
        leaping.leap(3_400)?;
        if owners == 10 {
            break;
        }
    }

    // Twenty networks exhaust the daily budget, and all queue before the owner.
    let email = leaping.service.create_account(Kind::Local)?;
    let mut known = leaping.service.browser();
    known.sign_in(&leaping.service.mail, &email)?;
    known.post("/api/sign_in/sign_out", &[])?;
    let strangers = networks(20);
    leaping.use_up(&strangers, &email)?;
    for stranger in &strangers {
        asked += 1;
        let _ = leaping.reset(*stranger, &email)?;
    }
    // With the correct password or a known browser, there is no wait, even in a stranger's network.
    let mut with_password = leaping.service.browser();
    with_password.client = strangers[0];
    if with_password.sign_in_to_code_with(&email, PASSWORD).is_err() {
        wrong.push("no code after the right password".into());
    }
    known.client = strangers[1];
    if outcome(&mut known, RESET, &email)?.is_err() {
        wrong.push("a browser that signed in before waits".into());
    }
    let owner = another_client();
    let (began, mut result) = (leaping.now_s, leaping.reset(owner, &email)?);
    let first = result.err().unwrap_or(0);
    let mut back = 0;
    // All strangers precede the owner at every slot; the owner returns after the announced wait.
    while let Err(wait) = result {
        let due = leaping.now_s + wait;
        while leaping.now_s < due {
            leaping.leap((due - leaping.now_s).min(590))?;
            for stranger in &strangers {
                asked += 1;
                let _ = leaping.reset(*stranger, &email)?;
            }
        }
        result = leaping.reset(owner, &email)?;
        back += 1;
        if back > 40 {
            break;
        }
    }
    let took = leaping.now_s - began;
    let bound = 21 * 600;
    if took > bound || result.is_err() {
        wrong.push(format!("the owner waits {took} s for 20 networks"));
    }
    Ok(Finding {
        tried: "one network requests e-mails for 10 hours, and the owner does each hour; 20 networks use up the daily budget, wait, and precede the owner in every turn; meanwhile codes after the password and a known browser"
            .into(),
        times: asked,
        figure: format!(
            "1: 0 s; 20: announced {first} s, {took} s in total, {back} requests; {} wrong {}",
            wrong.len(),
            wrong.join("; ")
        ),
        bound: format!("1: 0 s; 20: ≤ {bound} s; others 0 s"),
        holds: wrong.is_empty() && took > 0,
    })
}

/// Checks the owner's activity after a thief's sign-in and strangers' attempts.
fn activity(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let mut wrong = Vec::new();
    let email = service.create_account(Kind::Local)?;
    let mut owner = service.browser();
    owner.sign_in(&service.mail, &email)?;
    let mut thief = service.browser();
    thief.sign_in(&service.mail, &email)?;
    let mark = format!("{}<", thief.client);
    let attempts = ground.times(30, 300);
    for number in 0..attempts {
        let mut stranger = service.browser();
        if number % 3 == 0 {
            stranger.post(RESET, &[("email", &email)])?;
        } else {
            stranger.post("/api/sign_in/begin", &[("email", &email)])?;
            stranger.post("/api/sign_in/password", &[("password", "not the right one")])?;
        }
    }
    let page = owner.open("/security")?;
    let text = page.text();
    let in_activity = text.split("id=\"activity\"").nth(1).unwrap_or_default();
    if !in_activity.contains(&mark) {
        wrong.push("the thief's sign-in is not on the page".to_owned());
    }
    let counted = format!("{attempts} failed attempts since");
    if !in_activity.contains(&counted) {
        wrong.push(format!("«{counted}» is not there"));
    }
    // The owner's later actions fill further pages, and the thief is on one of them.
    for _ in 0..25 {
        owner.post("/api/security/end_others", &[])?;
        service.browser().sign_in(&service.mail, &email)?;
    }
    let (mut address, mut pages, mut found) = ("/security".to_owned(), 0, false);
    loop {
        let page = owner.open(&address)?.text();
        pages += 1;
        let in_activity = page.split("id=\"activity\"").nth(1).unwrap_or_default();
        found |= in_activity.contains(&mark);
        let older = in_activity.split("/security?before=").nth(1);
        match older.and_then(|rest| rest.split(['#', '"']).next()) {
            Some(before) if pages < 20 => address = format!("/security?before={before}"),
            _ => break,
        }
    }
    if !found || pages != 3 {
        wrong.push(format!("{pages} pages, the thief on one of them: {found}"));
    }
    Ok(Finding {
        tried: format!(
            "{attempts} attempts by as many strangers after a thief's sign-in; 50 actions by the owner; all pages are read"
        ),
        times: attempts + pages,
        figure: format!("{} wrong {}", wrong.len(), wrong.join("; ")),
        bound: "the thief's sign-in on the first page, and on the last of 3; the attempts in one line".into(),
        holds: wrong.is_empty(),
    })
}

/// Counts the e-mails sent for as many requests as possible.
fn bounded(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let mut leaping = Leaping::start(ground, setting)?;
    let mut asked = 0;
    // Count rows, because a clock jump may cause an e-mail to be sent twice.
    let came = |leaping: &Leaping, recipients: &str| -> Result<i64, Fault> {
        let count = format!("SELECT count(*) FROM outbox WHERE recipient LIKE '{recipients}'");
        let count = leaping.service.sql(ground, &count)?;
        count.trim().parse().map_err(|_| format!("«{count}» is not a count"))
    };

    // One network in every hour of a day: sign-ups and resets of aliases, and new codes.
    let one = another_client();
    for hour in 0..23 {
        for number in 0..6 {
            let alias = format!("walter+{hour}.{number}@example.com");
            let path = if number % 2 == 0 { SIGN_UP } else { RESET };
            let mut browser = leaping.service.browser();
            browser.client = one;
            let _ = outcome(&mut browser, path, &alias)?;
            leaping.leap(61)?;
            browser.post(&path.replace("begin", "resend"), &[])?;
            asked += 2;
        }
        leaping.leap(3_600 - 6 * 61)?;
    }
    let by_one = came(&leaping, "walter%")?;

    // Sixty networks at once, and again within ten minutes.
    let strangers = networks(60);
    let sixties = |leaping: &Leaping| -> Result<(), Fault> {
        for (number, stranger) in strangers.iter().enumerate() {
            let _ = leaping.reset(*stranger, &format!("wanda+{number}@example.com"))?;
        }
        Ok(())
    };
    sixties(&leaping)?;
    leaping.leap(400)?;
    sixties(&leaping)?;
    let by_sixty = came(&leaping, "wanda%")?;
    // Afterwards, one e-mail every ten minutes, for two hours.
    for _ in 0..12 {
        leaping.leap(600)?;
        sixties(&leaping)?;
    }
    let afterwards = came(&leaping, "wanda%")? - by_sixty;
    asked += 60 * 14;

    // One network and one domain.
    for number in 0..220 {
        if number % 20 == 0 {
            leaping.leap(61)?;
        }
        let _ = leaping.reset(one, &format!("w{number}@corp.example.com"))?;
        let _ = leaping.ask(strangers[number % 60], RESET, &format!("v{number}@gmail.com"))?;
        asked += 2;
    }
    let of_domain = came(&leaping, "%@corp.example.com")?;
    let figure = [by_one, by_sixty, afterwards, of_domain];
    Ok(Finding {
        tried: "one network requests e-mails to aliases of a mailbox 12 times an hour for a day; 60 networks at once and for two hours; one network to 220 addresses of a domain"
            .into(),
        times: asked,
        figure: format!("{by_one}; {by_sixty}, then {afterwards} in two hours; {of_domain}"),
        bound: "10; 31, then 12; 200".into(),
        holds: figure == [10, 31, 12, 200],
    })
}
