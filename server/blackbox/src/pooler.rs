//! A PgBouncer in `transaction` mode in front of a PostgreSQL, on a free port of the loopback.

use crate::postgres::{as_its_user, is_root};
use crate::program::free_port;
use crate::{Fault, command};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// See the module documentation. Stops when dropped.
pub struct Pooler {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Pooler {
    /// Starts a pooler for the PostgreSQL at a port.
    ///
    /// # Errors
    /// Fails if `pgbouncer` isn't installed or doesn't start.
    pub fn start(parent: &Path, postgres: u16) -> Result<Self, Fault> {
        let port = free_port()?;
        let folder = parent.join(format!("blackbox-pooler-{}-{port}", std::process::id()));
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir(&folder).map_err(wrong)?;
        std::fs::write(folder.join("users.txt"), "\"rekey\" \"\"\n").map_err(wrong)?;
        let place = folder.display();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = trust\nauth_file = {place}/users.txt\npool_mode = transaction\ndefault_pool_size = 12\n\
             unix_socket_dir =\nlogfile = {place}/log\npidfile = {place}/pid\n"
        );
        std::fs::write(folder.join("pgbouncer.ini"), settings).map_err(wrong)?;
        if is_root() {
            let owned = Command::new("chown").arg("-R").arg("postgres").arg(&folder).status();
            owned.map_err(|error| format!("chown: {error}"))?;
        }
        // The daemon isn't in every user's search path.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let child = as_its_user("pgbouncer")
            .env("PATH", path)
            .arg(folder.join("pgbouncer.ini"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.map_err(|error| format!("pgbouncer: {error}; `make {}` installs it", command()))?;
        let pooler = Self { child, folder, port };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(pooler);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("pgbouncer does not start; `make {}` installs it", command()))
    }

    /// Returns the URL of a database behind the pooler.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://rekey@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let id = std::fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        let _ = Command::new("kill").arg(id.trim()).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
