//! A connection without delayed acknowledgements.

use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A stream that acknowledges data immediately: waiting for acknowledgements limits a sender to 25 messages a second.
pub struct Acknowledged(pub TcpStream);

impl Read for Acknowledged {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // The option is reset at the next pause.
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
