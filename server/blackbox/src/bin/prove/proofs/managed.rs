//! Accounts that an organization manages.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use blackbox::Fault;
use blackbox::http::Answer;
use std::time::Instant;

pub const PROOFS: &[Proof] = &[Proof {
    number: 8,
    property: "A managed account has no local password at any endpoint, at once, also in the middle of a flow",
    hole: "`set_password` in `store/accounts.rs` did not check `managed_by`: a reset at its last step set a password. `next_step` in `account/methods.rs` treated a managed account as its own: a sign-in at the code step succeeded.",
    on: &[Setting::Sqlite, Setting::Postgres2],
    run: doors,
}];

/// An account in the middle of every flow is assigned to an organization; then every door is tried on the next server.
fn doors(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (mut wrong, mut times, mut slowest) = (Vec::new(), 0, 0.0_f64);
    let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
    let change = [
        ("current", PASSWORD),
        ("password", NEW_PASSWORD),
        ("again", NEW_PASSWORD),
    ];
    for _ in 0..ground.times(1, 10) {
        let email = service.create_account(Kind::Local)?;
        let next = |server: usize, browser: Browser| browser.tab(service.port(server + 1));
        let mut session = service.browser_at(0);
        session.sign_in(&service.mail, &email)?;
        let mut session = next(0, session);
        let mut resetting = service.browser_at(1);
        resetting.reset_to_password(&service.mail, &email)?;
        let mut resetting = next(1, resetting);
        let mut at_code = service.browser_at(0);
        let messages = service.mail.to(&email).len();
        at_code.sign_in_to_code(&email)?;
        let code = service.mail.code_after(&email, messages)?;
        let mut at_code = next(0, at_code);
        let mut at_password = service.browser_at(1);
        at_password.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
        let mut at_password = next(1, at_password);

        service.assign_to_organization(&email)?;
        let began = Instant::now();
        if session.is_signed_in()? {
            wrong.push("a session survived".to_owned());
        }
        slowest = slowest.max(began.elapsed().as_secs_f64());
        let mut refused = |door: &str, answer: Answer| {
            times += 1;
            if !(400..500).contains(&answer.status) {
                wrong.push(format!("{door}: {} {}", answer.status, answer.outcome()));
            }
        };
        refused("reset", resetting.post("/api/reset/choose", &new)?);
        refused("code", at_code.post("/api/sign_in/answer", &[("code", &code)])?);
        refused(
            "password",
            at_password.post("/api/sign_in/password", &[("password", PASSWORD)])?,
        );
        refused("change", session.post("/api/security/change_password", &change)?);
        refused("add", session.post("/api/security/add_password", &new)?);
        refused(
            "confirm",
            session.post("/api/confirm/password", &[("current", PASSWORD)])?,
        );
        // A new reset sends no code.
        let mut fresh = service.browser();
        let messages = service.mail.to(&email).len();
        fresh.begin_reset(&email)?;
        if service.mail.wait(&email, messages + 1)?.code().is_some() {
            wrong.push("a code was mailed".to_owned());
        }
        // Taken back, the account has its old password again.
        service.run(&["user", "take-back", &email], "")?;
        service.browser().sign_in(&service.mail, &email)?;
        times += 3;
    }
    Ok(Finding {
        tried: "assignment to an organization with a session, a reset at its last step and a sign-in at each step; then every door on the next server, and the account taken back".into(),
        times,
        figure: format!("{} open {}; sessions over within {:.0} ms", wrong.len(), wrong.join(", "), slowest * 1_000.0),
        bound: "0, within 1 s".into(),
        holds: wrong.is_empty() && slowest * 1_000.0 <= ground.scaled_ms(1_000.0),
    })
}
