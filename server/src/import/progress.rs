//! The progress of an import: a bar on a terminal, otherwise a line at intervals.

use super::Batch;
use super::sources::LeftOut;
use crate::terminal::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// The number of records between two progress lines, without a terminal.
const SAID_EVERY: usize = 100_000;

/// The counts of the records so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Records that can be imported.
    pub(super) accounts: usize,
    /// New accounts among them.
    pub(super) added: usize,
    /// Records that cannot be imported.
    pub(super) refused: usize,
    /// Accounts imported without their password, because their address isn't verified.
    pub(super) unverified: usize,
    /// Records of another system that are not user accounts.
    pub(super) left_out: BTreeMap<LeftOut, usize>,
}

/// Progress on standard error, so that standard output contains only the result.
pub(super) struct Progress {
    bar: ProgressBar,
    counts: Counts,
    said: usize,
    /// The unit of record numbers: line or user.
    unit: &'static str,
}

impl Progress {
    /// Creates a progress bar for a file of `length` bytes, if the length is known. Without a terminal, the bar is hidden automatically.
    pub(super) fn new(length: Option<u64>, unit: &'static str) -> Self {
        let (bar, template) = match length {
            Some(bytes) => (
                ProgressBar::new(bytes),
                "{bar:30} {percent:>3} %  {elapsed} of about {duration}  {msg}",
            ),
            None => (ProgressBar::no_length(), "{spinner} {bytes} in {elapsed}  {msg}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self {
            bar: bar.with_style(style),
            counts: Counts::default(),
            said: 0,
            unit,
        }
    }

    /// Wraps the input, so that reading it advances the bar.
    pub(super) fn watch<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.bar.wrap_read(input)
    }

    /// Counts a finished batch, and reports its rejected records.
    pub(super) fn count(&mut self, batch: &Batch, added: usize) {
        self.counts.accounts += batch.accounts.len();
        self.counts.unverified += batch.unverified;
        self.counts.added += added;
        self.counts.refused += batch.refused.len();
        for (kind, count) in &batch.left_out {
            *self.counts.left_out.entry(*kind).or_default() += count;
        }
        self.bar.suspend(|| {
            let mut out = std::io::stderr().lock();
            let lines: String = batch
                .refused
                .iter()
                .map(|(number, why)| format!("{} {number}: {why}\n", self.unit))
                .collect();
            let _ = out.write_all(printable(&lines).as_bytes());
        });
        let Counts {
            accounts,
            added,
            refused,
            ..
        } = self.counts;
        let text = format!("{accounts} accounts read, {added} added, {refused} records rejected");
        if self.bar.is_hidden() && (accounts + refused) / SAID_EVERY > self.said {
            self.said = (accounts + refused) / SAID_EVERY;
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        self.bar.set_message(text);
    }

    /// Removes the bar.
    pub(super) fn end(self) -> Counts {
        self.bar.finish_and_clear();
        self.counts
    }
}
