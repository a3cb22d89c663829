//! Many more sign-ins at once than there are places, and somebody who opens a page beside them.

use crate::crowd;
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar};
use blackbox::program::Running;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// People who sign in at the same time, each again and again.
pub const AT_ONCE: usize = 256;
/// How long they do.
const LASTS: Duration = Duration::from_secs(6);
/// Somebody opens the page so often.
const EVERY: Duration = Duration::from_millis(20);
/// It is over for so long when the page is opened again.
const REST: Duration = Duration::from_secs(5);
/// How often, then.
const AFTERWARDS: usize = 100;

/// What came of it.
#[derive(Default)]
pub struct Storm {
    /// Passwords a second that were judged.
    pub a_second: f64,
    /// The longest that an answer to one took, in ms: judged, or told to come again.
    pub longest_ms: f64,
    /// Of a thousand passwords, those that were told to come again (503 with `Retry-After`).
    pub told_later: f64,
    /// Connections that failed, and answers that were neither.
    pub broken: f64,
    /// The page beside it: what 99 of 100 did not exceed, in ms.
    pub page_p99_ms: f64,
    /// The same when it has been over for five seconds.
    pub page_p99_after_ms: f64,
}

/// One storm.
pub fn rage(running: &Running) -> Result<Storm, Fault> {
    let port = running.port();
    let (over, judged, later, broken) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let longest = Mutex::new(0.0_f64);
    let together = Barrier::new(AT_ONCE + 1);
    let mut pages = Vec::new();
    std::thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let (over, judged, later, broken, longest, together) =
                (&over, &judged, &later, &broken, &longest, &together);
            scope.spawn(move || {
                together.wait();
                let mut person = Person::new(number);
                let mut own_longest = 0.0_f64;
                while !over.load(Ordering::Relaxed) {
                    let (outcome, ms) = person.sign_in(port);
                    own_longest = own_longest.max(ms);
                    let count = match outcome {
                        Outcome::Judged => judged,
                        Outcome::Later(_) => later,
                        Outcome::Broken => broken,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    if let Outcome::Later(wait) = outcome {
                        rest(wait, over);
                    }
                }
                let mut longest = longest.lock().unwrap_or_else(PoisonError::into_inner);
                *longest = longest.max(own_longest);
            });
        }
        together.wait();
        let began = Instant::now();
        while began.elapsed() < LASTS {
            match page(port) {
                Ok(ms) => pages.push(ms),
                Err(_) => drop(broken.fetch_add(1, Ordering::Relaxed)),
            }
            sleep(EVERY);
        }
        over.store(true, Ordering::Relaxed);
    });
    sleep(REST);
    let afterwards = (0..AFTERWARDS).map(|_| page(port)).collect::<Result<Vec<_>, _>>()?;
    let (judged, later) = (judged.into_inner() as f64, later.into_inner() as f64);
    Ok(Storm {
        a_second: judged / LASTS.as_secs_f64(),
        longest_ms: longest.into_inner().unwrap_or_else(PoisonError::into_inner),
        told_later: later * 1_000.0 / (judged + later).max(1.0),
        broken: broken.into_inner() as f64,
        page_p99_ms: p99(pages),
        page_p99_after_ms: p99(afterwards),
    })
}

/// Waits as it was told to, unless it is over before.
fn rest(wait: Duration, over: &AtomicBool) {
    const STEP: Duration = Duration::from_millis(100);
    let began = Instant::now();
    while began.elapsed() < wait && !over.load(Ordering::Relaxed) {
        sleep(STEP.min(wait));
    }
}

enum Outcome {
    Judged,
    /// When `Retry-After` says so; whoever is told so sends the same form again.
    Later(Duration),
    Broken,
}

/// Somebody who signs in, again and again.
struct Person {
    email: String,
    connection: Option<Connection>,
    /// Of the sign-in that waits for its password.
    begun: Option<Jar>,
}

impl Person {
    fn new(number: usize) -> Self {
        Self {
            email: crowd::signer(number),
            connection: None,
            begun: None,
        }
    }

    /// A sign-in up to its mailed code, from where it stands; how it ended, and the longest answer in ms.
    fn sign_in(&mut self, port: u16) -> (Outcome, f64) {
        let Some(mut connection) = self.connection.take().or_else(|| Connection::open(port).ok()) else {
            return (Outcome::Broken, 0.0);
        };
        let mut longest = 0.0_f64;
        let mut send = |step: &str, field: (&str, &str), jar: &mut Jar, expected: &str| {
            let began = Instant::now();
            let answer = connection.form(&format!("/api/sign_in/{step}"), &[field], jar);
            longest = longest.max(began.elapsed().as_secs_f64() * 1_000.0);
            match answer {
                Ok(answer) if answer.status == 200 && answer.says(expected) => Outcome::Judged,
                Ok(answer) => later(&answer).map_or(Outcome::Broken, Outcome::Later),
                Err(_) => Outcome::Broken,
            }
        };
        let mut jar = self.begun.take();
        let mut outcome = Outcome::Judged;
        if jar.is_none() {
            let mut new = Jar::default();
            outcome = send("begin", ("email", &self.email), &mut new, "EnterPassword");
            jar = matches!(outcome, Outcome::Judged).then_some(new);
        }
        if let Some(mut jar) = jar {
            outcome = send("password", ("password", crowd::PASSWORD), &mut jar, "EnterCode");
            self.begun = matches!(outcome, Outcome::Later(_)).then_some(jar);
        }
        if !matches!(outcome, Outcome::Broken) {
            self.connection = Some(connection);
        }
        (outcome, longest)
    }
}

/// How long to wait, where that is the answer.
fn later(answer: &Answer) -> Option<Duration> {
    let seconds = answer.header("retry-after").parse().ok()?;
    (answer.status == 503).then(|| Duration::from_secs(seconds))
}

/// Opens the page as somebody who comes by: on a connection of its own. In ms.
fn page(port: u16) -> Result<f64, Fault> {
    let began = Instant::now();
    let answer = Connection::open(port)?.page("/signin", true)?;
    match answer.status {
        200 => Ok(began.elapsed().as_secs_f64() * 1_000.0),
        _ => Err(answer.unexpected("GET /signin")),
    }
}

fn p99(ms: Vec<f64>) -> f64 {
    crowd::percentile(&crowd::sorted(ms), 99)
}
