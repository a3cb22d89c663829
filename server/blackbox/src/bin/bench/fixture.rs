//! The environment of a measured service: the program in its own folder, on a SQLite file or its own PostgreSQL.

use crate::crowd;
use crate::requests::SECRET;
use blackbox::postgres::{Lasting, Postgres};
use blackbox::program::{Mode, Program, Running};
use blackbox::{Fault, machine, path, sqlite};
use clap::ValueEnum;
use std::fs::OpenOptions;
use std::io::Write;
use std::ops::Sub;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The limits to raise, because one client makes all requests.
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
/// A folder on a disk that every user can access.
const OF_ALL: &str = "/var/tmp";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// See the module documentation. Dropping it deletes everything.
pub struct Fixture {
    program: Program,
    postgres: Option<Postgres>,
    /// A file path, or a PostgreSQL URL.
    database: String,
}

/// CPU seconds: a total, or the cost of one measurement.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// Those of the program.
    pub server: f64,
    /// Those of all PostgreSQL processes, if any, including background writes.
    pub postgres: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Of the program (`VmRSS`).
    pub server: f64,
    /// Of all PostgreSQL processes; shared memory is counted once.
    pub postgres: Option<f64>,
}

impl Cpu {
    /// Returns the CPU seconds of the program and of PostgreSQL.
    pub fn all(self) -> f64 {
        self.server + self.postgres.unwrap_or_default()
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        form.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// The host of the site.
pub const SITE: &str = "wiki.example.com";

/// The product and the site.
const CONFIG: &str = "
[[clients]]
id = \"bench\"
name = \"Bench\"
redirect_uris = [\"http://127.0.0.1/callback\"]
client_secret_file = \"SECRET_FILE\"

[[sites]]
origin = \"https://wiki.example.com\"
name = \"Wiki\"
allow = [\"@example.com\"]

[[site_rules]]
origin = \"https://wiki.example.com\"
path = \"/admin\"
allow = [\"administrator@example.com\"]
";

impl Fixture {
    /// Creates an empty fixture next to the program. Without a mail server at `smtp`, e-mails are written to files.
    pub fn new(database: Database, smtp: Option<&str>) -> Result<Self, Fault> {
        let binary = path("REKEY_BIN", "target/release/rekey")?;
        let beside = binary.parent().unwrap_or(Path::new("/")).to_owned();
        let mut program = Program::new(binary, &path("REKEY_SITE", "target/site")?)?.set("LIMIT_RESET_EVERY_S", "1");
        for limit in LIMITS {
            program = program.set(&format!("LIMIT_{limit}"), "1000000");
        }
        let (config, secret) = (
            program.folder().join("rekey.toml"),
            program.folder().join("client.secret"),
        );
        write(&secret, SECRET)?;
        write(&config, &CONFIG.replace("SECRET_FILE", &secret.display().to_string()))?;
        program = program.set("CONFIG", &config.display().to_string());
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

    /// Starts the program for the first time, which creates keys and tables, and stops it; returns the ms to its first response.
    pub fn first_start(&self) -> Result<f64, Fault> {
        let mut running = self.program.start(Mode::Development)?;
        let first_s = running.first_200("/healthz")?;
        running.stop()?;
        Ok(first_s * 1_000.0)
    }

    /// Adds accounts. Without a password this is fast, because nothing is hashed.
    pub fn add_accounts(
        &self,
        count: usize,
        email: impl Fn(usize) -> String + Sync,
        password: Option<&str>,
    ) -> Result<(), Fault> {
        crowd::hurry(machine::cores(), count, |index| {
            self.program.create_account(&email(index), password)
        })
    }

    /// Starts the program without waiting until it responds.
    pub fn starting(&self) -> Result<Running, Fault> {
        self.program.start(Mode::Development)
    }

    /// Starts the program and waits until it responds.
    pub fn start(&self) -> Result<Running, Fault> {
        let mut running = self.starting()?;
        running.first_200("/readyz")?;
        Ok(running)
    }

    /// Returns the program's working folder.
    pub fn folder(&self) -> &Path {
        self.program.folder()
    }

    /// Returns the CPU seconds once the program is idle, to include the e-mails queued by requests.
    pub fn cpu_when_quiet(&self, running: &Running) -> Result<Cpu, Fault> {
        Ok(Cpu {
            server: running.be_quiet()?,
            postgres: self.postgres_cpu_s()?,
        })
    }

    /// Returns the CPU seconds of PostgreSQL, if any.
    pub fn postgres_cpu_s(&self) -> Result<Option<f64>, Fault> {
        self.postgres.as_ref().map(Postgres::cpu_s).transpose()
    }

    pub fn memory(&self, running: &Running) -> Result<Memory, Fault> {
        Ok(Memory {
            server: machine::memory_mib(running.id(), "VmRSS")?,
            postgres: self.postgres.as_ref().map(Postgres::memory_mib).transpose()?,
        })
    }

    /// Returns the sizes of the database files and of the write-ahead log, in MiB.
    pub fn sizes_mib(&self) -> (f64, f64) {
        let of_file = || {
            let size = |ending: &str| machine::size_mib(Path::new(&format!("{}{ending}", self.database)));
            (size(""), size("-wal"))
        };
        self.postgres.as_ref().map_or_else(of_file, Postgres::sizes_mib)
    }

    /// Queries the database with `sqlite3` or `psql`: one row per line, columns separated by `|`.
    pub fn sql(&self, sql: &str) -> Result<String, Fault> {
        if let Some(postgres) = &self.postgres {
            return postgres.sql(&self.database, sql);
        }
        sqlite::sql(&self.database, sql)
    }
}

/// Writes a file that only its user may read.
fn write(path: &Path, content: &str) -> Result<(), Fault> {
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(content.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
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
