//! Every request on a full database and, alternately, on an empty one, to reveal full table scans.

use crate::crowd;
use crate::fill::{self, Rows};
use crate::fixture::{Database, Fixture};
use crate::report::Conditions;
use crate::requests::patiently;
use crate::steps::{Step, User};
use crate::table::{Aim, number};
use blackbox::mailbox::Mailbox;
use blackbox::program::Running;
use blackbox::{Fault, say};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Accounts that act in a round, each with a password.
const ACCOUNTS: usize = 200;
/// Rounds that count, after one warm-up round.
const ROUNDS: usize = 10;
/// Time limit of one step of a round.
const PATIENCE: Duration = Duration::from_secs(120);
/// Maximum ratio between the full and the empty database.
const BOUND: f64 = 1.5;

/// Measures one kind of database; returns a part of the report.
pub fn measure(database: Database, rows: Rows) -> Result<String, Fault> {
    let conditions = Conditions::note()?;
    let (mail, other_mail) = (Mailbox::open()?, Mailbox::open()?);
    say(&format!("{database}: {ACCOUNTS} accounts, twice"));
    let (full, empty) = (fixture(database, &mail)?, fixture(database, &other_mail)?);
    say(&format!(
        "{database}: {} accounts, {} sessions, {} events",
        rows.accounts, rows.sessions, rows.events
    ));
    let began = Instant::now();
    fill::fill(database, &full, rows)?;
    let filling = began.elapsed().as_secs_f64();
    let size = full.sizes_mib().0;

    let mut sides = [Side::new(&full, &mail)?, Side::new(&empty, &other_mail)?];
    for round in 0..=ROUNDS {
        say(&match round {
            0 => format!("{database}: a round that warms up"),
            _ => format!("{database}: round {round} of {ROUNDS}"),
        });
        run(&mut sides, round)?;
    }
    let [full_side, empty_side] = sides;
    let later = [&full_side, &empty_side].map(|side| side.unavailable.load(Ordering::Relaxed));
    let mut text = format!(
        "{} accounts, {} sessions and {} events, {} MiB, filled in {filling:.0} s; beside it {ACCOUNTS} accounts. {} requests of a \
         kind on each side, in turns of {ACCOUNTS}; answered with 503: {} on the full one, {} on the empty one.\n\n",
        number(count(rows.accounts), 0),
        number(count(rows.sessions), 0),
        number(count(rows.events), 0),
        number(size, 0),
        ACCOUNTS * ROUNDS,
        later[0],
        later[1],
    );
    text.push_str(&compared(full_side.end()?, empty_side.end()?));
    conditions.part(&format!("Filled, {database}"), &[&full, &empty], &text)
}

fn fixture(database: Database, mail: &Mailbox) -> Result<Fixture, Fault> {
    let fixture = Fixture::new(database, Some(&mail.url()))?;
    fixture.first_start()?;
    fixture.add_accounts(ACCOUNTS, email, Some(crowd::PASSWORD))?;
    Ok(fixture)
}

fn email(index: usize) -> String {
    format!("user{index}@example.com")
}

/// One of the two databases.
struct Side<'a> {
    running: Running,
    mail: &'a Mailbox,
    users: Vec<Mutex<User>>,
    took: Took,
    /// The number of requests that got 503, including warm-up rounds.
    unavailable: AtomicUsize,
}

/// The latencies of each step in ms.
type Took = [Vec<f64>; Step::ALL.len()];

impl<'a> Side<'a> {
    fn new(fixture: &Fixture, mail: &'a Mailbox) -> Result<Self, Fault> {
        Ok(Self {
            running: fixture.start()?,
            mail,
            users: (0..ACCOUNTS).map(|index| Mutex::new(User::new(email(index)))).collect(),
            took: Took::default(),
            unavailable: AtomicUsize::new(0),
        })
    }

    /// Runs this step for every account; returns the latencies in ms.
    fn take(&self, step: Step) -> Result<Vec<f64>, Fault> {
        let user = |index: usize| self.users[index].lock().unwrap_or_else(PoisonError::into_inner);
        for index in 0..ACCOUNTS {
            user(index).read_emails(self.mail, step)?;
        }
        let done = crowd::ask(self.running.port(), ACCOUNTS, PATIENCE, |connection, index| {
            let mut user = user(index);
            let answer = patiently(|| {
                let answer = step.send(&mut user, connection)?;
                let later = usize::from(answer.status == 503);
                self.unavailable.fetch_add(later, Ordering::Relaxed);
                Ok(answer)
            })?;
            step.demand(&user, &answer)
        });
        let done = done.map_err(|fault| format!("{fault}\n{}", self.running.end_of_log()))?;
        if done.count < ACCOUNTS {
            return Err(format!("{}: only {} in good time", step.name(), done.count));
        }
        // Sending this side's e-mails would slow down the other side's requests.
        self.running.be_quiet()?;
        Ok(done.latencies)
    }

    fn end(self) -> Result<Took, Fault> {
        self.running.stop()?;
        Ok(self.took)
    }
}

/// Runs each step on both databases, alternating which one is first.
fn run(sides: &mut [Side<'_>; 2], round: usize) -> Result<(), Fault> {
    for (at, step) in Step::ALL.into_iter().enumerate() {
        for turn in 0..sides.len() {
            let side = &mut sides[(turn + round + at) % 2];
            let took = side.take(step)?;
            if round > 0 {
                side.took[at].extend(took);
            }
        }
    }
    Ok(())
}

fn compared(full: Took, empty: Took) -> String {
    let mut table = "| | p50 filled, ms | empty | ratio | p99 filled, ms | empty | ratio | aim | |\n\
                     |---|--:|--:|--:|--:|--:|--:|--:|---|\n"
        .to_owned();
    for ((step, full), empty) in Step::ALL.into_iter().zip(full).zip(empty) {
        let (full, empty) = (crowd::sorted(full), crowd::sorted(empty));
        let ratio = |hundredths| crowd::percentile(&full, hundredths) / crowd::percentile(&empty, hundredths);
        let _ = write!(table, "| {} |", step.name());
        for hundredths in [50, 99] {
            let of = |latencies: &[f64]| number(crowd::percentile(latencies, hundredths), 1);
            let _ = write!(table, " {} | {} | {:.2} |", of(&full), of(&empty), ratio(hundredths));
        }
        let (aim, verdict) = Aim::AtMost(BOUND).judged(ratio(50).max(ratio(99)));
        let _ = writeln!(table, " {aim} | {verdict} |");
    }
    table
}

const fn count(rows: u64) -> f64 {
    rows as f64
}
