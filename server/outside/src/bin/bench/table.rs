//! Figures as a Markdown table.

use std::fmt::Write;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Aim {
    /// At least this.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// Rows in the order of their adding.
#[derive(Default)]
pub struct Table(String);

impl Table {
    /// A figure measured once or more often, with so many decimals.
    pub fn row(&mut self, name: &str, decimals: usize, aim: Option<Aim>, values: &[f64]) {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (values.first(), values.last()) else {
            return;
        };
        let median = values[values.len() / 2];
        let (wanted, verdict) = match aim {
            None => (String::new(), ""),
            Some(Aim::AtLeast(bound)) => (format!("≥ {bound}"), met(median >= bound)),
            Some(Aim::AtMost(bound)) => (format!("≤ {bound}"), met(median <= bound)),
        };
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

    /// All of it.
    pub fn markdown(&self) -> String {
        format!("| | median | min – max | aim | |\n|---|--:|--:|--:|---|\n{}", self.0)
    }
}

const fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "**not met**" }
}

/// `12,345.6`
fn number(value: f64, decimals: usize) -> String {
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
