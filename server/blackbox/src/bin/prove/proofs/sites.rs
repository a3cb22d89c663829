//! Sites behind a reverse proxy: strangers, operators of other sites, and users who open what is not for them.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::race;
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar, Wanted, form_of, get_request};
use blackbox::site::{ATTEMPT, SESSION, Visitor, authorized};

pub const PROOFS: &[Proof] = &[Proof {
    number: 42,
    property: "A site behind a proxy learns only who its own user is, until the session here ends, and rules by path only forbid",
    hole: "`verify_at_site` in `flows/site.rs` did not compare the site: a cookie of one opened the other. `enter_site` did not compare the verifier, or ignored `use_code`: a code worked in another browser, and 200 times. `disconnect` in `flows/products.rs` did not delete the sessions at sites: the cookie lived. `SitePath::Ambiguous` in `oauth/site_path.rs` was within no part, hosts were compared by their ends, and `local_to_site` let `//` pass: paths, hosts and returns were accepted. `http/sites.rs` read the first of two equal headers, which this proof found. With the sign-out left out, each cookie and code was accepted.",
    on: &[Setting::Sqlite, Setting::Postgres2],
    run: sites,
}];

const WIKI: &str = "wiki.example.com";
const SHOP: &str = "shop.example.com";
/// The only one who may open `/admin` at the wiki.
const ADMINISTRATOR: &str = "administrator@example.com";
/// The client that stands for the wiki.
const WIKI_CLIENT: &str = "site:wiki.example.com";

/// Two sites, one with a part for the administrator.
const CONFIG: &str = "
[[sites]]
origin = \"https://wiki.example.com\"
name = \"Wiki\"

[[sites]]
origin = \"https://shop.example.com\"
name = \"Shop\"

[[site_rules]]
origin = \"https://wiki.example.com\"
path = \"/admin\"
allow = [\"administrator@example.com\"]
";

/// Hosts that a careless comparison takes for the wiki's.
const HOSTS: [&str; 16] = [
    "",
    "evil.example",
    "wiki.example.com.evil.example",
    "evilwiki.example.com",
    "sub.wiki.example.com",
    "wiki.example.com.",
    "wiki.example.com:443",
    "wiki.example.com:8443",
    "wiki.example.com, shop.example.com",
    "shop.example.com, wiki.example.com",
    "user@wiki.example.com",
    "https://wiki.example.com",
    "wiki.example.com/",
    "wiki.example.com#",
    "*.example.com",
    "wiki.example.com\tshop.example.com",
];

/// Spellings of paths in `/admin`, for some program at least.
const PATHS: [&str; 38] = [
    "",
    "admin",
    "/admin",
    "/admin/",
    "/admin?x",
    "/admin#x",
    "/ADMIN",
    "/admin/users",
    "/index.php/admin",
    "//admin",
    "///admin",
    "/a//admin",
    "/./admin",
    "/a/../admin",
    "/a/..;/admin",
    "/a/%2e%2e/admin",
    "/%2e/admin",
    "/%61dmin",
    "/%2561dmin",
    "/%41DMIN",
    "/admin%2fusers",
    "/a%2fadmin",
    "/a%2f..%2fadmin",
    "/a%5cadmin",
    "/a\\admin",
    "\\admin",
    "/admin;x=1",
    "/;x/admin",
    "/admin%00",
    "/admin%00.png",
    "/admin.",
    "/admin%20",
    "/admin%09",
    "/admin%ff",
    "/%c0%aeadmin",
    "/%",
    "https://wiki.example.com/admin",
    "*",
];

fn sites(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        config: Some(CONFIG.into()),
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    service.add(ADMINISTRATOR, Kind::Local)?;
    let mut thief = Thief {
        service: &service,
        tries: 0,
        accepted: Vec::new(),
    };
    for _ in 0..ground.times(1, 5) {
        thief.try_everything(ground)?;
    }
    Ok(Finding {
        tried: "cookies of other sites and at the endpoints for clients, codes of other browsers, used ones and 200 at once, sessions right after each way to end, a sign-out during the hand-over, hosts, paths and large headers; begun on one server and finished on the next".into(),
        times: thief.tries,
        figure: format!("{} accepted {}", thief.accepted.len(), thief.accepted.join(", ")).trim_end().into(),
        bound: "0".into(),
        holds: thief.accepted.is_empty(),
    })
}

/// Everyone who is not the user at the site.
struct Thief<'a> {
    service: &'a Service,
    tries: usize,
    /// What was accepted.
    accepted: Vec<String>,
}

/// A user with a session of the service.
struct User {
    email: String,
    browser: Browser,
}

impl Thief<'_> {
    fn try_everything(&mut self, ground: &Ground) -> Result<(), Fault> {
        let mut user = self.user(None)?;
        let visitor = self.enter(&user, WIKI)?;
        self.strangers(&visitor)?;
        self.other_hosts(&visitor)?;
        self.other_sites(&user)?;
        self.other_endpoints(&mut user, &visitor)?;
        self.codes_of_others(&user)?;
        self.used_codes(&user)?;
        self.codes_at_once(ground, &user)?;
        self.addresses(&user)?;
        self.paths(&visitor)?;
        self.large_headers(&visitor)?;
        self.ends()?;
        self.ends_at_once(ground)
    }

    fn refused(&mut self, what: &str, accepted: bool) {
        self.tries += 1;
        if accepted {
            self.accepted.push(what.to_owned());
        }
    }

    /// Signs a user in: an account of their own, or an existing one.
    fn user(&self, email: Option<&str>) -> Result<User, Fault> {
        let email = match email {
            Some(email) => email.to_owned(),
            None => self.service.create_account(Kind::Local)?,
        };
        let mut browser = self.service.browser_at(0);
        browser.sign_in(&self.service.mail, &email)?;
        Ok(User { email, browser })
    }

    fn at(&self, server: usize) -> Result<Connection, Fault> {
        self.service.browser_at(server).connect()
    }

    /// Enters a site with the session of a user, at each server in turn.
    fn enter(&self, user: &User, host: &str) -> Result<Visitor, Fault> {
        let mut visitor = Visitor::new(host);
        let back = self.code(user, &mut visitor)?;
        let answer = visitor.open(&mut self.at(0)?, &back)?;
        if visitor.jar.get(SESSION).is_none() {
            return Err(answer.unexpected("entering a site"));
        }
        self.admits(&visitor, &user.email)?;
        Ok(visitor)
    }

    /// Returns the path and query with a code.
    fn code(&self, user: &User, visitor: &mut Visitor) -> Result<String, Fault> {
        let authorize = visitor.start(&mut self.at(0)?, "/page")?;
        authorized(&mut self.at(1)?, &self.service.host(), &authorize, &user.browser.jar)
    }

    /// Sends a proxy's question to a server.
    fn verify(&self, visitor: &Visitor, uri: &str, server: usize) -> Result<Answer, Fault> {
        let question = visitor.question(&self.service.host(), uri);
        self.at(server)?.send(question.as_bytes())
    }

    /// Returns whether a server admits a browser to a page that is for all users.
    fn is_admitted(&self, visitor: &Visitor) -> Result<bool, Fault> {
        let mut any = false;
        for server in 0..2 {
            let answer = self.verify(visitor, "/page", server)?;
            let tells = answer.headers.iter().any(|(name, _)| name.starts_with("x-auth-"));
            any |= match (answer.status, tells) {
                (204, true) => true,
                (401, false) => false,
                _ => return Err(answer.unexpected("/auth/verify")),
            };
        }
        Ok(any)
    }

    /// Fails unless the site admits a user, and learns who it is.
    fn admits(&self, visitor: &Visitor, email: &str) -> Result<(), Fault> {
        let answer = self.verify(visitor, "/page", 1)?;
        if answer.status == 204 && answer.header("x-auth-email") == email {
            Ok(())
        } else {
            Err(answer.unexpected("a user at a site"))
        }
    }

    /// Cookies that are none of a session at the site.
    fn strangers(&mut self, visitor: &Visitor) -> Result<(), Fault> {
        let token = visitor.jar.get(SESSION).unwrap_or_default().to_owned();
        let attempt = visitor.jar.get(ATTEMPT).unwrap_or_default().to_owned();
        let cases = [
            String::new(),
            "wrong".into(),
            "%00".into(),
            "\"\"".into(),
            attempt,
            "A".repeat(token.len()),
            token[1..].into(),
            format!("{token}A"),
            format!("{token}%20"),
            token.to_uppercase(),
            format!("{WIKI}:{token}"),
            "a".repeat(5_000),
        ];
        for value in cases {
            let mut stranger = Visitor::new(WIKI);
            stranger.jar.set(SESSION, &value);
            let admitted = self.is_admitted(&stranger)?;
            self.refused(&format!("the cookie {value:.60}"), admitted);
        }
        // Under another name, which other hosts can set.
        for name in [
            "rekey-site",
            "__Secure-rekey-site",
            "__host-rekey-site",
            "__Host-rekey-Site",
        ] {
            let mut stranger = Visitor::new(WIKI);
            stranger.jar.set(name, &token);
            let admitted = self.is_admitted(&stranger)?;
            self.refused(&format!("the cookie as {name}"), admitted);
        }
        let admitted = self.is_admitted(&Visitor::new(WIKI))?;
        self.refused("no cookie", admitted);
        // The user's headers about another user.
        let question = visitor.question(&self.service.host(), "/page");
        let forged = question.replacen(
            "\r\n",
            &format!("\r\nX-Auth-Email: {ADMINISTRATOR}\r\nX-Auth-Groups: a\r\n"),
            1,
        );
        let answer = self.at(0)?.send(forged.as_bytes())?;
        self.refused("a forged X-Auth-Email", answer.header("x-auth-email") == ADMINISTRATOR);
        Ok(())
    }

    /// The site's cookie with other hosts in the header, and pages of sites at hosts that are none.
    fn other_hosts(&mut self, visitor: &Visitor) -> Result<(), Fault> {
        for host in HOSTS {
            let named = Visitor {
                host: host.to_owned(),
                ..visitor.clone()
            };
            let answer = self.verify(&named, "/page", 0)?;
            self.refused(&format!("X-Forwarded-Host {host:?}"), answer.status < 400);
        }
        let question = visitor.question(&self.service.host(), "/page");
        for (what, changed) in [
            ("no X-Forwarded-Host", without(&question, "X-Forwarded-Host")),
            (
                "X-Forwarded-Host of two sites",
                twice(&question, "X-Forwarded-Host", SHOP),
            ),
            (
                "X-Forwarded-Uri of two pages",
                twice(&question, "X-Forwarded-Uri", "/admin"),
            ),
        ] {
            let answer = self.at(0)?.send(changed.as_bytes())?;
            self.refused(what, answer.status < 400);
        }
        let own = self.service.host();
        for host in HOSTS.iter().skip(1).chain([&own.as_str()]) {
            for path in [
                "/.rekey/start?to=/",
                "/.rekey/return?code=a",
                "/.rekey/forbidden",
                "/.rekey/sign-out",
            ] {
                let mut named = visitor.clone();
                named.host = (*host).to_owned();
                let answer = named.open(&mut self.at(0)?, path)?;
                self.refused(&format!("{path} at the host {host:?}"), answer.status < 400);
            }
        }
        Ok(())
    }

    /// An operator of one site uses the cookies of its visitors at the other.
    fn other_sites(&mut self, user: &User) -> Result<(), Fault> {
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
    fn other_endpoints(&mut self, user: &mut User, visitor: &Visitor) -> Result<(), Fault> {
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

    /// A link with an attacker's code signs in no one else, and still works in the attacker's browser.
    fn codes_of_others(&mut self, user: &User) -> Result<(), Fault> {
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
    fn used_codes(&mut self, user: &User) -> Result<(), Fault> {
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

    fn codes_at_once(&mut self, ground: &Ground, user: &User) -> Result<(), Fault> {
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
    fn addresses(&mut self, user: &User) -> Result<(), Fault> {
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

    /// Rules by path, with a user that the site admits and one who is named.
    fn paths(&mut self, visitor: &Visitor) -> Result<(), Fault> {
        let administrator = self.user(Some(ADMINISTRATOR))?;
        let named = self.enter(&administrator, WIKI)?;
        for path in PATHS {
            let answer = self.verify(visitor, path, 0)?;
            self.refused(&format!("the path {path:?}"), answer.status < 400);
            let answer = self.verify(&named, path, 1)?;
            if answer.status != 204 {
                return Err(answer.unexpected(&format!("the administrator at {path:?}")));
            }
        }
        let question = visitor.question(&self.service.host(), "/page");
        let answer = self.at(0)?.send(without(&question, "X-Forwarded-Uri").as_bytes())?;
        self.refused("no X-Forwarded-Uri", answer.status < 400);
        for path in ["/", "/page", "/administration", "/a/b?next=/admin"] {
            let answer = self.verify(visitor, path, 0)?;
            if answer.status != 204 {
                return Err(answer.unexpected(&format!("a user at {path}")));
            }
        }
        Ok(())
    }

    /// Headers that are too large or too many, before or after those that count.
    fn large_headers(&mut self, visitor: &Visitor) -> Result<(), Fault> {
        let long = "a".repeat(7_000);
        let huge = "a".repeat(1_000_000);
        for path in [
            format!("/{long}/admin"),
            format!("/admin/{long}"),
            format!("/admin?{long}"),
            format!("/{}admin", "a/".repeat(3_000)),
            format!("/{huge}/admin"),
        ] {
            let refused = match self.verify(visitor, &path, 0) {
                Ok(answer) if answer.status >= 500 => return Err(answer.unexpected("a long path")),
                Ok(answer) => answer.status >= 400,
                // The connection was closed.
                Err(_) => path.len() > 100_000,
            };
            self.refused(&format!("a path of {} characters", path.len()), !refused);
        }
        let question = visitor.question(&self.service.host(), "/admin");
        for (what, header) in [
            ("a long header", format!("X-Long: {huge}\r\n")),
            ("a long X-Forwarded-Host", format!("X-Forwarded-Host: {huge}\r\n")),
            ("many headers", "X-More: a\r\n".repeat(2_000)),
            ("many cookies", format!("Cookie: {}\r\n", "a=b; ".repeat(10_000))),
        ] {
            let changed = question.replacen("\r\n", &format!("\r\n{header}"), 1);
            let refused = match self.at(1)?.send(changed.as_bytes()) {
                Ok(answer) if answer.status >= 500 => return Err(answer.unexpected(what)),
                Ok(answer) => answer.status >= 400,
                Err(_) => true,
            };
            self.refused(what, !refused);
        }
        if self.is_admitted(visitor)? {
            Ok(())
        } else {
            Err("the site does not admit its user after large headers".into())
        }
    }

    /// Each way to end a session of the service, or the connection to the site: the very next question gets 401, at each server,
    /// and a code that waits is worth nothing.
    fn ends(&mut self) -> Result<(), Fault> {
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
    fn ends_at_once(&mut self, ground: &Ground) -> Result<(), Fault> {
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

/// Returns a parameter of a path and query.
fn parameter(address: &str, name: &str) -> String {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(known, _)| known == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Returns a request without a header.
fn without(request: &str, name: &str) -> String {
    let lines = request.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with(&format!("{name}:"))).collect()
}

/// Returns a request with another header of the same name after it.
fn twice(request: &str, name: &str, value: &str) -> String {
    let lines = request.split_inclusive("\r\n");
    let lines = lines.map(|line| {
        let more = format!("{name}: {value}\r\n");
        if line.starts_with(&format!("{name}:")) {
            [line, &more].concat()
        } else {
            line.to_owned()
        }
    });
    lines.collect()
}
