//! A minimal browser: HTTP/1.1 on a persistent connection, and a cookie jar.

use crate::Fault;
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Time limit of a response.
const PATIENCE: Duration = Duration::from_secs(45);
/// Size limit of a response.
const LARGEST: u64 = 4 * 1024 * 1024;

/// A persistent connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

/// The cookies of a browser. Handled manually, because they are `Secure` and the loopback is plain HTTP.
#[derive(Default, Clone)]
pub struct Jar(BTreeMap<String, String>);

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers in order, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// Its body, unmodified.
    pub body: Vec<u8>,
}

/// The requested format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The next step or the refusal, as JSON.
    Data,
    /// A page, as for a browser without scripts.
    Page,
}

impl Connection {
    /// Opens a connection to a port of the loopback.
    ///
    /// # Errors
    /// Fails if nothing listens on the port.
    pub fn open(port: u16) -> Result<Self, Fault> {
        Self::open_from(Ipv4Addr::LOCALHOST, port)
    }

    /// Opens a connection from an address in 127.0.0.0/8; the service sees each one as a different client.
    ///
    /// # Errors
    /// Fails if nothing listens on the port.
    pub fn open_from(source: Ipv4Addr, port: u16) -> Result<Self, Fault> {
        let stream = connect(source, port).map_err(|error| format!("no connection: {error}"))?;
        Ok(Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            host: SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string(),
        })
    }

    /// Sets the service's host name if it differs from the address: `127.0.0.1:3000`.
    #[must_use]
    pub fn named(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Requests a page as a browser does, compressed or not.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub fn page(&mut self, path: &str, packed: bool) -> Result<Answer, Fault> {
        let packing = if packed {
            "Accept-Encoding: gzip, deflate, br, zstd\r\n"
        } else {
            ""
        };
        self.send(get_request(path, &self.host, &Jar::default(), packing).as_bytes())
    }

    /// Requests a page with the browser's cookies.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub fn get(&mut self, path: &str, jar: &mut Jar) -> Result<Answer, Fault> {
        let answer = self.send(get_request(path, &self.host, jar, "").as_bytes())?;
        jar.keep(&answer);
        Ok(answer)
    }

    /// Sends a form as a page's script does, with the browser's cookies, and stores new ones.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub fn form(&mut self, path: &str, fields: &[(&str, &str)], jar: &mut Jar) -> Result<Answer, Fault> {
        let request = form_request(path, &self.host, &form_of(fields), jar, Wanted::Data);
        let answer = self.send(request.as_bytes())?;
        jar.keep(&answer);
        Ok(answer)
    }

    /// Requests a path and returns the status only.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub fn status(&mut self, path: &str) -> Result<u16, Fault> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        Ok(self.send(request.as_bytes())?.status)
    }

    /// Sends arbitrary bytes as a request and reads the response.
    ///
    /// # Errors
    /// Fails if there is no valid response.
    pub fn send(&mut self, request: &[u8]) -> Result<Answer, Fault> {
        self.write(request)?;
        self.read_after(request)
    }

    /// Sends bytes without reading a response.
    ///
    /// # Errors
    /// Fails if the connection is closed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let sent = self.stream.get_mut().write_all(bytes);
        sent.map_err(|error| format!("{}: {error}", line_of(bytes)))
    }

    /// Reads the response to a sent request.
    ///
    /// # Errors
    /// Fails if there is no valid response.
    pub fn read_after(&mut self, request: &[u8]) -> Result<Answer, Fault> {
        self.read().map_err(|error| format!("{}: {error}", line_of(request)))
    }

    /// Returns the underlying socket, for callers that send slowly or not at all.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    fn read(&mut self) -> std::io::Result<Answer> {
        let status = self.line()?;
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| odd(&status))?;
        let (mut length, mut chunked, mut headers) = (0, false, Vec::new());
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            match name.as_str() {
                "content-length" => length = value.parse().map_err(|_| odd(&line))?,
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                _ => {}
            }
            headers.push((name, value));
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let line = self.line()?;
                let size =
                    u64::from_str_radix(line.split(';').next().unwrap_or_default(), 16).map_err(|_| odd(&line))?;
                self.take(size, &mut body)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.take(length, &mut body)?;
        }
        Ok(Answer { status, headers, body })
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stream.by_ref().take(LARGEST).read_line(&mut line)?;
        if line.pop() != Some('\n') {
            return Err(odd("the connection ended"));
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    fn take(&mut self, size: u64, body: &mut Vec<u8>) -> std::io::Result<()> {
        if size > LARGEST {
            return Err(odd("too large an answer"));
        }
        match self.stream.by_ref().take(size).read_to_end(body)? {
            read if u64::try_from(read) == Ok(size) => Ok(()),
            _ => Err(odd("the connection ended")),
        }
    }
}

impl Jar {
    /// Stores an answer's cookies. An empty value deletes a cookie.
    pub fn keep(&mut self, answer: &Answer) {
        for (name, value) in answer.cookies() {
            if value.is_empty() {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Returns all cookies.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns one cookie.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a cookie, as an attacker can.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Removes a cookie.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    fn header(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let pairs = self.cookies().map(|(name, value)| format!("{name}={value}"));
        format!("Cookie: {}\r\n", pairs.collect::<Vec<_>>().join("; "))
    }
}

impl Answer {
    /// Returns the first header with a name.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Returns names and values of the cookies to set.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.filter_map(|(_, value)| value.split(';').next().unwrap_or_default().split_once('='))
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON; null if it isn't JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the name of the step, such as `EnterCode`, or the code of the refusal, such as `code_wrong`.
    #[must_use]
    pub fn outcome(&self) -> String {
        fn name(value: &Value) -> String {
            match value {
                Value::String(name) => name.clone(),
                Value::Object(fields) => match fields.iter().next() {
                    Some((key, refused)) if key == "Refused" => name(&refused["code"]),
                    Some((key, _)) => key.clone(),
                    None => String::new(),
                },
                _ => String::new(),
            }
        }
        name(&self.json())
    }

    /// Returns whether the body contains a text.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Returns a fault that describes an unexpected answer.
    #[must_use]
    pub fn unexpected(&self, what: &str) -> Fault {
        format!(
            "{what}: {} {}",
            self.status,
            self.text().chars().take(300).collect::<String>()
        )
    }
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Returns a request for a page, as a browser writes it. `more` contains further header lines.
#[must_use]
pub fn get_request(path: &str, host: &str, jar: &Jar, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\
         Accept-Language: en-GB,en;q=0.8\r\n{more}User-Agent: {BROWSER}\r\nSec-Fetch-Site: none\r\n{}\r\n",
        jar.header()
    )
}

/// Returns a request that submits a form, as a page of the service sends it.
#[must_use]
pub fn form_request(path: &str, host: &str, form: &str, jar: &Jar, wanted: Wanted) -> String {
    let accept = match wanted {
        Wanted::Data => "application/json",
        Wanted::Page => "text/html,application/xhtml+xml,*/*;q=0.8",
    };
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nAccept-Language: en-GB,en;q=0.8\r\n\
         User-Agent: {BROWSER}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n{cookies}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}",
        cookies = jar.header(),
        length = form.len(),
    )
}

/// Form-encodes fields.
#[must_use]
pub fn form_of(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Returns a different address in 127.0.0.0/8 for each call, so that each client has its own limits.
#[must_use]
pub fn another_client() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0x7F01_0001);
    Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Encodes a form field.
#[must_use]
pub fn encoded(value: &str) -> String {
    let mut form = String::new();
    for byte in value.bytes() {
        match byte {
            b' ' => form.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) => form.push(char::from(byte)),
            byte => {
                let _ = write!(form, "%{byte:02X}");
            }
        }
    }
    form
}

fn connect(source: Ipv4Addr, port: u16) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    if source != Ipv4Addr::LOCALHOST {
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    socket.connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn line_of(request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned()
}

fn odd(text: &str) -> std::io::Error {
    std::io::Error::other(text.to_owned())
}
