//! Mail servers that are down or silent, reject e-mails, drop connections, or have the wrong certificate.

use crate::differ;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, Plan, Service};
use crate::timer;
use blackbox::Fault;
use blackbox::mailbox::{Mailbox, Mood};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 22,
        property: "A hostile mail server changes no screen, loses no e-mail and duplicates no code",
        hole: "`store/outbox.rs` claimed e-mails without a lease: 4 copies. `outbox_worker.rs` treated 550 as a temporary failure: the e-mail was retried.",
        on: Setting::ONE,
        run: moods,
    },
    Proof {
        number: 24,
        property: "In a flood of resets, each acknowledged reset sends exactly one e-mail",
        hole: "The same change: 66 e-mails for 60 acknowledged resets.",
        on: Setting::ONE,
        run: flood,
    },
];

/// The log entry of each failed delivery.
const NOT_LEFT: &str = "was not sent";

/// Runs resets in each mode of the mail server, which then becomes normal again.
fn moods(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        clock: true,
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    // A silent connection times out after 40 s: too long for the quick run.
    let silent = if ground.quick { Mood::Down } else { Mood::Silent };
    let moods = [
        Mood::Kind,
        Mood::Down,
        silent,
        Mood::Refuses(421),
        Mood::Refuses(450),
        Mood::Refuses(550),
        Mood::DropsAfterData,
    ];
    let each = ground.times(6, 40);
    let (mut times, mut wrong, mut screen) = (Vec::new(), Vec::new(), None);
    for mood in moods {
        service.mail.set(mood);
        let failed = service.log().matches(NOT_LEFT).count();
        let accounts = service.create_accounts(Kind::LocalWithoutPassword, each)?;
        let mut browsers = Vec::new();
        for email in &accounts {
            let mut browser = service.browser();
            let mut answer = None;
            times.push(timer::ms(|| {
                answer = Some(browser.begin_reset(email)?);
                Ok(())
            })?);
            let seen = answer.map(|answer| differ::masked(&answer, email));
            if screen.get_or_insert_with(|| seen.clone()) != &seen {
                wrong.push(format!("{mood:?}: a different screen"));
            }
            browsers.push(browser);
        }
        // Wait for at least one delivery in that mode before the server becomes normal again.
        if mood == Mood::DropsAfterData {
            service.mail.wait(&accounts[0], 1)?;
        } else if mood != Mood::Kind {
            service.until_log_has(NOT_LEFT, failed + 1)?;
        }
        service.mail.set(Mood::Kind);
        for (email, browser) in accounts.iter().zip(&mut browsers) {
            if mood == Mood::Refuses(550) {
                // After a permanent rejection, the account's owner may request another e-mail.
                continue;
            }
            let code = service.mail.code_after(email, 0)?;
            browser.step("/api/reset/answer", &[("code", &code)], "ChoosePassword")?;
        }
        service.be_quiet()?;
        for email in &accounts {
            let messages = service.mail.to(email);
            let ids: BTreeSet<_> = messages.iter().map(|message| message.header("Message-ID")).collect();
            let codes: BTreeSet<_> = messages.iter().filter_map(blackbox::mailbox::Message::code).collect();
            let most = if mood == Mood::DropsAfterData { 2 } else { 1 };
            if messages.len() > most || ids.len() > 1 || codes.len() > 1 {
                wrong.push(format!("{mood:?}: {} copies, {} codes", messages.len(), codes.len()));
            }
        }
    }
    // A permanent rejection isn't retried: long after, later e-mails arrive and the rejected ones don't.
    service.mail.set(Mood::Refuses(550));
    let refused = service.create_account(Kind::LocalWithoutPassword)?;
    let failed = service.log().matches(NOT_LEFT).count();
    service.browser().begin_reset(&refused)?;
    service.until_log_has(NOT_LEFT, failed + 1)?;
    service.mail.set(Mood::Kind);
    service.move_clock(120)?;
    let later = service.create_account(Kind::LocalWithoutPassword)?;
    service.browser().begin_reset(&later)?;
    service.mail.code_after(&later, 0)?;
    service.be_quiet()?;
    if !service.mail.to(&refused).is_empty() {
        wrong.push("550: retried".into());
    }
    // A server with a self-signed certificate gets no e-mail.
    let stranger = Mailbox::open_with_bad_certificate()?;
    let plan = Plan {
        smtp: Some(stranger.url()),
        ..Plan::without_limits()
    };
    let other = Service::start_with(ground, setting, &plan)?;
    let email = other.create_account(Kind::LocalWithoutPassword)?;
    let answer = other.browser().begin_reset(&email)?;
    if screen
        != Some(Some(
            differ::masked(&answer, &email).replace(&other.host(), &service.host()),
        ))
    {
        wrong.push("bad certificate: a different screen".into());
    }
    other.until_log_has(NOT_LEFT, 1)?;
    if !stranger.messages().is_empty() {
        wrong.push("bad certificate: an e-mail was sent".into());
    }
    // With the certificate configured by the operator, it gets every e-mail.
    let file = service.folder().join("authority.pem");
    std::fs::write(&file, stranger.certificate()).map_err(|error| error.to_string())?;
    let trusting = Service::start_with(ground, setting, &plan.set("CA_FILE", file.display()))?;
    let email = trusting.create_account(Kind::LocalWithoutPassword)?;
    trusting.browser().begin_reset(&email)?;
    if stranger.wait(&email, 1).is_err() {
        wrong.push("a private authority: no e-mail was sent".into());
    }
    let p95 = timer::percentile(&times, 95);
    let bound = ground.scaled_ms(300.0);
    Ok(Finding {
        tried: format!(
            "{each} resets each: working, down, silent (full run), 421, 450, 550, dropped after DATA, invalid certificate"
        ),
        times: times.len() + 3,
        figure: format!(
            "{} wrong {}; p95 {p95:.0} ms",
            wrong.len(),
            wrong.first().map(String::as_str).unwrap_or_default()
        ),
        bound: format!("same screen, ≤ 2 copies, 1 code; p95 ≤ {bound:.0} ms"),
        holds: wrong.is_empty() && p95 <= bound,
    })
}

/// Floods the service from as many clients as possible, and counts every e-mail.
fn flood(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let asked = ground.times(1_000, 10_000);
    let accounts = service.create_accounts(Kind::LocalWithoutPassword, ground.times(60, 300))?;
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let worker = || {
        let (mut acknowledged, mut later, mut odd) = (Vec::new(), 0, Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= asked {
                return Ok((acknowledged, later, odd));
            }
            let email = accounts.get(number).cloned().unwrap_or_else(|| service.stranger());
            let answer = service.browser().post("/api/reset/begin", &[("email", &email)])?;
            match answer.status {
                200 => acknowledged.push(email),
                503 if !answer.header("retry-after").is_empty() => later += 1,
                _ => odd.push(answer.unexpected("a reset")),
            }
        }
    };
    let (mut acknowledged, mut later, mut odd) = (Vec::new(), 0, Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..32).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            let done: Result<_, Fault> = worker.join().map_err(|_| "a helper thread panicked")?;
            let (ours, busy, strange) = done?;
            acknowledged.extend(ours);
            later += busy;
            odd.extend(strange);
        }
        Ok::<_, Fault>(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    for email in &acknowledged {
        service.mail.wait_for(email, 1, Duration::from_secs(120))?;
    }
    service.be_quiet()?;
    let messages = service.mail.messages().len();
    Ok(Finding {
        tried: format!("{asked} resets by as many clients, 32 concurrently"),
        times: asked,
        figure: format!(
            "{} acknowledged in {seconds:.1} s, {messages} e-mails, {later} got 503, {} unexpected {}",
            acknowledged.len(),
            odd.len(),
            odd.first().map(String::as_str).unwrap_or_default()
        ),
        bound: "an e-mail each, no 500".into(),
        holds: messages == acknowledged.len() && odd.is_empty(),
    })
}
