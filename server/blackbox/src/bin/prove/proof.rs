//! Proofs and the table of their results.

use crate::ground::Ground;
use blackbox::Fault;
use clap::ValueEnum;
use std::fmt::Write as _;
use std::time::Instant;

/// The databases and the number of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Setting {
    /// One server on a SQLite file.
    #[value(name = "sqlite")]
    Sqlite,
    /// Two servers on one SQLite file.
    #[value(name = "sqlite-2")]
    Sqlite2,
    /// One server on PostgreSQL.
    #[value(name = "postgres")]
    Postgres,
    /// Two servers on one PostgreSQL.
    #[value(name = "postgres-2")]
    Postgres2,
}

impl Setting {
    pub const ALL: &'static [Self] = &[Self::Sqlite, Self::Sqlite2, Self::Postgres, Self::Postgres2];
    /// The settings with one server.
    pub const ONE: &'static [Self] = &[Self::Sqlite, Self::Postgres];

    pub const fn servers(self) -> usize {
        match self {
            Self::Sqlite | Self::Postgres => 1,
            Self::Sqlite2 | Self::Postgres2 => 2,
        }
    }

    pub const fn is_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::Postgres2)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Sqlite2 => "SQLite, 2 servers",
            Self::Postgres => "PostgreSQL",
            Self::Postgres2 => "PostgreSQL, 2 servers",
        }
    }
}

/// A property of `docs/security-properties.md` and its proof.
pub struct Proof {
    /// Its number in that document.
    pub number: u8,
    /// A short form of the property.
    pub property: &'static str,
    /// The change to the program that made the proof fail, and the result.
    #[expect(dead_code, reason = "documentation of the proof")]
    pub hole: &'static str,
    pub on: &'static [Setting],
    pub run: fn(&Ground, Setting) -> Result<Finding, Fault>,
}

/// The result of a proof.
pub struct Finding {
    pub tried: String,
    pub times: usize,
    /// The measured figure.
    pub figure: String,
    /// The bound of the figure.
    pub bound: String,
    /// Whether the figure is within the bound.
    pub holds: bool,
}

/// A line of the table.
pub struct Row {
    number: u8,
    property: &'static str,
    setting: Setting,
    seconds: f64,
    outcome: Result<Finding, Fault>,
}

impl Row {
    pub fn of(proof: &Proof, setting: Setting, ground: &Ground) -> Self {
        let began = Instant::now();
        let outcome = (proof.run)(ground, setting);
        Self {
            number: proof.number,
            property: proof.property,
            setting,
            seconds: began.elapsed().as_secs_f64(),
            outcome,
        }
    }

    fn holds(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|finding| finding.holds)
    }

    /// Returns one line of progress output.
    pub fn line(&self) -> String {
        let (figure, bound) = match &self.outcome {
            Ok(finding) => (finding.figure.as_str(), finding.bound.as_str()),
            Err(fault) => (fault.as_str(), "no fault"),
        };
        let verdict = if self.holds() { "ok    " } else { "FAILED" };
        format!(
            "{:>2} {verdict} {:>5.1} s  {}, {}: {figure} (bound: {bound})",
            self.number,
            self.seconds,
            self.property,
            self.setting.name(),
        )
    }
}

/// Returns the number of passed and of failed rows.
pub fn count(rows: &[Row]) -> (usize, usize) {
    let held = rows.iter().filter(|row| row.holds()).count();
    (held, rows.len() - held)
}

/// Returns the table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        String::from("| # | property | on | tried | times | figure | bound | |\n|--:|---|---|---|--:|---|---|---|\n");
    for row in rows {
        let verdict = if row.holds() { "pass" } else { "**FAIL**" };
        let (tried, times, figure, bound) = match &row.outcome {
            Ok(finding) => (&*finding.tried, finding.times, &*finding.figure, &*finding.bound),
            Err(fault) => ("stopped", 0, fault.lines().next().unwrap_or_default(), ""),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {tried} | {times} | {figure} | {bound} | {verdict} |",
            row.number,
            row.property,
            row.setting.name(),
        );
    }
    text
}
