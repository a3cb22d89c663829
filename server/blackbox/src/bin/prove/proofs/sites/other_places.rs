//! Cookies and codes of a site at another site, at the endpoints for clients, and as sessions of the service.

use super::codes::parameter;
use super::thief::{Thief, User};
use super::{SHOP, WIKI, WIKI_CLIENT};
use blackbox::Fault;
use blackbox::http::{Jar, Wanted, form_of, get_request};
use blackbox::site::{ATTEMPT, SESSION, Visitor};

impl Thief<'_> {
    /// An operator of one site uses the cookies of its visitors at the other.
    pub fn other_sites(&mut self, user: &User) -> Result<(), Fault> {
        for (from, to) in [(WIKI, SHOP), (SHOP, WIKI)] {
            let entered = self.enter(user, from)?;
            let mut other = Visitor {
                host: to.to_owned(),
                ..entered
            };
            let admitted = self.is_admitted(&other)?;
            self.refused(&format!("a cookie of {from} at {to}"), admitted);
            let page = other.open(&mut self.at(0)?, "/.rekey/forbidden")?;
            self.refused(&format!("the address of {from}'s user at {to}"), page.says(&user.email));
        }
        // A code of one site at the other, in the same browser.
        let mut at_shop = Visitor::new(SHOP);
        let back = self.code(user, &mut at_shop)?;
        let mut at_wiki = Visitor {
            host: WIKI.to_owned(),
            ..at_shop
        };
        at_wiki.open(&mut self.at(0)?, &back)?;
        self.refused("a code of the shop at the wiki", at_wiki.jar.get(SESSION).is_some());
        Ok(())
    }

    /// What belongs to a site, at the endpoints for clients and as a session of the service.
    pub fn other_endpoints(&mut self, user: &mut User, visitor: &Visitor) -> Result<(), Fault> {
        let mut code_of = Visitor::new(WIKI);
        let back = self.code(user, &mut code_of)?;
        let code = parameter(&back, "code");
        let attempt = code_of.jar.get(ATTEMPT).unwrap_or_default().to_owned();
        let token = visitor.jar.get(SESSION).unwrap_or_default().to_owned();
        for value in [&token, &attempt, &code] {
            let more = format!("Authorization: Bearer {value}\r\n");
            let request = get_request("/oauth/userinfo", &self.service.host(), &Jar::default(), &more);
            let answer = self.at(0)?.send(request.as_bytes())?;
            self.refused("a secret of a site at userinfo", answer.status == 200);
            for name in ["__Host-session", "__Host-device"] {
                let mut browser = self.service.browser_at(1);
                browser.jar.set(name, value);
                let signed_in = browser.is_signed_in()?;
                self.refused(&format!("a secret of a site as {name}"), signed_in);
            }
        }
        for secret in ["", &token, &attempt] {
            let redeem = [
                ("grant_type", "authorization_code"),
                ("client_id", WIKI_CLIENT),
                ("client_secret", secret),
                ("redirect_uri", "https://wiki.example.com/.rekey/return"),
                ("code", &code),
                ("code_verifier", &attempt),
            ];
            let refresh = [
                ("grant_type", "refresh_token"),
                ("client_id", WIKI_CLIENT),
                ("client_secret", secret),
                ("refresh_token", &token),
            ];
            let introspect = [("client_id", WIKI_CLIENT), ("client_secret", secret), ("token", &token)];
            for (endpoint, form) in [
                ("/oauth/token", form_of(&redeem)),
                ("/oauth/token", form_of(&redeem[..2]) + "&" + &form_of(&redeem[3..])),
                ("/oauth/token", form_of(&refresh)),
                ("/oauth/introspect", form_of(&introspect)),
                ("/oauth/revoke", form_of(&introspect)),
            ] {
                let answer = self.service.browser_at(0).post_as(endpoint, &form, Wanted::Data)?;
                self.refused(&format!("{endpoint} as a site"), answer.status == 200);
            }
        }
        // All of that has changed nothing.
        self.admits(visitor, &user.email)?;
        code_of.open(&mut self.at(0)?, &back)?;
        if code_of.jar.get(SESSION).is_none() && self.accepted.is_empty() {
            return Err("the user's own code did not work".into());
        }
        // A code for another address.
        for (name, value) in [
            ("redirect_uri", "https://shop.example.com/.rekey/return"),
            ("redirect_uri", "https://wiki.example.com/.rekey/return/"),
            ("redirect_uri", "https://wiki.example.com/page"),
            ("redirect_uri", "https://evil.example/.rekey/return"),
            ("code_challenge", ""),
            ("code_challenge_method", "plain"),
        ] {
            let authorize = Visitor::new(WIKI).start(&mut self.at(0)?, "/")?;
            let (path, query) = authorize.split_once('?').unwrap_or_default();
            let mut fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            fields.retain(|(known, _)| known != name);
            fields.push((name.to_owned(), value.to_owned()));
            let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
            let answer = user.browser.open(&format!("{path}?{}", form_of(&fields)))?;
            self.refused(
                &format!("{name} {value:?}"),
                answer.header("location").contains("code="),
            );
        }
        Ok(())
    }
}
