//! A reset request without its e-mail. A mail server that never responds keeps the outbox worker busy, so each request
//! seals and stores its e-mail, but none is claimed, rendered or sent.

use crate::crowd;
use crate::figures::Figures;
use crate::fixture::{Database, Fixture};
use crate::requests::reset;
use crate::rounds::RESETS;
use crate::usual::ROUNDS;
use blackbox::mailbox::{Mailbox, Mood};
use blackbox::{Fault, say};
use std::time::Duration;

/// Warm-up: far more e-mails than the 16 that an outbox worker sends at once, and enough to warm up the program.
const WARM_UP: (usize, Duration) = (200, Duration::from_secs(4));
/// Maximum number of rounds. A round in which an e-mail was claimed doesn't count: the outbox worker drops a silent
/// mail server after ten seconds and claims the next e-mail.
const TRIES: usize = 3 * ROUNDS;

/// Returns the figures of all rounds and the fixture.
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
        // Other addresses than in earlier rounds, which must wait between two e-mails.
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

/// How many times e-mails have been claimed.
fn claims(fixture: &Fixture) -> Result<String, Fault> {
    fixture.sql("SELECT sum(attempts) FROM outbox")
}
