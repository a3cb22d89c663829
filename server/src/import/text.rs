//! Converts the file to UTF-8, based on its byte order mark.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// The maximum number of bytes read to find the first line.
const MOST_FIRST_LINE: u64 = 64 * 1024;

/// Removes the byte order mark and converts UTF-16 to UTF-8. Returns `None` for empty input.
pub(super) fn as_utf8(mut input: impl Read + Send + 'static) -> io::Result<Option<Box<dyn Read + Send>>> {
    let mut start = Vec::new();
    (&mut input).take(3).read_to_end(&mut start)?;
    if start.is_empty() {
        return Ok(None);
    }
    let encoding = Encoding::for_bom(&start);
    let rest = Cursor::new(start.split_off(encoding.map_or(0, |(_, length)| length))).chain(input);
    Ok(Some(match encoding {
        Some((encoding, _)) if encoding == UTF_16LE || encoding == UTF_16BE => Box::new(Utf16::new(rest, encoding)),
        _ => Box::new(rest),
    }))
}

/// Returns a copy of the start, up to the end of the first non-blank line, and the whole input.
pub(super) fn with_first_line<R: Read>(input: R) -> io::Result<(Vec<u8>, impl Read + use<R>)> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let mut first = Vec::new();
    while first.trim_ascii().is_empty() && (first.len() as u64) < MOST_FIRST_LINE {
        if (&mut input).take(MOST_FIRST_LINE).read_until(b'\n', &mut first)? == 0 {
            break;
        }
    }
    Ok((first.clone(), Cursor::new(first).chain(input)))
}

/// Decodes UTF-16 to UTF-8.
struct Utf16<R> {
    input: R,
    decoder: Decoder,
    decoded: Vec<u8>,
    position: usize,
    ended: bool,
}

impl<R: Read> Utf16<R> {
    fn new(input: R, encoding: &'static Encoding) -> Self {
        Self {
            input,
            decoder: encoding.new_decoder_without_bom_handling(),
            decoded: Vec::new(),
            position: 0,
            ended: false,
        }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let mut raw = [0; 8 * 1024];
        let count = self.input.read(&mut raw)?;
        self.ended = count == 0;
        let most = self.decoder.max_utf8_buffer_length_without_replacement(count);
        self.decoded.resize(most.unwrap_or_default(), 0);
        let (result, _, written) =
            self.decoder
                .decode_to_utf8_without_replacement(&raw[..count], &mut self.decoded, self.ended);
        self.decoded.truncate(written);
        self.position = 0;
        match result {
            DecoderResult::InputEmpty => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it isn't valid UTF-16")),
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.decoded.len() && !self.ended {
            self.decode_more()?;
        }
        let count = buffer.len().min(self.decoded.len() - self.position);
        buffer[..count].copy_from_slice(&self.decoded[self.position..][..count]);
        self.position += count;
        Ok(count)
    }
}
