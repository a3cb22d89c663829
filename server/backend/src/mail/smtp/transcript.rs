//! The conversation, line by line, for `rekey mail test`.

use std::sync::Arc;

/// A line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Sent by this client, without credentials.
    Said(String),
    /// Received from the mail server.
    Heard(String),
    /// The server's certificate, when TLS begins or fails.
    Certificate(super::Certificate),
}

/// Receives each complete line.
pub type Listener = Arc<dyn Fn(Line) + Send + Sync>;

/// Replacement for secrets.
const HIDDEN: &str = "****";

/// Splits both directions into lines. Attack: credentials in a transcript that operators paste into tickets.
pub(super) struct Transcript {
    listener: Listener,
    ours: Vec<u8>,
    theirs: Vec<u8>,
    /// The text that currently replaces sent lines.
    behind: Option<String>,
    /// Secrets to mask in the server's replies.
    secrets: Vec<String>,
}

impl Transcript {
    pub(super) fn new(listener: Listener, secrets: Vec<String>) -> Self {
        Self {
            listener,
            ours: Vec::new(),
            theirs: Vec::new(),
            behind: None,
            secrets,
        }
    }

    pub(super) fn hide(&mut self, behind: &str) {
        self.behind = Some(behind.to_owned());
        (self.listener)(Line::Said(behind.to_owned()));
    }

    pub(super) fn show(&mut self) {
        self.behind = None;
        self.ours.clear();
    }

    pub(super) fn said(&mut self, bytes: &[u8]) {
        if self.behind.is_none() {
            for line in lines(&mut self.ours, bytes) {
                (self.listener)(Line::Said(line));
            }
        }
    }

    pub(super) fn heard(&mut self, bytes: &[u8]) {
        for mut line in lines(&mut self.theirs, bytes) {
            for secret in &self.secrets {
                line = line.replace(secret, HIDDEN);
            }
            (self.listener)(Line::Heard(line));
        }
    }
}

/// Returns the lines completed by `bytes`.
fn lines(begun: &mut Vec<u8>, bytes: &[u8]) -> Vec<String> {
    begun.extend_from_slice(bytes);
    let mut whole = Vec::new();
    while let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = begun.drain(..=end).collect();
        whole.push(String::from_utf8_lossy(&line).trim_end().to_owned());
    }
    whole
}
