//! Rate limits over hours, with a simulated clock.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, PASSWORD, Plan, Service};
use crate::timer;
use blackbox::Fault;
use blackbox::http::Answer;
use std::net::Ipv4Addr;

pub const PROOFS: &[Proof] = &[Proof {
    number: 18,
    property: "Limits on resets and passwords hold for hours on every server; strangers prove the mailbox instead of waiting",
    hole: "`store/limits.rs` returned the first of several waits instead of the longest (an earlier version): a wait of 30 s was announced, and then 3450. `strangers_prove_mailbox` in `flows/password_tries.rs` was always false: a new browser got the password page after five incorrect passwords.",
    on: &[Setting::Sqlite, Setting::Postgres2],
    run: limits,
}];

/// A service with a clock that the proof advances, and the observations so far.
struct Tried {
    service: Service,
    /// The offset of the simulated clock in seconds.
    now: i64,
    tried: usize,
    /// Response times of the refusals in ms.
    refusals: Vec<f64>,
    wrong: Vec<String>,
}

impl Tried {
    /// Sends a form and measures its response time; returns the wait in seconds if it is rate-limited, else the answer.
    fn ask(&mut self, browser: &mut Browser, path: &str, field: (&str, &str)) -> Result<Result<Answer, i64>, Fault> {
        // Open the connection before the measurement.
        browser.open("/healthz")?;
        self.tried += 1;
        let mut answer = None;
        let ms = timer::ms(|| {
            answer = Some(browser.post(path, &[field])?);
            Ok(())
        })?;
        let answer = answer.ok_or("no answer")?;
        if answer.status != 429 {
            return Ok(Ok(answer));
        }
        self.refusals.push(ms);
        let wait = answer.header("retry-after").parse();
        wait.map(Err)
            .map_err(|_| format!("429 without Retry-After from {path}"))
    }

    fn leap(&mut self, seconds: i64) -> Result<(), Fault> {
        self.now += seconds;
        self.service.move_clock(self.now)
    }

    /// Waits as announced, and checks that a shorter wait isn't enough. `again` returns the wait of another try.
    fn wait(
        &mut self,
        announced: i64,
        mut again: impl FnMut(&mut Self) -> Result<Result<Answer, i64>, Fault>,
    ) -> Result<Answer, Fault> {
        // A fifth of each wait allows for the advance of the real clock.
        let most = announced * 4 / 5;
        self.leap(most)?;
        if again(self)?.is_ok() {
            self.wrong
                .push(format!("announced {announced} s, {most} s were enough"));
        }
        self.leap(announced - most)?;
        again(self)?.map_err(|more| format!("announced {announced} s, and then {more}"))
    }

    /// Requests a reset of an address in a new browser of a client, alternating between servers.
    fn reset(&mut self, client: Ipv4Addr, email: &str) -> Result<Result<Answer, i64>, Fault> {
        let mut browser = self.service.browser_at(self.tried);
        browser.client = client;
        self.ask(&mut browser, "/api/reset/begin", ("email", email))
    }

    /// Submits a password in a browser's sign-in.
    fn password(&mut self, browser: &mut Browser, email: &str, password: &str) -> Result<Result<Answer, i64>, Fault> {
        browser.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
        self.ask(browser, "/api/sign_in/password", ("password", password))
    }

    fn demand(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(what());
        }
    }
}

/// Returns whether a wait has the wanted length, apart from elapsed real time.
fn nearly(wait: i64, wanted: i64) -> bool {
    (wanted * 4 / 5..=wanted).contains(&wait)
}

fn limits(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        clock: true,
        ..Plan::default()
    };
    let mut tried = Tried {
        service: Service::start_with(ground, setting, &plan)?,
        now: 0,
        tried: 0,
        refusals: Vec::new(),
        wrong: Vec::new(),
    };
    resets_of_an_address(&mut tried)?;
    resets_of_a_client(&mut tried)?;
    passwords(&mut tried)?;
    let Tried { wrong, refusals, .. } = &tried;
    let (p95, bound) = (timer::percentile(refusals, 95), ground.scaled_ms(50.0));
    Ok(Finding {
        tried: "resets for one address by one client over a day, resets by one client in a minute, passwords of strangers and of the owner; retries after four fifths of each wait and after all of it"
            .into(),
        times: tried.tried,
        figure: format!(
            "{} wrong {}; {} refused within {p95:.0} ms",
            wrong.len(),
            wrong.join("; "),
            refusals.len()
        ),
        bound: format!(
            "1 in 30 s, 5 an hour, 10 a day, 20 a minute; strangers: 5 free, then the mailbox must be proven; a known browser: 5 free, then \
             30 s doubling to an hour; the owner signs in; p95 ≤ {bound:.0} ms"
        ),
        holds: wrong.is_empty() && p95 <= bound,
    })
}

/// Requests twelve resets, with the announced waits in between: returns every wait.
fn resets_of_an_address(tried: &mut Tried) -> Result<(), Fault> {
    let email = tried.service.create_account(Kind::LocalWithoutPassword)?;
    let client = tried.service.browser().client;
    let (began, mut waits, mut day) = (tried.now, Vec::new(), 0);
    for number in 0..12 {
        if number == 10 {
            day = began + 86_400 - tried.now;
        }
        match tried.reset(client, &email)? {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => return Err(answer.unexpected("a reset")),
            Err(wait) => {
                waits.push(wait);
                tried.wait(wait, |tried| tried.reset(client, &email))?;
            }
        }
    }
    // Half a minute between the first five, then the rest of the hour; after ten, the rest of the day.
    let hour = 3_600 - 4 * 30;
    let wanted = [30, 30, 30, 30, hour, 30, 30, 30, 30, day, 30];
    let alike = waits.len() == wanted.len() && waits.iter().zip(wanted).all(|(wait, wanted)| nearly(*wait, wanted));
    tried.demand(alike, || format!("resets waited {waits:?} instead of {wanted:?}"));
    Ok(())
}

/// Sends resets of one client with a new address each time, alternating between servers.
fn resets_of_a_client(tried: &mut Tried) -> Result<(), Fault> {
    let client = tried.service.browser().client;
    let another = |tried: &mut Tried| {
        let mut browser = tried.service.browser_at(tried.tried);
        browser.client = client;
        let email = tried.service.stranger();
        tried.ask(&mut browser, "/api/reset/begin", ("email", &email))
    };
    let (mut through, mut announced) = (0, 0);
    for _ in 0..25 {
        match another(tried)? {
            Ok(_) => through += 1,
            Err(wait) => announced = wait,
        }
    }
    tried.demand(through == 20 && nearly(announced, 60), || {
        format!("{through} resets of a client, then {announced} s")
    });
    tried.wait(announced, another).map(drop)
}

/// Checks strangers' incorrect passwords, five a day until the mailbox must be proven, and the separate tries of the owner.
fn passwords(tried: &mut Tried) -> Result<(), Fault> {
    let email = tried.service.create_account(Kind::Local)?;
    let mut owner = tried.service.browser();
    owner.sign_in(&tried.service.mail, &email)?;
    owner.post("/api/sign_in/sign_out", &[])?;
    // A browser that reached the password step earlier.
    let mut early = tried.service.browser();
    early.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
    for number in 0..5 {
        let mut stranger = tried.service.browser_at(tried.tried);
        let outcome = tried.password(&mut stranger, &email, "not the right one")?;
        let outcome = outcome.map(|answer| answer.outcome());
        tried.demand(outcome.as_deref() == Ok("sign_in_wrong"), || {
            format!("a stranger's try {number}: {outcome:?}")
        });
    }
    // On every server and even with the correct password: no wait, and no password is checked.
    let events = |tried: &Tried| tried.service.mail.to(&email).len();
    let before = events(tried);
    for server in 0..2 {
        let mut stranger = tried.service.browser_at(server);
        let outcome = stranger.post("/api/sign_in/begin", &[("email", &email)])?.outcome();
        tried.demand(outcome == "ProveMailbox", || format!("a stranger's sixth: {outcome}"));
        let outcome = stranger
            .post("/api/sign_in/password", &[("password", PASSWORD)])?
            .outcome();
        tried.demand(outcome == "step_elsewhere", || {
            format!("a password before the mailbox: {outcome}")
        });
        tried.leap(31)?;
    }
    let outcome = early
        .post("/api/sign_in/password", &[("password", PASSWORD)])?
        .outcome();
    tried.demand(outcome == "ProveMailbox", || {
        format!("the right password of a stranger: {outcome}")
    });
    tried.service.mail.wait(&email, before + 3)?;
    tried.leap(31)?;
    // The owner on a new browser: passcode, then password, and no second passcode.
    let seen = events(tried);
    let mut new = tried.service.browser();
    let asked = new.step("/api/sign_in/begin", &[("email", &email)], "ProveMailbox")?;
    let reference = asked.json()["ProveMailbox"]["reference"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let code = tried.service.mail.code_of_request_after(&email, seen, &reference)?;
    new.step("/api/sign_in/answer", &[("code", &code)], "EnterPassword")?;
    let early_in = new.is_signed_in()?;
    tried.demand(!early_in, || "signed in by the passcode alone".into());
    let outcome = new.post("/api/sign_in/password", &[("password", PASSWORD)])?.outcome();
    let signed_in = new.is_signed_in()?;
    tried.demand(signed_in, || format!("a new browser of the owner's: {outcome}"));
    // The owner's throttle key has its own five free tries and waits.
    let mut waits = Vec::new();
    for number in 0..14 {
        let mistyped =
            |tried: &mut Tried| tried.password(&mut owner.tab(tried.service.port(number)), &email, "mistyped");
        let answer = match mistyped(tried)? {
            Ok(answer) => answer,
            Err(wait) => {
                waits.push(wait);
                tried.wait(wait, mistyped)?
            }
        };
        tried.demand(answer.outcome() == "sign_in_wrong", || {
            format!("the owner's try {number}: {}", answer.outcome())
        });
    }
    let wanted = [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600];
    let doubles = waits.len() == wanted.len() && waits.iter().zip(wanted).all(|(wait, wanted)| nearly(*wait, wanted));
    tried.demand(doubles, || format!("passwords waited {waits:?} instead of {wanted:?}"));
    tried.leap(3_600)?;
    let own = tried
        .password(&mut owner, &email, PASSWORD)?
        .map(|answer| answer.status);
    tried.demand(own == Ok(200), || format!("a stranger locked the owner out: {own:?}"));
    Ok(())
}
