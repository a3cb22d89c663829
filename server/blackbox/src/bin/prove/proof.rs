//! What a proof is, and the table of them.

use crate::ground::Ground;
use blackbox::Fault;
use clap::ValueEnum;
use std::fmt::Write as _;
use std::time::Instant;

/// What the service runs on.
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
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Sqlite, Self::Sqlite2, Self::Postgres, Self::Postgres2];
    /// One server each.
    pub const ONE: &'static [Self] = &[Self::Sqlite, Self::Postgres];

    /// How many servers.
    pub const fn servers(self) -> usize {
        match self {
            Self::Sqlite | Self::Postgres => 1,
            Self::Sqlite2 | Self::Postgres2 => 2,
        }
    }

    /// Whether on PostgreSQL.
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

/// A property of `docs/security-properties.md`, and how it is tried.
pub struct Proof {
    /// Its number there.
    pub number: u8,
    /// It, in a few words.
    pub property: &'static str,
    /// How the hole was opened again to see this proof fail: the change to the program, and what the proof then said.
    #[expect(dead_code, reason = "for the reader of the code")]
    pub hole: &'static str,
    /// Where it is tried.
    pub on: &'static [Setting],
    /// Tries it.
    pub run: fn(&Ground, Setting) -> Result<Finding, Fault>,
}

/// What a proof found.
pub struct Finding {
    /// What was tried.
    pub tried: String,
    /// How often.
    pub times: usize,
    /// What came of it.
    pub figure: String,
    /// What it may be.
    pub bound: String,
    /// Whether it is within.
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
    /// Tries a proof.
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

    /// It, for the one who waits.
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

/// How many hold, and how many do not.
pub fn count(rows: &[Row]) -> (usize, usize) {
    let held = rows.iter().filter(|row| row.holds()).count();
    (held, rows.len() - held)
}

/// The table, as Markdown.
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
