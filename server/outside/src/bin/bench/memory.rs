//! Memory after a thousand sign-ins and after ten thousand: what grows with each one would show.

use crate::crowd;
use crate::place::{Database, Memory, Place};
use crate::report::Conditions;
use crate::requests::sign_in;
use crate::table::{Aim, Table};
use outside::program::Running;
use outside::{Fault, say};
use std::time::Duration;

/// Sign-ins until the first look, and until the second.
const LOOKS: [usize; 2] = [1_000, 10_000];
/// No part takes longer.
const PATIENCE: Duration = Duration::from_secs(900);

/// All of it on one database; a part of the report.
pub fn measure(database: Database) -> Result<String, Fault> {
    let conditions = Conditions::note()?;
    let place = Place::new(database, None)?;
    place.first_start()?;
    place.add_people(crowd::SIGNERS, crowd::signer, Some(crowd::PASSWORD))?;
    let running = place.start()?;
    let [few, many] = LOOKS;
    say(&format!("{database}: {few} sign-ins, then {many}"));
    let first = after(&place, &running, few)?;
    let last = after(&place, &running, many - few)?;
    running.stop()?;
    let mut table = Table::default();
    table.memory(
        (&format!("after {few} sign-ins"), first),
        (&format!("after {many}"), last),
        Some(Aim::AtMost(5.0)),
    );
    conditions.part(&format!("Memory, {database}"), &[&place], &table.markdown())
}

fn after(place: &Place, running: &Running, sign_ins: usize) -> Result<Memory, Fault> {
    let done = crowd::ask(running.port(), sign_ins, PATIENCE, sign_in)?;
    if done.count < sign_ins {
        return Err(format!("only {} of {sign_ins} sign-ins in good time", done.count));
    }
    running.be_quiet()?;
    place.memory(running)
}
