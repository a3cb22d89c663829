//! The program that is measured, in a folder of its own.

use crate::crowd::Fault;
use crate::http::Connection;
use crate::machine;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Raised, as one client plays everybody here.
const LIMITS: [&str; 8] = [
    "RESET_AN_HOUR",
    "RESET_A_DAY",
    "CODES_AN_HOUR",
    "CLIENT_A_MINUTE",
    "WRONG_CODES_AN_HOUR",
    "WRONG_CODES_A_DAY",
    "WRONG_CODES_IN_A_ROW",
    "FREE_PASSWORDS",
];
/// No start and no end takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Program, folder, place to listen. The folder goes when this is dropped.
pub struct Program {
    binary: PathBuf,
    site: PathBuf,
    folder: PathBuf,
    port: u16,
}

/// The program while it serves; killed when dropped.
pub struct Running<'a> {
    child: Child,
    began: Instant,
    program: &'a Program,
}

impl Program {
    /// A folder beside the program rather than in `/tmp`, which may be memory: a commit must reach a disk.
    pub fn new(binary: PathBuf, site: PathBuf) -> Result<Self, Fault> {
        if !site.join("manifest.json").is_file() {
            return Err(format!(
                "{} has no manifest.json; `make bench` builds it",
                site.display()
            ));
        }
        let folder = binary.with_file_name(format!("bench-{}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| format!("no free port: {error}"))?.port();
        Ok(Self {
            binary,
            site,
            folder,
            port,
        })
    }

    /// `rekey serve --dev`.
    pub fn start(&self) -> Result<Running<'_>, Fault> {
        let log = self.log()?;
        let mut command = self.command();
        command
            .args(["serve", "--dev"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let began = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))?;
        Ok(Running {
            child,
            began,
            program: self,
        })
    }

    /// `rekey user add`.
    pub fn add_person(&self, email: &str, password: Option<&str>) -> Result<(), Fault> {
        let mut command = self.command();
        command.args(["user", "add", "--name", "Person of the Measurement", "--email", email]);
        if password.is_some() {
            command.arg("--password-stdin");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(self.log()?);
        let mut child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))?;
        if let Some(mut input) = child.stdin.take() {
            // One that ended early says why by its status.
            let _ = input.write_all(password.unwrap_or_default().as_bytes());
        }
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("rekey user add --email {email} failed\n{}", self.end_of_log())),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        let listen = format!("127.0.0.1:{}", self.port);
        command.current_dir(&self.folder).env_clear();
        command
            .env("REKEY_ORIGIN", format!("http://{listen}"))
            .env("REKEY_LISTEN", listen);
        command
            .env("REKEY_SITE", &self.site)
            .env("REKEY_LIMIT_RESET_EVERY_S", "1");
        command.envs(LIMITS.map(|name| (format!("REKEY_LIMIT_{name}"), "1000000")));
        command
    }

    fn log(&self) -> Result<File, Fault> {
        let path = self.folder.join("log");
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened.map_err(|error| format!("{}: {error}", path.display()))
    }

    fn end_of_log(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(2_000)..]).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running<'_> {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.program.port
    }

    /// The end of what it logged; for the one who looks for a fault.
    pub fn end_of_log(&self) -> String {
        self.program.end_of_log()
    }

    /// Seconds from the start to the first 200 of that address.
    pub fn first_200(&mut self, path: &str) -> Result<f64, Fault> {
        while self.began.elapsed() < PATIENCE {
            if let Ok(mut connection) = Connection::open(self.program.port)
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

    /// Seconds of CPU until it has nothing to do: the letters that requests left behind are its work too.
    pub fn be_quiet(&self) -> Result<f64, Fault> {
        const MOST: Duration = Duration::from_secs(8);
        let began = Instant::now();
        let (mut seen, mut since) = (machine::cpu_s(self.id())?, Instant::now());
        while since.elapsed() < Duration::from_millis(400) {
            if began.elapsed() > MOST {
                crate::say("    it still works after 8 s; what follows is measured beside that");
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

    /// Asks it to end, and waits for that.
    pub fn stop(mut self) -> Result<(), Fault> {
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        asked.map_err(|error| format!("kill: {error}"))?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("rekey ended with {status}\n{}", self.end_of_log())),
                _ => sleep(Duration::from_millis(5)),
            }
        }
        Err("rekey does not end when told to".into())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
