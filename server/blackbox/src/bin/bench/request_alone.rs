//! A reset's request without its e-mail: the outbox worker has its hands full with a mail server that says nothing, so the e-mails
//! of these requests are sealed and written, which is the request's work, and none is claimed, rendered or sent.

use crate::crowd;
use crate::figures::Figures;
use crate::fixture::{Database, Fixture};
use crate::requests::reset;
use crate::rounds::RESETS;
use crate::usual::ROUNDS;
use blackbox::mailbox::{Mailbox, Mood};
use blackbox::{Fault, say};
use std::time::Duration;

/// To begin with: far more e-mails than the 16 that an outbox worker sends at the same time, and enough for a program that has just
/// started to be warm.
const WARM_UP: (usize, Duration) = (200, Duration::from_secs(4));
/// A round in which an e-mail was claimed all the same does not count: after ten seconds the outbox worker gives up a mail server that
/// says nothing, and takes the next e-mail. So often is it tried again.
const TRIES: usize = 3 * ROUNDS;

/// All rounds, and the place where they were measured.
pub fn measure(database: Database) -> Result<(Fixture, Figures), Fault> {
    let mail = Mailbox::open()?;
    mail.set(Mood::Silent);
    let fixture = Fixture::new(database, Some(&mail.url()))?;
    fixture.first_start()?;
    fixture.add_people(crowd::FORGETFUL, crowd::forgetful, None)?;
    let mut figures = Figures::default();
    let mut counted = 0;
    for round in 1..=TRIES {
        let running = fixture.start()?;
        let port = running.port();
        crowd::ask(port, WARM_UP.0, WARM_UP.1, |connection, index| {
            reset(connection, round, 2 * index + 1)
        })?;
        let before = fixture.cpu_when_quiet(&running)?;
        let claims = claims(&fixture)?;
        // Other strangers than those above, who must wait between two e-mails.
        let again = round + TRIES;
        let done = crowd::ask(port, RESETS.0, RESETS.1, |connection, index| {
            reset(connection, again, index)
        })?;
        let after = fixture.cpu_when_quiet(&running)?;
        if claims == self::claims(&fixture)? {
            figures.push((done, after - before));
            counted += 1;
        }
        running.stop()?;
        if counted == ROUNDS {
            break;
        }
    }
    if counted < ROUNDS {
        say(&format!(
            "    {counted} of {ROUNDS} rounds without e-mails: this machine is too busy"
        ));
    }
    Ok((fixture, figures))
}

/// How often e-mails were claimed so far.
fn claims(fixture: &Fixture) -> Result<String, Fault> {
    fixture.sql("SELECT sum(attempts) FROM outbox")
}
