//! A connection without delayed acknowledgements.

use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Acknowledges at once what came: a sender that waits for that sends no more than 25 messages a second.
pub struct Acknowledged(pub TcpStream);

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
