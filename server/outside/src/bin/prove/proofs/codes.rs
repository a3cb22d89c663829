//! One-time passcodes and the other secrets that work once.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::race::{self, Runner};
use crate::service::{Kind, NEW_PASSWORD, Plan, Service};
use outside::Fault;

/// See the module.
pub const PROOFS: &[Proof] = &[Proof {
    number: 2,
    property: "A one-time secret succeeds once",
    hole: "",
    on: Setting::ALL,
    run: once,
}];

/// Identical right submissions, released together, to all servers in turn.
fn once(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let (rounds, runners) = ground.times((2, 60), (5, 200));
    let mut worst = String::new();
    let mut times = 0;
    let mut race = |name: &str, path: &str, fields: &[(&str, &str)], browser: &Browser, step: &str| {
        let together = (0..runners).map(|runner| -> Runner {
            let tab = browser.tab(service.port(runner));
            let request = tab.request(path, fields);
            (tab, request)
        });
        let answers = race::release(together.collect())?;
        times += 1;
        let (right, faults) = (race::count(&answers, step), race::faults(&answers));
        if (right, faults) != (1, 0) {
            worst = format!("{name}: {right} successes, {faults} faults");
        }
        let found = answers.into_iter().find(|answer| answer.told() == step);
        found.ok_or_else(|| format!("{name}: none of {runners} succeeded"))
    };
    for email in service.people(Kind::Local, rounds)? {
        let mut browser = service.browser();
        browser.begin_reset(&email)?;
        let code = service.mail.code_after(&email, 0)?;
        race(
            "code of a reset",
            "/api/reset/answer",
            &[("code", &code)],
            &browser,
            "ChoosePassword",
        )?;
        let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        race("new password of a reset", "/api/reset/choose", &new, &browser, "Done")?;

        let mut browser = service.browser();
        let letters = service.mail.to(&email).len();
        browser.sign_in_to_code_with(&email, NEW_PASSWORD)?;
        let code = service.mail.code_after(&email, letters)?;
        race(
            "code of a sign-in",
            "/api/sign_in/answer",
            &[("code", &code)],
            &browser,
            "SignedIn",
        )?;
    }
    Ok(Finding {
        tried: format!(
            "{runners} identical right submissions together: a reset's code, its new password, a sign-in's code"
        ),
        times,
        figure: if worst.is_empty() {
            "1 success each".into()
        } else {
            worst.clone()
        },
        bound: "1 success, no 5xx".into(),
        holds: worst.is_empty(),
    })
}
