//! Products that sign their users in here, and thieves of what these products hold.

mod listener;
mod thief;
mod tricks;

use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Plan, Service};
use blackbox::{Fault, say};
use listener::{Listener, Manner};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use thief::Thief;

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 40,
        property: "A product's codes and tokens work once, for it alone, at its registered address, and end with the session",
        hole: "Without the comparison of client and verifier in `redeem_code` (`oauth/token.rs`), a stolen code was redeemed, and the client's own try failed.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: thieves,
    },
    Proof {
        number: 41,
        property: "Products are told that a session has ended, whatever other products do",
        hole: "With one loop for all products in `oauth/logout_delivery.rs`, the silent and the slow product delayed the others: 10.5 s (p99) with 8 users instead of 0.4 s. With a write for each notice, 1,000 users: 3.5 s (median), 6.9 s (p99) on SQLite.",
        on: &[Setting::Sqlite, Setting::Postgres2],
        run: logouts,
    },
];

/// The secret of the confidential clients.
const SECRET: &str = "a secret of the proofs, 32 letters and more";

/// A file with [`SECRET`], deleted on drop.
struct SecretFile(PathBuf);

impl SecretFile {
    fn write() -> Result<Self, Fault> {
        let name = format!("rekey-proof-{}-{:?}.secret", std::process::id(), Instant::now());
        let path = std::env::temp_dir().join(name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-"));
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, SECRET.as_bytes()));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    fn client(&self, id: &str, more: &str) -> String {
        let file = self.0.display();
        format!(
            "[[clients]]\nid = \"{id}\"\nname = \"{id}\"\nredirect_uris = [\"https://{id}.example/callback\"]\n\
             client_secret_file = \"{file}\"\n{more}\n"
        )
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn thieves(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let secret = SecretFile::write()?;
    let plan = Plan {
        config: Some(secret.client("shop", "") + &secret.client("other", "")),
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let mut thief = Thief::new(&service);
    for _ in 0..ground.times(1, 5) {
        thief.try_everything()?;
    }
    Ok(Finding {
        tried: "addresses like the registered one, requests without PKCE, responses of another issuer, codes and tokens of other clients and browsers, used ones, 200 at once, and after sign-out; begun on one server and finished on the next".into(),
        times: thief.tries,
        figure: format!("{} accepted {}", thief.accepted.len(), thief.accepted.join(", ")).trim_end().into(),
        bound: "0".into(),
        holds: thief.accepted.is_empty(),
    })
}

/// People who click at the same time.
const CLICKING: usize = 16;

/// Signs users in to some products, and ends all their sessions at once.
fn logouts(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let secret = SecretFile::write()?;
    let (users, correct) = (ground.times(16, 1_000), ground.times(4, 15));
    let mut listeners = Vec::new();
    for number in 0..correct {
        listeners.push((format!("p{number}"), Listener::start(Manner::Correct)?));
    }
    let lying = Manner::Lying(listeners[0].1.address());
    for (id, manner) in [
        ("silent", Manner::Silent),
        ("slow", Manner::Slow),
        ("failing", Manner::Failing),
        ("huge", Manner::Huge),
        ("lying", lying),
    ] {
        listeners.push((id.to_owned(), Listener::start(manner)?));
    }
    let config = listeners.iter().map(|(id, listener)| {
        let told = format!("backchannel_logout_uri = \"{}\"\n", listener.uri());
        secret.client(id, &told)
    });
    let plan = Plan {
        config: Some(config.collect()),
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let emails = service.import_accounts(users)?;
    let began = Instant::now();
    let signed_in = at_once(emails, |number, email| {
        let mut browser = service.browser_at(number);
        browser.sign_in(&service.mail, &email)?;
        let mut sid = String::new();
        for (id, _) in &listeners {
            let tokens = Thief::new(&service).sign_in_to(&mut browser, id, number)?;
            sid = thief::claim(&tokens, "sid")?;
        }
        Ok((browser, sid))
    })?;
    say(&format!(
        "    {users} users at {} products in {:.0} s",
        listeners.len(),
        began.elapsed().as_secs_f64()
    ));
    service.be_quiet()?;
    let first = Instant::now();
    let ended = at_once(signed_in, |_, (mut browser, sid)| {
        let clicked = Instant::now();
        let answer = browser.post("/api/sign_in/sign_out", &[])?;
        match answer.status {
            200 => Ok((sid, clicked)),
            _ => Err(answer.unexpected("a sign-out")),
        }
    })?;
    let clicks_s = first.elapsed().as_secs_f64();
    let mut delays = Vec::new();
    let patience = Duration::from_secs_f64(ground.scaled_ms(60_000.0) / 1_000.0);
    for (sid, clicked) in &ended {
        for (id, listener) in listeners.iter().take(correct) {
            match listener.told(sid, *clicked + patience) {
                Some(at) => delays.push(at.duration_since(*clicked).as_secs_f64() * 1_000.0),
                None => return Err(format!("{id} was not told of a session in {} s", patience.as_secs())),
            }
        }
    }
    let repeated: usize = listeners
        .iter()
        .take(correct)
        .map(|(_, listener)| listener.repeated())
        .sum();
    delays.sort_by(f64::total_cmp);
    let (median, p99) = (delays[delays.len() / 2], delays[delays.len() * 99 / 100]);
    Ok(Finding {
        tried: format!(
            "{users} users signed out of {correct} products beside a silent, a slow, a failing, an endless and a lying one, {CLICKING} at a time, in {clicks_s:.1} s"
        ),
        times: delays.len(),
        figure: format!("told after {median:.0} ms (median), {p99:.0} ms (p99); {repeated} twice"),
        bound: "< 1 s, < 5 s; 0".into(),
        holds: median < ground.scaled_ms(1_000.0) && p99 < ground.scaled_ms(5_000.0) && repeated == 0,
    })
}

/// Does something for each item, [`CLICKING`] of them at a time.
fn at_once<T: Send, U: Send>(
    items: Vec<T>,
    each: impl Fn(usize, T) -> Result<U, Fault> + Sync,
) -> Result<Vec<U>, Fault> {
    let waiting = Mutex::new(items.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || {
        let mut done = Vec::new();
        while let Some((number, item)) = next() {
            done.push(each(number, item)?);
        }
        Ok(done)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CLICKING).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        for worker in workers {
            let done: Result<Vec<U>, Fault> = worker.join().map_err(|_| "a helper thread panicked")?;
            all.extend(done?);
        }
        Ok(all)
    })
}
