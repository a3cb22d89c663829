//! `make prove`: attacks and crashes the release program, on SQLite and PostgreSQL, with one and two servers. Prints a
//! table: the property of `docs/security-properties.md`, the attack and its count, the figure and its bound.
//!
//! Each proof's `hole` describes a change to the program that made the proof fail.
#![expect(
    clippy::disallowed_methods,
    reason = "a proof reads the clock, and it is not part of the service, where time is an argument"
)]

mod browser;
mod differ;
mod ground;
mod invariants;
mod life;
mod proof;
mod proofs;
mod race;
mod service;
mod timer;
mod waiting;

use blackbox::{Fault, machine, say};
use clap::Parser;
use ground::Ground;
use proof::{Proof, Row, Setting, table};
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

/// Proves the security properties on the release program.
#[derive(Parser)]
#[command(name = "prove")]
struct Asked {
    /// Only these properties: 1,2,9
    #[arg(long, value_delimiter = ',')]
    only: Vec<u8>,
    /// Fewer repetitions: at most 5 minutes in total
    #[arg(long)]
    quick: bool,
    /// Only on these: sqlite, sqlite-2, postgres, postgres-2
    #[arg(long, value_delimiter = ',')]
    on: Vec<Setting>,
}

fn main() -> ExitCode {
    let asked = Asked::parse();
    match prove(&asked) {
        Ok((report, holds)) => {
            let _ = std::io::stdout().write_all(report.as_bytes());
            if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            say(&format!("make prove stopped: {fault}"));
            ExitCode::FAILURE
        }
    }
}

fn prove(asked: &Asked) -> Result<(String, bool), Fault> {
    let began = Instant::now();
    let wanted = |proof: &&Proof| asked.only.is_empty() || asked.only.contains(&proof.number);
    let on = |setting: &&Setting| asked.on.is_empty() || asked.on.contains(setting);
    let ground = Ground::prepare(asked.quick)?;
    say(&format!("calibration: {}", ground.calibration));
    let mut rows = Vec::new();
    for proof in proofs::all().filter(|proof| wanted(proof)) {
        for setting in proof.on.iter().filter(on) {
            let row = Row::of(proof, *setting, &ground);
            say(&row.line());
            rows.push(row);
        }
    }
    let (passed, failed) = proof::count(&rows);
    let report = format!(
        "{}\n{}; {}; {:.0} s\n\n{}\n{passed} passed, {failed} failed\n",
        machine::describe()?,
        if asked.quick { "quick" } else { "full" },
        ground.calibration,
        began.elapsed().as_secs_f64(),
        table(&rows),
    );
    Ok((report, failed == 0 && passed > 0))
}
