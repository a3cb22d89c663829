//! A mail server that takes everything and keeps it as it came, or is hostile in one of the ways that mail servers are.

use crate::Fault;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How it behaves from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It takes all.
    Kind,
    /// It takes connections and says nothing.
    Silent,
    /// It answers the recipient with that code.
    Refuses(u16),
    /// It answers the sender with that.
    Answers(&'static str),
    /// It takes the whole message and hangs up before it says so.
    DropsAfterData,
    /// It hangs up at once, as one that is down.
    Down,
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    /// The line `MAIL FROM`.
    pub mail: String,
    /// The lines `RCPT TO`.
    pub recipients: Vec<String>,
    /// Between `DATA` and the dot, its dots unstuffed.
    pub data: Vec<u8>,
}

/// See the module. Ends when dropped.
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
    /// One without TLS.
    ///
    /// # Errors
    /// When nothing can listen.
    pub fn open() -> Result<Self, Fault> {
        Self::start(None)
    }

    /// One with TLS and a certificate that nobody signed.
    ///
    /// # Errors
    /// When nothing can listen, or no certificate can be made.
    pub fn open_with_bad_certificate() -> Result<Self, Fault> {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let signed = signed.map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .map_err(|error| error.to_string())?;
        let mut mailbox = Self::start(Some(Arc::new(config)))?;
        mailbox.certificate = signed.cert.pem();
        Ok(mailbox)
    }

    /// Its certificate, where it has one: whoever takes that for an authority's trusts it.
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
                        // A certificate that is refused ends it before a word.
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

    /// For `REKEY_SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secured { "smtps" } else { "smtp" };
        format!("{scheme}://{}", self.address)
    }

    /// Behaves like that from now on, in conversations that have begun too.
    pub fn set(&self, mood: Mood) {
        *lock(&self.state.mood) = mood;
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// All that came.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.state.messages).clone()
    }

    /// All that came since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut lock(&self.state.messages))
    }

    /// All that came to an address.
    #[must_use]
    pub fn to(&self, email: &str) -> Vec<Message> {
        let messages = lock(&self.state.messages);
        messages
            .iter()
            .filter(|message| message.is_to(email))
            .cloned()
            .collect()
    }

    /// Drops what came to an address, so that one who asks for many codes does not keep them all.
    pub fn forget(&self, email: &str) {
        lock(&self.state.messages).retain(|message| !message.is_to(email));
    }

    /// Waits for the `number`th message (from 1) to an address.
    ///
    /// # Errors
    /// When it does not come in 75 s.
    pub fn wait(&self, email: &str, number: usize) -> Result<Message, Fault> {
        self.wait_for(email, number, Duration::from_secs(75))
    }

    /// The same for so long.
    ///
    /// # Errors
    /// When it does not come.
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
                return Err(format!("e-mail {number} to {email} did not come"));
            }
            let waited = self.state.came.wait_timeout(messages, left);
            messages = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The code in the first message with one to an address, of those after the first `seen`.
    ///
    /// # Errors
    /// When none comes.
    pub fn code_after(&self, email: &str, seen: usize) -> Result<String, Fault> {
        for number in seen + 1.. {
            if let Some(code) = self.wait(email, number)?.code() {
                return Ok(code);
            }
        }
        Err("there are not so many e-mails".into())
    }

    /// The same of the request with that reference: an e-mail of another one may arrive meanwhile.
    ///
    /// # Errors
    /// When none comes.
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
        // So that it wakes up to see that.
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
                // Until the other side has enough of it.
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
                // Attack: a line that a message brought along.
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

    /// A header of it, decoded.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        use mailparse::MailHeaderMap;
        let parsed = mailparse::parse_mail(&self.data).ok();
        parsed
            .and_then(|parsed| parsed.headers.get_first_value(name))
            .unwrap_or_default()
    }

    /// Its subject.
    #[must_use]
    pub fn subject(&self) -> String {
        self.header("Subject")
    }

    /// Its part that is plain text.
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

    /// The one-time passcode in it: on the line for the mail program, `@domain #012345`.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let text = self.text();
        let line = text.lines().find(|line| line.starts_with('@') && line.contains(" #"))?;
        let code = line.rsplit_once('#')?.1.trim();
        code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.to_owned())
    }
}

/// Acknowledges at once what came: a sender that waits for that sends no more than 25 messages a second.
struct Acknowledged(TcpStream);

impl Read for Acknowledged {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // It holds until the next pause only.
        SockRef::from(&self.0).set_tcp_quickack(true)?;
        self.0.read(buffer)
    }
}

impl Write for Acknowledged {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// A line with its CR LF, the only thing that ends one (RFC 5321 §2.3.8); `None` at the end of the stream.
fn line(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        if reader.take(1 << 20).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(line))
}

/// Up to the dot.
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
