//! Requests that arrive together: connections are opened, all but the last byte is sent, then all last bytes at once.

use crate::browser::Browser;
use blackbox::Fault;
use blackbox::http::{Answer, Connection};
use std::sync::Barrier;

/// What each of them brings: a browser and the whole request.
pub type Runner = (Browser, Vec<u8>);

/// Releases all together; gives the answers in order. A connection that ended without an answer is a fault.
pub fn release(runners: Vec<Runner>) -> Result<Vec<Answer>, Fault> {
    let gate = Barrier::new(runners.len());
    let mut ready: Vec<(Connection, Vec<u8>)> = Vec::with_capacity(runners.len());
    for (browser, request) in runners {
        let mut connection = browser.connect()?;
        connection.write(&request[..request.len() - 1])?;
        ready.push((connection, request));
    }
    std::thread::scope(|scope| {
        let sent: Vec<_> = ready
            .into_iter()
            .map(|(mut connection, request)| {
                let gate = &gate;
                scope.spawn(move || {
                    gate.wait();
                    connection.write(&request[request.len() - 1..])?;
                    connection.read_after(&request)
                })
            })
            .collect();
        let answers = sent
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a runner fell over")?);
        answers.collect()
    })
}

/// How many answers say that step or refusal.
pub fn count(answers: &[Answer], told: &str) -> usize {
    answers.iter().filter(|answer| answer.told() == told).count()
}

/// How many answers are faults of the service: 500 and above, but 503, which says "later".
pub fn faults(answers: &[Answer]) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status >= 500 && answer.status != 503)
        .count()
}
