//! A mail server that stores every e-mail unmodified, or misbehaves like real ones.

use crate::Fault;
use crate::acknowledged::Acknowledged;
use crate::authority::server_config;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Behaviour of the mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It accepts everything.
    Kind,
    /// It accepts connections and never responds.
    Silent,
    /// It rejects the recipient with a code.
    Refuses(u16),
    /// It responds to the sender with a line.
    Answers(&'static str),
    /// It receives the whole message and closes the connection without acknowledging it.
    DropsAfterData,
    /// It closes connections immediately, as if it were down.
    Down,
}

/// A message, as received.
#[derive(Debug, Clone)]
pub struct Message {
    /// The line `MAIL FROM`.
    pub mail: String,
    /// The lines `RCPT TO`.
    pub recipients: Vec<String>,
    /// The content between `DATA` and the final dot, with dots unstuffed.
    pub data: Vec<u8>,
}

/// See the module documentation. Stops when dropped.
pub struct Mailbox {
    state: Arc<State>,
    address: SocketAddr,
    secured: bool,
    certificate: String,
}

struct State {
    mood: Mutex<Mood>,
    messages: Mutex<Vec<Message>>,
    came: Condvar,
    connections: AtomicUsize,
    over: AtomicBool,
}

impl Mailbox {
    /// Starts a server without TLS.
    ///
    /// # Errors
    /// Fails if no port is available.
    pub fn open() -> Result<Self, Fault> {
        Self::start(None)
    }

    /// Starts a server with TLS and a self-signed certificate.
    ///
    /// # Errors
    /// Fails if no port is available or no certificate can be created.
    pub fn open_with_bad_certificate() -> Result<Self, Fault> {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let signed = signed.map_err(|error| error.to_string())?;
        let config = server_config(signed.cert.der().clone(), &signed.signing_key)?;
        let mut mailbox = Self::start(Some(config))?;
        mailbox.certificate = signed.cert.pem();
        Ok(mailbox)
    }

    /// Returns the certificate, if any. A client that adds it as an authority trusts the server.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    fn start(tls: Option<Arc<ServerConfig>>) -> Result<Self, Fault> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let secured = tls.is_some();
        let state = Arc::new(State {
            mood: Mutex::new(Mood::Kind),
            messages: Mutex::default(),
            came: Condvar::new(),
            connections: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let all = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if all.over.load(Ordering::Relaxed) {
                    return;
                }
                all.connections.fetch_add(1, Ordering::Relaxed);
                let (Ok(stream), all, tls) = (stream, all.clone(), tls.clone()) else {
                    continue;
                };
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let stream = Acknowledged(stream);
                    match tls {
                        None => all.converse(stream).ok(),
                        // A client that rejects the certificate sends no SMTP command.
                        Some(config) => ServerConnection::new(config)
                            .ok()
                            .and_then(|connection| all.converse(StreamOwned::new(connection, stream)).ok()),
                    }
                });
            }
        });
        Ok(Self {
            state,
            address,
            secured,
            certificate: String::new(),
        })
    }

    /// Returns the value for `REKEY_SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secured { "smtps" } else { "smtp" };
        format!("{scheme}://{}", self.address)
    }

    /// Changes the behaviour, including that of open connections.
    pub fn set(&self, mood: Mood) {
        *lock(&self.state.mood) = mood;
    }

    /// Returns the number of connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Returns all messages received.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.state.messages).clone()
    }

    /// Returns all messages received since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut lock(&self.state.messages))
    }

    /// Returns all messages to an address.
    #[must_use]
    pub fn to(&self, email: &str) -> Vec<Message> {
        let messages = lock(&self.state.messages);
        messages
            .iter()
            .filter(|message| message.is_to(email))
            .cloned()
            .collect()
    }

    /// Deletes the messages to an address, so that many requests don't fill memory.
    pub fn forget(&self, email: &str) {
        lock(&self.state.messages).retain(|message| !message.is_to(email));
    }

    /// Waits for the `number`th message (from 1) to an address.
    ///
    /// # Errors
    /// Fails if it doesn't arrive within 75 s.
    pub fn wait(&self, email: &str, number: usize) -> Result<Message, Fault> {
        self.wait_for(email, number, Duration::from_secs(75))
    }

    /// Waits like `wait`, with a different time limit.
    ///
    /// # Errors
    /// Fails if it doesn't arrive in time.
    pub fn wait_for(&self, email: &str, number: usize, most: Duration) -> Result<Message, Fault> {
        let until = Instant::now() + most;
        let mut messages = lock(&self.state.messages);
        loop {
            let found = messages.iter().filter(|message| message.is_to(email)).nth(number - 1);
            if let Some(message) = found {
                return Ok(message.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("e-mail {number} to {email} did not arrive"));
            }
            let waited = self.state.came.wait_timeout(messages, left);
            messages = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns the code in the first message to an address that has one, after the first `seen` messages.
    ///
    /// # Errors
    /// Fails if none arrives.
    pub fn code_after(&self, email: &str, seen: usize) -> Result<String, Fault> {
        for number in seen + 1.. {
            if let Some(code) = self.wait(email, number)?.code() {
                return Ok(code);
            }
        }
        Err("there are not so many e-mails".into())
    }

    /// Returns the same as `code_after`, but for one request: an e-mail of another request may arrive first.
    ///
    /// # Errors
    /// Fails if none arrives.
    pub fn code_of_request_after(&self, email: &str, seen: usize, reference: &str) -> Result<String, Fault> {
        for number in seen + 1.. {
            let message = self.wait(email, number)?;
            if message.subject().contains(&format!("(Request {reference})"))
                && let Some(code) = message.code()
            {
                return Ok(code);
            }
        }
        Err("there are not so many e-mails".into())
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        // Wake up the listener, so that it stops.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn converse(&self, stream: impl Read + Write) -> std::io::Result<()> {
        let mood = || *lock(&self.mood);
        let mut reader = BufReader::new(stream);
        match mood() {
            Mood::Down => return Ok(()),
            Mood::Silent => {
                // Wait until the client disconnects.
                return reader.read_to_end(&mut Vec::new()).map(drop);
            }
            _ => reader.get_mut().write_all(b"220 mail.example ESMTP \x1b[31m\r\n")?,
        }
        let (mut mail, mut recipients) = (String::new(), Vec::new());
        loop {
            let Some(line) = line(&mut reader)? else { return Ok(()) };
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if mood() == Mood::Silent {
                return reader.read_to_end(&mut Vec::new()).map(drop);
            }
            if mood() == Mood::Down {
                return Ok(());
            }
            let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME".to_owned(),
                "AUTH" => "235 welcome".into(),
                "NOOP" | "RSET" => "250 fine".into(),
                "MAIL" => {
                    recipients.clear();
                    mail = text;
                    match mood() {
                        Mood::Answers(reply) => reply.into(),
                        _ => "250 fine".into(),
                    }
                }
                "RCPT" => match mood() {
                    Mood::Refuses(code) => format!("{code} no"),
                    _ => {
                        recipients.push(text);
                        "250 fine".into()
                    }
                },
                "DATA" => {
                    reader.get_mut().write_all(b"354 go on\r\n")?;
                    let Some(data) = data(&mut reader)? else { return Ok(()) };
                    let taken = mood() != Mood::DropsAfterData;
                    let message = Message {
                        mail: mail.clone(),
                        recipients: recipients.clone(),
                        data,
                    };
                    lock(&self.messages).push(message);
                    self.came.notify_all();
                    if !taken {
                        return Ok(());
                    }
                    "250 taken".into()
                }
                "QUIT" => {
                    reader.get_mut().write_all(b"221 bye\r\n")?;
                    return Ok(());
                }
                // Attack: a message injects a command.
                _ => "500 unknown".into(),
            };
            reader.get_mut().write_all(format!("{reply}\r\n").as_bytes())?;
        }
    }
}

impl Message {
    fn is_to(&self, email: &str) -> bool {
        self.recipients.iter().any(|line| line.contains(&format!("<{email}>")))
    }

    /// Returns a header, decoded.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        use mailparse::MailHeaderMap;
        let parsed = mailparse::parse_mail(&self.data).ok();
        parsed
            .and_then(|parsed| parsed.headers.get_first_value(name))
            .unwrap_or_default()
    }

    /// Returns the subject.
    #[must_use]
    pub fn subject(&self) -> String {
        self.header("Subject")
    }

    /// Returns the plain-text part.
    #[must_use]
    pub fn text(&self) -> String {
        let parsed = mailparse::parse_mail(&self.data).ok();
        let part = parsed.and_then(|parsed| {
            let mut parts = parsed.parts();
            parts
                .find(|part| part.ctype.mimetype == "text/plain")
                .and_then(|part| part.get_body().ok())
        });
        part.unwrap_or_default()
    }

    /// Returns the one-time passcode, from the line for mail clients: `@domain #012345`.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let text = self.text();
        let line = text.lines().find(|line| line.starts_with('@') && line.contains(" #"))?;
        let code = line.rsplit_once('#')?.1.trim();
        code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.to_owned())
    }
}

/// Reads a line up to CR LF, the only line ending (RFC 5321 §2.3.8); `None` at the end of the stream.
fn line(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        if reader.take(1 << 20).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(line))
}

/// Reads up to the final dot.
fn data(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut data = Vec::new();
    loop {
        let Some(line) = line(reader)? else { return Ok(None) };
        if line == b".\r\n" {
            return Ok(Some(data));
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
