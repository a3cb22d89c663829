//! One-time passcodes: scope, number of guesses, expiry.

use crate::browser::{Browser, other_than};
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::race;
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use crate::waiting::{Purpose, Waiting, waiting};
use blackbox::Fault;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 1,
        property: "A code works only for its account, purpose, browser and address",
        hole: "`account/src/code.rs` computed the digest without purpose, address and flow, and `of_flow` in `store/codes.rs` returned the codes of all flows: 8 of 14 mismatched pairs worked.",
        on: Setting::ONE,
        run: diagonal,
    },
    Proof {
        number: 3,
        property: "At most 5 guesses of a code are evaluated",
        hole: "`spend_try` in `store/flows/codes.rs` set `tries_left = 5` instead of decrementing it: 12 of 12 codes were guessed, with 60 guesses evaluated.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: five_guesses,
    },
    Proof {
        number: 4,
        property: "Incorrect codes always lengthen later codes and never lock an account",
        hole: "The version with pauses: 429 CodesPaused for the correct code in both flows. `admit_code` in `flows/mailed_code.rs` did not count incorrect codes: 8 and 6 digits after 75 and 15 incorrect codes.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: failures_stay,
    },
    Proof {
        number: 5,
        property: "Only a flow's newest code works, and requests by others don't invalidate it; a password change or deactivation does",
        hole: "`end_flows` in `flows/mailed_email.rs` did nothing: codes worked after a reset, a password change and a deactivation, and a reset past its code after a password change. `issue` in `store/codes.rs` superseded all codes of the address: the owner's code failed after a stranger's request. `account/src/challenge.rs` and `store/codes.rs` did not distinguish older codes from the newest: an older code worked.",
        on: Setting::ONE,
        run: newest_only,
    },
    Proof {
        number: 29,
        property: "Strangers' requests and failures neither invalidate codes nor lock the owner out",
        hole: "The version with waits for passwords and e-mails per address: 2 of 4 ways were blocked, a new browser's sign-in and a known browser's reset.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: owner_gets_in,
    },
];

/// Tries each code in every flow except its own.
fn diagonal(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (mut cells, mut wrong, mut right) = (0, Vec::new(), 0);
    let purposes = [Purpose::SignIn, Purpose::Reset, Purpose::SignUp];
    for _ in 0..ground.times(1, 10) {
        for from in purposes {
            for to in purposes {
                // Another account, with the same and with another purpose.
                let (one, other) = (whose(&service, from)?, whose(&service, to)?);
                let code = waiting(&service, from, &one)?.code;
                let mut flow = waiting(&service, to, &other)?;
                cells += 1;
                if flow.code != code && flow.opens(&code)? {
                    wrong.push(format!("{from:?} of another account opens {to:?}"));
                }
                let own = flow.code.clone();
                right += usize::from(flow.opens(&own)?);
                // The same account with another purpose; sign-up needs an address without an account.
                if from != to && from != Purpose::SignUp && to != Purpose::SignUp {
                    let code = waiting(&service, from, &other)?.code;
                    let mut flow = waiting(&service, to, &other)?;
                    cells += 1;
                    if flow.opens(&code)? {
                        wrong.push(format!("{from:?} opens {to:?}"));
                    }
                }
            }
            // The same account and purpose in another browser with an older code.
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
        tried: "each code in the flow of another account, purpose, browser and address; then in its own".into(),
        times: cells + own,
        figure: format!(
            "{} of {cells} in other flows, {right} of {own} in their own {}",
            wrong.len(),
            wrong.join("; ")
        ),
        bound: "0 in other flows, all in their own".into(),
        holds: wrong.is_empty() && right == own,
    })
}

fn whose(service: &Service, purpose: Purpose) -> Result<String, Fault> {
    match purpose {
        Purpose::SignIn | Purpose::Reset => service.create_account(Kind::Local),
        Purpose::SignUp => Ok(service.stranger()),
    }
}

/// Sends different guesses concurrently, including the correct one.
fn five_guesses(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (codes, guesses) = ground.times((12, 60), (100, 200));
    let (mut successes, mut most) = (0, 0);
    for (index, email) in service
        .create_accounts(Kind::LocalWithoutPassword, codes)?
        .into_iter()
        .enumerate()
    {
        let flow = Waiting::begin(&service, Purpose::Reset, &email)?;
        // The correct guess is at a different position each time.
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
        // Every evaluated incorrect code except the last one reports the tries left; count those answers.
        most = most.max(right + race::count(&answers, "code_wrong"));
        successes += right;
    }
    // With 5 of 200 guesses evaluated, 2.5 of 100 codes are expected to be guessed, and 8 with a probability below 1 in 1,000.
    let bound = ground.times(5, 8);
    Ok(Finding {
        tried: format!("{guesses} different concurrent guesses, including the correct one, for each of {codes} codes"),
        times: codes * guesses,
        figure: format!("{successes} codes were guessed, at most {most} guesses of one were evaluated"),
        bound: format!("≤ {bound} codes, ≤ 5 guesses"),
        holds: successes <= bound && most <= 5,
    })
}

/// Uses up the day's incorrect codes at the shortest length, with everything else varied; then longer codes arrive and work.
fn failures_stay(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let mut service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let email = service.create_account(Kind::Local)?;
    let (mut wrong, mut flows, mut seen, mut tried) = (Vec::new(), 0, Vec::new(), 0);
    for (purpose, short, long, budget) in [(Purpose::Reset, 8, 10, 75), (Purpose::SignIn, 6, 8, 15)] {
        let mut guessed = 0;
        while guessed + 5 <= budget {
            // A new flow, cookie and client each time, at another server, after a restart.
            let mut flow = waiting(&service, purpose, &email)?;
            flow.browser = flow.browser.tab(service.port(flows));
            flows += 1;
            if flow.code.len() != short {
                wrong.push(format!("{purpose:?}: {} digits after {guessed}", flow.code.len()));
            }
            for by in 1..=5 {
                let answer = flow.browser.post(flow.path, &[("code", &other_than(&flow.code, by))])?;
                if !["code_wrong", "tries_used_up"].contains(&answer.outcome().as_str()) {
                    return Err(answer.unexpected("a wrong code"));
                }
                guessed += 1;
            }
            if flows == 3 {
                service.kill_server(0);
                service.start_server(0)?;
            }
        }
        tried += guessed;
        // The second time shows that a success restores no guesses.
        for _ in 0..2 {
            let mut flow = waiting(&service, purpose, &email)?;
            let code = flow.code.clone();
            seen.push(format!("{purpose:?}: {} digits", code.len()));
            if code.len() != long {
                wrong.push(format!("{} digits after {guessed} wrong ones", code.len()));
            }
            if !flow.opens(&code)? {
                wrong.push(format!("{purpose:?}: the right code does not open"));
            }
        }
    }
    Ok(Finding {
        tried: format!(
            "{tried} incorrect codes over {flows} flows, codes, cookies and clients, and a killed server; then the correct codes"
        ),
        times: tried + seen.len(),
        figure: format!("{}; {} wrong {}", seen.join(", "), wrong.len(), wrong.join("; ")),
        bound: "Reset 10 and SignIn 8 digits, all open".into(),
        holds: wrong.is_empty(),
    })
}

/// Checks that older codes, and codes from before a change, are invalid.
fn newest_only(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        clock: true,
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let (rounds, mut clock_s) = (ground.times(1, 20), 0);
    let mut wrong = Vec::new();
    for _ in 0..rounds {
        // The same browser requests a newer code, then another for the same address; later, strangers request codes.
        let email = service.create_account(Kind::Local)?;
        let mut owner = Waiting::begin(&service, Purpose::Reset, &email)?;
        let mut newest = owner.code.clone();
        for path in ["/api/reset/resend", "/api/reset/begin"] {
            let messages = service.mail.to(&email).len();
            clock_s += 31;
            service.move_clock(clock_s)?;
            owner.browser.step(path, &[("email", &email)], "EnterCode")?;
            let older = std::mem::replace(&mut newest, service.mail.code_after(&email, messages)?);
            if owner.opens(&older)? {
                wrong.push("an older code");
            }
        }
        let mut stranger = waiting(&service, Purpose::Reset, &email)?;
        if stranger.opens(&newest)? {
            wrong.push("the owner's code at a stranger's");
        }
        if !owner.opens(&newest)? {
            wrong.push("the newest one does not work after a stranger's request");
        }
        // A finished reset invalidates a sign-in's pending code.
        let email = service.create_account(Kind::Local)?;
        let mut flow = waiting(&service, Purpose::SignIn, &email)?;
        service.browser().reset(&service.mail, &email, NEW_PASSWORD)?;
        let code = flow.code.clone();
        if flow.opens(&code)? {
            wrong.push("a sign-in's code after a reset");
        }
        // A password change invalidates pending codes and answered resets.
        let email = service.create_account(Kind::Local)?;
        let mut owner = service.browser();
        owner.sign_in(&service.mail, &email)?;
        let mut answered = service.browser();
        answered.reset_to_password(&service.mail, &email)?;
        let mut flows = [
            waiting(&service, Purpose::Reset, &email)?,
            waiting(&service, Purpose::SignIn, &email)?,
        ];
        owner.change_password(PASSWORD, NEW_PASSWORD)?;
        for flow in &mut flows {
            let code = flow.code.clone();
            if flow.opens(&code)? {
                wrong.push("a code after a change");
            }
        }
        if chooses(&mut answered)? {
            wrong.push("an answered reset after a change");
        }
        // A deactivation does, too.
        let email = service.create_account(Kind::Local)?;
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
                wrong.push("a code of a deactivated account");
            }
        }
        if chooses(&mut answered)? {
            wrong.push("an answered reset of a deactivated account");
        }
    }
    Ok(Finding {
        tried: "a code after a newer one of its browser and of a stranger, a reset, a password change, a deactivation; a reset past its code after the last two".into(),
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

/// Attacks the address from twenty networks with default limits, and lets the owner in before and after.
fn owner_gets_in(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::default())?;
    let (mut wrong, mut tried, mut doors) = (Vec::new(), 0, 0);
    for _ in 0..ground.times(1, 5) {
        let email = service.create_account(Kind::Local)?;
        let mut known = service.browser();
        known.sign_in(&service.mail, &email)?;
        known.post("/api/sign_in/sign_out", &[])?;
        let messages = service.mail.to(&email).len();
        known.open("/reset")?;
        known.begin_reset(&email)?;
        let code = service.mail.code_after(&email, messages)?;
        for number in 0..20 {
            let mut stranger = service.browser_at(number);
            let begun = stranger.post("/api/reset/begin", &[("email", &email)])?;
            for by in 0..5 {
                let guess = other_than("71938264", by);
                stranger.post("/api/reset/answer", &[("code", &guess)])?;
            }
            // Later ones would cause more e-mails than a mailbox gets before strangers take turns.
            if number < 5 {
                stranger.post("/api/sign_in/begin", &[("email", &email)])?;
                stranger.post("/api/sign_in/password", &[("password", "not the right one")])?;
            }
            tried += 6 + usize::from(begun.status == 200);
        }
        let mut demand = |what: &str, holds: bool| {
            doors += 1;
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        // Their e-mails must arrive before the owner's are counted.
        service.be_quiet()?;
        let outcome = known.post("/api/reset/answer", &[("code", &code)])?.outcome();
        demand("a code from before", outcome == "ChoosePassword");
        demand("a known browser", known.sign_in(&service.mail, &email).is_ok());
        known.post("/api/sign_in/sign_out", &[])?;
        let mut seen = service.mail.to(&email).len();
        let mut new = service.browser();
        let began = new.post("/api/sign_in/begin", &[("email", &email)])?.outcome();
        demand("a new browser's sign-in", began == "ProveMailbox");
        if began == "ProveMailbox" {
            let code = service.mail.code_after(&email, seen)?;
            new.step("/api/sign_in/answer", &[("code", &code)], "EnterPassword")?;
            new.post("/api/sign_in/password", &[("password", PASSWORD)])?;
            demand("a new browser's password", new.is_signed_in()?);
        }
        seen = service.mail.to(&email).len();
        let began = known.post("/api/reset/begin", &[("email", &email)])?.status;
        demand("a known browser's reset", began == 200);
        if began == 200 {
            let code = service.mail.code_after(&email, seen)?;
            let outcome = known.post("/api/reset/answer", &[("code", &code)])?.outcome();
            demand("the code of that reset", outcome == "ChoosePassword");
        }
    }
    Ok(Finding {
        tried: "resets with five incorrect codes, and incorrect passwords, from 20 networks; then the owner with an earlier code, a known browser, a new browser, a reset".into(),
        times: tried + doors,
        figure: format!("{} of {doors} ways blocked {}", wrong.len(), wrong.join(", ")),
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}

/// Returns whether an answered reset still sets a password.
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
