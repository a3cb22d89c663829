//! JSON lines: an object a line (jsonlines.org).

use super::Line;
use super::person::{Field, Fields};
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader, Read};

/// The longest line in bytes. Attack on memory: a file without line breaks.
const MAX_LINE: u64 = 64 * 1024;

/// The people of the file.
pub(super) fn lines(input: impl Read) -> impl Iterator<Item = Result<Line, String>> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let mut number = 0;
    let mut line = Vec::new();
    std::iter::from_fn(move || {
        loop {
            line.clear();
            number += 1;
            match next(&mut input, &mut line) {
                Err(error) => {
                    let why = error.kind();
                    return Some(Err(format!(
                        "line {number}: the file cannot be read from here on: {why}."
                    )));
                }
                Ok(None) => return None,
                Ok(Some(_)) if line.trim_ascii().is_empty() => {}
                Ok(Some(fits)) => {
                    let person = if fits {
                        person(&line)
                    } else {
                        Err("it is longer than 64 KiB".into())
                    };
                    return Some(Ok(Line { number, person }));
                }
            }
        }
    })
}

/// Reads a line, and passes over what is too much of it: whether it fits. `None` at the end.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    let count = input.by_ref().take(MAX_LINE).read_until(b'\n', line)?;
    if count == 0 {
        return Ok(None);
    }
    let fits = count < MAX_LINE as usize || line.ends_with(b"\n");
    if !fits {
        input.skip_until(b'\n')?;
    }
    Ok(Some(fits))
}

fn person(line: &[u8]) -> Result<backend::ImportedPerson, String> {
    let text = str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    // The parser's own message may repeat what stands there, which may be a hash.
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "it is no JSON object".to_owned(),
        _ => format!("it is no JSON from character {} on", error.column()),
    })?;
    let mut fields = Fields::default();
    for (name, value) in &object {
        let field = Field::named(name, "a field")?;
        match value {
            Value::String(text) => fields.set(field, text),
            Value::Null => {}
            _ => return Err(format!("{name} is no text")),
        }
    }
    fields.person()
}
