//! `make bench`: starts the release program on an embedded database, plays browsers against it on the same machine, and
//! prints a Markdown table of what it took. It judges no figure: it fails only when an answer is not the one expected.
//!
//! `REKEY_BIN` names the program (`target/release/rekey`), `REKEY_SITE` the browser's files (`target/site`).
#![allow(
    clippy::disallowed_methods,
    reason = "measuring is reading the clock, and this is no part of the service whose time is an argument"
)]

mod crowd;
mod hash;
mod rounds;
mod storm;
mod table;

use outside::http::{Connection, Jar};
use outside::program::{Mode, Program, Running};
use outside::{Fault, machine, path, say};
use rounds::Rounds;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;
use table::{Aim, Table};

/// Rounds of everything, one after the other, so that a neighbour's noise does not fall on one figure alone.
const ROUNDS: usize = 3;
/// Raised, as one client plays everybody here.
const LIMITS: [&str; 8] = [
    "RESET_AN_HOUR",
    "RESET_A_DAY",
    "CODES_AN_HOUR",
    "CLIENT_A_MINUTE",
    "WRONG_CODES_AN_HOUR",
    "WRONG_CODES_A_DAY",
    "WRONG_CODES_IN_A_ROW",
    "FREE_PASSWORDS",
];
/// Starts on a database that is there.
const STARTS: usize = 5;

fn main() -> ExitCode {
    match measure() {
        Ok(report) => match std::io::stdout().write_all(report.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(fault) => {
            say(&format!("make bench stopped: {fault}"));
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<String, Fault> {
    let began = Instant::now();
    let load_before = machine::load()?;
    let busy_before = machine::busy_s()?;

    let mut program = Program::new(
        path("REKEY_BIN", "target/release/rekey")?,
        &path("REKEY_SITE", "target/site")?,
    )?
    .set("LIMIT_RESET_EVERY_S", "1");
    for limit in LIMITS {
        program = program.set(&format!("LIMIT_{limit}"), "1000000");
    }
    say("1/3 people");
    let mut table = Table::default();
    table.row(
        "First start, on no database, to the first 200 of `/healthz`, ms",
        0,
        None,
        &[people(&program)?],
    );

    say("2/3 starts");
    let mut health = Vec::new();
    let mut ready = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..STARTS {
        let mut running = program.start(Mode::Development)?;
        health.push(running.first_200("/healthz")? * 1_000.0);
        ready.push(running.first_200("/readyz")? * 1_000.0);
        running.be_quiet()?;
        idle.push(machine::memory_mib(running.id(), "VmRSS")?);
        running.stop()?;
    }

    let mut running = program.start(Mode::Development)?;
    running.first_200("/readyz")?;
    let mut rounds = Rounds::new(&running, signed_in(&program, &running)?);
    for round in 1..=ROUNDS {
        say(&format!("3/3 round {round} of {ROUNDS}"));
        rounds.run(round)?;
    }
    let peak = machine::memory_mib(running.id(), "VmHWM")?;
    let after = machine::memory_mib(running.id(), "VmRSS")?;
    for storm in 1..=ROUNDS {
        say(&format!("storm {storm} of {ROUNDS}"));
        rounds.rage()?;
    }
    let after_storms = machine::memory_mib(running.id(), "VmRSS")?;
    let sign_ins = rounds.sign_ins();
    rounds.into_rows(&mut table);

    table.row("Memory idle after a start, MiB", 1, Some(Aim::AtMost(25.0)), &idle);
    table.row(
        &format!("Memory after {sign_ins} sign-ins, the pages and the resets, MiB"),
        1,
        Some(Aim::AtMost(75.0)),
        &[after],
    );
    table.row("Memory at its most in all that, MiB", 1, None, &[peak]);
    table.row("Memory after the storms, MiB", 1, None, &[after_storms]);
    table.row(
        "Start to the first 200 of `/healthz`, ms",
        0,
        Some(Aim::AtMost(45.0)),
        &health,
    );
    table.row("Start to the first 200 of `/readyz`, ms", 0, None, &ready);
    running.stop()?;
    drop(program);

    let seconds = began.elapsed().as_secs_f64();
    let others = (machine::busy_s()? - busy_before - machine::own_cpu_s()?).max(0.0) / seconds;
    let mut report = format!("{}\n", machine::describe()?);
    report.push_str(&format!(
        "Load before: {load_before}; after: {}. Others took {others:.2} cores in these {seconds:.0} s. \
         {} connections of one client on the same machine, which takes its part of the cores. \
         {ROUNDS} rounds, one after the other; a figure is judged by its median.\n\n",
        machine::load()?,
        crowd::CONNECTIONS,
    ));
    report.push_str(&table.markdown());
    Ok(report)
}

/// Makes the database and its people; gives how long the first start took, in ms.
fn people(program: &Program) -> Result<f64, Fault> {
    // The first start makes keys and tables.
    let mut running = program.start(Mode::Development)?;
    let first = running.first_200("/healthz")? * 1_000.0;
    running.stop()?;
    let all = crowd::SIGNERS + crowd::FORGETFUL;
    crowd::hurry(machine::cores(), all, |index| match index.checked_sub(crowd::SIGNERS) {
        None => program.add_person(&crowd::signer(index), Some(crowd::PASSWORD)),
        Some(index) => program.add_person(&crowd::forgetful(index), None),
    })?;
    Ok(first)
}

/// The browser of one who is signed in, with the code of the letter that the development run keeps.
fn signed_in(program: &Program, running: &Running) -> Result<Jar, Fault> {
    let mut connection = Connection::open(running.port())?;
    let mut jar = Jar::default();
    let email = crowd::signer(0);
    connection.form("/api/sign_in/begin", &[("email", &email)], &mut jar)?;
    connection.form("/api/sign_in/password", &[("password", crowd::PASSWORD)], &mut jar)?;
    running.be_quiet()?;
    let code = mailed_code(program)?;
    let answer = connection.form("/api/sign_in/answer", &[("code", &code)], &mut jar)?;
    if answer.says("SignedIn") {
        Ok(jar)
    } else {
        Err(answer.unexpected("sign_in/answer"))
    }
}

/// The code of the newest letter: it stands first in the subject.
fn mailed_code(program: &Program) -> Result<String, Fault> {
    let folder = program.folder().join("data/letters");
    let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut letters: Vec<_> = std::fs::read_dir(&folder)
        .map_err(fault)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    letters.sort();
    let newest = letters.last().ok_or("no letter was kept")?;
    let letter: serde_json::Value =
        serde_json::from_slice(&std::fs::read(newest).map_err(fault)?).map_err(|error| error.to_string())?;
    let subject = letter["subject"].as_str().unwrap_or_default();
    let code = subject
        .split(|c: char| !c.is_ascii_digit())
        .find(|digits| digits.len() == 6);
    Ok(code.ok_or("the letter has no code in its subject")?.to_owned())
}
