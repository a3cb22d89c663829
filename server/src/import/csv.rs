//! CSV: a header line, then one record per account (RFC 4180).

use super::text::with_first_line;
use super::{Object, Record};
use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use serde_json::Value;
use std::io::{self, Read};

/// Maximum record length in bytes. Attack: an unclosed quote turns the rest of the file into one record, which exhausts memory.
const MAX_RECORD: usize = 1024 * 1024;

/// Returns the records of the file, after its header line is read and checked.
pub(super) fn records<R: Read + 'static>(
    input: R,
    check: &dyn Fn(&[&str]) -> Result<(), String>,
) -> Result<impl Iterator<Item = Result<Record, String>> + use<R>, String> {
    let (first_line, input) = with_first_line(input).map_err(unreadable)?;
    let mut rows = Rows::new(input, delimiter(&first_line));
    let Some(first) = rows.next() else {
        return Err("The file is empty; its first line must name the columns.".into());
    };
    let (_, first) = first?;
    let names: Vec<&str> = first.iter().map(|name| str::from_utf8(name).unwrap_or("?")).collect();
    check(&names)?;
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    Ok(rows.map(move |row| record(row, |row| object(&names, row))))
}

/// Returns the records of a file without a header line. `names` are those of the first columns; further columns are ignored.
pub(super) fn records_of(
    input: impl Read + 'static,
    names: &'static [&str],
) -> Result<impl Iterator<Item = Result<Record, String>>, String> {
    let (first_line, input) = with_first_line(input).map_err(unreadable)?;
    let rows = Rows::new(input, delimiter(&first_line));
    Ok(rows.map(move |row| {
        record(row, |row| match row.len() < names.len() {
            true => Err(format!("{} fields, but at least {} are needed", row.len(), names.len())),
            false => {
                let row: ByteRecord = row.iter().take(names.len()).collect();
                object(names, &row)
            }
        })
    }))
}

fn unreadable(error: io::Error) -> String {
    format!("The file cannot be read: {error}.")
}

fn record(
    row: Result<(Place, ByteRecord), String>,
    object: impl FnOnce(&ByteRecord) -> Result<Object, String>,
) -> Result<Record, String> {
    let (place, row) = row?;
    let object = match place.is_closed {
        true => object(&row),
        false => Err("a quote is not closed; nothing after it was read".into()),
    };
    Ok(Record {
        number: place.begins,
        last_line: place.is_closed.then_some(place.ends),
        object,
    })
}

/// Returns the delimiter: the comma, semicolon or tab that is most frequent in the first line.
fn delimiter(first_line: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in first_line {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(!quoted && byte == delimiter);
        }
    }
    // Among equally frequent ones, choose the first.
    counts
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(delimiter, _)| delimiter)
}

fn object(names: &[impl AsRef<str>], row: &ByteRecord) -> Result<Object, String> {
    if row.len() != names.len() {
        return Err(format!("{} fields instead of {}", row.len(), names.len()));
    }
    let mut object = Object::new();
    for (name, text) in names.iter().zip(row) {
        let text = str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
        object.insert(name.as_ref().to_owned(), Value::String(text.to_owned()));
    }
    Ok(object)
}

/// Position of a record.
struct Place {
    /// Its first line, from 1.
    begins: u64,
    /// Its last line.
    ends: u64,
    /// Whether it ends before the file does.
    is_closed: bool,
}

/// Rows with their line numbers.
struct Rows<R: Read> {
    reader: Reader<Bounded<io::Chain<R, &'static [u8]>>>,
    failed: bool,
}

impl<R: Read> Rows<R> {
    /// Ends records at line feeds only, so that line numbers match those of a text editor: with `\r` as another end, `\r\n` would
    /// be counted late. An extra line feed ends the last record.
    fn new(input: R, delimiter: u8) -> Self {
        let bounded = Bounded {
            input: input.chain(&b"\n"[..]),
            left: MAX_RECORD,
            ended: false,
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(64 * 1024)
            .from_reader(bounded);
        Self { reader, failed: false }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<(Place, ByteRecord), String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = ByteRecord::new();
        while !self.failed {
            let begins = self.reader.position().line();
            self.reader.get_mut().left = MAX_RECORD;
            match self.reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(unread(begins, &error)));
                }
            }
            let is_blank = record.len() == 1 && record[0].trim_ascii().is_empty();
            if !is_blank {
                let breaks = record.iter().flatten().filter(|byte| **byte == b'\n').count() as u64;
                let is_closed = !self.reader.get_ref().ended;
                let ends = self.reader.position().line() - 1;
                let place = Place {
                    // A record without a final line feed has line feeds in its fields only.
                    begins: (ends + u64::from(!is_closed)).saturating_sub(breaks),
                    ends,
                    is_closed,
                };
                return Some(Ok((place, record)));
            }
        }
        None
    }
}

fn unread(line: u64, error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            format!(
                "line {line}: a record of more than 1 MiB begins here. Is a quote not closed? Nothing after it was read."
            )
        }
        csv::ErrorKind::Io(error) => format!("line {line}: the file cannot be read from here on: {}.", error.kind()),
        _ => format!("line {line}: the file is not valid CSV from here on."),
    }
}

/// Returns a limited number of bytes, then an error; records whether more was requested.
struct Bounded<R> {
    input: R,
    left: usize,
    ended: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let most = buffer.len().min(self.left);
        let count = self.input.read(&mut buffer[..most])?;
        self.left -= count;
        self.ended = count == 0 && most > 0;
        Ok(count)
    }
}
