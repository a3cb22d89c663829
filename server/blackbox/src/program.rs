//! The program under test, in its own folder.

use crate::http::Connection;
use crate::{Fault, machine, say};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Arguments of `unshare` for private mounts, as any user.
const OWN_MOUNTS: [&str; 3] = ["--user", "--map-root-user", "--mount"];
/// Time limit of a start and of a shutdown.
const PATIENCE: Duration = Duration::from_secs(20);

/// Program, folder, port and configuration. Dropping it deletes the folder.
pub struct Program {
    binary: PathBuf,
    folder: PathBuf,
    port: u16,
    environment: Vec<(String, String)>,
    disk_mib: Option<u32>,
}

/// The running program; killed when dropped.
pub struct Running {
    child: Child,
    began: Instant,
    port: u16,
    log: PathBuf,
}

/// Mode of `rekey serve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `serve --dev`
    Development,
    /// `serve`
    Production,
}

impl Program {
    /// Creates a program with the browser's files from a folder.
    ///
    /// # Errors
    /// Fails if the browser's files aren't built or no folder can be created.
    pub fn new(binary: PathBuf, site: &Path) -> Result<Self, Fault> {
        if !site.join("manifest.json").is_file() {
            return Err(format!("{} has no manifest.json; `make run` builds it", site.display()));
        }
        Ok(Self::in_folder(binary)?.set("SITE", &site.display().to_string()))
    }

    /// Copies only the program to an otherwise empty folder.
    ///
    /// # Errors
    /// Fails if no folder can be created or the program can't be copied.
    pub fn copied(binary: PathBuf) -> Result<Self, Fault> {
        let mut program = Self::in_folder(binary)?;
        let copy = program.folder.join("rekey");
        std::fs::copy(&program.binary, &copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        program.binary = copy;
        Ok(program)
    }

    /// Creates a folder next to the program, because `/tmp` may be in memory and commits must reach a disk.
    fn in_folder(binary: PathBuf) -> Result<Self, Fault> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = binary.with_file_name(format!("blackbox-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let port = free_port()?;
        let listen = format!("127.0.0.1:{port}");
        let environment = vec![
            ("REKEY_ORIGIN".into(), format!("http://{listen}")),
            ("REKEY_LISTEN".into(), listen),
        ];
        Ok(Self {
            binary,
            folder,
            port,
            environment,
            disk_mib: None,
        })
    }

    /// Gives its servers a private in-memory disk at [`Program::disk`]. Other processes see it through
    /// [`Running::outside_of`].
    ///
    /// # Errors
    /// Fails if this machine doesn't let users mount file systems.
    pub fn with_a_disk_of(mut self, mib: u32) -> Result<Self, Fault> {
        let tried = Command::new("unshare").args(OWN_MOUNTS).arg("true").output();
        if !tried.is_ok_and(|output| output.status.success()) {
            return Err("this machine doesn't let users mount a disk (unshare)".into());
        }
        let disk = self.disk();
        std::fs::create_dir(&disk).map_err(|error| format!("{}: {error}", disk.display()))?;
        self.disk_mib = Some(mib);
        Ok(self)
    }

    /// Returns the mount point of the private disk, if it has one.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.folder.join("disk")
    }

    /// Sets a configuration key, for example `LIMIT_EMAILS_A_DAY`.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.environment.push((format!("REKEY_{key}"), value.to_owned()));
        self
    }

    /// Sets another environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the port of the first server, which is the public one.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the working folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the first server.
    ///
    /// # Errors
    /// Fails if the program can't be started.
    pub fn start(&self, mode: Mode) -> Result<Running, Fault> {
        self.start_at(self.port, mode)
    }

    /// Starts a second server of the same service on another port.
    ///
    /// # Errors
    /// Fails if the program can't be started.
    pub fn start_at(&self, port: u16, mode: Mode) -> Result<Running, Fault> {
        let path = self.folder.join(format!("log-{port}"));
        let mut command = self.disk_mib.map_or_else(|| self.command(), |mib| self.mounting(mib));
        command
            .env("REKEY_LISTEN", format!("127.0.0.1:{port}"))
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(append(&path)?);
        if mode == Mode::Development {
            command.arg("--dev");
        }
        let began = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))?;
        Ok(Running {
            child,
            began,
            port,
            log: path,
        })
    }

    /// Runs another command of the program until it exits.
    ///
    /// # Errors
    /// Fails if the command fails; the fault contains its output.
    pub fn run(&self, words: &[&str], typed: &str) -> Result<Output, Fault> {
        let mut command = self.command();
        command.args(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let failed = |error: std::io::Error| format!("{}: {error}", self.binary.display());
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            // A failure means that the command has ended; its exit status says why.
            let _ = input.write_all(typed.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        if output.status.success() {
            Ok(output)
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("rekey {} failed: {said}", words.join(" ")))
        }
    }

    /// Runs `rekey user add` for a local account.
    ///
    /// # Errors
    /// Fails if the command fails.
    pub fn create_account(&self, email: &str, password: Option<&str>) -> Result<(), Fault> {
        let mut words = vec!["user", "add", "--name", "Test User", "--email", email];
        if password.is_some() {
            words.push("--password-stdin");
        }
        self.run(&words, password.unwrap_or_default()).map(drop)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        self.furnish(&mut command);
        command
    }

    /// Returns a command that mounts the disk and then runs the program in the same process.
    fn mounting(&self, mib: u32) -> Command {
        let mut command = Command::new("/usr/bin/unshare");
        self.furnish(&mut command);
        let script = "mount -t tmpfs -o size=\"$0\"m tmpfs disk && exec \"$@\"";
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(OWN_MOUNTS);
        command.args(["sh", "-c", script, &mib.to_string()]).arg(&self.binary);
        command
    }

    fn furnish(&self, command: &mut Command) {
        command.current_dir(&self.folder).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Converts a path visible to the program only into one for other processes.
    #[must_use]
    pub fn outside_of(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.id(), path.display()))
    }

    /// Returns the whole log, including that of earlier servers on this port.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Returns the end of the log, for fault messages.
    #[must_use]
    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let from = log.len().saturating_sub(2_000);
        log.get(from..).unwrap_or(&log).to_owned()
    }

    /// Returns the seconds from the start to the first 200 of a path.
    ///
    /// # Errors
    /// Fails if there is none within the time limit.
    pub fn first_200(&mut self, path: &str) -> Result<f64, Fault> {
        while self.began.elapsed() < PATIENCE {
            if let Ok(mut connection) = Connection::open(self.port)
                && connection.status(path) == Ok(200)
            {
                return Ok(self.began.elapsed().as_secs_f64());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("rekey serve ended with {status}\n{}", self.end_of_log()));
            }
            sleep(Duration::from_millis(1));
        }
        Err(format!("rekey serve does not answer\n{}", self.end_of_log()))
    }

    /// Waits until it is idle, e-mails included; returns its CPU seconds.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn be_quiet(&self) -> Result<f64, Fault> {
        const MOST: Duration = Duration::from_secs(8);
        let began = Instant::now();
        let (mut seen, mut since) = (machine::cpu_s(self.id())?, Instant::now());
        while since.elapsed() < Duration::from_millis(400) {
            if began.elapsed() > MOST {
                say("    it still works after 8 s; what follows is measured beside that");
                break;
            }
            sleep(Duration::from_millis(20));
            let now = machine::cpu_s(self.id())?;
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
        }
        Ok(seen)
    }

    /// Sends SIGTERM without waiting.
    ///
    /// # Errors
    /// Fails if the signal can't be sent.
    pub fn terminate(&self) -> Result<(), Fault> {
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        asked.map(drop).map_err(|error| format!("kill: {error}"))
    }

    /// Sends SIGTERM and waits for the exit; returns the seconds.
    ///
    /// # Errors
    /// Fails if it doesn't exit or exits with a failure.
    pub fn stop(mut self) -> Result<f64, Fault> {
        let asked = Instant::now();
        self.terminate()?;
        while asked.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(asked.elapsed().as_secs_f64()),
                Ok(Some(status)) => return Err(format!("rekey ended with {status}\n{}", self.end_of_log())),
                _ => sleep(Duration::from_millis(5)),
            }
        }
        Err("rekey does not stop after SIGTERM".into())
    }

    /// Kills it immediately (SIGKILL), like a power failure.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a port that is currently free.
///
/// # Errors
/// Fails if there is none.
pub fn free_port() -> Result<u16, Fault> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(free.map_err(|error| format!("no free port: {error}"))?.port())
}

fn append(path: &Path) -> Result<File, Fault> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|error| format!("{}: {error}", path.display()))
}
