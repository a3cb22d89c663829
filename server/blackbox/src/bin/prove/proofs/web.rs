//! Cross-site requests, forged addresses, and the recipients of e-mails.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, PASSWORD, Plan, Service, TABLES};
use blackbox::Fault;
use blackbox::http::{Wanted, encoded, form_of, form_request, get_request};

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 6,
        property: "E-mails go only to the stored address and contain nothing from request headers",
        hole: "`http/client.rs` used the browser's name as sent: 8 e-mails with text from a request.",
        on: Setting::ONE,
        run: recipients,
    },
    Proof {
        number: 12,
        property: "Cross-site requests have no effect; GET and HEAD change and send nothing",
        hole: "`http/same_origin.rs` accepted everything: 226 requests had an effect.",
        on: Setting::ONE,
        run: cross_site,
    },
    Proof {
        number: 16,
        property: "Every page has the security headers",
        hole: "`http/headers.rs` sent another value than `nosniff`: 18 pages were reported.",
        on: &[Setting::Sqlite],
        run: headers,
    },
];

const FORMS: [(&str, &str); 27] = [
    ("/api/sign_in/begin", "email=ada%40example.com"),
    ("/api/sign_in/password", "password=x"),
    ("/api/sign_in/answer", "code=123456"),
    ("/api/sign_in/resend", ""),
    ("/api/sign_in/restart", ""),
    ("/api/sign_in/sign_out", ""),
    ("/api/reset/begin", "email=ada%40example.com"),
    ("/api/reset/answer", "code=12345678"),
    ("/api/reset/resend", ""),
    ("/api/reset/choose", "password=x&again=x"),
    ("/api/sign_up/begin", "email=new%40example.com"),
    ("/api/sign_up/answer", "code=123456"),
    ("/api/sign_up/resend", ""),
    ("/api/sign_up/finish", "name=x&password=x&again=x"),
    ("/api/security/change_password", "current=x&password=y&again=y"),
    ("/api/security/end_session", "id=x"),
    ("/api/security/end_others", ""),
    ("/api/security/forget_device", "id=x"),
    ("/api/security/add_password", "password=x&again=x"),
    ("/api/security/disconnect", "id=x"),
    ("/api/connect/accept", ""),
    ("/api/connect/decline", ""),
    ("/api/confirm/password", "current=x"),
    ("/api/confirm/send", ""),
    ("/api/confirm/answer", "code=12345678"),
    ("/api/confirm/resend", ""),
    ("/api/preferences", "theme=dark"),
];

/// Tries spellings that could split, redirect or forge an e-mail.
fn recipients(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    service.add("victim@example.com", Kind::Local)?;
    let victim = "victim%40example.com";
    let eve = "eve%40evil.example";
    let forms = [
        format!("email={victim}&email={eve}"),
        format!("email[]={victim}&email[]={eve}"),
        format!("email={victim}%2C{eve}"),
        format!("email={victim}%3B{eve}"),
        format!("email={victim}%20{eve}"),
        format!("email={victim}%0A{eve}"),
        format!("email={victim}%0D%0ABcc%3A%20{eve}"),
        format!("email={victim}%0D%0ARCPT%20TO%3A%3C{eve}%3E"),
        format!("email=%22victim%40example.com%2C%22{eve}"),
        format!("email=Victim%20%3C{eve}%3E%2C{victim}"),
        format!("email={victim}%00{eve}"),
        format!("email={victim}%3E%20ORCPT%3Deve"),
        "email=vi\u{131}ctim%40example.com".into(),
        format!("email={}", encoded("ｖictim@example.com")),
        format!("email={}", encoded("victim@ex\u{430}mple.com")),
        format!("email={}", encoded("victim@xn--exmple-4nf.com")),
        format!("email={}", encoded("victim@example.com@evil.example")),
        format!("email={}", encoded("victim@[127.0.0.1]")),
        "email=VICTIM%40EXAMPLE.COM".into(),
        "email=+victim%40example.com.+".into(),
        format!("email={}", encoded("vic\u{200b}tim\u{ff20}example\u{3002}com")),
        format!("email={}", encoded("<victim@example.com>")),
        format!("email={}", encoded("mailto:victim@example.com?bcc=eve@evil.example")),
        format!("email={}", encoded("mailto:victim%40example.com@evil.example")),
        format!("email={}", encoded("\u{201c}victim@example.com\u{201d}")),
        format!("email={}", encoded("victim@\u{ff45}xample.com")),
        format!("email={}", encoded("victim@example.com\u{ff20}evil.example")),
        format!("email={}", encoded("\u{ff56}\u{ff49}\u{ff43}tim@example.com")),
        format!("email={}", encoded("<victim@example.com>,<eve@evil.example>")),
        format!("email={}", encoded("victim@evil.example\u{ff0f}example.com")),
    ];
    let forged = "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example;for=evil.example\r\nReferer: http://evil.example/\r\n\
                  X-Original-URL: //evil.example\r\nX-Forwarded-Proto: evil.example\r\nUser-Agent: evil.example <b>\r\n";
    let host = service.host();
    let forge = |request: &str, forged_host: bool| {
        // Forged headers follow the first line, so that they override the request's own.
        let request = request.replacen("\r\n", &format!("\r\n{forged}"), 1);
        let request = request.replacen("User-Agent: Mozilla", "X-Was: Mozilla", 1);
        if forged_host {
            request.replacen(&format!("\r\nHost: {host}"), "\r\nHost: evil.example", 1)
        } else {
            request
        }
    };
    let password = form_of(&[("password", PASSWORD)]);
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for path in ["/api/reset/begin", "/api/sign_up/begin", "/api/sign_in/begin"] {
        for (form, wanted, forged_host) in forms
            .iter()
            .flat_map(|form| [(form, Wanted::Data), (form, Wanted::Page)])
            .flat_map(|(form, wanted)| [(form, wanted, false), (form, wanted, true)])
        {
            let mut browser = service.browser();
            let mut steps = vec![(path, form)];
            if path == "/api/sign_in/begin" {
                steps.push(("/api/sign_in/password", &password));
            }
            for (path, form) in steps {
                let request = form_request(path, &host, form, &browser.jar, wanted);
                let answer = browser.send(forge(&request, forged_host).as_bytes())?;
                browser.jar.keep(&answer);
                tried += 1;
                if answer.status >= 500 || answer.header("location").contains("evil") {
                    wrong.push(format!("{form}: {} to {}", answer.status, answer.header("location")));
                }
            }
        }
    }
    service.be_quiet()?;
    let messages = service.mail.messages();
    for message in &messages {
        let data = String::from_utf8_lossy(&message.data).into_owned();
        let text = format!("{}\n{}\n{}", message.mail, data, message.text());
        let to = message.recipients.join(" ");
        let evil_named = !to.contains("evil.example") && text.contains("evil.example");
        let bcc = data.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:"));
        if message.recipients.len() != 1 || to.matches('@').count() != 1 || evil_named || bcc {
            wrong.push(format!("a mail to {to}"));
        }
        // An e-mail with a code, for the account's stored address only.
        let of_account = ["Reset", "passcode"]
            .iter()
            .any(|word| message.subject().contains(word));
        if message.code().is_some() && of_account && to != "RCPT TO:<victim@example.com>" {
            wrong.push(format!("a code of the account to {to}"));
        }
    }
    Ok(Finding {
        tried: format!(
            "{} spellings × reset, sign-up and sign-in × JSON and page × correct and forged Host, with forged headers; raw MAIL, RCPT and DATA are read",
            forms.len()
        ),
        times: tried,
        figure: format!(
            "{} e-mails, {} wrong {}",
            messages.len(),
            wrong.len(),
            wrong.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "0 wrong, and some e-mails".into(),
        holds: wrong.is_empty() && !messages.is_empty(),
    })
}

/// Sends requests as a browser would for another site, with the account's cookies.
fn cross_site(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let email = service.create_account(Kind::Local)?;
    let mut owner = service.browser();
    owner.sign_in(&service.mail, &email)?;
    service.be_quiet()?;
    let messages = service.mail.messages().len();
    let rows = rows(&service, ground)?;
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", service.host());
    let foreign = [
        "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n".to_owned(),
        "Origin: null\r\n".into(),
        "Origin: null\r\nSec-Fetch-Site: cross-site\r\n".into(),
        "Origin: null\r\nSec-Fetch-Site: none\r\n".into(),
        format!("Origin: http://{}\r\nSec-Fetch-Site: cross-site\r\n", service.host()),
        "Origin: http://sister.example.com\r\nSec-Fetch-Site: same-site\r\n".into(),
        format!("Origin: http://{}.evil.example\r\n", service.host()),
        format!("Origin: https://{}\r\n", service.host()),
        "Sec-Fetch-Site: cross-site\r\n".into(),
    ];
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (path, form) in FORMS {
        for wanted in [Wanted::Data, Wanted::Page] {
            let request = form_request(path, &service.host(), form, &owner.jar, wanted);
            for headers in &foreign {
                let answer = owner.send(request.replacen(&own, headers, 1).as_bytes())?;
                tried += 1;
                if answer.status != 403 || answer.cookies().next().is_some() || !answer.header("location").is_empty() {
                    wrong.push(format!(
                        "{path} with {}: {}",
                        headers.replace("\r\n", " "),
                        answer.status
                    ));
                }
            }
        }
        for method in ["GET", "HEAD"] {
            let status = asked(&owner, method, &format!("{path}?{form}"), &service.host())?;
            tried += 1;
            if status != 405 {
                wrong.push(format!("{method} {path}: {status}"));
            }
        }
    }
    for path in [
        "/signin",
        "/reset",
        "/signup",
        "/security",
        "/security/confirm",
        "/security/connect",
        "/signin/provider/google/callback",
        "/profile",
        "/account/privacy",
        "/account/privacy/delete",
        "/security/activity",
        "/preferences",
        "/preferences/time-zone",
        "/signed-out",
        "/help",
        "/.well-known/change-password",
    ] {
        for method in ["GET", "HEAD"] {
            let status = asked(&owner, method, path, &service.host())?;
            tried += 1;
            if status != 200 && status != 303 {
                wrong.push(format!("{method} {path}: {status}"));
            }
        }
    }
    service.be_quiet()?;
    let after = self::rows(&service, ground)?;
    if after != rows || service.mail.messages().len() != messages {
        wrong.push("rows changed, or e-mails were sent".into());
    }
    if !owner.is_signed_in()? {
        wrong.push("the owner is signed out".into());
    }
    Ok(Finding {
        tried: format!(
            "{} forms × JSON and page × {} kinds of cross-site requests; GET and HEAD of all",
            FORMS.len(),
            foreign.len()
        ),
        times: tried,
        figure: format!(
            "{} had an effect {}",
            wrong.len(),
            wrong.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "0, no row changed, no e-mail".into(),
        holds: wrong.is_empty(),
    })
}

/// Returns the status of a URL, requested with that method and the browser's cookies on a new connection.
fn asked(browser: &Browser, method: &str, address: &str, host: &str) -> Result<u16, Fault> {
    let request = get_request(address, host, &browser.jar, "Connection: close\r\n").replacen("GET", method, 1);
    let mut connection = browser.connect()?;
    connection.write(request.as_bytes())?;
    let mut answer = Vec::new();
    let read = std::io::Read::read_to_end(&mut connection.socket(), &mut answer);
    read.map_err(|error| format!("{method} {address}: {error}"))?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    match status {
        Some(_) if method == "HEAD" && !body.is_empty() => Err(format!("HEAD {address} has a body")),
        Some(status) => Ok(status),
        None => Err(format!("{method} {address}: no answer")),
    }
}

/// Returns all rows that a request could write, except the last use of a session.
fn rows(service: &Service, ground: &Ground) -> Result<String, Fault> {
    let mut rows = String::new();
    for table in TABLES {
        let columns = match table {
            "sessions" => "id, token_digest, account_id, ends_at",
            _ => "*",
        };
        rows.push_str(&service.sql(ground, &format!("SELECT {columns} FROM {table} ORDER BY 1"))?);
        rows.push('\n');
    }
    Ok(rows)
}

/// Returns a browser that is signed in to a service with an `https` origin.
fn signed_in_by_https(service: &Service) -> Result<Browser, Fault> {
    let email = service.create_account(Kind::Local)?;
    let mut owner = service.browser();
    let mut post = |path: &str, field: (&str, &str)| {
        let request = form_request(
            path,
            "accounts.example.com",
            &form_of(&[field]),
            &owner.jar,
            Wanted::Data,
        );
        let answer = owner.send(request.replace("http://accounts", "https://accounts").as_bytes())?;
        owner.jar.keep(&answer);
        Ok::<_, Fault>(answer)
    };
    post("/api/sign_in/begin", ("email", &email))?;
    post("/api/sign_in/password", ("password", PASSWORD))?;
    let code = service.mail.code_after(&email, 0)?;
    let answer = post("/api/sign_in/answer", ("code", &code))?;
    if answer.outcome() == "SignedIn" {
        Ok(owner)
    } else {
        Err(answer.unexpected("signing in"))
    }
}

/// Checks policy, referrer, framing, sniffing, caching, cookies and the nonce. The browser tests check Chromium's behaviour.
fn headers(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan::without_limits().set("ORIGIN", "https://accounts.example.com");
    let service = Service::start_with(ground, setting, &plan)?;
    let (mut wrong, mut tried, mut nonces) = (Vec::new(), 0, std::collections::BTreeSet::new());
    let mut owner = signed_in_by_https(&service)?;
    for path in [
        "/signin",
        "/signup",
        "/reset",
        "/security",
        "/signed-out",
        "/help",
        "/help/allowlist",
        "/nowhere",
        "/api/nowhere",
        "/profile",
        "/account/privacy",
        "/account/privacy/delete",
        "/security/activity",
        "/preferences",
        "/preferences/time-zone",
        "/security/password",
        "/security/confirm",
        "/security/connect",
        "/signin/provider/google/callback",
        "/organization",
        "/organization/join",
    ] {
        for browser in [&mut service.browser(), &mut owner] {
            let request = get_request(path, "accounts.example.com", &browser.jar, "");
            let answer = browser.send(request.as_bytes())?;
            tried += 1;
            let mut demand = |holds: bool, what: &str| {
                if !holds {
                    wrong.push(format!("{path}: {what}"));
                }
            };
            let policy = answer.header("content-security-policy");
            for part in [
                "default-src 'none'",
                "'wasm-unsafe-eval'",
                "object-src 'none'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ] {
                demand(policy.contains(part), part);
            }
            demand(
                !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'") && !policy.contains('*'),
                "a loose policy",
            );
            demand(
                answer.header("strict-transport-security").contains("max-age="),
                "no HSTS",
            );
            demand(answer.header("x-content-type-options") == "nosniff", "sniffing");
            demand(answer.header("cross-origin-opener-policy") == "same-origin", "COOP");
            demand(answer.header("referrer-policy") == "same-origin", "referrer");
            demand(answer.header("cache-control") == "no-store, no-transform", "stored");
            if let Some(nonce) = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()) {
                demand(nonce.len() >= 16 && nonces.insert(nonce.to_owned()), "a reused nonce");
            } else {
                demand(!answer.says("<script"), "scripts without a nonce");
            }
        }
    }
    let mut browser = service.browser();
    let form = form_of(&[("email", "somebody@example.com")]);
    let request = form_request(
        "/api/reset/begin",
        "accounts.example.com",
        &form,
        &browser.jar,
        Wanted::Data,
    );
    let answer = browser.send(request.replace("http://accounts", "https://accounts").as_bytes())?;
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    for (_, cookie) in &cookies {
        for part in ["__Host-", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
            if !cookie.contains(part) {
                wrong.push(format!("a cookie without {part}"));
            }
        }
    }
    Ok(Finding {
        tried: "pages when signed out and in, error pages and a form's cookie, with an https origin".into(),
        times: tried + cookies.len(),
        figure: format!("{} missing {}", wrong.len(), wrong.join("; ")),
        bound: "0".into(),
        holds: wrong.is_empty() && !cookies.is_empty() && nonces.len() >= 10,
    })
}
