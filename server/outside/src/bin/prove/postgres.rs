//! A PostgreSQL of the proofs' own, on a free port of the loopback, in a folder that goes with it.

use outside::Fault;
use outside::program::free_port;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// See the module.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes and starts one. What it has acknowledged outlives its own end, not the machine's: no `fsync`.
    pub fn start() -> Result<Self, Fault> {
        let postgres = Self {
            programs: programs()?,
            folder: std::env::temp_dir().join(format!("rekey-prove-postgres-{}", std::process::id())),
            port: free_port()?,
        };
        std::fs::create_dir(&postgres.folder).map_err(|error| format!("{}: {error}", postgres.folder.display()))?;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&postgres.folder))?;
        }
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
        Ok(postgres)
    }

    /// An empty database; gives its address.
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

    /// Runs SQL in a database, as an operator with `psql`; gives what it prints, a row a line, columns with `|` between.
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

    /// Ends it at once (`immediate`, as a crash) and starts it again; it recovers from its log.
    pub fn restart(&self) -> Result<(), Fault> {
        self.down()?;
        self.up()
    }

    /// Ends it at once.
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
    pub fn up(&self) -> Result<(), Fault> {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c max_connections=300 -c fsync=off",
            self.port,
            self.folder.display()
        );
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

    /// One of its programs. It refuses to run as root.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
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

/// Where Debian keeps them, the 15 first; else where the search path does.
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
        .ok_or_else(|| "there is no PostgreSQL (initdb); `make prove` installs it".into())
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

fn run(command: &mut Command) -> Result<String, Fault> {
    // No pipe for what stays in the background: nobody would ever see its end.
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
