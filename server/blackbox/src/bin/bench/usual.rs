//! The default measurements: starts, rounds of requests, storms, memory, and a reset without its e-mail.

use crate::crowd;
use crate::fixture::{Database, Fixture, Memory};
use crate::report::Conditions;
use crate::rounds::Rounds;
use crate::table::{Aim, Table};
use blackbox::{Fault, development, machine, say};

/// Rounds of all requests, so that other processes don't affect one figure only.
pub const ROUNDS: usize = 3;
/// Starts on an existing database.
const STARTS: usize = 5;

/// Measures one database; returns a part of the report.
pub fn measure(database: Database) -> Result<String, Fault> {
    let conditions = Conditions::note()?;
    let mut table = Table::default();
    say(&format!("{database}: accounts"));
    let fixture = Fixture::new(database, None)?;
    table.row(
        "First start, on no database, to the first 200 of `/healthz`, ms",
        0,
        None,
        &[fixture.first_start()?],
    );
    fixture.add_accounts(crowd::SIGNERS, crowd::signer, Some(crowd::PASSWORD))?;
    fixture.add_accounts(crowd::FORGETFUL, crowd::forgetful, None)?;

    say(&format!("{database}: starts"));
    let starts = (0..STARTS)
        .map(|_| start(&fixture))
        .collect::<Result<Vec<_>, Fault>>()?;

    let rounds = rounds(database, &fixture, &mut table)?;
    memory(&rounds, &starts, &mut table);
    let all = |figure: fn(&Start) -> f64| starts.iter().map(figure).collect::<Vec<_>>();
    table.row(
        "Start to the first 200 of `/healthz`, ms",
        0,
        Some(Aim::AtMost(45.0)),
        &all(|start| start.health_ms),
    );
    table.row(
        "Start to the first 200 of `/readyz`, ms",
        0,
        None,
        &all(|start| start.ready_ms),
    );
    conditions.part(&database.to_string(), &[&fixture], &table.markdown())
}

struct Start {
    health_ms: f64,
    ready_ms: f64,
    idle_mib: f64,
}

fn start(fixture: &Fixture) -> Result<Start, Fault> {
    let mut running = fixture.starting()?;
    let health_ms = running.first_200("/healthz")? * 1_000.0;
    let ready_ms = running.first_200("/readyz")? * 1_000.0;
    running.be_quiet()?;
    let idle_mib = fixture.memory(&running)?.server;
    running.stop()?;
    Ok(Start {
        health_ms,
        ready_ms,
        idle_mib,
    })
}

/// State after the rounds and the storms.
struct Left {
    sign_ins: usize,
    peak_mib: f64,
    after_rounds: Memory,
    after_storms: Memory,
}

fn rounds(database: Database, fixture: &Fixture, table: &mut Table) -> Result<Left, Fault> {
    let running = fixture.start()?;
    let users = (0..crowd::CONNECTIONS)
        .map(|user| development::sign_in(&running, fixture.folder(), &crowd::signer(user), crowd::PASSWORD))
        .collect::<Result<_, _>>()?;
    let mut rounds = Rounds::new(fixture, &running, users)?;
    for round in 1..=ROUNDS {
        say(&format!("{database}: round {round} of {ROUNDS}"));
        rounds.run(round)?;
    }
    let peak_mib = machine::memory_mib(running.id(), "VmHWM")?;
    let after_rounds = fixture.memory(&running)?;
    for storm in 1..=ROUNDS {
        say(&format!("{database}: storm {storm} of {ROUNDS}"));
        rounds.rage()?;
    }
    let left = Left {
        sign_ins: rounds.sign_ins(),
        peak_mib,
        after_rounds,
        after_storms: fixture.memory(&running)?,
    };
    rounds.into_rows(table);
    running.stop()?;
    Ok(left)
}

fn memory(left: &Left, starts: &[Start], table: &mut Table) {
    let idle: Vec<_> = starts.iter().map(|start| start.idle_mib).collect();
    let all = format!("after {} sign-ins, the pages and the resets", left.sign_ins);
    let mut row = |name: &str, aim, mib: &[f64]| table.row(&format!("Memory {name}, MiB"), 1, aim, mib);
    row("idle after a start", Some(Aim::AtMost(25.0)), &idle);
    row(&all, Some(Aim::AtMost(75.0)), &[left.after_rounds.server]);
    row("at its most in all that", None, &[left.peak_mib]);
    row("after the storms", None, &[left.after_storms.server]);
    let mut of_postgres = |when: &str, memory: Memory| {
        row(
            &format!("of PostgreSQL {when}, shared once"),
            None,
            memory.postgres.as_slice(),
        );
    };
    of_postgres(&all, left.after_rounds);
    of_postgres("after the storms", left.after_storms);
}
