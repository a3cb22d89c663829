//! Clock jumps; slow, endless and malformed requests; more passwords than the machine can hash.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, Plan, Service};
use crate::timer;
use blackbox::http::{Connection, Wanted, form_of, form_request};
use blackbox::{Fault, machine};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 23,
        property: "Hashing is limited: a flood of sign-ins doesn't slow down other requests",
        hole: "`hashing.rs` allowed a hundred times as many running and waiting hashes: 0.73 of the capacity, 294 MiB.",
        on: &[Setting::Sqlite],
        run: hashing,
    },
    Proof {
        number: 32,
        property: "A flood by one client slows down only that client: others can sign in, and pages load",
        hole: "The version without a fair queue, whose threads also estimated password strength, on a busy machine: `begin` of other clients got 503, because the database got no CPU time.",
        on: &[Setting::Sqlite],
        run: one_client,
    },
    Proof {
        number: 26,
        property: "A clock jump revives nothing",
        hole: "The changes of proof 2: a used code opened its flow again after a jump. `clock.rs` followed the system clock back: an expired code, flow and session became valid again.",
        on: Setting::ONE,
        run: jumps,
    },
    Proof {
        number: 26,
        property: "Slow, endless and malformed requests are refused, and the service stays available",
        hole: "`http/edge.rs` accepted bodies of 1 MiB: 20 KB were read and answered as a form.",
        on: &[Setting::Sqlite],
        run: odd,
    },
];

/// Checks that expired and used secrets stay invalid when the clock goes back an hour.
fn jumps(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(
        ground,
        setting,
        &Plan {
            clock: true,
            ..Plan::without_limits().set("SESSION_IDLE_MINUTES", 30)
        },
    )?;
    let mut alive = Vec::new();
    // A used code and its finished flow.
    let email = service.create_account(Kind::Local)?;
    let mut used = service.browser();
    used.begin_reset(&email)?;
    let used_code = service.mail.code_after(&email, 0)?;
    used.step("/api/reset/answer", &[("code", &used_code)], "ChoosePassword")?;
    let new = [
        ("password", crate::service::NEW_PASSWORD),
        ("again", crate::service::NEW_PASSWORD),
    ];
    used.step("/api/reset/choose", &new, "Done")?;
    // A replaced code, and an ended session.
    let other = service.create_account(Kind::Local)?;
    let mut ended = service.browser();
    ended.sign_in(&service.mail, &other)?;
    let mut thief = ended.tab(service.port(0));
    ended.post("/api/sign_in/sign_out", &[])?;
    let seen = service.mail.to(&other).len();
    let mut older = service.browser();
    older.begin_reset(&other)?;
    let old_code = service.mail.code_after(&other, seen)?;
    let seen = service.mail.to(&other).len();
    // One reset e-mail per second is allowed.
    service.move_clock(2)?;
    service.browser().begin_reset(&other)?;
    service.mail.code_after(&other, seen)?;
    // An expired code, flow at its password step and idle session. No request uses them meanwhile, so no row records the expiry.
    let idle = service.create_account(Kind::Local)?;
    let mut session = service.browser();
    session.sign_in(&service.mail, &idle)?;
    let late_email = service.create_account(Kind::Local)?;
    let mut late = service.browser();
    late.begin_reset(&late_email)?;
    let late_code = service.mail.code_after(&late_email, 0)?;
    let over_email = service.create_account(Kind::Local)?;
    let mut over = service.browser();
    over.reset_to_password(&service.mail, &over_email)?;
    let mut tried = 0;
    for seconds in [3_700, -3_600, 0] {
        service.move_clock(seconds)?;
        let mut look = |what: &str, answer: blackbox::http::Answer| {
            tried += 1;
            if answer.status == 200 || answer.status >= 500 {
                alive.push(format!(
                    "{what} at {seconds:+} s: {} {}",
                    answer.status,
                    answer.outcome()
                ));
            }
        };
        look("a used code", used.post("/api/reset/answer", &[("code", &used_code)])?);
        look("a used flow", used.post("/api/reset/choose", &new)?);
        look(
            "a replaced code",
            older.post("/api/reset/answer", &[("code", &old_code)])?,
        );
        look("an ended session", thief.open("/security")?);
        if seconds <= 0 {
            look("a late code", late.post("/api/reset/answer", &[("code", &late_code)])?);
            look("a flow that is over", over.post("/api/reset/choose", &new)?);
            look("a session that is over", session.open("/security")?);
        }
    }
    Ok(Finding {
        tried:
            "used, replaced, ended and expired codes, flows and sessions, with the clock an hour ahead and an hour back"
                .into(),
        times: tried,
        figure: format!(
            "{} alive {}",
            alive.len(),
            alive.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "0".into(),
        holds: alive.is_empty(),
    })
}

/// Sends malformed and slow requests, and checks that other requests are still answered.
fn odd(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let host = service.host();
    let post = |more: &str, body: &str| {
        format!(
            "POST /api/reset/begin HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n{more}\r\n{body}"
        )
    };
    let large = "a".repeat(20_000);
    let requests = [
        (
            "a body of 20 KB",
            post("Content-Length: 20006\r\n", &format!("email={large}")),
        ),
        (
            "a chunked body of 20 KB",
            post(
                "Transfer-Encoding: chunked\r\n",
                &format!("4e26\r\nemail={large}\r\n0\r\n\r\n"),
            ),
        ),
        (
            "two lengths",
            post("Content-Length: 5\r\nContent-Length: 6\r\n", "email="),
        ),
        (
            "length and chunks",
            post(
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
            ),
        ),
        ("chunks of no number", post("Transfer-Encoding: chunked\r\n", "zz\r\n")),
        ("a length of no number", post("Content-Length: -1\r\n", "")),
        (
            "headers of 1 MB",
            format!(
                "GET /signin HTTP/1.1\r\nHost: {host}\r\nX-Large: {}\r\n\r\n",
                "a".repeat(1_000_000)
            ),
        ),
        (
            "1,000 headers",
            format!(
                "GET /signin HTTP/1.1\r\nHost: {host}\r\n{}\r\n",
                "X-A: b\r\n".repeat(1_000)
            ),
        ),
        (
            "a NUL in the path",
            format!("GET /sign\0in HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        ),
        (
            "a method of its own",
            format!("BREW /signin HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        ),
        ("TRACE", format!("TRACE /signin HTTP/1.1\r\nHost: {host}\r\n\r\n")),
        ("no request", "\r\n\r\nhello\r\n\r\n".to_owned()),
        (
            "a path of 70 KB",
            format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(70_000)),
        ),
        (
            "an encoded climb",
            format!("GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, request) in &requests {
        let browser = service.browser();
        let mut connection = browser.connect()?;
        // Closing the connection counts as an answer.
        let answer = connection
            .write(request.as_bytes())
            .and_then(|()| connection.read_after(b"odd"));
        // An oversized body gets 413 and isn't read as a form.
        let wanted = if name.ends_with("of 20 KB") {
            413..=413
        } else {
            300..=499
        };
        if let Ok(answer) = answer
            && !wanted.contains(&answer.status)
        {
            wrong.push(format!("{name}: {}", answer.status));
        }
    }
    // 200 slow clients hold their connections while others are answered.
    let mut slow = Vec::new();
    for number in 0..ground.times(100, 400) {
        let connection = Connection::open_from(service.browser().client, service.port(0))?;
        let begun = if number % 2 == 0 {
            "GET /signin HTTP/1.1\r\nHost: ".to_owned()
        } else {
            post("Content-Length: 100\r\n", "em")
        };
        connection
            .socket()
            .write_all(begun.as_bytes())
            .map_err(|error| error.to_string())?;
        slow.push(connection);
    }
    let mut pages = Vec::new();
    for _ in 0..50 {
        pages.push(timer::ms(|| match service.browser().open("/signin")?.status {
            200 => Ok(()),
            status => Err(format!("/signin: {status}")),
        })?);
    }
    // The server closes each connection in time: 10 s for a body, 30 s for headers.
    let began = Instant::now();
    // The quick run checks only some of the slow bodies.
    let checked = if ground.quick { 4 } else { slow.len() };
    let step = if ground.quick { 2 } else { 1 };
    for connection in slow.iter().rev().step_by(step).take(checked) {
        let most = Duration::from_secs(if ground.quick { 15 } else { 40 });
        let _ = connection.socket().set_read_timeout(Some(most));
        let mut rest = Vec::new();
        if connection.socket().read_to_end(&mut rest).is_err() {
            wrong.push("a slow connection stays open".into());
        }
    }
    let p99 = timer::percentile(&pages, 99);
    let bound = ground.scaled_ms(200.0);
    let up = service.browser().open("/readyz")?.status == 200 && !service.log().contains("panic");
    Ok(Finding {
        tried: format!(
            "{} malformed requests; page requests during {} slow connections",
            requests.len(),
            slow.len()
        ),
        times: requests.len() + slow.len() + pages.len(),
        figure: format!(
            "{} answered wrongly {}; page p99 {p99:.0} ms; slow ones closed in {:.0} s",
            wrong.len(),
            wrong.join("; "),
            began.elapsed().as_secs_f64()
        ),
        bound: format!("refused or ended, page p99 ≤ {bound:.0} ms, up"),
        holds: wrong.is_empty() && p99 <= bound && up,
    })
}

/// Sends as many sign-ins as the cores can hash, then ten times as many.
fn hashing(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let accounts = service.create_accounts(Kind::Local, 40)?;
    let seconds = ground.times(4, 20);
    let cores = machine::cores();
    let capacity = sign_ins(&service, &accounts, cores * 2, seconds)?;
    let server = service.server(0)?;
    let over = AtomicBool::new(false);
    let (flood, mut pages) = std::thread::scope(|scope| {
        let pages = scope.spawn(|| open_pages(&service, &over));
        let flood = sign_ins(&service, &accounts, cores * 64, seconds);
        over.store(true, Ordering::Relaxed);
        let pages = pages.join().map_err(|_| "a helper thread panicked")??;
        flood.map(|flood| (flood, pages))
    })?;
    pages.sort_by(f64::total_cmp);
    // Cancelled requests leak no permit.
    for number in 0..ground.times(100, 300) {
        let mut browser = service.browser();
        let email = &accounts[number % accounts.len()];
        browser.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
        let request = browser.request("/api/sign_in/password", &[("password", "not the right one")]);
        browser.connect()?.write(&request)?;
    }
    service.be_quiet()?;
    // Other processes may use the cores for a while, so retry; a leaked permit is permanent.
    let mut after = sign_ins(&service, &accounts, cores * 2, seconds)?;
    for _ in 0..3 {
        if after.a_second < 0.8 * capacity.a_second {
            after = sign_ins(&service, &accounts, cores * 2, seconds)?;
        }
    }
    let memory = machine::memory_mib(server.id(), "VmHWM")?;
    let share = flood.a_second / capacity.a_second;
    let again = after.a_second / capacity.a_second;
    let p99 = timer::percentile(&pages, 99);
    let bound = ground.scaled_ms(500.0);
    Ok(Finding {
        tried: format!(
            "passwords from {} clients, then from {}; {} cancelled; then from the first clients again",
            cores * 2,
            cores * 64,
            ground.times(100, 300)
        ),
        times: capacity.done + flood.done + flood.later + after.done,
        figure: format!(
            "{:.0} a second alone, {:.0} in the flood ({share:.2}), {} got 503, {} unexpected; page p99 {p99:.0} ms; {memory:.0} MiB; {again:.2} afterwards",
            capacity.a_second, flood.a_second, flood.later, flood.odd
        ),
        bound: format!("≥ 0.8; all refusals 503; p99 ≤ {bound:.0} ms; ≤ 256 MiB; ≥ 0.8 afterwards"),
        holds: share >= 0.8 && flood.odd == 0 && p99 <= bound && memory <= 256.0 && again >= 0.8,
    })
}

/// Connections of the single client.
const OF_ONE_CLIENT: usize = 300;
/// Number of other clients signing in meanwhile, each with its own address.
const OTHERS: usize = 16;
/// The longest password, in leetspeak: the slowest to estimate. It is a leaked one, so that it is refused last and can be resent.
const SLOW: &str = "4@8(369&#1!70$5+%24@8(369&#1!70$5+%2Kw4@8(369&#1!70$5+%24@8(369&#1!70$5+%2Kw4@8(369&#1!70$5+%24@8(369&#1!70$5+%2Kw4@8(369&#1!z";

/// Measures the sign-ins of other clients, first alone, then during one client's flood of passwords on hundreds of connections.
fn one_client(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        leaked: Some(SLOW),
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let accounts = service.create_accounts(Kind::Local, 40)?;
    let seconds = ground.times(5, 20);
    let mut flood = connections_of_one_client(&service, &accounts)?;
    let (mut alone, mut beside, mut pages, mut times) = beside_a_flood(&service, &accounts, &mut flood, seconds)?;
    // Other processes may use the cores for a while, so retry; an unfair queue fails each time.
    for _ in 0..3 {
        if beside.a_second < 0.8 * alone.a_second {
            let again = beside_a_flood(&service, &accounts, &mut flood, seconds)?;
            times += again.3;
            (alone, beside, pages) = (again.0, again.1, again.2);
        }
    }
    pages.sort_by(f64::total_cmp);
    let share = beside.a_second / alone.a_second;
    let p99 = timer::percentile(&pages, 99);
    let bound = ground.scaled_ms(500.0);
    Ok(Finding {
        tried: format!(
            "passwords from {OTHERS} clients, alone and then during {OF_ONE_CLIENT} connections of one client, a third of them with new passwords of {} characters",
            SLOW.len()
        ),
        times,
        figure: format!(
            "{:.0} a second alone, {:.0} beside it ({share:.2}), {} of them got 503, {} unexpected; page p99 {p99:.0} ms",
            alone.a_second, beside.a_second, beside.later, beside.odd
        ),
        bound: format!("≥ 0.8; p99 ≤ {bound:.0} ms"),
        holds: share >= 0.8 && beside.odd == 0 && p99 <= bound,
    })
}

/// Returns the sign-ins of other clients without and with the flood, the page's response times in ms during the flood, and the
/// number of the flood's requests.
fn beside_a_flood(
    service: &Service,
    accounts: &[String],
    flood: &mut [(Browser, Vec<u8>)],
    seconds: u64,
) -> Result<(Crowd, Crowd, Vec<f64>, usize), Fault> {
    let alone = sign_ins(service, accounts, OTHERS, seconds)?;
    let (over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (beside, pages) = std::thread::scope(|scope| {
        for (browser, request) in flood {
            let (over, sent) = (&over, &sent);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    // The client repeats the request immediately after any answer.
                    let _ = browser.send(request);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let pages = scope.spawn(|| open_pages(service, &over));
        let beside = sign_ins(service, accounts, OTHERS, seconds);
        over.store(true, Ordering::Relaxed);
        let pages = pages.join().map_err(|_| "a helper thread panicked")??;
        beside.map(|beside| (beside, pages))
    })?;
    let times = alone.done + beside.done + sent.into_inner();
    Ok((alone, beside, pages, times))
}

/// Returns browsers of one address, each with a request to repeat: an incorrect password, or a refused new one.
fn connections_of_one_client(service: &Service, accounts: &[String]) -> Result<Vec<(Browser, Vec<u8>)>, Fault> {
    let client = service.browser().client;
    let mut connections = Vec::with_capacity(OF_ONE_CLIENT);
    for email in &accounts[..OF_ONE_CLIENT / 15] {
        let mut resetting = service.browser();
        resetting.client = client;
        resetting.reset_to_password(&service.mail, email)?;
        let mut signing_in = service.browser();
        signing_in.client = client;
        signing_in.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
        let new = resetting.request("/api/reset/choose", &[("password", SLOW), ("again", SLOW)]);
        let wrong = signing_in.request("/api/sign_in/password", &[("password", "not the right one")]);
        for number in 0..15 {
            connections.push(if number % 3 == 0 {
                (resetting.tab(service.port(0)), new.clone())
            } else {
                (signing_in.tab(service.port(0)), wrong.clone())
            });
        }
    }
    Ok(connections)
}

struct Crowd {
    a_second: f64,
    done: usize,
    later: usize,
    odd: usize,
}

/// Sends incorrect and correct passwords from `clients` concurrent clients.
fn sign_ins(service: &Service, accounts: &[String], clients: usize, seconds: u64) -> Result<Crowd, Fault> {
    let (next, done, later, odd) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let until = Instant::now() + Duration::from_secs(seconds);
    let began = Instant::now();
    let client = || -> Result<(), Fault> {
        let mut browser: Browser = service.browser();
        while Instant::now() < until {
            let email = &accounts[next.fetch_add(1, Ordering::Relaxed) % accounts.len()];
            browser.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
            let form = form_of(&[("password", "not the right one")]);
            let request = form_request(
                "/api/sign_in/password",
                &service.host(),
                &form,
                &browser.jar,
                Wanted::Data,
            );
            let answer = browser.send(request.as_bytes())?;
            let counted = match answer.status {
                422 => &done,
                503 if !answer.header("retry-after").is_empty() => &later,
                _ => &odd,
            };
            counted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().map_err(|_| "a helper thread panicked")?)
    })?;
    let count = done.load(Ordering::Relaxed);
    Ok(Crowd {
        a_second: f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64(),
        done: count,
        later: later.load(Ordering::Relaxed),
        odd: odd.load(Ordering::Relaxed),
    })
}

/// Opens the sign-in page every 20 ms until it is `over`; returns the durations in ms.
fn open_pages(service: &Service, over: &AtomicBool) -> Result<Vec<f64>, Fault> {
    let (mut browser, mut pages) = (service.browser(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        pages.push(timer::ms(|| browser.open("/signin").map(drop))?);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(pages)
}
