//! How far the import is: a bar on a terminal, elsewhere a line now and then.

use super::Batch;
use super::sources::LeftOut;
use crate::terminal::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// Records between two lines that say how far it is, where there is no terminal.
const SAID_EVERY: usize = 100_000;

/// What became of the records so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Records that can be imported.
    pub(super) accounts: usize,
    /// New accounts among them.
    pub(super) added: usize,
    /// Records that cannot be imported.
    pub(super) refused: usize,
    /// Accounts that come without their password, as their address isn't verified.
    pub(super) unverified: usize,
    /// Records of another system that are no person's account.
    pub(super) left_out: BTreeMap<LeftOut, usize>,
}

/// On standard error, so that standard output has the result only.
pub(super) struct Progress {
    bar: ProgressBar,
    counts: Counts,
    said: usize,
    /// What the numbers of records count: lines, users.
    unit: &'static str,
}

impl Progress {
    /// Of a file of so many bytes; `None` where nobody knows. The bar is hidden by itself where there is no terminal.
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

    /// The same input; what is read of it moves the bar.
    pub(super) fn watch<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.bar.wrap_read(input)
    }

    /// Counts a batch that is done, and names its refused records.
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

    /// Takes the bar away.
    pub(super) fn end(self) -> Counts {
        self.bar.finish_and_clear();
        self.counts
    }
}
