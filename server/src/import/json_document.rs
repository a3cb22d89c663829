//! One JSON document with a list of users: an array, or an object that has it as `users`.

use super::{Object, Record};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::{BufReader, Read};

/// Hands the users of the document over one by one, numbered from 1, so that memory stays the same for every length of file. Ends
/// when `each` gives `false`.
///
/// # Errors
/// A sentence, when the document can't be read to its end.
pub(super) fn read(input: impl Read, each: &mut dyn FnMut(Record) -> bool) -> Result<(), String> {
    let mut users = Users {
        count: 0,
        stopped: false,
        each,
    };
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 * 1024, input));
    let read = deserializer.deserialize_any(Document(&mut users));
    let read = read.and_then(|found| deserializer.end().map(|()| found));
    match read {
        _ if users.stopped => Ok(()),
        Ok(true) => Ok(()),
        Ok(false) => Err("The file has no list of users.".into()),
        // The parser's own message may repeat what stands there, which may be a hash.
        Err(error) => Err(format!(
            "The file is no JSON with a list of users from line {}, character {} on; nothing after user {} was read.",
            error.line(),
            error.column(),
            users.count
        )),
    }
}

struct Users<'a> {
    count: u64,
    stopped: bool,
    each: &'a mut dyn FnMut(Record) -> bool,
}

/// The whole: gives whether it has a list of users.
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
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let users = self.0;
        while let Some(value) = seq.next_element::<serde_json::Value>()? {
            users.count += 1;
            let object: Result<Object, String> = match value {
                serde_json::Value::Object(object) => Ok(object),
                _ => Err("it is no JSON object".into()),
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
