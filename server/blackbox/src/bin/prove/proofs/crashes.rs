//! Kills, stops and database outages of the service in the middle of resets.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::invariants::{self, Case};
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, Plan, Service};
use blackbox::Fault;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 21,
        property: "kill -9 at any time leaves a reset consistent; SIGTERM drains requests",
        hole: "`flows/reset.rs` responded before the commit: an acknowledged change was lost in 4 of 8 kills.",
        on: Setting::ONE,
        run: killed,
    },
    Proof {
        number: 25,
        property: "Requests wait during a 3 s database lock and a database restart; no acknowledged write is lost",
        hole: "The version before the fix: 15 requests got 500 while PostgreSQL was down; now they get 503.",
        on: Setting::ONE,
        run: database_away,
    },
    Proof {
        number: 28,
        property: "A rolling restart of two servers under load fails no request",
        hole: "The version before the fix: connections in the kernel's accept queue were reset, and connections without a request were closed.",
        on: &[Setting::Sqlite2, Setting::Postgres2],
        run: rolling,
    },
];

/// Concurrent resets when the server is killed.
const IN_FLIGHT: usize = 4;

/// Kills the server repeatedly while new passwords are being submitted.
fn killed(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let mut service = Service::start_with(
        ground,
        setting,
        &Plan {
            clock: true,
            ..Plan::without_limits()
        },
    )?;
    let kills = ground.times(8, 500);
    let (mut slowest, mut wrong, mut changed) = (0.0_f64, Vec::new(), 0);
    for kill in 0..kills {
        let mut cases = Vec::new();
        let mut choosing = Vec::new();
        for email in service.create_accounts(Kind::Local, IN_FLIGHT)? {
            let mut before = service.browser();
            before.sign_in(&service.mail, &email)?;
            let mut browser = service.browser();
            browser.reset_to_password(&service.mail, &email)?;
            choosing.push(browser);
            cases.push(Case {
                email,
                before,
                acknowledged: false,
            });
        }
        // Every other kill follows the first acknowledgement; the others come between the first hash and the last commit.
        let moment = Duration::from_millis(u64::try_from(kill * 17 % 97).unwrap_or_default());
        let done = AtomicUsize::new(0);
        let acknowledged: Vec<bool> = std::thread::scope(|scope| {
            let threads = choosing.iter_mut().map(|browser| {
                scope.spawn(|| {
                    let acknowledged = choose(browser);
                    done.fetch_add(usize::from(acknowledged), Ordering::Relaxed);
                    acknowledged
                })
            });
            let threads: Vec<_> = threads.collect();
            let began = Instant::now();
            while if kill % 2 == 1 {
                done.load(Ordering::Relaxed) == 0 && began.elapsed() < Duration::from_secs(10)
            } else {
                began.elapsed() < moment
            } {
                std::thread::sleep(Duration::from_millis(1));
            }
            service.kill_server(0);
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or(false))
                .collect()
        });
        slowest = slowest.max(service.start_server(0)?);
        // The lease of a killed outbox worker ends after a minute.
        service.move_clock(i64::try_from(kill + 1).unwrap_or_default() * 61)?;
        for (case, acknowledged) in cases.iter_mut().zip(acknowledged) {
            case.acknowledged = acknowledged;
            changed += usize::from(acknowledged);
            wrong.extend(invariants::violation(&service, case)?);
        }
        wrong.extend(invariants::integrity(&service, ground)?);
    }
    // A request in progress is answered after SIGTERM.
    let email = service.create_account(Kind::Local)?;
    let mut browser = service.browser();
    browser.reset_to_password(&service.mail, &email)?;
    let (drained, finished) = std::thread::scope(|scope| {
        let thread = scope.spawn(|| choose(&mut browser));
        std::thread::sleep(Duration::from_millis(5));
        let drained = service.stop_server(0);
        (drained, thread.join().unwrap_or(false))
    });
    let drained = drained?;
    if !finished {
        wrong.push("SIGTERM interrupted a request".into());
    }
    Ok(Finding {
        tried: format!("{kills} kills, each during {IN_FLIGHT} resets, then the invariants of each reset; a SIGTERM"),
        times: kills * IN_FLIGHT,
        figure: format!(
            "{} violations{}; {changed} were acknowledged before the kill; ready in ≤ {slowest:.2} s; drained in {drained:.2} s",
            wrong.len(),
            wrong
                .first()
                .map(|first| format!(", such as {first}"))
                .unwrap_or_default()
        ),
        bound: "0; ready ≤ 5 s; drained ≤ 10 s".into(),
        holds: wrong.is_empty() && slowest * 1_000.0 <= ground.scaled_ms(5_000.0) && drained <= 10.5,
    })
}

/// Submits the new password; returns whether it was acknowledged.
fn choose(browser: &mut Browser) -> bool {
    let fields = [("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
    let request = browser.request("/api/reset/choose", &fields);
    // No retry, because a browser wouldn't.
    let answer = browser.connect().and_then(|mut connection| connection.send(&request));
    answer.is_ok_and(|answer| answer.status == 200 && answer.outcome() == "Done")
}

/// Sends resets continuously while another process locks the database, or while the database restarts.
fn database_away(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let seconds = ground.times(1, 20);
    let accounts = service.create_accounts(Kind::LocalWithoutPassword, 200)?;
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let worker = || {
        let (mut acknowledged, mut failed, mut odd) = (Vec::new(), Vec::new(), Vec::new());
        while !over.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let email = accounts.get(number).cloned().unwrap_or_else(|| service.stranger());
            match service.browser().post("/api/reset/begin", &[("email", &email)]) {
                Ok(answer) if answer.status == 200 => acknowledged.push(email),
                Ok(answer) if answer.status >= 500 => {
                    if answer.status != 503 {
                        odd.push(answer.status);
                    }
                    failed.push(began.elapsed().as_secs_f64());
                }
                Ok(answer) => return Err(answer.unexpected("a reset")),
                Err(fault) => return Err(fault),
            }
            // The load is moderate, because its e-mails are counted afterwards.
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok((acknowledged, failed, odd))
    };
    let results = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        std::thread::sleep(Duration::from_millis(500));
        let disturbed = if setting.is_postgres() {
            ground.postgres.restart()
        } else {
            service.hold_the_lock(Duration::from_secs(3))
        };
        std::thread::sleep(Duration::from_secs(seconds));
        over.store(true, Ordering::Relaxed);
        let results: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a helper thread panicked".into())))
            .collect();
        disturbed.map(|()| results)
    })?;
    let (mut acknowledged, mut failed, mut odd) = (Vec::new(), Vec::new(), Vec::new());
    for result in results {
        let (ours, theirs, strange) = result?;
        acknowledged.extend(ours);
        failed.extend(theirs);
        odd.extend(strange);
    }
    let lost = acknowledged
        .iter()
        .filter(|email| service.mail.wait(email, 1).is_err())
        .count();
    let first = failed.iter().copied().fold(f64::INFINITY, f64::min);
    let last = failed.iter().copied().fold(0.0, f64::max);
    let away = if failed.is_empty() { 0.0 } else { last - first };
    let bound = if setting.is_postgres() { 10.0 } else { 0.0 };
    Ok(Finding {
        tried: if setting.is_postgres() {
            "the database crashes and restarts under load".into()
        } else {
            "another process holds the file lock for 3 s under load".into()
        },
        times: acknowledged.len() + failed.len(),
        figure: format!(
            "{} failed in {away:.1} s, {} not with 503; {lost} of {} acknowledged lost",
            failed.len(),
            odd.len(),
            acknowledged.len()
        ),
        bound: format!("failures within {bound:.0} s, 503 all; 0 lost"),
        holds: away <= bound && lost == 0 && odd.is_empty() && (setting.is_postgres() || failed.is_empty()),
    })
}

/// Restarts each server in turn. Like nginx, clients use the next server after a refused connection.
fn rolling(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let mut service = Service::start_with(ground, setting, &Plan::without_limits())?;
    let over = AtomicBool::new(false);
    let ports = [service.port(0), service.port(1)];
    let host = service.host();
    let worker = |number: usize| {
        let (mut done, mut failed) = (0_usize, Vec::new());
        while !over.load(Ordering::Relaxed) {
            let first = (done + number) % 2;
            let email = format!("r{number}x{done}@example.com");
            done += 1;
            let mut outcome = Err("no server accepts a connection".to_owned());
            for port in [ports[first], ports[1 - first]] {
                let browser = Browser::new(port, host.clone());
                let Ok(mut connection) = browser.connect() else {
                    continue;
                };
                let request = if done % 2 == 0 {
                    browser.request("/api/reset/begin", &[("email", &email)])
                } else {
                    blackbox::http::get_request("/signin", &host, &browser.jar, "").into_bytes()
                };
                outcome = connection.send(&request).map(|answer| answer.status);
                break;
            }
            if outcome != Ok(200) {
                failed.push(format!("{outcome:?}"));
            }
        }
        (done, failed)
    };
    let restarts = ground.times(4, 20);
    let (done, failed) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6).map(|number| scope.spawn(move || worker(number))).collect();
        let mut restarted = Ok(());
        for restart in 0..restarts {
            std::thread::sleep(Duration::from_millis(300));
            restarted = service
                .stop_server(restart % 2)
                .and_then(|_| service.start_server(restart % 2).map(drop));
            if restarted.is_err() {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        let (mut done, mut failed) = (0, Vec::new());
        for worker in workers {
            let (ours, theirs) = worker.join().unwrap_or_default();
            done += ours;
            failed.extend(theirs);
        }
        restarted.map(|()| (done, failed))
    })?;
    Ok(Finding {
        tried: format!("{restarts} restarts, one server at a time, while pages and resets are requested"),
        times: done,
        figure: format!(
            "{} failed{}",
            failed.len(),
            failed
                .first()
                .map(|first| format!(", such as {first}"))
                .unwrap_or_default()
        ),
        bound: "0".into(),
        holds: failed.is_empty() && done > 0,
    })
}
