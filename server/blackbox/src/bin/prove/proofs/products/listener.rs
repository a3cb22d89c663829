//! A product's address for logout tokens.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use blackbox::Fault;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How the product answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Correct,
    /// Never.
    Silent,
    /// After four seconds.
    Slow,
    /// With an error.
    Failing,
    /// Without an end.
    Huge,
    /// With a redirect to another product, which would be told of the session a second time.
    Lying(SocketAddr),
}

/// The sessions it was told of, with the time, and how often it was told again.
#[derive(Default)]
struct Told {
    at: HashMap<String, Instant>,
    again: usize,
}

/// See the module documentation. It listens until the process ends.
pub struct Listener {
    address: SocketAddr,
    told: Arc<(Mutex<Told>, Condvar)>,
}

impl Listener {
    pub fn start(manner: Manner) -> Result<Self, Fault> {
        let failed = |error: std::io::Error| format!("a product cannot listen: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let told = Arc::new((Mutex::<Told>::default(), Condvar::new()));
        let shared = told.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = shared.clone();
                std::thread::spawn(move || while answer(&stream, manner, &told).is_some() {});
            }
        });
        Ok(Self { address, told })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn uri(&self) -> String {
        format!("http://{}/ended", self.address)
    }

    /// Waits until it was told of a session; returns the time.
    pub fn told(&self, sid: &str, until: Instant) -> Option<Instant> {
        let (told, changed) = &*self.told;
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(at) = told.at.get(sid) {
                return Some(*at);
            }
            let left = until.checked_duration_since(Instant::now())?;
            told = changed
                .wait_timeout(told, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Returns how often it was told of a session again.
    pub fn repeated(&self) -> usize {
        self.told.0.lock().unwrap_or_else(PoisonError::into_inner).again
    }
}

/// Answers one request; `None` if the connection is over.
fn answer(mut stream: &TcpStream, manner: Manner, told: &(Mutex<Told>, Condvar)) -> Option<()> {
    let request = read(stream)?;
    let sid = sid(&request)?;
    let mut known = told.0.lock().unwrap_or_else(PoisonError::into_inner);
    if known.at.insert(sid, Instant::now()).is_some() {
        known.again += 1;
    }
    drop(known);
    told.1.notify_all();
    match manner {
        Manner::Correct => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok(),
        Manner::Failing => stream
            .write_all(b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n")
            .ok(),
        Manner::Silent => {
            // Until the service closes the connection.
            let _ = stream.read(&mut [0]);
            None
        }
        Manner::Slow => {
            std::thread::sleep(Duration::from_secs(4));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()
        }
        Manner::Lying(other) => {
            let redirect = format!("HTTP/1.1 307 Moved\r\nLocation: http://{other}/ended\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(redirect.as_bytes()).ok()
        }
        Manner::Huge => {
            stream.write_all(b"HTTP/1.1 500 Error\r\n\r\n").ok()?;
            while stream.write_all(&[b'a'; 65_536]).is_ok() {}
            None
        }
    }
}

/// Reads a request: its body.
fn read(mut stream: &TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let wanted = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
        if body.len() >= wanted {
            return Some(body.to_owned());
        }
    }
}

/// Returns the session that a logout token names. Its signature is a matter of the tests.
fn sid(body: &str) -> Option<String> {
    let token = body.strip_prefix("logout_token=")?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["sid"].as_str().map(str::to_owned)
}
