//! Unusual bytes in requests: invalid input is dropped or refused, and doesn't affect other values.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Plan, Service};
use blackbox::Fault;
use blackbox::http::{Answer, Wanted, get_request};

pub const PROOFS: &[Proof] = &[Proof {
    number: 33,
    property: "An invalid byte doesn't hide valid values; a sign-out ends the session or reports that it didn't",
    hole: "The version before the fix: 91 failures. With the cookie `city=Köln` no flow continued, no page opened, and a session survived its sign-out; a NUL in an id gave 503 on PostgreSQL and was accepted on SQLite; requests with two hosts or invalid proxy hops were accepted; a name kept U+202E.",
    on: Setting::ONE,
    run: odd_bytes,
}];

struct Bytes<'a> {
    service: &'a Service,
    times: usize,
    wrong: Vec<String>,
}

fn odd_bytes(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan::without_limits().set("TRUSTED_PROXIES", "127.200.0.0/16");
    let service = Service::start_with(ground, setting, &plan)?;
    let mut bytes = Bytes {
        service: &service,
        times: 0,
        wrong: Vec::new(),
    };
    bytes.cookies()?;
    bytes.sign_outs()?;
    bytes.nuls()?;
    bytes.hosts_and_hops()?;
    bytes.names()?;
    let Bytes { times, wrong, .. } = bytes;
    Ok(Finding {
        tried: "cookies with invalid bytes in addition to the service's own at each step of a sign-in and a sign-out; sign-outs without a cookie; a NUL in each field; invalid hosts, hops and names".into(),
        times,
        figure: format!("{} wrong {}", wrong.len(), wrong.join("; ")),
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}

/// Another application's cookies: in ISO 8859-1, in UTF-8, and malformed.
const ODD: [&[u8]; 3] = [b"city=K\xf6ln; ", b"city=K\xc3\xb6ln; ", b"\xff\xfe; =\x80; "];

/// Inserts those cookies before the browser's own.
fn with_odd_cookies(request: &[u8], odd: &[u8]) -> Vec<u8> {
    let mark = b"\r\nCookie: ";
    match request.windows(mark.len()).position(|part| part == mark) {
        Some(at) => [&request[..at + mark.len()], odd, &request[at + mark.len()..]].concat(),
        None => request.to_vec(),
    }
}

impl Bytes<'_> {
    fn demand(&mut self, holds: bool, wrong: &str) {
        self.times += 1;
        if !holds {
            self.wrong.push(wrong.into());
        }
    }

    fn send(&self, browser: &mut Browser, request: &[u8]) -> Result<Answer, Fault> {
        let answer = browser.send(request)?;
        browser.jar.keep(&answer);
        Ok(answer)
    }

    fn cookies(&mut self) -> Result<(), Fault> {
        for odd in ODD {
            let email = self.service.create_account(Kind::Local)?;
            let mut browser = self.service.browser();
            browser.step("/api/sign_in/begin", &[("email", &email)], "EnterPassword")?;
            let request = browser.request("/api/sign_in/password", &[("password", PASSWORD)]);
            let outcome = self.send(&mut browser, &with_odd_cookies(&request, odd))?.outcome();
            self.demand(
                outcome == "EnterCode",
                &format!("a password beside an invalid cookie: {outcome}"),
            );
            if outcome != "EnterCode" {
                browser.step("/api/sign_in/password", &[("password", PASSWORD)], "EnterCode")?;
            }
            let code = self.service.mail.code_after(&email, 0)?;
            let request = browser.request("/api/sign_in/answer", &[("code", &code)]);
            let outcome = self.send(&mut browser, &with_odd_cookies(&request, odd))?.outcome();
            self.demand(
                outcome == "SignedIn",
                &format!("a code beside an invalid cookie: {outcome}"),
            );
            if outcome != "SignedIn" {
                browser.step("/api/sign_in/answer", &[("code", &code)], "SignedIn")?;
            }
            let page = get_request("/security", &self.service.host(), &browser.jar, "");
            let status = self.send(&mut browser, &with_odd_cookies(page.as_bytes(), odd))?.status;
            self.demand(status == 200, &format!("a page beside an invalid cookie: {status}"));
            // A copy of the session's cookie must be invalid, too.
            let mut kept = browser.tab(self.service.port(0));
            let request = browser.request("/api/sign_in/sign_out", &[]);
            self.send(&mut browser, &with_odd_cookies(&request, odd))?;
            let lives = kept.is_signed_in()?;
            self.demand(!lives, "a session survived a sign-out beside an invalid cookie");
        }
        Ok(())
    }

    fn sign_outs(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut browser = self.service.browser();
        browser.sign_in(&self.service.mail, &email)?;
        for wanted in [Wanted::Data, Wanted::Page] {
            let mut hidden = browser.tab(self.service.port(0));
            hidden.jar.remove("__Host-session");
            let answer = hidden.post_as("/api/sign_in/sign_out", "", wanted)?;
            let says = match wanted {
                Wanted::Data => answer.outcome() == "SessionUnknown",
                Wanted::Page => answer.header("location") == "/signed-out?session=unknown",
            };
            self.demand(says, "a sign-out without a cookie does not say so");
        }
        let asks = browser
            .open("/signed-out?session=unknown")?
            .says("/api/sign_in/sign_out");
        self.demand(asks, "the page does not ask again");
        let lives = browser.is_signed_in()?;
        self.demand(lives, "a session ended without its cookie");
        let answer = browser.submit("/api/sign_in/sign_out", &[])?;
        self.demand(answer.header("location") == "/signed-out", "a sign-out isn't confirmed");
        Ok(())
    }

    fn nuls(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut browser = self.service.browser();
        browser.sign_in(&self.service.mail, &email)?;
        let mut resetting = self.service.browser();
        resetting.begin_reset(&email)?;
        for (path, fields) in [
            ("/api/security/end_session", &["id"][..]),
            ("/api/security/forget_device", &["id"]),
            ("/api/security/change_password", &["current", "password", "again"]),
            ("/api/sign_in/begin", &["email", "next"]),
            ("/api/sign_in/password", &["password"]),
            ("/api/sign_in/answer", &["code"]),
            ("/api/reset/begin", &["email"]),
            ("/api/reset/answer", &["code"]),
            ("/api/reset/choose", &["password", "again"]),
            ("/api/sign_up/begin", &["email"]),
            ("/api/sign_up/finish", &["name", "password", "again"]),
        ] {
            for field in fields {
                for value in ["\0", "a\0b@example.com"] {
                    for browser in [&mut browser, &mut resetting] {
                        let answer = browser.post(path, &[(field, value)])?;
                        let what = format!("a NUL in {field} of {path}: {} {}", answer.status, answer.outcome());
                        self.demand(answer.status == 400, &what);
                    }
                }
            }
        }
        let lives = browser.is_signed_in()?;
        self.demand(lives, "a NUL ended the session");
        Ok(())
    }

    fn hosts_and_hops(&mut self) -> Result<(), Fault> {
        let host = self.service.host();
        let cases: [(String, &[u8], u16); 7] = [
            (
                format!("GET /signin HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n"),
                b"",
                400,
            ),
            (
                format!("GET /signin HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n"),
                b"",
                400,
            ),
            ("GET /signin HTTP/1.1\r\n".into(), b"Host: 127.0.0.1\xff\r\n", 400),
            (
                format!("GET http://evil.example/signin HTTP/1.1\r\nHost: {host}\r\n"),
                b"",
                400,
            ),
            (
                format!("GET http://{host}/signin HTTP/1.1\r\nHost: {host}\r\n"),
                b"",
                200,
            ),
            (
                format!("GET /signin HTTP/1.1\r\nHost: {host}\r\n"),
                b"X-Forwarded-For: \xff\r\n",
                200,
            ),
            (format!("GET /signin HTTP/1.1\r\nHost: {host}\r\n"), b"", 200),
        ];
        for (head, odd, wanted) in cases {
            let request = [head.as_bytes(), odd, b"Accept: text/html\r\n\r\n"].concat();
            let status = self.service.browser().send(&request)?.status;
            let what = format!(
                "{} {}: {status}",
                head.trim_end(),
                String::from_utf8_lossy(odd).trim_end()
            );
            self.demand(status == wanted, &what);
        }
        for (hops, wanted) in [
            (&b"203.0.113.9"[..], 200),
            (b"\xff, 203.0.113.9", 200),
            (b"203.0.113.9, \xff", 400),
            (b"203.0.113.9, unknown", 400),
            (b"203.0.113.9, 127.200.0.2, 203.0.113.\xb9", 400),
        ] {
            let mut proxy = blackbox::http::Connection::open_from([127, 200, 0, 1].into(), self.service.port(0))?;
            let head = format!("GET /signin HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nX-Forwarded-For: ");
            let status = proxy.send(&[head.as_bytes(), hops, b"\r\n\r\n"].concat())?.status;
            let what = format!("a hop {}: {status}", String::from_utf8_lossy(hops));
            self.demand(status == wanted, &what);
        }
        let lines = self.service.log().matches("X-Forwarded-For is not an address").count();
        self.demand(lines == 3, &format!("{lines} log lines for 3 invalid hops"));
        Ok(())
    }

    /// Checks that a name loses its bidirectional control characters, and that a Persian name is unchanged.
    fn names(&mut self) -> Result<(), Fault> {
        for (name, kept) in [
            ("A\u{202e}d\u{2067}a\u{e0041}\u{200f}", "Ada"),
            ("علی\u{200c}رضا", "علی\u{200c}رضا"),
        ] {
            let email = self.service.stranger();
            let mut browser = self.service.browser();
            browser.step("/api/sign_up/begin", &[("email", &email)], "EnterCode")?;
            let code = self.service.mail.code_after(&email, 0)?;
            browser.step("/api/sign_up/answer", &[("code", &code)], "ChooseDetails")?;
            let details = [("name", name), ("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
            browser.step("/api/sign_up/finish", &details, "Done")?;
            let list = self.service.run(&["user", "list"], "")?;
            self.demand(
                list.contains(&format!("{email}\t{kept}\t")),
                &format!("{name:?} in the list"),
            );
        }
        Ok(())
    }
}
