//! A mix of all requests at half of capacity over a long time: memory stays constant, and every request succeeds.

use crate::crowd;
use crate::fixture::{Database, Fixture};
use crate::minutes::Minutes;
use crate::report::Conditions;
use crate::steps::{Person, Step};
use crate::table::{Aim, Table};
use blackbox::http::Connection;
use blackbox::mailbox::Mailbox;
use blackbox::program::Running;
use blackbox::{Fault, say};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Accounts per connection, used in turn, so that none requests two e-mails within a second.
const PEOPLE_EACH: usize = 10;
/// Duration of the run at full speed that finds the capacity.
const TRIAL: Duration = Duration::from_secs(15);
/// Time before the first memory reading.
const WARM_UP: Duration = Duration::from_secs(120);

/// Measures one database; returns a part of the report.
pub fn measure(database: Database, lasts: Duration) -> Result<String, Fault> {
    let conditions = Conditions::note()?;
    let mail = Mailbox::open()?;
    let fixture = Fixture::new(database, Some(&mail.url()))?;
    fixture.first_start()?;
    say(&format!("{database}: people"));
    fixture.add_people(crowd::CONNECTIONS * PEOPLE_EACH, email, Some(crowd::PASSWORD))?;
    let running = fixture.start()?;
    let mut town = Town::new(&running, &mail);

    say(&format!("{database}: at full speed"));
    let trial = town.live(None, TRIAL, |_, _| Ok(()))?;
    let capacity = count(&trial.lives) / TRIAL.as_secs_f64();
    if capacity == 0.0 {
        return Err("no life completed: this machine is too busy".into());
    }
    running.be_quiet()?;

    let mut minutes = Minutes::default();
    let tally = town.live(Some(capacity / 2.0), WARM_UP + lasts, |after, tally| {
        if let Some((number, memory)) = minutes.look(after, fixture.memory(&running)?) {
            let (answers, mib) = (tally.answers.load(Ordering::Relaxed), memory.server);
            say(&format!("{database}: minute {number}, {answers} answers, {mib:.1} MiB"));
        }
        Ok(())
    })?;
    running.be_quiet()?;
    let (size, wal) = fixture.sizes_mib();
    running.stop()?;

    let mut table = Table::default();
    let here = count(&tally.lives) / (WARM_UP + lasts).as_secs_f64();
    table.row("Lives a second, at full speed", 1, None, &[capacity]);
    table.row("Lives a second here", 1, None, &[here]);
    table.row("Answers", 0, None, &[count(&tally.answers)]);
    let none = Some(Aim::AtMost(0.0));
    table.row("Answers of 5xx", 0, none, &[count(&tally.faults)]);
    table.row(
        "Lives that ended otherwise than expected",
        0,
        none,
        &[count(&tally.odd)],
    );
    let (first, last) = minutes.compared(WARM_UP)?;
    table.memory(
        ("in the last minute of the warm-up", first),
        ("in the last minute", last),
        Some(Aim::AtMost(5.0)),
    );
    table.row("The database at the end, MiB", 1, None, &[size]);
    table.row("Its log of writes (WAL), MiB", 1, None, &[wal]);
    let title = format!("Soak, {database}, {} min after a warm-up of 2", lasts.as_secs() / 60);
    let figures = format!("{}\n{}\n", table.markdown(), minutes.line());
    conditions.part(&title, &[&fixture], &figures)
}

fn email(index: usize) -> String {
    format!("person{index}@example.com")
}

#[derive(Default)]
struct Tally {
    lives: AtomicUsize,
    answers: AtomicUsize,
    faults: AtomicUsize,
    odd: AtomicUsize,
}

/// All accounts, the service that they use, and their mail server.
struct Town<'a> {
    port: u16,
    mail: &'a Mailbox,
    /// The accounts of each connection.
    people: Vec<Vec<Person>>,
}

impl<'a> Town<'a> {
    fn new(running: &Running, mail: &'a Mailbox) -> Self {
        let people = |of: usize| (of * PEOPLE_EACH..(of + 1) * PEOPLE_EACH).map(|index| Person::new(email(index)));
        Self {
            port: running.port(),
            mail,
            people: (0..crowd::CONNECTIONS).map(|of| people(of).collect()).collect(),
        }
    }

    /// Runs lives at `a_second` per second, or as fast as possible. Calls a function every second with the elapsed time
    /// and the outcome so far.
    fn live(
        &mut self,
        a_second: Option<f64>,
        lasts: Duration,
        mut each_second: impl FnMut(Duration, &Tally) -> Result<(), Fault>,
    ) -> Result<Tally, Fault> {
        let (tally, next, over) = (Tally::default(), AtomicUsize::new(0), AtomicBool::new(false));
        let (port, mail) = (self.port, self.mail);
        let began = Instant::now();
        let looked = std::thread::scope(|scope| {
            for own in &mut self.people {
                let (tally, next, over) = (&tally, &next, &over);
                scope.spawn(move || {
                    let mut visit = Visit {
                        port,
                        mail,
                        connection: None,
                    };
                    for turn in (0..own.len()).cycle() {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let due = a_second.map_or(0.0, |rate| as_count(number) / rate);
                        let due = Duration::from_secs_f64(due).max(began.elapsed());
                        if due >= lasts || over.load(Ordering::Relaxed) {
                            return;
                        }
                        sleep(due.saturating_sub(began.elapsed()));
                        tally.life(&mut visit, &mut own[turn], number);
                    }
                });
            }
            let mut looked = Ok(());
            while began.elapsed() < lasts && looked.is_ok() {
                sleep(Duration::from_secs(1));
                looked = each_second(began.elapsed(), &tally);
            }
            over.store(true, Ordering::Relaxed);
            looked
        });
        looked.map(|()| tally)
    }
}

/// The connection and the mail server of a request.
struct Visit<'a> {
    port: u16,
    mail: &'a Mailbox,
    connection: Option<Connection>,
}

impl Tally {
    /// Runs one life. A failure is counted and logged, and ends the life.
    fn life(&self, visit: &mut Visit<'_>, person: &mut Person, number: usize) {
        for step in life(number) {
            if let Err(fault) = self.step(visit, person, step) {
                self.odd.fetch_add(1, Ordering::Relaxed);
                say(&format!("    {fault}"));
                person.take_another_browser();
                return;
            }
        }
        self.lives.fetch_add(1, Ordering::Relaxed);
    }

    fn step(&self, visit: &mut Visit<'_>, person: &mut Person, step: Step) -> Result<(), Fault> {
        person.look_at_mails(visit.mail, step)?;
        let mut connection = match visit.connection.take() {
            Some(connection) => connection,
            None => Connection::open(visit.port)?,
        };
        let answer = step.send(person, &mut connection)?;
        visit.connection = Some(connection);
        self.answers.fetch_add(1, Ordering::Relaxed);
        if answer.status >= 500 {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        step.demand(person, &answer)
    }
}

/// A sign-in with its code, some pages, five session checks, a sign-out; a wrong password in every fourth life, a reset
/// in every eighth.
fn life(number: usize) -> Vec<Step> {
    let mut steps = vec![Step::Page, Step::Begin];
    if number.is_multiple_of(4) {
        steps.push(Step::WrongPassword);
    }
    steps.extend([Step::Password, Step::Code, Step::Security]);
    steps.extend([Step::Session; 5]);
    steps.push(Step::SignOut);
    if number % 8 == 1 {
        steps.extend([Step::Page, Step::Forgot, Step::ResetCode, Step::NewPassword]);
    }
    steps
}

fn count(counted: &AtomicUsize) -> f64 {
    as_count(counted.load(Ordering::Relaxed))
}

const fn as_count(number: usize) -> f64 {
    number as f64
}
