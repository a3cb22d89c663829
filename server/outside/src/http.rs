//! A browser, as far as is needed: HTTP/1.1 on a connection that is kept, and a jar of cookies.

use crate::crowd::Fault;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// No answer is larger.
const LARGEST: u64 = 4 * 1024 * 1024;

/// A kept connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

/// What a person's browser holds. Kept by hand: the cookies are `Secure`, and this is plain HTTP to the loopback.
#[derive(Default)]
pub struct Jar(BTreeMap<String, String>);

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its content, as it came.
    pub body: Vec<u8>,
    cookies: Vec<(String, String)>,
}

impl Connection {
    /// Opens one.
    pub fn open(port: u16) -> Result<Self, Fault> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream =
            TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| format!("no connection: {error}"))?;
        let settings = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        settings.map_err(|error| format!("no connection: {error}"))?;
        Ok(Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            host: address.to_string(),
        })
    }

    /// Asks for a page as a browser does, packed or not.
    pub fn page(&mut self, path: &str, packed: bool) -> Result<Answer, Fault> {
        let packing = if packed {
            "Accept-Encoding: gzip, deflate, br, zstd\r\n"
        } else {
            ""
        };
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\
             Accept-Language: en-GB,en;q=0.8\r\n{packing}User-Agent: {BROWSER}\r\nSec-Fetch-Site: none\r\n\r\n",
            self.host
        ))
    }

    /// Sends a form as a page's script does, with what the browser holds, and keeps what it is given.
    pub fn form(&mut self, path: &str, fields: &[(&str, &str)], jar: &mut Jar) -> Result<Answer, Fault> {
        let form = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        let answer = self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nAccept-Language: en-GB,en;q=0.8\r\n\
             User-Agent: {BROWSER}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n{cookies}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}",
            host = self.host,
            cookies = jar.header(),
            length = form.len(),
        ))?;
        for (name, value) in &answer.cookies {
            // An empty one is taken back.
            if value.is_empty() {
                jar.0.remove(name);
            } else {
                jar.0.insert(name.clone(), value.clone());
            }
        }
        Ok(answer)
    }

    /// Asks for an address and nothing else.
    pub fn status(&mut self, path: &str) -> Result<u16, Fault> {
        Ok(self
            .send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host))?
            .status)
    }

    fn send(&mut self, request: &str) -> Result<Answer, Fault> {
        let line = request.lines().next().unwrap_or_default();
        self.exchange(request).map_err(|error| format!("{line}: {error}"))
    }

    fn exchange(&mut self, request: &str) -> std::io::Result<Answer> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| odd(&status))?;
        let (mut length, mut chunked, mut cookies) = (0, false, Vec::new());
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().map_err(|_| odd(&line))?,
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default().split_once('=');
                    cookies.extend(pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
                }
                _ => {}
            }
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
        Ok(Answer { status, body, cookies })
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
    fn header(&self) -> String {
        let pairs = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>();
        if pairs.is_empty() {
            String::new()
        } else {
            format!("Cookie: {}\r\n", pairs.join("; "))
        }
    }
}

impl Answer {
    /// Whether it has that text in it.
    pub fn says(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.body).contains(text)
    }

    /// What came instead of what was expected.
    pub fn unexpected(&self, what: &str) -> Fault {
        let body = String::from_utf8_lossy(&self.body);
        format!("{what}: {} {}", self.status, body.chars().take(300).collect::<String>())
    }
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn encoded(value: &str) -> String {
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

fn odd(text: &str) -> std::io::Error {
    std::io::Error::other(text.to_owned())
}
