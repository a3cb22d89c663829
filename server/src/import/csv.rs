//! CSV: a line with the names of the columns, then a record a person (RFC 4180).

use super::Line;
use super::person::{FIELDS, Field, Fields};
use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use std::io::{self, Read};

/// The longest record in bytes. A quote that is opened and not closed swallows what follows; attack on memory, or a slip.
const MAX_RECORD: usize = 1024 * 1024;

/// The people of the file, after its first line is read.
pub(super) fn lines(input: impl Read + 'static) -> Result<impl Iterator<Item = Result<Line, String>>, String> {
    let mut records = Records::new(input);
    let columns = match records.next() {
        Some(first) => columns(&first?.1)?,
        None => return Err("The file is empty: its first line names the columns.".into()),
    };
    Ok(records.map(move |record| {
        let (place, record) = record?;
        let person = if place.is_closed {
            let person = fields(&columns, &record).and_then(|fields| fields.person());
            person.map_err(|why| match place.ends - place.begins {
                0 => why,
                _ => format!("{why} (the record goes on to line {})", place.ends),
            })
        } else {
            Err("a quote is opened and not closed; nothing after it was read".into())
        };
        Ok(Line {
            number: place.begins,
            person,
        })
    }))
}

/// Which column holds what. A name that is not known is an error of the whole file: a slip of a letter must not lose a column.
fn columns(first: &ByteRecord) -> Result<Vec<Field>, String> {
    let mut columns = Vec::new();
    for (at, name) in first.iter().enumerate() {
        let place = format!("column {}", at + 1);
        let field = Field::named(str::from_utf8(name).unwrap_or("?"), &place)
            .map_err(|why| format!("The first line names the columns, and {why}."))?;
        if columns.contains(&field) {
            return Err(format!("The first line names {place} as one before it."));
        }
        columns.push(field);
    }
    for needed in [Field::Email, Field::Name] {
        if !columns.contains(&needed) {
            let (name, _) = FIELDS[needed as usize];
            return Err(format!("The first line names the columns, and there is no {name}."));
        }
    }
    Ok(columns)
}

fn fields<'a>(columns: &[Field], record: &'a ByteRecord) -> Result<Fields<'a>, String> {
    if record.len() != columns.len() {
        return Err(format!("{} fields instead of {}", record.len(), columns.len()));
    }
    let mut fields = Fields::default();
    for (field, text) in columns.iter().zip(record) {
        fields.set(*field, str::from_utf8(text).map_err(|_| "it is not UTF-8")?);
    }
    Ok(fields)
}

/// Where a record stands.
struct Place {
    /// Its first line, from 1.
    begins: u64,
    /// Its last line.
    ends: u64,
    /// Whether it ends before the file does.
    is_closed: bool,
}

/// Records that know their lines.
struct Records<R: Read> {
    reader: Reader<Bounded<io::Chain<R, &'static [u8]>>>,
    failed: bool,
}

impl<R: Read> Records<R> {
    /// Only a line feed ends a record, so that the reader's count of lines is that of a text editor; with `\r` as an end of its
    /// own, `\r\n` counts late. One more line feed at the end lets the last record end like all others.
    fn new(input: R) -> Self {
        let bounded = Bounded {
            input: input.chain(&b"\n"[..]),
            left: MAX_RECORD,
            ended: false,
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(64 * 1024)
            .from_reader(bounded);
        Self { reader, failed: false }
    }
}

impl<R: Read> Iterator for Records<R> {
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
                    // Without a line feed of its own, all those before it are in its fields.
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
        _ => format!("line {line}: the file does not read as CSV from here on."),
    }
}

/// Gives so many bytes, then an error; knows whether anybody asked for more than there was.
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
