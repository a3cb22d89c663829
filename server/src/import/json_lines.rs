//! JSON Lines: one object on each line (jsonlines.org).

use super::{Object, Record};
use std::io::{BufRead, BufReader, Read};

/// Maximum line length in bytes. Attack: a file without line breaks exhausts memory.
const MAX_LINE: u64 = 64 * 1024;

/// Returns the records of the file.
pub(super) fn records(input: impl Read) -> impl Iterator<Item = Result<Record, String>> {
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
                    let object = if fits {
                        object(&line)
                    } else {
                        Err("it is longer than 64 KiB".into())
                    };
                    return Some(Ok(Record {
                        number,
                        last_line: None,
                        object,
                    }));
                }
            }
        }
    })
}

/// Reads a line, skips any excess, and returns whether the line fits; `None` at the end.
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

fn object(line: &[u8]) -> Result<Object, String> {
    let text = str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    // The parser's own message may quote the input, which may be a hash.
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "it is not a JSON object".to_owned(),
        _ => format!("it has invalid JSON at character {}", error.column()),
    })
}
