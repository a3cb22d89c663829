//! The account service as an operator runs it: a database, one or two servers, a mail server, accounts.

use crate::browser::Browser;
use crate::ground::{Ground, hash_parameters};
use crate::proof::Setting;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use blackbox::mailbox::Mailbox;
use blackbox::program::{Mode, Program, Running, free_port};
use blackbox::{Fault, sqlite};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The password of every account.
pub const PASSWORD: &str = "nine quiet kettles under the stairs";
/// Another valid password.
pub const NEW_PASSWORD: &str = "plum tractor violet harbour lamp";

/// The tables written by requests.
pub const TABLES: [&str; 12] = [
    "accounts",
    "flows",
    "codes",
    "devices",
    "sessions",
    "outbox",
    "limits",
    "email_slots",
    "email_turns",
    "throttles",
    "wrong_codes",
    "events",
];

/// The kind of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Local, with its own password.
    Local,
    /// Local, without a password: fast to create, because nothing is hashed.
    LocalWithoutPassword,
    /// With a Google account.
    Google,
    /// Managed by an organization.
    Managed,
    /// Local and deactivated.
    Deactivated,
}

/// Differences from the default start.
#[derive(Default, Clone)]
pub struct Plan {
    /// Configuration keys, for example `("LIMIT_EMAILS_A_DAY", "1000")`.
    pub keys: Vec<(&'static str, String)>,
    /// The address of another mail server.
    pub smtp: Option<String>,
    /// Whether [`Service::move_clock`] sets the clock.
    pub clock: bool,
    /// A password on the operator's list of leaked ones.
    pub leaked: Option<&'static str>,
    /// The content of the configuration file.
    pub config: Option<String>,
    /// Size in MiB of a private disk for SQLite's file; commands such as `rekey user` can't see it.
    pub disk_mib: Option<u32>,
}

impl Plan {
    /// Sets a configuration key.
    pub fn set(mut self, key: &'static str, value: impl ToString) -> Self {
        self.keys.push((key, value.to_string()));
        self
    }

    /// Disables the limits per client and per address, for proofs about other properties.
    pub fn without_limits() -> Self {
        let keys = [
            "LIMIT_EMAILS_AN_HOUR",
            "LIMIT_EMAILS_A_DAY",
            "LIMIT_EMAILS_TO_DOMAIN_A_DAY",
            "LIMIT_EMAILS_TO_MAILBOX_A_DAY",
            "LIMIT_CODES_AN_HOUR",
            "LIMIT_CODES_A_DAY",
            "LIMIT_CLIENT_A_MINUTE",
            "LIMIT_FREE_PASSWORDS",
            "LIMIT_REFUSED_PASSWORDS_AN_HOUR",
        ];
        let plan = keys
            .into_iter()
            .fold(Self::default(), |plan, key| plan.set(key, 1_000_000));
        plan.set("LIMIT_RESET_EVERY_S", 1)
    }
}

/// The organization of managed accounts.
const ORGANIZATION: [&str; 6] = [
    "--organization",
    "Analytical Engines Ltd",
    "--administrator-name",
    "Charles Babbage",
    "--administrator-email",
    "it-help@example.com",
];

/// See the module documentation. Dropping it stops and deletes everything.
pub struct Service {
    servers: Vec<Option<Running>>,
    ports: Vec<u16>,
    program: Program,
    pub mail: Mailbox,
    /// A file path, or a PostgreSQL URL.
    pub database: String,
    setting: Setting,
}

impl Service {
    /// Starts the service and waits until it responds.
    pub fn start_with(ground: &Ground, setting: Setting, plan: &Plan) -> Result<Self, Fault> {
        let mail = Mailbox::open()?;
        let mut program = Program::new(ground.binary.clone(), &ground.site)?;
        let key_file = program.folder().join("keys.toml");
        write_keys(&key_file)?;
        let (database, url) = if setting.is_postgres() {
            let url = ground.postgres.database()?;
            (url.clone(), url)
        } else {
            let folder = match plan.disk_mib {
                Some(mib) => {
                    program = program.with_a_disk_of(mib)?;
                    program.disk()
                }
                None => program.folder().to_owned(),
            };
            let file = folder.join("rekey.db").display().to_string();
            let url = format!("sqlite://{file}");
            (file, url)
        };
        program = program
            .set("DATABASE_URL", &url)
            .set("KEY_FILE", &key_file.display().to_string())
            .set("SMTP_URL", plan.smtp.as_deref().unwrap_or(&mail.url()));
        for (key, value) in &plan.keys {
            program = program.set(key, value);
        }
        if let Some(leaked) = plan.leaked {
            let file = program.folder().join("leaked.txt");
            std::fs::write(&file, leaked).map_err(|error| format!("{}: {error}", file.display()))?;
            program = program.set("LEAKED_FILE", &file.display().to_string());
        }
        if let Some(config) = &plan.config {
            let file = program.folder().join("rekey.toml");
            std::fs::write(&file, config).map_err(|error| format!("{}: {error}", file.display()))?;
            program = program.set("CONFIG", &file.display().to_string());
        }
        if plan.clock {
            let file = program.folder().join("clock");
            std::fs::write(&file, "+0\n").map_err(|error| error.to_string())?;
            program = program
                .variable("LD_PRELOAD", &faketime()?.display().to_string())
                .variable("FAKETIME_TIMESTAMP_FILE", &file.display().to_string())
                .variable("FAKETIME_NO_CACHE", "1")
                // The monotonic clock stays real, as on a real machine, because timers use it.
                .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let mut ports = vec![program.port()];
        while ports.len() < setting.servers() {
            ports.push(free_port()?);
        }
        let mut service = Self {
            servers: ports.iter().map(|_| None).collect(),
            ports,
            program,
            mail,
            database,
            setting,
        };
        for server in 0..setting.servers() {
            service.start_server(server)?;
        }
        if plan.disk_mib.is_some() {
            let file = service.server(0)?.outside_of(Path::new(&service.database));
            service.database = file.display().to_string();
        }
        Ok(service)
    }

    pub fn port(&self, server: usize) -> u16 {
        self.ports[server % self.ports.len()]
    }

    /// Returns the public host name: `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.program.port())
    }

    /// Returns the folder with keys, database and logs.
    pub fn folder(&self) -> &Path {
        self.program.folder()
    }

    /// Returns a running server, for its log, memory and CPU time.
    pub fn server(&self, server: usize) -> Result<&Running, Fault> {
        let running = self.servers[server].as_ref();
        running.ok_or_else(|| format!("server {server} does not run"))
    }

    /// Returns the logs of all servers.
    pub fn log(&self) -> String {
        self.servers.iter().flatten().map(Running::log).collect()
    }

    /// Starts a server (from 0) and waits until it is ready; returns the seconds.
    pub fn start_server(&mut self, server: usize) -> Result<f64, Fault> {
        let mut running = self.program.start_at(self.ports[server], Mode::Production)?;
        let seconds = running.first_200("/readyz")?;
        self.servers[server] = Some(running);
        Ok(seconds)
    }

    /// Sends SIGKILL.
    pub fn kill_server(&mut self, server: usize) {
        if let Some(running) = self.servers[server].take() {
            running.kill();
        }
    }

    /// Sends SIGTERM and waits for the exit; returns the seconds.
    pub fn stop_server(&mut self, server: usize) -> Result<f64, Fault> {
        match self.servers[server].take() {
            Some(running) => running.stop(),
            None => Err(format!("server {server} does not run")),
        }
    }

    /// Replaces the content of the key file, like an attacker with only a copy of the database; returns the previous content.
    pub fn exchange_keys(&self, keys: Option<&str>) -> Result<String, Fault> {
        let path = self.folder().join("keys.toml");
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let before = std::fs::read_to_string(&path).map_err(failed)?;
        let other = before.replace("VGhpcyBr", "VGhhdCBr");
        std::fs::write(&path, keys.unwrap_or(&other)).map_err(failed)?;
        Ok(before)
    }

    /// Sets the offset of all servers' clocks from the real time. Needs [`Plan::clock`].
    pub fn move_clock(&self, seconds: i64) -> Result<(), Fault> {
        let (file, fresh) = (self.folder().join("clock"), self.folder().join("clock.new"));
        let written = std::fs::write(&fresh, format!("{seconds:+}\n")).and_then(|()| std::fs::rename(&fresh, &file));
        written.map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Returns a browser without cookies at its own address, which uses the first server.
    pub fn browser(&self) -> Browser {
        self.browser_at(0)
    }

    /// Returns a browser at another server (modulo their number).
    pub fn browser_at(&self, server: usize) -> Browser {
        Browser::new(self.port(server), self.host())
    }

    /// Adds an account with [`PASSWORD`]; returns its address. All have the same length, because cookies contain them.
    pub fn create_account(&self, kind: Kind) -> Result<String, Fault> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let email = format!("p{:06}@example.com", COUNT.fetch_add(1, Ordering::Relaxed));
        self.add(&email, kind)?;
        Ok(email)
    }

    /// Returns an address without an account.
    pub fn stranger(&self) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        format!("s{:06}@example.com", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Waits until all servers are idle and send no e-mail.
    pub fn be_quiet(&self) -> Result<(), Fault> {
        self.servers
            .iter()
            .flatten()
            .try_for_each(|server| server.be_quiet().map(drop))
    }

    /// Waits until the servers have logged a text `times` times.
    pub fn until_log_has(&self, text: &str, times: usize) -> Result<(), Fault> {
        for _ in 0..7_000 {
            if self.log().matches(text).count() >= times {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("nothing was logged of «{text}»"))
    }

    /// Adds accounts on all cores; returns their addresses.
    pub fn create_accounts(&self, kind: Kind, count: usize) -> Result<Vec<String>, Fault> {
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut made = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                made.push(self.create_account(kind)?);
            }
            Ok(made)
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            let mut all = Vec::with_capacity(count);
            for worker in workers {
                let made: Result<Vec<String>, Fault> = worker.join().map_err(|_| "a helper thread panicked")?;
                all.extend(made?);
            }
            Ok(all)
        })
    }

    /// Imports many accounts with [`PASSWORD`], which is hashed once; returns their addresses.
    pub fn import_accounts(&self, count: usize) -> Result<Vec<String>, Fault> {
        let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, hash_parameters()?);
        let mut hash = [0; 32];
        let salt = b"sixteen bytes...";
        argon
            .hash_password_into(PASSWORD.as_bytes(), salt, &mut hash)
            .map_err(|error| error.to_string())?;
        let (salt, hash) = (BASE64_STANDARD_NO_PAD.encode(salt), BASE64_STANDARD_NO_PAD.encode(hash));
        let emails: Vec<_> = (0..count).map(|number| format!("i{number:06}@example.com")).collect();
        let mut records = "email,name,password_hash\n".to_owned();
        for email in &emails {
            records += &format!("{email},Robin Doe,\"$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}\"\n");
        }
        let file = self.folder().join("users.csv");
        std::fs::write(&file, records).map_err(|error| format!("{}: {error}", file.display()))?;
        self.run(&["import", &file.display().to_string()], "")?;
        Ok(emails)
    }

    /// Adds an account with [`PASSWORD`].
    pub fn add(&self, email: &str, kind: Kind) -> Result<(), Fault> {
        let mut words = vec!["user", "add", "--name", "Robin Doe", "--email", email];
        match kind {
            Kind::Local | Kind::Deactivated => words.push("--password-stdin"),
            Kind::LocalWithoutPassword => {}
            Kind::Google => words.extend(["--provider", "google"]),
            Kind::Managed => words.extend(ORGANIZATION),
        }
        self.run(&words, PASSWORD)?;
        if kind == Kind::Deactivated {
            self.run(&["user", "disable", "--email", email], "")?;
        }
        Ok(())
    }

    /// Assigns an account to an organization.
    pub fn assign_to_organization(&self, email: &str) -> Result<(), Fault> {
        let mut words = vec!["user", "hand-over", "--email", email];
        words.extend(ORGANIZATION);
        self.run(&words, "").map(drop)
    }

    /// Runs a command of the program; returns its output.
    pub fn run(&self, words: &[&str], typed: &str) -> Result<String, Fault> {
        let output = self.program.run(words, typed)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Locks SQLite's file from another process for a time.
    pub fn hold_the_lock(&self, time: Duration) -> Result<(), Fault> {
        let failed = |error: std::io::Error| format!("sqlite3: {error}");
        let mut child = std::process::Command::new("sqlite3")
            .args(["-cmd", ".timeout 10000", &self.database])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (input, output) = (child.stdin.as_mut(), child.stdout.as_mut());
        let (Some(input), Some(output)) = (input, output) else {
            return Err("sqlite3 has no pipes".into());
        };
        input.write_all(b"BEGIN IMMEDIATE; SELECT 'held';\n").map_err(failed)?;
        output.read_exact(&mut [0; 5]).map_err(failed)?;
        std::thread::sleep(time);
        drop(child.stdin.take());
        child.wait().map(drop).map_err(failed)
    }

    /// Queries the database with `sqlite3` or `psql`: one row per line, columns separated by `|`.
    pub fn sql(&self, ground: &Ground, sql: &str) -> Result<String, Fault> {
        if self.setting.is_postgres() {
            return ground.postgres.sql(&self.database, sql);
        }
        sqlite::sql(&self.database, sql)
    }
}

/// Writes a key file as an operator does; the key is used in these proofs only.
fn write_keys(path: &Path) -> Result<(), Fault> {
    let file = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path);
    let key = "current = \"k1\"\n[keys]\nk1 = \"VGhpcyBrZXkgcHJvdmVzIGFuZCBndWFyZHMgbm90aCE=\"\n";
    file.and_then(|mut file| file.write_all(key.as_bytes()))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns the path of libfaketime.
fn faketime() -> Result<PathBuf, Fault> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.is_file())
        .ok_or_else(|| "there is no libfaketime; `make prove` installs it".into())
}
