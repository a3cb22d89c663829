//! Rate limits identify clients by address, and map all spellings of an address to one key.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Plan, Service};
use blackbox::Fault;
use blackbox::http::{Wanted, form_of, form_request};

pub const PROOFS: &[Proof] = &[Proof {
    number: 17,
    property: "The client's address comes from the socket or a configured proxy; limits use canonical keys",
    hole: "`http/client.rs` trusted the header of every client: 40 resets instead of 20. `LIMIT_CLIENT_A_MINUTE` was 1,000: 8 bypasses.",
    on: &[Setting::Sqlite, Setting::Postgres2],
    run: client_address,
}];

/// Counts the resets per minute of a client that forges a different header each time.
fn client_address(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let forged = |service: &Service, number: usize, header: &str| -> Result<u16, Fault> {
        // The client address is the same each time.
        let browser = Browser::new(service.port(number), service.host());
        let mut connection = blackbox::http::Connection::open(service.port(number))?;
        let form = form_of(&[("email", &service.stranger())]);
        let request = form_request("/api/reset/begin", &service.host(), &form, &browser.jar, Wanted::Data);
        let answer = connection.send(request.replacen("\r\n", &format!("\r\n{header}"), 1).as_bytes())?;
        if answer.status == 429 && answer.header("retry-after").is_empty() {
            return Err("429 without Retry-After".into());
        }
        Ok(answer.status)
    };
    let passed = |service: &Service, header: &dyn Fn(usize) -> String| -> Result<usize, Fault> {
        let mut passed = 0;
        for number in 0..40 {
            passed += usize::from(forged(service, number, &header(number))? == 200);
        }
        Ok(passed)
    };
    let service = Service::start_with(ground, setting, &Plan::default().set("LIMIT_EMAILS_AN_HOUR", 1))?;
    let from_nobody = passed(&service, &|number| {
        format!(
            "X-Forwarded-For: 203.0.113.{number}\r\nForwarded: for=203.0.113.{number}\r\nX-Real-IP: 203.0.113.{number}\r\n"
        )
    })?;
    let trusting = Service::start_with(ground, setting, &Plan::default().set("TRUSTED_PROXIES", "127.0.0.0/8"))?;
    let from_proxy = passed(&trusting, &|number| format!("X-Forwarded-For: 203.0.113.{number}\r\n"))?;
    let prepended = passed(&trusting, &|number| {
        format!("X-Forwarded-For: 198.51.100.{number}, 192.0.2.7\r\n")
    })?;
    let neighbours = passed(&trusting, &|number| {
        format!("X-Forwarded-For: 2001:db8:1:2::{number:x}\r\n")
    })?;
    // All spellings of one address share its limit of one e-mail an hour per client.
    let (mut spellings, client) = (0, service.browser().client);
    for spelling in [
        "Someone@example.com",
        "someone@EXAMPLE.com",
        " someone@example.com. ",
        "SOMEONE@example.com",
    ] {
        let mut browser = service.browser_at(spellings);
        browser.client = client;
        spellings += usize::from(browser.post("/api/reset/begin", &[("email", spelling)])?.status == 200);
    }
    let (ways, around) = ways_around(&service)?;
    let figure = [from_nobody, from_proxy, prepended, neighbours, spellings, around];
    Ok(Finding {
        tried: format!(
            "40 resets each: by one client with forged headers, by 40 clients through a trusted proxy, with a forged entry before the proxy's, from one /64; one address in 4 spellings; a rate-limited request by {ways} other paths and methods"
        ),
        times: 164 + ways,
        figure: format!(
            "{from_nobody}, {from_proxy}, {prepended}, {neighbours}; {spellings} spelling; {around} around"
        ),
        bound: "20, 40, 20, 20; 1; 0".into(),
        holds: figure == [20, 40, 20, 20, 1, 0],
    })
}

/// Returns the number of other spellings of a request, and how many of them bypassed the client's limit.
fn ways_around(service: &Service) -> Result<(usize, usize), Fault> {
    const PATH: &str = "/api/reset/begin";
    let paths = [
        "/api/reset/begin?again=1",
        "/api/reset/begin/",
        "//api/reset/begin",
        "/api//reset/begin",
        "/API/reset/begin",
        "/api/reset/BEGIN",
        "/api/reset/%62egin",
        "/api/reset%2fbegin",
        "/api/./reset/begin",
        "/api/x/../reset/begin",
        "/api/reset/begin;x=1",
        "/api/reset/begin%00",
        "/api/reset/begin%20",
        "/api/reset/begin.json",
        "http://elsewhere.example/api/reset/begin",
    ];
    let methods = [
        "POST /api/reset/begin HTTP/1.1\r\nX-HTTP-Method-Override: GET\r\nX-Forwarded-Uri: /",
        "POST /api/reset/begin HTTP/1.0",
        "PUT /api/reset/begin HTTP/1.1",
        "PATCH /api/reset/begin HTTP/1.1",
        "post /api/reset/begin HTTP/1.1",
        "DELETE /api/reset/begin HTTP/1.1",
    ];
    let lines = paths.iter().map(|path| format!("POST {path} HTTP/1.1"));
    let lines: Vec<String> = lines.chain(methods.iter().map(|line| (*line).to_owned())).collect();
    let (mut tried, mut around) = (0, 0);
    for wanted in [Wanted::Data, Wanted::Page] {
        for line in &lines {
            let browser = Browser::new(service.port(tried), service.host());
            let form = form_of(&[("email", &service.stranger())]);
            let request = form_request(PATH, &service.host(), &form, &browser.jar, wanted);
            let request = request.replacen(&format!("POST {PATH} HTTP/1.1"), line, 1);
            // The client made the first forty requests, too.
            let mut connection = blackbox::http::Connection::open(service.port(tried))?;
            tried += 1;
            let answer = connection.send(request.as_bytes())?;
            let got = answer.outcome() == "EnterCode" || answer.cookies().any(|(name, _)| name.ends_with("reset"));
            around += usize::from(got || answer.status >= 500);
        }
    }
    Ok((tried, around))
}
