//! Each way to end a session, and sign-out during the hand-over to a site.

use super::thief::{Thief, User};
use super::{SHOP, WIKI, WIKI_CLIENT};
use crate::ground::Ground;
use crate::race;
use crate::service::{NEW_PASSWORD, PASSWORD, Service};
use blackbox::Fault;
use blackbox::http::{Answer, get_request};
use blackbox::site::{SESSION, Visitor};

impl Thief<'_> {
    /// Each way to end a session of the service, or the connection to the site: the very next question gets 401, at each server,
    /// and a code that waits is worth nothing.
    pub fn ends(&mut self) -> Result<(), Fault> {
        for end in End::ALL {
            let mut user = self.user(None)?;
            let visitor = self.enter(&user, WIKI)?;
            let at_shop = self.enter(&user, SHOP)?;
            let mut waiting = Visitor::new(WIKI);
            let back = self.code(&user, &mut waiting)?;
            // Attack: a link at the site ends the session without a question.
            visitor.clone().open(&mut self.at(0)?, "/.rekey/sign-out")?;
            self.admits(&visitor, &user.email)?;
            end.happen(self.service, &mut user)?;
            let admitted = self.is_admitted(&visitor)?;
            self.refused(&format!("a cookie after {end:?}"), admitted);
            waiting.open(&mut self.at(1)?, &back)?;
            self.refused(&format!("a code after {end:?}"), waiting.jar.get(SESSION).is_some());
            let at_shop = self.is_admitted(&at_shop)?;
            if end == End::Disconnect {
                if !at_shop {
                    return Err("disconnecting one site ended the session at another".into());
                }
            } else {
                self.refused(&format!("a cookie of another site after {end:?}"), at_shop);
            }
        }
        Ok(())
    }

    /// The session ends while codes are redeemed: no session at the site outlives it.
    pub fn ends_at_once(&mut self, ground: &Ground) -> Result<(), Fault> {
        const CODES: usize = 8;
        for _ in 0..ground.times(3, 10) {
            let user = self.user(None)?;
            let mut visitors = Vec::new();
            for _ in 0..CODES {
                let mut visitor = Visitor::new(WIKI);
                let back = self.code(&user, &mut visitor)?;
                visitors.push((visitor, back));
            }
            let mut runners: Vec<_> = visitors
                .iter()
                .enumerate()
                .map(|(server, (visitor, back))| {
                    let request = get_request(back, WIKI, &visitor.jar, "");
                    (self.service.browser_at(server), request.into_bytes())
                })
                .collect();
            let sign_out = user.browser.request("/api/sign_in/sign_out", &[]);
            runners.insert(CODES / 2, (user.browser, sign_out));
            let mut answers = race::release(runners)?;
            let signed_out = answers.remove(CODES / 2);
            if signed_out.status != 200 {
                return Err(signed_out.unexpected("a sign-out during the hand-over"));
            }
            for ((mut visitor, _), answer) in visitors.into_iter().zip(&answers) {
                visitor.jar.keep(answer);
                let admitted = self.is_admitted(&visitor)?;
                self.refused("a session at a site that began during the sign-out", admitted);
            }
        }
        Ok(())
    }
}

/// A way to end a session of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    SignOut,
    Reset,
    PasswordChange,
    Deactivation,
    Assignment,
    Disconnect,
}

impl End {
    const ALL: [Self; 6] = [
        Self::SignOut,
        Self::Reset,
        Self::PasswordChange,
        Self::Deactivation,
        Self::Assignment,
        Self::Disconnect,
    ];

    fn happen(self, service: &Service, user: &mut User) -> Result<(), Fault> {
        let demand = |answer: Answer| match answer.status {
            200 => Ok(()),
            _ => Err(answer.unexpected(&format!("{self:?}"))),
        };
        match self {
            Self::SignOut => demand(user.browser.post("/api/sign_in/sign_out", &[])?),
            Self::Reset => service.browser().reset(&service.mail, &user.email, NEW_PASSWORD),
            Self::PasswordChange => {
                // In another browser, which ends all other sessions.
                let mut other = service.browser_at(1);
                other.sign_in(&service.mail, &user.email)?;
                other.change_password(PASSWORD, NEW_PASSWORD)
            }
            Self::Deactivation => service.run(&["user", "disable", "--email", &user.email], "").map(drop),
            Self::Assignment => service.assign_to_organization(&user.email),
            Self::Disconnect => {
                let fields = [("id", WIKI_CLIENT)];
                demand(user.browser.post("/api/security/disconnect_product", &fields)?)
            }
        }
    }
}
