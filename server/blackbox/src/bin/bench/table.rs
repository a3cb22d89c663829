//! Figures as a Markdown table.

use crate::fixture::Memory;
use std::fmt::Write;

/// The target of a figure.
#[derive(Clone, Copy)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Aim {
    /// Returns the target as text, and whether the figure meets it.
    pub fn judged(self, figure: f64) -> (String, &'static str) {
        match self {
            Self::AtLeast(bound) => (format!("≥ {bound}"), met(figure >= bound)),
            Self::AtMost(bound) => (format!("≤ {bound}"), met(figure <= bound)),
        }
    }
}

/// Rows in insertion order.
#[derive(Default)]
pub struct Table(String);

impl Table {
    /// Adds a row for a figure with one or several measured values.
    pub fn row(&mut self, name: &str, decimals: usize, aim: Option<Aim>, values: &[f64]) {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (values.first(), values.last()) else {
            return;
        };
        let median = values[values.len() / 2];
        let (wanted, verdict) = aim.map_or_else(|| (String::new(), ""), |aim| aim.judged(median));
        let range = if values.len() == 1 {
            String::new()
        } else {
            format!("{} – {}", number(*least, decimals), number(*most, decimals))
        };
        let _ = writeln!(
            self.0,
            "| {name} | {} | {range} | {wanted} | {verdict} |",
            number(median, decimals)
        );
    }

    /// Adds the memory at two moments, and the growth of the program's memory.
    pub fn memory(&mut self, first: (&str, Memory), last: (&str, Memory), growth: Option<Aim>) {
        let both = [first, last];
        for (when, memory) in both {
            self.row(&format!("Memory {when}, MiB"), 1, None, &[memory.server]);
        }
        let grown = (last.1.server / first.1.server - 1.0) * 100.0;
        self.row("Growth, %", 1, growth, &[grown]);
        for (when, memory) in both {
            let name = format!("Memory of PostgreSQL {when}, shared once, MiB");
            self.row(&name, 1, None, memory.postgres.as_slice());
        }
    }

    pub fn markdown(&self) -> String {
        format!("| | median | min – max | aim | |\n|---|--:|--:|--:|---|\n{}", self.0)
    }
}

const fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "**not met**" }
}

/// Formats a number: `12,345.6`.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}
