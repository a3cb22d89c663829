//! Codes of the hand-over to a site: in other browsers, used before, many at once, and where they lead.

use super::WIKI;
use super::thief::{Thief, User};
use crate::ground::Ground;
use crate::race;
use blackbox::Fault;
use blackbox::http::get_request;
use blackbox::site::{ATTEMPT, SESSION, Visitor, authorized};

impl Thief<'_> {
    /// A link with an attacker's code signs in no one else, and still works in the attacker's browser.
    pub fn codes_of_others(&mut self, user: &User) -> Result<(), Fault> {
        let mut attacker = Visitor::new(WIKI);
        let link = self.code(user, &mut attacker)?;
        let mut began = Visitor::new(WIKI);
        began.start(&mut self.at(0)?, "/")?;
        let mut forged = Visitor::new(WIKI);
        forged.jar.set(ATTEMPT, "a-verifier-of-43-to-128-unreserved-characters");
        let mut empty = Visitor::new(WIKI);
        empty.jar.set(ATTEMPT, "\"\"");
        for (what, mut victim) in [
            ("without a sign-in", Visitor::new(WIKI)),
            ("with another sign-in", began),
            ("with a forged sign-in", forged),
            ("with an empty sign-in", empty),
        ] {
            let answer = victim.open(&mut self.at(1)?, &link)?;
            let entered = victim.jar.get(SESSION).is_some() || answer.status < 400;
            self.refused(&format!("a code in another browser {what}"), entered);
        }
        attacker.open(&mut self.at(0)?, &link)?;
        if attacker.jar.get(SESSION).is_none() && self.accepted.is_empty() {
            return Err("a code did not work in the browser that began".into());
        }
        // A browser takes no attempt from outside that this service did not issue.
        let mut fixed = Visitor::new(WIKI);
        fixed.jar.set(ATTEMPT, "a-verifier-of-43-to-128-unreserved-characters");
        fixed.start(&mut self.at(0)?, "/")?;
        let kept = fixed.jar.get(ATTEMPT) == Some("a-verifier-of-43-to-128-unreserved-characters");
        self.refused("a short attempt that was set from outside", kept);
        Ok(())
    }

    /// A used code, also the variants of a code; the session that it gave goes on.
    pub fn used_codes(&mut self, user: &User) -> Result<(), Fault> {
        let mut visitor = Visitor::new(WIKI);
        let back = self.code(user, &mut visitor)?;
        let code = parameter(&back, "code");
        for other in [
            String::new(),
            code[1..].to_owned(),
            format!("{code}A"),
            code.to_uppercase(),
            "a".repeat(6_000),
            "%00".into(),
        ] {
            let mut wrong = visitor.clone();
            wrong.open(&mut self.at(0)?, &back.replace(&code, &other))?;
            self.refused(&format!("the code {other:.60}"), wrong.jar.get(SESSION).is_some());
        }
        let mut again = visitor.clone();
        visitor.open(&mut self.at(0)?, &back)?;
        for server in 0..2 {
            let answer = again.open(&mut self.at(server)?, &back)?;
            self.refused("a used code", again.jar.get(SESSION).is_some() || answer.status < 400);
        }
        self.admits(&visitor, &user.email)
    }

    pub fn codes_at_once(&mut self, ground: &Ground, user: &User) -> Result<(), Fault> {
        const AT_ONCE: usize = 200;
        let count = "SELECT COUNT(*) FROM site_sessions";
        let mut visitor = Visitor::new(WIKI);
        let back = self.code(user, &mut visitor)?;
        let before: usize = self.service.sql(ground, count)?.trim().parse().unwrap_or_default();
        let answers = race::release(
            (0..AT_ONCE)
                .map(|server| {
                    let request = get_request(&back, WIKI, &visitor.jar, "");
                    (self.service.browser_at(server), request.into_bytes())
                })
                .collect(),
        )?;
        self.tries += answers.len();
        let entered: Vec<_> = answers
            .iter()
            .filter(|answer| answer.cookies().any(|(name, _)| name == SESSION))
            .collect();
        let after: usize = self.service.sql(ground, count)?.trim().parse().unwrap_or_default();
        if entered.len() > 1 || after > before + 1 {
            let rows = after.saturating_sub(before);
            self.accepted.push(format!(
                "{} of {AT_ONCE} uses of a code, {rows} sessions",
                entered.len()
            ));
        }
        let unexpected = answers.iter().find(|answer| !matches!(answer.status, 303 | 400 | 503));
        if let Some(unexpected) = unexpected {
            return Err(unexpected.unexpected("a code at once"));
        }
        let first = entered.first().ok_or("no use of a code of 200 worked")?;
        visitor.jar.keep(first);
        self.admits(&visitor, &user.email)
    }

    /// Every hand-over ends at the site's own host.
    pub fn addresses(&mut self, user: &User) -> Result<(), Fault> {
        for to in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "https:evil.example",
            "javascript:alert(1)",
            "@evil.example/",
            ".evil.example/",
            ":8443/",
            "/%0d%0aLocation:%20https://evil.example/",
            "/.rekey/start?to=/",
            "/.rekey/sign-out",
        ] {
            let mut visitor = Visitor::new(WIKI);
            let authorize = visitor.start(&mut self.at(0)?, to)?;
            let back = authorized(&mut self.at(1)?, &self.service.host(), &authorize, &user.browser.jar)?;
            let (path, _) = back.split_once("state=").unwrap_or((&back, ""));
            let forged = format!("{path}state={}", blackbox::http::encoded(to));
            let answer = visitor.open(&mut self.at(0)?, &forged)?;
            let location = answer.header("location");
            let own = "https://wiki.example.com/";
            let leaves = !location.starts_with(own)
                || location[own.len()..].starts_with(['/', '\\'])
                || location.contains("/.rekey/");
            if answer.status != 303 {
                return Err(answer.unexpected("/.rekey/return"));
            }
            self.refused(&format!("a return to {to}"), leaves);
        }
        Ok(())
    }
}

/// Returns a parameter of a path and query.
pub fn parameter(address: &str, name: &str) -> String {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(known, _)| known == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}
