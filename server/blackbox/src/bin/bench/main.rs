//! `make bench`: starts the release program on SQLite and on PostgreSQL, acts as browsers on the same machine, and
//! prints Markdown tables of the results. Only an unexpected response is a failure.
//!
//! `REKEY_BIN` names the program (`target/release/rekey`), `REKEY_SITE` the browser's files (`target/site`), and `REKEY_PEER` the
//! program to compare with (`end2end/peer/oidc-provider.mjs`).
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, and it is not part of the service, where time is an argument"
)]

mod crowd;
mod figures;
mod fill;
mod filled;
mod fixture;
mod hash;
mod memory;
mod peer;
mod report;
mod requests;
mod rounds;
mod steps;
mod storm;
mod table;
mod usual;

use blackbox::{Fault, machine, say};
use clap::{Parser, ValueEnum};
use fill::Rows;
use fixture::Database;
use std::io::Write;
use std::process::ExitCode;

/// Measures the release program.
#[derive(Parser)]
#[command(name = "bench")]
struct Asked {
    /// Only these measurements
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Measurement::Usual, Measurement::Memory])]
    only: Vec<Measurement>,
    /// Only on these databases
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Database::Sqlite, Database::Postgres])]
    on: Vec<Database>,
    /// Accounts in `filled`
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    accounts: u64,
    /// Sessions in `filled`
    #[arg(long, default_value_t = 10_000_000)]
    sessions: u64,
    /// Events in `filled`
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// Starts, requests and storms
    Usual,
    /// Memory after 1,000 and after 10,000 sign-ins
    Memory,
    /// Every request on a full database and on an empty one
    Filled,
}

fn main() -> ExitCode {
    let asked = Asked::parse();
    match measure(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(&format!("make bench stopped: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints each part when it is finished, so that a later failure loses none of them.
fn measure(asked: &Asked) -> Result<(), Fault> {
    tell(&format!(
        "{}\n{} connections of one client on the same machine, which takes its part of the cores. What was measured more than \
         once was so in rounds, one after the other, and is judged by its median.\n",
        machine::describe()?,
        crowd::CONNECTIONS,
    ))?;
    let rows = Rows {
        accounts: asked.accounts,
        sessions: asked.sessions,
        events: asked.events,
    };
    for measurement in &asked.only {
        for &database in &asked.on {
            tell(&match measurement {
                Measurement::Usual => usual::measure(database)?,
                Measurement::Memory => memory::measure(database)?,
                Measurement::Filled => filled::measure(database, rows)?,
            })?;
        }
    }
    Ok(())
}

fn tell(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("standard output: {error}"))
}
