//! Copied tokens, which are invalid after the next step-up, and lost answers, which can be repeated for a short time.

use crate::browser::{Browser, CHANGE};
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use blackbox::Fault;

pub const PROOFS: &[Proof] = &[Proof {
    number: 31,
    property: "Each step-up issues a new token; a copy of the old one is invalid, and its use is detected",
    hole: "The version before the fix: 16 failures, including a password, a session and an account obtained with copies, a trusted copy without a notice, and devices that survived Forget, a password change, a reset and a deactivation. `flows/step_up.rs` derived the session's token from the flow's alone: a copy of it and the password were enough to get the owner's session.",
    on: &[Setting::Sqlite, Setting::Postgres2],
    run: copies_die,
}];

/// A time after which lost answers can't be repeated.
const LATER_S: i64 = 31;

struct Copies<'a> {
    service: &'a Service,
    ground: &'a Ground,
    clock_s: i64,
    times: usize,
    wrong: Vec<String>,
}

fn copies_die(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        clock: true,
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let mut copies = Copies {
        service: &service,
        ground,
        clock_s: 0,
        times: 0,
        wrong: Vec::new(),
    };
    for _ in 0..ground.times(1, 5) {
        copies.of_a_reset()?;
        copies.of_a_sign_in()?;
        copies.of_a_sign_up()?;
        copies.lost_answers()?;
        copies.of_a_last_step()?;
        copies.of_a_device()?;
        copies.of_forgotten_devices()?;
    }
    let Copies { times, wrong, .. } = copies;
    Ok(Finding {
        tried: "copies of cookies from before a code, a password, a selected checkbox, a sign-in, Forget, a reset, a password change and a deactivation, used at once and after 31 s on another server; correct answers repeated as after a lost response".into(),
        times,
        figure: format!("{} wrong {}", wrong.len(), wrong.join("; ")),
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}

impl Copies<'_> {
    fn later(&mut self) -> Result<(), Fault> {
        self.clock_s += LATER_S;
        self.service.move_clock(self.clock_s)
    }

    /// Returns a thief's browser at another server.
    fn copy(&self, browser: &Browser) -> Browser {
        browser.tab(self.service.port(1))
    }

    fn demand(&mut self, holds: bool, wrong: &str) {
        self.times += 1;
        if !holds {
            self.wrong.push(wrong.into());
        }
    }

    /// Checks that a form sent by a copy has no effect.
    fn refused(&mut self, copy: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Result<(), Fault> {
        let answer = copy.post(path, fields)?;
        let refused = (400..500).contains(&answer.status) && answer.cookies().next().is_none();
        self.demand(
            refused,
            &format!("{path} by a copy: {} {}", answer.status, answer.outcome()),
        );
        Ok(())
    }

    fn of_a_reset(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut owner = self.service.browser();
        owner.begin_reset(&email)?;
        let code = self.service.mail.code_after(&email, 0)?;
        let mut copy = self.copy(&owner);
        owner.step("/api/reset/answer", &[("code", &code)], "ChoosePassword")?;
        let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        for later in [false, true] {
            if later {
                self.later()?;
            }
            self.refused(&mut copy, "/api/reset/choose", &new)?;
            self.refused(&mut copy, "/api/reset/resend", &[])?;
            let shown = copy.open("/reset")?;
            self.demand(
                !shown.says("/api/reset/choose"),
                "a copy sees the form of the new password",
            );
        }
        self.refused(&mut copy, "/api/reset/answer", &[("code", &code)])?;
        let kept = self.service.browser().password_is(&email, PASSWORD)?;
        self.demand(kept, "a copy has set the password");
        let outcome = owner.post("/api/reset/choose", &new)?.outcome();
        self.demand(outcome == "Done", &format!("the owner's new password: {outcome}"));
        Ok(())
    }

    fn of_a_sign_in(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut owner = self.service.browser();
        owner.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
        let mut copy = self.copy(&owner);
        owner.step("/api/sign_in/password", &[("password", PASSWORD)], "EnterCode")?;
        let code = self.service.mail.code_after(&email, 0)?;
        for later in [false, true] {
            if later {
                self.later()?;
            }
            self.refused(&mut copy, "/api/sign_in/answer", &[("code", &code)])?;
            self.refused(&mut copy, "/api/sign_in/resend", &[])?;
        }
        self.refused(&mut copy, "/api/sign_in/password", &[("password", PASSWORD)])?;
        let outcome = owner.post("/api/sign_in/answer", &[("code", &code)])?.outcome();
        self.demand(outcome == "SignedIn", &format!("the owner's code: {outcome}"));
        Ok(())
    }

    fn of_a_sign_up(&mut self) -> Result<(), Fault> {
        let email = self.service.stranger();
        let mut owner = self.service.browser();
        owner.step("/api/sign_up/begin", &[("email", &email)], "EnterCode")?;
        let code = self.service.mail.code_after(&email, 0)?;
        let mut copy = self.copy(&owner);
        owner.step("/api/sign_up/answer", &[("code", &code)], "ChooseDetails")?;
        let details = [("name", "Eve"), ("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        for later in [false, true] {
            if later {
                self.later()?;
            }
            self.refused(&mut copy, "/api/sign_up/finish", &details)?;
        }
        let outcome = owner.post("/api/sign_up/finish", &details)?.outcome();
        self.demand(outcome == "Done", &format!("the owner's new account: {outcome}"));
        Ok(())
    }

    /// Sends correct codes and passwords again after lost answers; another server also returns the same token.
    fn lost_answers(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut owner = self.service.browser();
        owner.begin_reset(&email)?;
        let code = self.service.mail.code_after(&email, 0)?;
        let mut first = owner.tab(self.service.port(0));
        first.step("/api/reset/answer", &[("code", &code)], "ChoosePassword")?;
        let mut again = self.copy(&owner);
        let outcome = again.post("/api/reset/answer", &[("code", &code)])?.outcome();
        self.demand(outcome == "step_elsewhere", &format!("the same code again: {outcome}"));
        let same = again.jar.get("__Host-reset") == first.jar.get("__Host-reset");
        self.demand(same, "another token than the lost one");
        let new = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        let outcome = again.post("/api/reset/choose", &new)?.outcome();
        self.demand(
            outcome == "Done",
            &format!("a new password after a lost answer: {outcome}"),
        );

        let seen = self.service.mail.to(&email).len();
        let mut owner = self.service.browser();
        owner.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
        let mut first = owner.tab(self.service.port(0));
        first.step("/api/sign_in/password", &[("password", NEW_PASSWORD)], "EnterCode")?;
        let outcome = owner
            .post("/api/sign_in/password", &[("password", NEW_PASSWORD)])?
            .outcome();

        self.demand(
            outcome == "step_elsewhere",
            &format!("the same password again: {outcome}"),
        );
        let code = self.service.mail.code_after(&email, seen)?;
        let mut again = self.copy(&owner);
        let outcome = owner.post("/api/sign_in/answer", &[("code", &code)])?.outcome();
        self.demand(outcome == "SignedIn", &format!("a code after a lost answer: {outcome}"));
        let outcome = again.post("/api/sign_in/answer", &[("code", &code)])?.outcome();
        self.demand(outcome == "step_elsewhere", &format!("the last code again: {outcome}"));
        let same = again.jar.get("__Host-session") == owner.jar.get("__Host-session");
        self.demand(same && again.is_signed_in()?, "another session than the lost one");
        Ok(())
    }

    /// Attack: a sign-in on a trusted device ends with its first token. A thief with a copy of the token and the password, but
    /// without the device's token, follows right after the owner.
    fn of_a_last_step(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut owner = self.service.browser();
        self.trust(&mut owner, &email)?;
        owner.post("/api/sign_in/sign_out", &[])?;
        owner.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
        let mut copy = self.copy(&owner);
        copy.jar.remove("__Host-device");
        let mut again = self.copy(&owner);
        owner.step("/api/sign_in/password", &[("password", PASSWORD)], "SignedIn")?;
        self.refused(&mut copy, "/api/sign_in/password", &[("password", PASSWORD)])?;
        let outcome = again
            .post("/api/sign_in/password", &[("password", PASSWORD)])?
            .outcome();
        self.demand(
            outcome == "step_elsewhere",
            &format!("the last password again: {outcome}"),
        );
        let same = again.jar.get("__Host-session") == owner.jar.get("__Host-session");
        self.demand(same && again.is_signed_in()?, "another session than the lost one");
        Ok(())
    }

    /// Returns whether the password is enough in this browser.
    fn is_trusted(&self, browser: &mut Browser, email: &str) -> Result<bool, Fault> {
        let seen = self.service.mail.to(email).len();
        browser.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
        let answer = browser.post("/api/sign_in/password", &[("password", PASSWORD)])?;
        match answer.outcome().as_str() {
            "SignedIn" => Ok(true),
            // Read this code, so that it isn't mistaken for the next one.
            "EnterCode" => self.service.mail.code_after(email, seen).map(|_| false),
            _ => Err(answer.unexpected("a password")),
        }
    }

    /// Signs in with the box ticked.
    fn trust(&self, browser: &mut Browser, email: &str) -> Result<(), Fault> {
        let seen = self.service.mail.to(email).len();
        browser.sign_in_to_code(email)?;
        let code = self.service.mail.code_after(email, seen)?;
        let fields = [("code", code.as_str()), ("trust", "on")];
        browser.step("/api/sign_in/answer", &fields, "SignedIn").map(drop)
    }

    fn devices(&self, email: &str) -> Result<String, Fault> {
        let sql = format!(
            "SELECT count(*) FROM devices WHERE account_id = (SELECT id FROM accounts WHERE email = '{email}')"
        );
        self.service.sql(self.ground, &sql)
    }

    fn of_a_device(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut owner = self.service.browser();
        owner.sign_in(&self.service.mail, &email)?;
        let mut early = self.copy(&owner);
        self.trust(&mut owner, &email)?;
        let trusted = self.is_trusted(&mut early, &email)?;
        self.demand(!trusted, "a copy from before the box was ticked is trusted");
        let mut copy = self.copy(&owner);
        let trusted = self.is_trusted(&mut owner, &email)?;
        self.demand(trusted, "the owner is not trusted");
        self.later()?;
        let trusted = self.is_trusted(&mut copy, &email)?;
        self.demand(!trusted, "a copy from before a sign-in is trusted");
        self.service.be_quiet()?;
        let messages = self.service.mail.to(&email);
        let notices = messages
            .iter()
            .filter(|message| message.subject().contains("no longer trusted"));
        let notices = notices.count();
        self.demand(notices == 1, &format!("{notices} notices of a reused copy"));
        let noticed = owner.open("/security")?.says("Outdated copy");
        self.demand(noticed, "the owner's activity lacks the reused copy");
        let trusted = self.is_trusted(&mut owner, &email)?;
        self.demand(!trusted, "the device is still trusted after its copy was used");
        Ok(())
    }

    fn of_forgotten_devices(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut owner = self.service.browser();
        self.trust(&mut owner, &email)?;
        let mut copy = self.copy(&owner);
        let id = format!("SELECT id FROM devices WHERE account_id = (SELECT id FROM accounts WHERE email = '{email}')");
        let id = self.service.sql(self.ground, &id)?;
        owner.post("/api/security/forget_device", &[("id", &id)])?;
        self.trust(&mut owner, &email)?;
        let trusted = self.is_trusted(&mut copy, &email)?;
        self.demand(!trusted, "a copy survived Forget");
        // The trust stays if the box isn't ticked, and ends if it is.
        let mut other = self.service.browser();
        self.trust(&mut other, &email)?;
        let change = [
            ("current", PASSWORD),
            ("password", NEW_PASSWORD),
            ("again", NEW_PASSWORD),
            ("others_asked", "true"),
        ];
        owner.post(CHANGE, &change)?;
        let left = self.devices(&email)?;
        self.demand(
            left == "2",
            &format!("{left} devices after a change that keeps the others"),
        );
        let change = [
            ("current", NEW_PASSWORD),
            ("password", PASSWORD),
            ("again", PASSWORD),
            ("end_others", "on"),
            ("others_asked", "true"),
        ];
        owner.post(CHANGE, &change)?;
        let left = self.devices(&email)?;
        self.demand(
            left == "1",
            &format!("{left} devices after a change that ends the others"),
        );
        self.service.browser().reset(&self.service.mail, &email, NEW_PASSWORD)?;
        let left = self.devices(&email)?;
        self.demand(left == "0", &format!("{left} devices after a reset"));

        let email = self.service.create_account(Kind::Local)?;
        self.trust(&mut self.service.browser(), &email)?;
        for undo in [&[][..], &["--undo"]] {
            let words = [&["user", "disable", "--email", &email], undo].concat();
            self.service.run(&words, "")?;
        }
        let left = self.devices(&email)?;
        self.demand(left == "0", &format!("{left} devices after a deactivation"));
        Ok(())
    }
}
