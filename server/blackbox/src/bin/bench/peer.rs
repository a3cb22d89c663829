//! The peer of the comparison: npm's `oidc-provider`, as one process, with its state in memory.

use crate::crowd::{self, Done};
use crate::fixture::Cpu;
use crate::requests::{self, AUTHORIZE, SECRET};
use blackbox::http::{Connection, Jar};
use blackbox::program::free_port;
use blackbox::{Fault, machine, path};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The running peer; killed when dropped.
pub struct Peer {
    child: Child,
    port: u16,
    /// Its name and version.
    pub version: String,
    /// Signed-in browsers of its users, as many as at Rekey.
    users: Vec<Jar>,
}

impl Peer {
    /// Starts it and signs its users in.
    pub fn start() -> Result<Self, Fault> {
        let program = path("REKEY_PEER", "end2end/peer/oidc-provider.mjs")?;
        let port = free_port()?;
        let child = Command::new("node")
            .arg(program)
            .args([&port.to_string(), SECRET])
            .env("NODE_ENV", "production")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut peer = Self {
            child: child.map_err(|error| format!("node: {error}"))?,
            port,
            version: String::new(),
            users: Vec::new(),
        };
        if let Some(output) = peer.child.stdout.take() {
            // Nothing follows this line.
            let read = BufReader::new(output).read_line(&mut peer.version);
            read.map_err(|error| format!("the peer's output: {error}"))?;
        }
        peer.version.truncate(peer.version.trim_end().len());
        for _ in 0..crowd::CONNECTIONS {
            let user = peer.sign_in()?;
            peer.users.push(user);
        }
        Ok(peer)
    }

    /// Follows the redirects of the first sign-in.
    fn sign_in(&self) -> Result<Jar, Fault> {
        const MOST: usize = 5;
        let mut connection = Connection::open(self.port)?;
        let (mut at, mut user) = (AUTHORIZE.to_owned(), Jar::default());
        for _ in 0..MOST {
            let answer = connection.get(&at, &mut user)?;
            if requests::code(&answer).is_some() {
                return Ok(user);
            }
            let location = answer.header("location");
            let own = format!("http://127.0.0.1:{}", self.port);
            at = location.strip_prefix(&own).unwrap_or(location).to_owned();
            if !at.starts_with('/') {
                return Err(answer.unexpected("signing in at the peer"));
            }
        }
        Err(format!("signing in at the peer leads to {at}"))
    }

    /// Signs in to the product at the peer, as often as at Rekey.
    pub fn measure(&self, (count, most): (usize, Duration)) -> Result<(Done, Cpu), Fault> {
        let host = format!("127.0.0.1:{}", self.port);
        let before = machine::cpu_s(self.child.id())?;
        let done = crowd::ask(self.port, count, most, |connection, index| {
            let user = &self.users[index % self.users.len()];
            requests::product(connection, &host, user).map(drop)
        })?;
        let cpu = Cpu {
            server: machine::cpu_s(self.child.id())? - before,
            postgres: None,
        };
        Ok((done, cpu))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
