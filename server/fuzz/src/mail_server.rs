use socket2::SockRef;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// A mail server of a few lines that takes everything and says what came.
pub struct MailServer {
    /// Where it listens.
    pub address: SocketAddr,
    deliveries: Mutex<Receiver<Delivery>>,
}

/// What one conversation brought between two `MAIL FROM`.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The lines before `DATA`, without `EHLO` and `NOOP`.
    pub envelope: Vec<String>,
    /// The message, as a mailbox would keep it.
    pub message: Vec<u8>,
}

impl MailServer {
    /// Listens on the loopback.
    ///
    /// # Errors
    /// When the machine has no port for it.
    pub fn new() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (taken, deliveries) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = taken.clone();
                std::thread::spawn(move || converse(&stream, &taken));
            }
        });
        let deliveries = Mutex::new(deliveries);
        Ok(Self { address, deliveries })
    }

    /// What came since the last time.
    #[must_use]
    pub fn taken(&self) -> Vec<Delivery> {
        let deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.try_iter().collect()
    }
}

fn converse(stream: &TcpStream, taken: &Sender<Delivery>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(AtOnce(stream));
    let mut writer = stream;
    let mut delivery = Delivery::default();
    writer.write_all(b"220 mail.test ESMTP\r\n")?;
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let reply: &[u8] = match line.split([' ', ':', '\r']).next().unwrap_or_default() {
            "EHLO" => b"250-mail.test\r\n250 8BITMIME\r\n",
            "NOOP" => b"250 fine\r\n",
            "DATA" => {
                writer.write_all(b"354 go on\r\n")?;
                delivery.message = message(&mut lines)?;
                // Said before it is answered, so that it is there when the sender goes on.
                if taken.send(std::mem::take(&mut delivery)).is_err() {
                    return Ok(());
                }
                b"250 taken\r\n"
            }
            _ => {
                delivery.envelope.push(line);
                b"250 fine\r\n"
            }
        };
        writer.write_all(reply)?;
    }
}

/// Says at once that something came: a sender that waits for that sends no more than 25 e-mails a second.
struct AtOnce<'a>(&'a TcpStream);

impl Read for AtOnce<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // It holds until the next pause only.
        SockRef::from(self.0).set_tcp_quickack(true)?;
        self.0.read(buffer)
    }
}

/// The lines up to the dot (RFC 5321 §4.5.2). Only CR LF ends one.
fn message(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if line == b".\r\n" {
            return Ok(message);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
