//! Account enumeration: no answer reveals whether an address has an account.

use crate::browser::{Browser, other_than};
use crate::differ;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use crate::timer;
use blackbox::Fault;
use blackbox::http::{Answer, form_of};
use blackbox::mailbox::Mood;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 9,
        property: "Every kind of address gets the same responses",
        hole: "`flows/mailed_email.rs` refused a reset for an address without an account: 226 differences.",
        on: Setting::ONE,
        run: alike,
    },
    Proof {
        number: 9,
        property: "Every kind of address reaches the same limits",
        hole: "`flows/sign_in.rs` counted tries only for existing accounts: 48 differences, 429 instead of 422.",
        on: Setting::ONE,
        run: limited_alike,
    },
    Proof {
        number: 9,
        property: "The owner's actions are invisible to strangers",
        hole: "`store/flows.rs` ended every flow of the address: 96 differences, the first on the page of a reset after a password change.",
        on: Setting::ONE,
        run: owners_events,
    },
    Proof {
        number: 9,
        property: "Response times don't reveal who has an account",
        hole: "`hashing.rs` skipped the hash without an account: incorrect password 0.047. An earlier duplicate lookup of the address: 0.46 on average over six runs.",
        on: &[Setting::Sqlite],
        run: by_the_clock,
    },
];

const KINDS: [(&str, Option<Kind>); 6] = [
    ("unknown", None),
    ("local", Some(Kind::Local)),
    ("Google-only", Some(Kind::Google)),
    ("managed", Some(Kind::Managed)),
    ("deactivated", Some(Kind::Deactivated)),
    ("unverified", None),
];

/// Sends the same forms for each kind of address, as JSON and as pages, with the mail server up and down.
fn alike(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (mut answers, mut told_apart) = (0, Vec::new());
    for mood in [Mood::Kind, Mood::Down] {
        service.mail.set(mood);
        for scripts in [true, false] {
            let mut first: Option<(Vec<String>, usize)> = None;
            for (name, kind) in KINDS {
                let email = match kind {
                    // All addresses have the same length, because the compared answers contain them.
                    Some(kind) => service.create_account(kind)?,
                    None => service.stranger(),
                };
                if name == "unverified" {
                    service.browser().post("/api/sign_up/begin", &[("email", &email)])?;
                    service.be_quiet()?;
                }
                let before = service.mail.to(&email).len();
                let seen = walk(&service, &email, scripts)?;
                answers += seen.len();
                let messages = if mood == Mood::Kind {
                    service.be_quiet()?;
                    service.mail.to(&email).len() - before
                } else {
                    0
                };
                match &first {
                    None => first = Some((seen, messages)),
                    Some((others, number)) => {
                        for (own, other) in seen.iter().zip(others) {
                            told_apart.extend(differ::difference(own, other).map(|where_| format!("{name}: {where_}")));
                        }
                        if seen.len() != others.len() || messages != *number {
                            told_apart.push(format!("{name}: {messages} e-mails, the first got {number}"));
                        }
                    }
                }
            }
        }
    }
    service.mail.set(Mood::Kind);
    Ok(Finding {
        tried: "resets until the tries are used up, incorrect passwords, sign-ups, for 6 kinds of addresses, as JSON and as pages, with the mail server up and down".into(),
        times: answers,
        figure: format!("{} differences {}", told_apart.len(), told_apart.first().map(String::as_str).unwrap_or_default()),
        bound: "0 in status, headers, body, cookies, e-mails".into(),
        holds: told_apart.is_empty(),
    })
}

/// Returns all answers to a stranger about an address.
fn walk(service: &Service, email: &str, scripts: bool) -> Result<Vec<String>, Fault> {
    let mut seen = Vec::new();
    let mut browser = service.browser();
    let mut look = |browser: &mut Browser, path: &str, fields: &[(&str, &str)]| -> Result<(), Fault> {
        if scripts {
            let answer = browser.post(path, fields)?;
            seen.push(differ::masked(&answer, email));
        } else {
            let answer = browser.submit(path, fields)?;
            seen.push(differ::masked(&answer, email));
            let page: Answer = browser.open(answer.header("location"))?;
            seen.push(differ::masked(&page, email));
        }
        Ok(())
    };
    look(&mut browser, "/api/reset/begin", &[("email", email)])?;
    look(&mut browser, "/api/reset/resend", &[])?;
    for by in 0..6 {
        // A fixed guess, because the stranger can't read the e-mails; it is correct in one of a million runs.
        look(
            &mut browser,
            "/api/reset/answer",
            &[("code", &other_than("71938264", by))],
        )?;
    }
    look(&mut browser, "/api/reset/choose", &[("password", "x"), ("again", "x")])?;
    look(&mut browser, "/api/sign_in/begin", &[("email", email)])?;
    for _ in 0..2 {
        look(
            &mut browser,
            "/api/sign_in/password",
            &[("password", "not the right one")],
        )?;
    }
    look(&mut browser, "/api/sign_in/answer", &[("code", "123456")])?;
    look(&mut browser, "/api/sign_up/begin", &[("email", email)])?;
    look(&mut browser, "/api/sign_up/answer", &[("code", "123456")])?;
    Ok(seen)
}

/// Compares rate-limit refusals for e-mails, incorrect passwords and incorrect codes.
fn limited_alike(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plans = [Plan::default()
        .set("LIMIT_FREE_PASSWORDS", 2)
        .set("LIMIT_EMAILS_TO_MAILBOX_A_DAY", 5)];
    let (mut answers, mut told_apart) = (0, Vec::new());
    let mut refused = BTreeSet::new();
    for plan in plans {
        let service = Service::start_with(ground, setting, &plan)?;
        for scripts in [true, false] {
            let mut first: Option<Vec<String>> = None;
            for (name, kind) in KINDS {
                let email = match kind {
                    Some(kind) => service.create_account(kind)?,
                    None => service.stranger(),
                };
                let seen = exhaust(&service, &email, scripts, &mut refused)?;
                answers += seen.len();
                let others = first.get_or_insert_with(|| seen.clone());
                for (own, other) in seen.iter().zip(others) {
                    told_apart.extend(differ::difference(own, other).map(|where_| format!("{name}: {where_}")));
                }
            }
        }
    }
    let wanted = ["ProveMailbox", "tries_used_up", "too_many"];
    let missing: Vec<_> = wanted.iter().filter(|refusal| !refused.contains(**refusal)).collect();
    Ok(Finding {
        tried: "resets, incorrect codes, incorrect passwords and sign-ups until each is refused, for 6 kinds of addresses, as JSON and as pages"
            .into(),
        times: answers,
        figure: format!(
            "{} differences {}; never refused: {missing:?}",
            told_apart.len(),
            told_apart.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "0 in status, headers, body, cookies; all refused once".into(),
        holds: told_apart.is_empty() && missing.is_empty(),
    })
}

/// Returns the answers to a stranger who exceeds every limit; `refused` collects the names of the refusals.
fn exhaust(
    service: &Service,
    email: &str,
    scripts: bool,
    refused: &mut BTreeSet<String>,
) -> Result<Vec<String>, Fault> {
    let mut seen = Vec::new();
    let mut look = |browser: &mut Browser, path: &str, fields: &[(&str, &str)]| -> Result<(), Fault> {
        if scripts {
            let answer = browser.post(path, fields)?;
            refused.insert(answer.outcome());
            seen.push(differ::masked_waits(&answer, email));
        } else {
            let answer = browser.submit(path, fields)?;
            seen.push(differ::masked_waits(&answer, email));
            let page = browser.open(answer.header("location"))?;
            seen.push(differ::masked_waits(&page, email));
        }
        Ok(())
    };
    let mut browser = service.browser();
    look(&mut browser, "/api/reset/begin", &[("email", email)])?;
    for by in 0..6 {
        look(
            &mut browser,
            "/api/reset/answer",
            &[("code", &other_than("71938264", by))],
        )?;
    }
    // Other clients reach the same limits.
    look(&mut service.browser(), "/api/reset/begin", &[("email", email)])?;
    for _ in 0..4 {
        let mut browser = service.browser();
        look(&mut browser, "/api/sign_in/begin", &[("email", email)])?;
        look(
            &mut browser,
            "/api/sign_in/password",
            &[("password", "not the right one")],
        )?;
        look(&mut browser, "/api/sign_in/answer", &[("code", "71938264")])?;
        look(&mut browser, "/api/sign_in/restart", &[])?;
        look(&mut service.browser(), "/api/sign_up/begin", &[("email", email)])?;
    }
    Ok(seen)
}

/// Events of an account during a stranger's reset, sign-in and sign-up for its address.
const EVENTS: [&str; 5] = ["sign-in", "change", "reset", "deactivation", "hand-over"];

/// Returns a stranger's browser with one flow of each kind for an address, after one try in each.
fn stranger_of(service: &Service, email: &str) -> Result<Browser, Fault> {
    let mut stranger = service.browser();
    stranger.step("/api/reset/begin", &[("email", email)], "EnterCode")?;
    stranger.post("/api/reset/answer", &[("code", "10203040")])?;
    stranger.step("/api/sign_up/begin", &[("email", email)], "EnterCode")?;
    stranger.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
    stranger.post("/api/sign_in/password", &[("password", "not the right one")])?;
    Ok(stranger)
}

/// Compares a stranger's answers before and after actions of the owner or operator with those for an address without an account.
fn owners_events(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        clock: true,
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let (mut answers, mut told_apart, mut now_s) = (0, Vec::new(), 0);
    for event in EVENTS {
        for scripts in [true, false] {
            let (known, unknown) = (service.create_account(Kind::Local)?, service.stranger());
            let mut owner = service.browser();
            owner.sign_in(&service.mail, &known)?;
            let mut strangers = [stranger_of(&service, &known)?, stranger_of(&service, &unknown)?];
            // The owner's code, a new device's notice and the stranger's e-mails must not be mistaken for later ones.
            service.mail.wait(&known, 4)?;
            match event {
                "sign-in" => service.browser().sign_in(&service.mail, &known)?,
                "change" => owner.change_password(PASSWORD, NEW_PASSWORD)?,
                "reset" => owner.reset(&service.mail, &known, NEW_PASSWORD)?,
                "deactivation" => drop(service.run(&["user", "disable", "--email", &known], "")?),
                _ => service.assign_to_organization(&known)?,
            }
            now_s += 61;
            service.move_clock(now_s)?;
            let mut seen = Vec::new();
            for (stranger, email) in strangers.iter_mut().zip([&known, &unknown]) {
                seen.push(goes_on(stranger, email, scripts)?);
            }
            answers += seen[0].len() + seen[1].len();
            for (of_known, of_unknown) in seen[0].iter().zip(&seen[1]) {
                let found = differ::difference(of_known, of_unknown);
                told_apart.extend(found.map(|where_| format!("{event}: {where_}")));
            }
        }
    }
    Ok(Finding {
        tried: "a stranger's reset, sign-in and sign-up, before and after the owner's sign-in, password change, reset, deactivation and assignment to an organization, for a known and an unknown address, as JSON and as pages"
            .into(),
        times: answers,
        figure: format!(
            "{} differences {}",
            told_apart.len(),
            told_apart.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "0 in status, headers, body, cookies".into(),
        holds: told_apart.is_empty(),
    })
}

/// Returns every page and the answer to every form as a stranger sees them.
fn goes_on(stranger: &mut Browser, email: &str, scripts: bool) -> Result<Vec<String>, Fault> {
    let mut seen = Vec::new();
    for page in ["/reset", "/signup", "/signin"] {
        seen.push(differ::masked(&stranger.open(page)?, email));
    }
    for (path, field) in [
        ("/api/reset/answer", ("code", "10203041")),
        ("/api/reset/resend", ("", "")),
        ("/api/reset/answer", ("code", "10203042")),
        ("/api/sign_in/password", ("password", "not the right one")),
        ("/api/sign_up/answer", ("code", "102030")),
        ("/api/sign_up/resend", ("", "")),
        ("/api/reset/begin", ("email", email)),
        ("/api/sign_in/begin", ("email", email)),
        ("/api/sign_in/password", ("password", "not the right one")),
    ] {
        if scripts {
            seen.push(differ::masked(&stranger.post(path, &[field])?, email));
        } else {
            let answer = stranger.submit(path, &[field])?;
            seen.push(differ::masked(&answer, email));
            let page = stranger.open(answer.header("location"))?;
            seen.push(differ::masked(&page, email));
        }
    }
    Ok(seen)
}

/// Times interleaved pairs of an address with an account and one without, each requested by a new client.
fn by_the_clock(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let pairs = 400;
    // With this number of pairs, the area's standard error is 0.02, so one of three figures exceeds 0.06 in a few percent of
    // runs. Such a figure is measured again, and the mean counts.
    let mut figures = Vec::new();
    let loads: &[bool] = ground.times(&[false], &[false, true]);
    for busy in loads {
        for (name, measure) in [
            ("reset", Measured::Reset),
            ("wrong password", Measured::Password),
            ("sign-up", Measured::SignUp),
        ] {
            let mut area = area(ground, &service, measure, pairs, *busy)?;
            if (area - 0.5).abs() > 0.06 {
                area = f64::midpoint(area, self::area(ground, &service, measure, pairs, *busy)?);
            }
            figures.push((format!("{name}{}", if *busy { " under load" } else { "" }), area));
        }
    }
    let areas: Vec<_> = figures.iter().map(|(name, area)| format!("{name} {area:.3}")).collect();
    Ok(Finding {
        tried: format!(
            "{pairs} interleaved pairs of a known and an unknown address for each request; area under the curve"
        ),
        times: pairs * figures.len(),
        figure: areas.join(", "),
        bound: "0.44 – 0.56".into(),
        holds: figures.iter().all(|(_, area)| (area - 0.5).abs() <= 0.06),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Measured {
    Reset,
    Password,
    SignUp,
}

fn area(ground: &Ground, service: &Service, measured: Measured, pairs: usize, busy: bool) -> Result<f64, Fault> {
    let warm_up = 30;
    let kind = if measured == Measured::Password {
        Kind::Local
    } else {
        Kind::LocalWithoutPassword
    };
    // Few accounts, because creating one with a password costs a hash.
    let known = service.create_accounts(kind, ground.times(20, 40))?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..if busy { 3 } else { 0 })
            .map(|_| {
                scope.spawn(|| {
                    let mut browser = service.browser();
                    while !over.load(Ordering::Relaxed) {
                        let _ = browser.open("/signin");
                    }
                })
            })
            .collect();
        let mut times = [Vec::with_capacity(pairs), Vec::with_capacity(pairs)];
        let mut measure_all = || -> Result<(), Fault> {
            // Unknown addresses repeat as often as known ones.
            let unknown: Vec<String> = known.iter().map(|_| service.stranger()).collect();
            for pair in 0..warm_up + pairs {
                let at = pair % known.len();
                let mut order = [(0, &known[at]), (1, &unknown[at])];
                if pair % 2 == 1 {
                    order.reverse();
                }
                for (whose, email) in order {
                    let ms = one(service, measured, email)?;
                    if pair >= warm_up {
                        times[whose].push(ms);
                    }
                }
            }
            Ok(())
        };
        let outcome = measure_all();
        over.store(true, Ordering::Relaxed);
        for thread in crowd {
            let _ = thread.join();
        }
        outcome.map(|()| timer::area_under_curve(&times[0], &times[1]))
    })
}

/// Returns the response time of a first request in ms.
fn one(service: &Service, measured: Measured, email: &str) -> Result<f64, Fault> {
    let mut browser = service.browser();
    let (path, form) = match measured {
        Measured::Reset => ("/api/reset/begin", form_of(&[("email", email)])),
        Measured::SignUp => ("/api/sign_up/begin", form_of(&[("email", email)])),
        Measured::Password => {
            browser.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
            ("/api/sign_in/password", form_of(&[("password", "not the right one")]))
        }
    };
    // Open the connection before the measurement.
    browser.open("/healthz")?;
    let request =
        blackbox::http::form_request(path, &service.host(), &form, &browser.jar, blackbox::http::Wanted::Data);
    timer::ms(|| {
        let answer = browser.send(request.as_bytes())?;
        match answer.status {
            200 | 422 | 429 => Ok(()),
            _ => Err(answer.unexpected(path)),
        }
    })
}
