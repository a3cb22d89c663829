//! One JSON document with a list of users: an array, or an object with the array as `users`.

use super::{Object, Record};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

/// Maximum user length in bytes, without read-ahead. Attack: a user without an end exhausts memory.
const MAX_USER: usize = 1024 * 1024;

/// Passes on the users one by one, numbered from 1, so that memory use does not depend on the length of the file.
/// Ends when `each` returns `false`.
///
/// # Errors
/// Returns a message if the document can't be read to its end.
pub(super) fn read(input: impl Read, each: &mut dyn FnMut(Record) -> bool) -> Result<(), String> {
    let left = Rc::new(Cell::new(MAX_USER));
    let mut users = Users {
        count: 0,
        stopped: false,
        left: left.clone(),
        each,
    };
    let bounded = Bounded { input, left };
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 * 1024, bounded));
    let read = deserializer.deserialize_any(Document(&mut users));
    let read = read.and_then(|found| deserializer.end().map(|()| found));
    match read {
        _ if users.stopped => Ok(()),
        Ok(true) => Ok(()),
        Ok(false) => Err("The file has no list of users.".into()),
        Err(error) if error.io_error_kind() == Some(io::ErrorKind::FileTooLarge) => Err(format!(
            "user {}: the record is longer than 1 MiB. Nothing after user {} was read.",
            users.count + 1,
            users.count
        )),
        // The parser's own message may quote the input, which may be a hash.
        Err(error) => Err(format!(
            "The file has invalid JSON or no list of users at line {}, character {}; nothing after user {} was read.",
            error.line(),
            error.column(),
            users.count
        )),
    }
}

struct Users<'a> {
    count: u64,
    stopped: bool,
    /// The number of bytes left to read until the next reset.
    left: Rc<Cell<usize>>,
    each: &'a mut dyn FnMut(Record) -> bool,
}

/// The document; returns whether it contains a list of users.
struct Document<'a, 'b>(&'a mut Users<'b>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == "users" {
                map.next_value_seed(List(&mut *self.0))?;
                found = true;
            } else {
                // Skipped values may have any length.
                self.0.left.set(usize::MAX);
                map.next_value::<IgnoredAny>()?;
                self.0.left.set(MAX_USER);
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let users = self.0;
        users.left.set(MAX_USER);
        while let Some(value) = seq.next_element::<serde_json::Value>()? {
            users.left.set(MAX_USER);
            users.count += 1;
            let object: Result<Object, String> = match value {
                serde_json::Value::Object(object) => Ok(object),
                _ => Err("it is not a JSON object".into()),
            };
            let record = Record {
                number: users.count,
                last_line: None,
                object,
            };
            if !(users.each)(record) {
                users.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(true)
    }
}

struct List<'a, 'b>(&'a mut Users<'b>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(Document(self.0)).map(drop)
    }
}

/// Returns a limited number of bytes, then an error.
struct Bounded<R> {
    input: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let most = buffer.len().min(left);
        let count = self.input.read(&mut buffer[..most])?;
        self.left.set(left - count);
        Ok(count)
    }
}
