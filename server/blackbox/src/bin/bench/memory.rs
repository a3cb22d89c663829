//! Memory after 1,000 and after 10,000 sign-ins, to reveal leaks.

use crate::crowd;
use crate::fixture::{Database, Fixture, Memory};
use crate::report::Conditions;
use crate::requests::sign_in;
use crate::table::{Aim, Table};
use blackbox::program::Running;
use blackbox::{Fault, say};
use std::time::Duration;

/// Sign-ins before the first reading.
const FEW: (usize, &str) = (1_000, "1,000");
/// Sign-ins before the second reading.
const MANY: (usize, &str) = (10_000, "10,000");
/// Time limit of each part.
const PATIENCE: Duration = Duration::from_secs(900);

/// Measures one database; returns a part of the report.
pub fn measure(database: Database) -> Result<String, Fault> {
    let conditions = Conditions::note()?;
    let fixture = Fixture::new(database, None)?;
    fixture.first_start()?;
    fixture.add_accounts(crowd::SIGNERS, crowd::signer, Some(crowd::PASSWORD))?;
    let running = fixture.start()?;
    say(&format!("{database}: {} sign-ins, then {}", FEW.1, MANY.1));
    let first = after(&fixture, &running, FEW.0)?;
    let last = after(&fixture, &running, MANY.0 - FEW.0)?;
    running.stop()?;
    let mut table = Table::default();
    table.memory(
        (&format!("after {} sign-ins", FEW.1), first),
        (&format!("after {}", MANY.1), last),
        Some(Aim::AtMost(5.0)),
    );
    conditions.part(&format!("Memory, {database}"), &[&fixture], &table.markdown())
}

fn after(fixture: &Fixture, running: &Running, sign_ins: usize) -> Result<Memory, Fault> {
    let done = crowd::ask(running.port(), sign_ins, PATIENCE, sign_in)?;
    if done.count < sign_ins {
        return Err(format!("only {} of {sign_ins} sign-ins in good time", done.count));
    }
    running.be_quiet()?;
    fixture.memory(running)
}
