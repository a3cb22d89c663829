//! Questions of a proxy that must admit no one: forged cookies, other hosts, forbidden paths, large headers.

use super::thief::Thief;
use super::{ADMINISTRATOR, SHOP, WIKI};
use blackbox::Fault;
use blackbox::site::{ATTEMPT, SESSION, Visitor};

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

impl Thief<'_> {
    /// Cookies that are none of a session at the site.
    pub fn strangers(&mut self, visitor: &Visitor) -> Result<(), Fault> {
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
    pub fn other_hosts(&mut self, visitor: &Visitor) -> Result<(), Fault> {
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

    /// Rules by path, with a user that the site admits and one who is named.
    pub fn paths(&mut self, visitor: &Visitor) -> Result<(), Fault> {
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
    pub fn large_headers(&mut self, visitor: &Visitor) -> Result<(), Fault> {
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
