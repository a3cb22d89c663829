//! Concurrent requests: each connection sends all but the last byte, then all last bytes are sent at once.

use crate::browser::Browser;
use blackbox::Fault;
use blackbox::http::{Answer, Connection};
use std::sync::Barrier;

/// A browser and its complete request.
pub type Runner = (Browser, Vec<u8>);

/// Releases all requests at once; returns the answers in order. A connection without an answer is a fault.
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

/// Returns the number of answers with a step or refusal.
pub fn count(answers: &[Answer], outcome: &str) -> usize {
    answers.iter().filter(|answer| answer.outcome() == outcome).count()
}

/// Returns the number of server errors: 500 and above except 503, which permits a retry.
pub fn faults(answers: &[Answer]) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status >= 500 && answer.status != 503)
        .count()
}
