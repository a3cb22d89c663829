//! A temporary PostgreSQL on a free port of the loopback. Its folder is deleted with it.

use crate::program::free_port;
use crate::{Fault, machine};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// See the module documentation. Stops when dropped.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    lasting: Lasting,
}

/// Durability of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// Acknowledged writes survive a power failure, as in production: PostgreSQL's default settings.
    Power,
    /// Acknowledged writes survive the end of PostgreSQL, but not of the machine: no `fsync`.
    Process,
}

impl Postgres {
    /// Creates and starts a server in a new folder within `parent`, which must pass [`Postgres::reaches`].
    ///
    /// # Errors
    /// Fails if PostgreSQL isn't installed or doesn't start.
    pub fn start(parent: &Path, lasting: Lasting) -> Result<Self, Fault> {
        let postgres = Self::in_folder(parent, lasting)?;
        let data = postgres.data();
        run(postgres.command("initdb").arg("-D").arg(&data).args([
            "-U",
            "rekey",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]))?;
        postgres.up()?;
        postgres.ends_with_us()?;
        Ok(postgres)
    }

    /// Creates a server in a new folder without starting it.
    fn in_folder(parent: &Path, lasting: Lasting) -> Result<Self, Fault> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let postgres = Self {
            programs: programs()?,
            folder: parent.join(format!("blackbox-postgres-{}-{number}", std::process::id())),
            port: free_port()?,
            lasting,
        };
        std::fs::create_dir(&postgres.folder).map_err(|error| format!("{}: {error}", postgres.folder.display()))?;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&postgres.folder))?;
        }
        Ok(postgres)
    }

    /// Starts a standby that receives every write acknowledged from now on.
    ///
    /// # Errors
    /// Fails if it doesn't start or doesn't follow.
    pub fn standby(&self, parent: &Path) -> Result<Self, Fault> {
        let standby = Self::in_folder(parent, self.lasting)?;
        run(standby
            .command("pg_basebackup")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "rekey"])
            .args(["-R", "-c", "fast", "-X", "stream", "-D"])
            .arg(standby.data()))?;
        standby.up()?;
        standby.ends_with_us()?;
        let url = format!("postgres://rekey@127.0.0.1:{}/postgres", self.port);
        self.sql(&url, "ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.sql(&url, "SELECT pg_reload_conf()")?;
        for _ in 0..100 {
            if self.sql(
                &url,
                "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'",
            )? == "1"
            {
                return Ok(standby);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err("the standby does not follow".into())
    }

    /// Promotes a standby to primary.
    ///
    /// # Errors
    /// Fails if it isn't promoted.
    pub fn promote(&self) -> Result<(), Fault> {
        let data = self.data();
        run(self.command("pg_ctl").arg("-D").arg(data).args(["-w", "promote"])).map(drop)
    }

    /// Starts again after [`down`](Self::down) in read-only mode, as a fenced former primary.
    ///
    /// # Errors
    /// Fails if it doesn't start.
    pub fn up_read_only(&self) -> Result<(), Fault> {
        let file = self.data().join("postgresql.auto.conf");
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        std::fs::write(&file, kept + "default_transaction_read_only = on\n").map_err(|error| error.to_string())?;
        self.up()
    }

    /// Returns the port on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Starts a process that cleans up after this one, because Ctrl-C runs no destructors.
    fn ends_with_us(&self) -> Result<(), Fault> {
        let wait =
            r#"tail --pid="$0" -f /dev/null; kill -QUIT "$(head -n 1 "$1/postmaster.pid")" && sleep 1; rm -rf "$2""#;
        let waiting = Command::new("setsid")
            .args(["sh", "-c", wait, &std::process::id().to_string()])
            .args([self.data(), self.folder.clone()])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        waiting.map(drop).map_err(|error| format!("setsid: {error}"))
    }

    /// Returns whether PostgreSQL's user, who isn't root, can access a folder.
    #[must_use]
    pub fn reaches(folder: &Path) -> bool {
        let test = as_its_user("test").arg("-x").arg(folder).current_dir("/").status();
        test.is_ok_and(|status| status.success())
    }

    /// Creates an empty database; returns its URL.
    ///
    /// # Errors
    /// Fails if it can't be created.
    pub fn database(&self) -> Result<String, Fault> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rekey{}", COUNT.fetch_add(1, Ordering::Relaxed));
        run(self.command("createdb").arg("-h").arg(&self.folder).args([
            "-p",
            &self.port.to_string(),
            "-U",
            "rekey",
            &name,
        ]))?;
        Ok(format!("postgres://rekey@127.0.0.1:{}/{name}", self.port))
    }

    /// Runs SQL in a database with `psql`; returns one row per line, columns separated by `|`.
    ///
    /// # Errors
    /// Fails if a statement fails.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, Fault> {
        run(self.command("psql").args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
            "-c",
            sql,
        ]))
    }

    /// Returns the CPU seconds of all processes, including ended ones.
    ///
    /// # Errors
    /// Fails if it isn't running.
    pub fn cpu_s(&self) -> Result<f64, Fault> {
        machine::family_cpu_s(self.id()?)
    }

    /// Returns the memory of all processes in MiB; shared memory is counted once.
    ///
    /// # Errors
    /// Fails if it isn't running.
    pub fn memory_mib(&self) -> Result<f64, Fault> {
        machine::family_memory_mib(self.id()?)
    }

    /// Returns the sizes of the files and of the write-ahead log, in MiB.
    #[must_use]
    pub fn sizes_mib(&self) -> (f64, f64) {
        let data = self.data();
        let wal = machine::size_mib(&data.join("pg_wal"));
        (machine::size_mib(&data) - wal, wal)
    }

    /// Stops it without a checkpoint (`immediate`, like a crash) and starts it again; it recovers from its log.
    ///
    /// # Errors
    /// Fails if it doesn't restart.
    pub fn restart(&self) -> Result<(), Fault> {
        self.down()?;
        self.up()
    }

    /// Stops it immediately.
    ///
    /// # Errors
    /// Fails if it doesn't stop.
    pub fn down(&self) -> Result<(), Fault> {
        let data = self.data();
        run(self
            .command("pg_ctl")
            .arg("-D")
            .arg(data)
            .args(["-m", "immediate", "-w", "stop"]))
        .map(drop)
    }

    /// Starts it.
    ///
    /// # Errors
    /// Fails if it doesn't start.
    pub fn up(&self) -> Result<(), Fault> {
        let mut options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c max_connections=300",
            self.port,
            self.folder.display()
        );
        if self.lasting == Lasting::Process {
            options.push_str(" -c fsync=off");
        }
        let data = self.data();
        let log = self.folder.join("log");
        run(self
            .command("pg_ctl")
            .arg("-D")
            .arg(data)
            .arg("-l")
            .arg(log)
            .args(["-w", "-t", "60", "-o", &options, "start"]))
        .map(drop)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Returns the process id of the postmaster.
    fn id(&self) -> Result<u32, Fault> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let id = file.lines().next().and_then(|line| line.trim().parse().ok());
        id.ok_or_else(|| "PostgreSQL does not run".into())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = as_its_user(self.programs.join(name));
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.down();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Finds the programs in Debian's folders, version 15 first, or in the search path.
fn programs() -> Result<PathBuf, Fault> {
    let fifteen = Path::new("/usr/lib/postgresql/15/bin");
    if fifteen.join("initdb").is_file() {
        return Ok(fifteen.to_owned());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debians = versions.map(|version| version.path().join("bin"));
    let search = std::env::var_os("PATH").unwrap_or_default();
    debians
        .chain(std::env::split_paths(&search))
        .find(|folder| folder.join("initdb").is_file())
        .ok_or_else(|| {
            format!(
                "there is no PostgreSQL (initdb); `make {}` installs it",
                crate::command()
            )
        })
}

/// Returns a command that runs as PostgreSQL's user, because PostgreSQL refuses to run as root.
pub(crate) fn as_its_user(program: impl AsRef<OsStr>) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

pub(crate) fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

fn run(command: &mut Command) -> Result<String, Fault> {
    // No pipe for a background process, because it would keep the pipe open.
    let background = command.get_args().any(|word| word == "start");
    command.stdin(Stdio::null());
    if background {
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        return match status {
            Ok(status) if status.success() => Ok(String::new()),
            other => Err(format!("PostgreSQL does not start: {other:?}")),
        };
    }
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}
