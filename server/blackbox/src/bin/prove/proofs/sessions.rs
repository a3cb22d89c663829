//! Ends of sessions, and the order of steps.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use blackbox::Fault;
use std::time::Instant;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 10,
        property: "A reset ends all sessions, and a password change all others, on every server",
        hole: "`flows/reset.rs` did not call `sessions::end_all_but`: a session survived a reset. `flows/change_password.rs` did not, either: a session survived a password change.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: sessions_end,
    },
    Proof {
        number: 11,
        property: "Steps can't be skipped, reordered, replayed or submitted empty",
        hole: "`flows/reset.rs` and `store/flows.rs` accepted a new password before the code: it was set at the code step. They treated a finished flow as live: a new password was set again at the end.",
        on: Setting::ONE,
        run: no_step_is_skipped,
    },
];

/// Signs in browsers on all servers in turn, then runs a reset, a change, and a change that keeps the other sessions.
fn sessions_end(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let rounds = ground.times(2, 20);
    let (mut wrong, mut slowest, mut times) = (Vec::new(), 0.0_f64, 0);
    for _ in 0..rounds {
        let email = service.create_account(Kind::Local)?;
        let mut others = signed_in(&service, &email, 3, PASSWORD)?;
        let mut own = others.remove(0);
        // An unticked box in the second form keeps the other sessions.
        let fields = [
            ("current", PASSWORD),
            ("password", NEW_PASSWORD),
            ("again", NEW_PASSWORD),
            ("others_asked", "true"),
        ];
        changed(&mut own, &fields)?;
        if !all(&mut others, true)? {
            wrong.push("a change that keeps the others ended one");
        }
        let fields = [
            ("current", NEW_PASSWORD),
            ("password", PASSWORD),
            ("again", PASSWORD),
            ("end_others", "on"),
            ("others_asked", "true"),
        ];
        changed(&mut own, &fields)?;
        let began = Instant::now();
        if !all(&mut others, false)? {
            wrong.push("a session survived a change");
        }
        slowest = slowest.max(began.elapsed().as_secs_f64());
        if !own.is_signed_in()? {
            wrong.push("a change ended its own session");
        }
        others = signed_in(&service, &email, 3, PASSWORD)?;
        others.push(own);
        service.browser().reset(&service.mail, &email, NEW_PASSWORD)?;
        let began = Instant::now();
        if !all(&mut others, false)? {
            wrong.push("a session survived a reset");
        }
        slowest = slowest.max(began.elapsed().as_secs_f64());
        times += 9;
    }
    Ok(Finding {
        tried: "sessions on all servers, checked right after a reset, a password change, and a password change that keeps the others"
            .into(),
        times,
        figure: format!(
            "{} wrong {}; all checked within {:.0} ms",
            wrong.len(),
            wrong.join(", "),
            slowest * 1_000.0
        ),
        bound: "0, within 1 s".into(),
        holds: wrong.is_empty() && slowest * 1_000.0 <= ground.scaled_ms(1_000.0),
    })
}

fn signed_in(service: &Service, email: &str, count: usize, password: &str) -> Result<Vec<Browser>, Fault> {
    (0..count)
        .map(|server| {
            let mut browser = service.browser_at(server);
            browser.sign_in_with(&service.mail, email, password)?;
            // Later requests go to the next server.
            Ok(browser.tab(service.port(server + 1)))
        })
        .collect()
}

fn changed(browser: &mut Browser, fields: &[(&str, &str)]) -> Result<(), Fault> {
    let answer = browser.post("/api/security/change_password", fields)?;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(answer.unexpected("a change of the password"))
    }
}

fn all(browsers: &mut [Browser], signed_in: bool) -> Result<bool, Fault> {
    for browser in browsers {
        if browser.is_signed_in()? != signed_in {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends every form at every step to which it doesn't belong.
fn no_step_is_skipped(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        clock: true,
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let (mut times, mut wrong) = (0, Vec::new());
    let mut refused = |at: &str, browser: &mut Browser, path: &str, fields: &[(&str, &str)]| -> Result<(), Fault> {
        times += 1;
        let answer = browser.post(path, fields)?;
        if !(400..500).contains(&answer.status) {
            wrong.push(format!("{path} at {at}: {} {}", answer.status, answer.outcome()));
        }
        if browser.jar.get("__Host-session").is_some() && browser.is_signed_in()? {
            wrong.push(format!("{path} at {at} signed in"));
        }
        Ok(())
    };
    let code = [("code", "12345678")];
    let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
    let details = [("name", "Eve"), ("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
    let email = service.create_account(Kind::Local)?;

    let mut signed_out = service.browser();
    for (path, fields) in [
        ("/api/sign_in/password", &[("password", PASSWORD)][..]),
        ("/api/sign_in/answer", &[("code", "123456")]),
        ("/api/sign_in/resend", &[]),
        ("/api/reset/answer", &code),
        ("/api/reset/resend", &[]),
        ("/api/reset/choose", &new),
        ("/api/sign_up/answer", &[("code", "123456")]),
        ("/api/sign_up/resend", &[]),
        ("/api/sign_up/finish", &details),
        (
            "/api/security/change_password",
            &[
                ("current", PASSWORD),
                ("password", NEW_PASSWORD),
                ("again", NEW_PASSWORD),
            ],
        ),
    ] {
        refused("the start", &mut signed_out, path, fields)?;
    }
    // A sign-in: no code before the password, and no account page between password and code.
    let mut browser = service.browser();
    browser.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
    refused(
        "the password",
        &mut browser,
        "/api/sign_in/answer",
        &[("code", "123456")],
    )?;
    refused("the password", &mut browser, "/api/sign_in/resend", &[])?;
    refused("the password", &mut browser, "/api/sign_in/password", &[])?;
    browser.step("/api/sign_in/password", &[("password", PASSWORD)], "EnterCode")?;
    let sign_in = service.mail.code_after(&email, 0)?;
    let change = [
        ("current", PASSWORD),
        ("password", NEW_PASSWORD),
        ("again", NEW_PASSWORD),
    ];
    refused("the code", &mut browser, "/api/security/change_password", &change)?;
    refused(
        "the code",
        &mut browser,
        "/api/sign_in/password",
        &[("password", PASSWORD)],
    )?;
    refused("the code", &mut browser, "/api/sign_in/answer", &[])?;
    refused("the code", &mut browser, "/api/sign_in/answer", &[("code", "")])?;
    for path in ["/security", "/security/password", "/profile"] {
        if browser.open(path)?.status != 303 {
            return Err(format!("{path} opens between password and code"));
        }
    }
    // A sign-out in between is effective.
    let mut other = browser.tab(service.port(0));
    browser.post("/api/sign_in/sign_out", &[])?;
    refused(
        "the code, signed out",
        &mut other,
        "/api/sign_in/answer",
        &[("code", &sign_in)],
    )?;
    // A reset: no password before the code, and none twice.
    let mut browser = service.browser();
    let seen = service.mail.to(&email).len();
    browser.begin_reset(&email)?;
    refused("a reset's code", &mut browser, "/api/reset/choose", &new)?;
    refused("a reset's code", &mut browser, "/api/reset/answer", &[])?;
    let reset = service.mail.code_after(&email, seen)?;
    browser.step("/api/reset/answer", &[("code", &reset)], "ChoosePassword")?;
    refused("a new password", &mut browser, "/api/reset/answer", &[("code", &reset)])?;
    refused("a new password", &mut browser, "/api/reset/resend", &[])?;
    refused("a new password", &mut browser, "/api/reset/choose", &[])?;
    browser.step("/api/reset/choose", &new, "Done")?;
    refused(
        "the end",
        &mut browser,
        "/api/reset/choose",
        &[("password", PASSWORD), ("again", PASSWORD)],
    )?;
    refused("the end", &mut browser, "/api/reset/answer", &[("code", &reset)])?;
    // The code and password of a finished sign-in, sent again with a copy of the earlier cookies. Property 31 covers
    // the code sent again immediately, after a lost answer.
    let email = service.create_account(Kind::Local)?;
    let mut browser = service.browser();
    browser.sign_in_to_code(&email)?;
    let code = service.mail.code_after(&email, 0)?;
    let mut before = browser.tab(service.port(0));
    browser.step("/api/sign_in/answer", &[("code", &code)], "SignedIn")?;
    let mut replay = before.tab(service.port(0));
    refused(
        "the end of a sign-in",
        &mut replay,
        "/api/sign_in/password",
        &[("password", PASSWORD)],
    )?;
    service.move_clock(31)?;
    refused(
        "the end of a sign-in",
        &mut before,
        "/api/sign_in/answer",
        &[("code", &code)],
    )?;
    // A signed-out session, with a copy of its cookie.
    let mut kept = browser.tab(service.port(0));
    browser.post("/api/sign_in/sign_out", &[])?;
    refused("a sign-out", &mut kept, "/api/security/change_password", &change)?;
    // A sign-up: no details before the code, no second account, and no reused code.
    let email = service.stranger();
    let mut browser = service.browser();
    browser.step("/api/sign_up/begin", &[("email", &email)], "EnterCode")?;
    refused("a sign-up's code", &mut browser, "/api/sign_up/finish", &details)?;
    refused("a sign-up's code", &mut browser, "/api/sign_up/answer", &[])?;
    let code = service.mail.code_after(&email, 0)?;
    browser.step("/api/sign_up/answer", &[("code", &code)], "ChooseDetails")?;
    refused(
        "a sign-up's details",
        &mut browser,
        "/api/sign_up/answer",
        &[("code", &code)],
    )?;
    refused("a sign-up's details", &mut browser, "/api/sign_up/finish", &[])?;
    browser.step("/api/sign_up/finish", &details, "Done")?;
    refused("the end of a sign-up", &mut browser, "/api/sign_up/finish", &details)?;
    refused(
        "the end of a sign-up",
        &mut browser,
        "/api/sign_up/answer",
        &[("code", &code)],
    )?;
    Ok(Finding {
        tried: "every form at the wrong steps, twice, empty, and after a sign-out".into(),
        times,
        figure: format!("{} accepted {}", wrong.len(), wrong.join("; ")),
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}
