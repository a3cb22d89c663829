//! Everything in a mix at half of what the machine can do, for a long time: whether memory stays, and every answer comes.

use crate::crowd;
use crate::figures::median;
use crate::place::{Database, Memory, Place};
use crate::report::Conditions;
use crate::steps::{Person, Step};
use crate::table::{Aim, Table};
use outside::http::Connection;
use outside::mailbox::Mailbox;
use outside::program::Running;
use outside::{Fault, say};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// People of a connection, one after the other: so that nobody asks for two letters within a second.
const PEOPLE_EACH: usize = 10;
/// As fast as it goes, to see how fast that is.
const TRIAL: Duration = Duration::from_secs(15);
/// Before the first look at memory.
const WARM_UP: Duration = Duration::from_secs(120);
const MINUTE: Duration = Duration::from_secs(60);

/// All of it on one database; a part of the report.
pub fn measure(database: Database, lasts: Duration) -> Result<String, Fault> {
    let conditions = Conditions::note()?;
    let mail = Mailbox::open()?;
    let place = Place::new(database, Some(&mail.url()))?;
    place.first_start()?;
    say(&format!("{database}: people"));
    place.add_people(crowd::CONNECTIONS * PEOPLE_EACH, email, Some(crowd::PASSWORD))?;
    let running = place.start()?;
    let mut people: Vec<Vec<Person>> = (0..crowd::CONNECTIONS)
        .map(|of| {
            (0..PEOPLE_EACH)
                .map(|index| Person::new(email(of * PEOPLE_EACH + index)))
                .collect()
        })
        .collect();

    say(&format!("{database}: as fast as it goes"));
    let trial = Tally::default();
    live(&running, &mail, &mut people, None, TRIAL, &trial, || Ok(()))?;
    let capacity = count(&trial.lives) / TRIAL.as_secs_f64();
    running.be_quiet()?;

    let tally = Tally::default();
    let mut minutes = Minutes::default();
    live(
        &running,
        &mail,
        &mut people,
        Some(capacity / 2.0),
        WARM_UP + lasts,
        &tally,
        || {
            if let Some(minute) = minutes.look(place.memory(&running)?) {
                let (so_far, memory) = (tally.answers.load(Ordering::Relaxed), minute.server);
                say(&format!(
                    "{database}: minute {}, {so_far} answers, {memory:.1} MiB",
                    minutes.ended.len()
                ));
            }
            Ok(())
        },
    )?;
    let seconds = (WARM_UP + lasts).as_secs_f64();
    running.be_quiet()?;
    let (size, wal) = place.sizes_mib();
    running.stop()?;

    let mut table = Table::default();
    table.row("Lives a second, as fast as it goes", 1, None, &[capacity]);
    table.row("Lives a second here", 1, None, &[count(&tally.lives) / seconds]);
    table.row("Answers", 0, None, &[count(&tally.answers)]);
    table.row("Answers of 5xx", 0, Some(Aim::AtMost(0.0)), &[count(&tally.faults)]);
    table.row(
        "Others than expected, or none",
        0,
        Some(Aim::AtMost(0.0)),
        &[count(&tally.odd)],
    );
    let (first, last) = minutes.compared(usize::try_from(WARM_UP.as_secs() / MINUTE.as_secs()).unwrap_or(1))?;
    let growth = Some(Aim::AtMost(5.0));
    table.memory(
        ("in the last minute of the warm-up", first),
        ("in the last minute", last),
        growth,
    );
    table.row("The database at the end, MiB", 1, None, &[size]);
    table.row("Its log of writes (WAL), MiB", 1, None, &[wal]);
    let title = format!(
        "Soak, {database}, {} minutes after a warm-up of 2",
        lasts.as_secs() / MINUTE.as_secs()
    );
    conditions.part(
        &title,
        &[&place],
        &format!("{}\n{}\n", table.markdown(), minutes.line()),
    )
}

fn email(index: usize) -> String {
    format!("person{index}@example.com")
}

/// What came of it.
#[derive(Default)]
struct Tally {
    lives: AtomicUsize,
    answers: AtomicUsize,
    faults: AtomicUsize,
    odd: AtomicUsize,
}

/// People live, so many lives a second or as many as there can be; beside them something is done each second.
fn live(
    running: &Running,
    mail: &Mailbox,
    people: &mut [Vec<Person>],
    a_second: Option<f64>,
    lasts: Duration,
    tally: &Tally,
    mut each_second: impl FnMut() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for own in people {
            let next = &next;
            scope.spawn(move || {
                let mut connection = None;
                for turn in (0..own.len()).cycle() {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let due = a_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(as_count(number) / rate));
                    if due.max(began.elapsed()) >= lasts {
                        return;
                    }
                    sleep(due.saturating_sub(began.elapsed()));
                    tally.live(running, mail, &mut own[turn], number, &mut connection);
                }
            });
        }
        let mut looked = Ok(());
        while began.elapsed() < lasts && looked.is_ok() {
            sleep(Duration::from_secs(1));
            looked = each_second();
        }
        looked
    })
}

impl Tally {
    /// One life. What goes wrong is counted, said, and ends it.
    fn live(
        &self,
        running: &Running,
        mail: &Mailbox,
        person: &mut Person,
        number: usize,
        kept: &mut Option<Connection>,
    ) {
        for step in life(number) {
            if let Err(fault) = self.step(running, mail, person, step, kept) {
                self.odd.fetch_add(1, Ordering::Relaxed);
                say(&format!("    {fault}"));
                person.take_another_browser();
                return;
            }
        }
        self.lives.fetch_add(1, Ordering::Relaxed);
    }

    fn step(
        &self,
        running: &Running,
        mail: &Mailbox,
        person: &mut Person,
        step: Step,
        kept: &mut Option<Connection>,
    ) -> Result<(), Fault> {
        person.look_at_mails(mail, step)?;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(running.port())?,
        };
        let answer = step.send(person, &mut connection)?;
        *kept = Some(connection);
        self.answers.fetch_add(1, Ordering::Relaxed);
        if answer.status >= 500 {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        step.demand(person, &answer)
    }
}

/// A sign-in with its code, a look round, five checks of the session, a sign-out; in every fourth life a wrong password, in
/// every eighth a reset.
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

/// Memory, a figure a minute: the median of its seconds.
#[derive(Default)]
struct Minutes {
    seconds: Vec<Memory>,
    ended: Vec<Memory>,
}

impl Minutes {
    /// One more second; the minute that it ends, if it does.
    fn look(&mut self, memory: Memory) -> Option<Memory> {
        self.seconds.push(memory);
        if self.seconds.len() < usize::try_from(MINUTE.as_secs()).unwrap_or(60) {
            return None;
        }
        let all = |figure: fn(&Memory) -> Option<f64>| self.seconds.iter().filter_map(figure).collect::<Vec<_>>();
        let postgres = all(|memory| memory.postgres);
        let minute = Memory {
            server: median(&all(|memory| Some(memory.server))),
            postgres: (!postgres.is_empty()).then(|| median(&postgres)),
        };
        self.seconds.clear();
        self.ended.push(minute);
        Some(minute)
    }

    /// The last minute of the warm-up, and the last one of all.
    fn compared(&self, warm_up: usize) -> Result<(Memory, Memory), Fault> {
        let both = self.ended.get(warm_up - 1).zip(self.ended.last());
        both.map(|(first, last)| (*first, *last))
            .ok_or_else(|| "memory was not looked at for so long".into())
    }

    fn line(&self) -> String {
        let all: Vec<_> = self
            .ended
            .iter()
            .map(|minute| format!("{:.1}", minute.server))
            .collect();
        format!("Memory each minute, MiB: {}.", all.join(", "))
    }
}

fn count(counted: &AtomicUsize) -> f64 {
    as_count(counted.load(Ordering::Relaxed))
}

#[allow(clippy::cast_precision_loss, reason = "counts here are small")]
const fn as_count(number: usize) -> f64 {
    number as f64
}
