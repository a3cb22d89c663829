//! Where a measured service is: the program in a folder of its own, on a file of SQLite or on a PostgreSQL of its own.

use crate::crowd;
use blackbox::postgres::{Lasting, Postgres};
use blackbox::program::{Mode, Program, Running};
use blackbox::{Fault, machine, path, sqlite};
use clap::ValueEnum;
use std::ops::Sub;
use std::path::Path;

/// Raised, as one client plays everybody here.
const LIMITS: [&str; 8] = [
    "EMAILS_AN_HOUR",
    "EMAILS_A_DAY",
    "EMAILS_TO_DOMAIN_A_DAY",
    "EMAILS_TO_MAILBOX_A_DAY",
    "CODES_AN_HOUR",
    "CODES_A_DAY",
    "CLIENT_A_MINUTE",
    "FREE_PASSWORDS",
];
/// A folder that everybody reaches, and that outlives a start of the machine: so it is on a disk.
const OF_ALL: &str = "/var/tmp";

/// What keeps the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// See the module. All of it goes when this is dropped.
pub struct Fixture {
    program: Program,
    postgres: Option<Postgres>,
    /// A file's path, or an address of PostgreSQL.
    database: String,
}

/// Seconds of CPU so far, or of something.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// Of the program.
    pub server: f64,
    /// Of all processes of PostgreSQL, where there is one: what it writes in the background is among it.
    pub postgres: Option<f64>,
}

/// Memory in MiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Of the program (`VmRSS`).
    pub server: f64,
    /// Of all processes of PostgreSQL, what they share counted once.
    pub postgres: Option<f64>,
}

impl std::fmt::Display for Database {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        form.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

impl Fixture {
    /// An empty one, beside the program. `smtp` is the mail server's address; without one e-mails become files.
    pub fn new(database: Database, smtp: Option<&str>) -> Result<Self, Fault> {
        let binary = path("REKEY_BIN", "target/release/rekey")?;
        let beside = binary.parent().unwrap_or(Path::new("/")).to_owned();
        let mut program = Program::new(binary, &path("REKEY_SITE", "target/site")?)?.set("LIMIT_RESET_EVERY_S", "1");
        for limit in LIMITS {
            program = program.set(&format!("LIMIT_{limit}"), "1000000");
        }
        if let Some(smtp) = smtp {
            program = program.set("SMTP_URL", smtp);
        }
        let (postgres, url) = match database {
            Database::Sqlite => (
                None,
                format!("sqlite://{}", program.folder().join("rekey.db").display()),
            ),
            Database::Postgres => {
                let reached = Postgres::reaches(&beside);
                let parent = if reached { &beside } else { Path::new(OF_ALL) };
                let postgres = Postgres::start(parent, Lasting::Power)?;
                let url = postgres.database()?;
                (Some(postgres), url)
            }
        };
        Ok(Self {
            program: program.set("DATABASE_URL", &url),
            postgres,
            database: url.trim_start_matches("sqlite://").to_owned(),
        })
    }

    /// Starts it for the first time, which makes keys and tables, and ends it; gives the ms until it answered.
    pub fn first_start(&self) -> Result<f64, Fault> {
        let mut running = self.program.start(Mode::Development)?;
        let first_s = running.first_200("/healthz")?;
        running.stop()?;
        Ok(first_s * 1_000.0)
    }

    /// Adds people. Without a password they are made at once, as nothing is hashed.
    pub fn add_people(
        &self,
        count: usize,
        email: impl Fn(usize) -> String + Sync,
        password: Option<&str>,
    ) -> Result<(), Fault> {
        crowd::hurry(machine::cores(), count, |index| {
            self.program.create_account(&email(index), password)
        })
    }

    /// Starts it; it answers nothing yet.
    pub fn starting(&self) -> Result<Running, Fault> {
        self.program.start(Mode::Development)
    }

    /// Starts it; it answers when this returns.
    pub fn start(&self) -> Result<Running, Fault> {
        let mut running = self.starting()?;
        running.first_200("/readyz")?;
        Ok(running)
    }

    /// The folder that the program runs in.
    pub fn folder(&self) -> &Path {
        self.program.folder()
    }

    /// Seconds of CPU until the program has nothing to do: the e-mails that requests left behind are its work too.
    pub fn cpu_when_quiet(&self, running: &Running) -> Result<Cpu, Fault> {
        Ok(Cpu {
            server: running.be_quiet()?,
            postgres: self.postgres_cpu_s()?,
        })
    }

    /// Seconds of CPU of PostgreSQL, where there is one.
    pub fn postgres_cpu_s(&self) -> Result<Option<f64>, Fault> {
        self.postgres.as_ref().map(Postgres::cpu_s).transpose()
    }

    /// At this moment.
    pub fn memory(&self, running: &Running) -> Result<Memory, Fault> {
        Ok(Memory {
            server: machine::memory_mib(running.id(), "VmRSS")?,
            postgres: self.postgres.as_ref().map(Postgres::memory_mib).transpose()?,
        })
    }

    /// The database's files without its log of writes (WAL), and that, in MiB.
    pub fn sizes_mib(&self) -> (f64, f64) {
        let of_file = || {
            let size = |ending: &str| machine::size_mib(Path::new(&format!("{}{ending}", self.database)));
            (size(""), size("-wal"))
        };
        self.postgres.as_ref().map_or_else(of_file, Postgres::sizes_mib)
    }

    /// Asks the database itself, as an operator with `sqlite3` or `psql`: a row a line, columns with `|` between.
    pub fn sql(&self, sql: &str) -> Result<String, Fault> {
        if let Some(postgres) = &self.postgres {
            return postgres.sql(&self.database, sql);
        }
        sqlite::sql(&self.database, sql)
    }
}

impl Sub for Cpu {
    type Output = Self;
    fn sub(self, before: Self) -> Self {
        let both = self.postgres.zip(before.postgres);
        Self {
            server: self.server - before.server,
            postgres: both.map(|(after, before)| after - before),
        }
    }
}
