//! Compares answers without the parts that always differ: dates, request ids, nonces, tokens, references and addresses.

use blackbox::http::Answer;

/// Masks everything in an answer that always differs. `email` is the address in the request.
pub fn masked(answer: &Answer, email: &str) -> String {
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        let value = match name.as_str() {
            "date" | "x-request-id" | "content-length" | "retry-after" => "…".to_owned(),
            "set-cookie" => cookie(value),
            "content-security-policy" => after(value, "'nonce-", '\''),
            _ => value.clone(),
        };
        text.push_str(&format!("{name}: {value}\n"));
    }
    // Long addresses contain break opportunities.
    let body = answer.text().replace("<wbr>", "").replace(email, "EMAIL");
    let body = after(&after(&body, "nonce=\"", '"'), "nonce-", '\'');
    text.push_str(&numbers(&reference(&body)));
    text
}

/// Masks the waiting time of a refusal, too, because seconds may pass between two answers.
pub fn masked_waits(answer: &Answer, email: &str) -> String {
    let text = masked(answer, email);
    let text = after(&text, "\"seconds\":", '}');
    after(&text, "\\\"seconds\\\":", '}')
}

/// Returns the first difference of two masked texts with some context, if there is one.
pub fn difference(one: &str, other: &str) -> Option<String> {
    if one == other {
        return None;
    }
    let at = one
        .bytes()
        .zip(other.bytes())
        .take_while(|(one, other)| one == other)
        .count();
    let around = |text: &str| {
        let bytes = text.as_bytes();
        let (from, to) = (at.saturating_sub(40), (at + 40).min(bytes.len()));
        String::from_utf8_lossy(bytes.get(from..to).unwrap_or_default()).replace('\n', "⏎")
    };
    Some(format!("«{}» against «{}»", around(one), around(other)))
}

/// Returns a cookie's name, attributes and the length of its value.
fn cookie(set: &str) -> String {
    let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    format!("{name}=({} characters);{attributes}", value.len())
}

/// Masks the text after each `mark`, up to `end`.
fn after(text: &str, mark: &str, end: char) -> String {
    let mut parts = text.split(mark);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str(mark);
        masked.push('…');
        masked.push_str(part.find(end).map_or("", |at| &part[at..]));
    }
    masked
}

/// Masks the random reference of a request, in JSON and on pages, and the time on a page.
fn reference(text: &str) -> String {
    // On pages, the JSON is inside a string of a script.
    let text = after(&after(text, "\"reference\":\"", '"'), "\\\"reference\\\":\\\"", '\\');
    let text = after(&text, "(Request ", ')');
    after(&text, "<time datetime=", '/')
}

/// Masks times, which have ten digits or more, and waits of about half a minute, because seconds may pass.
fn numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut digits = String::new();
    for character in text.chars().chain(std::iter::once('\0')) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        masked.push_str(match digits.parse::<u64>() {
            Ok(20..=30) => "WAIT",
            Ok(number) if number >= 1_000_000_000 => "MOMENT",
            _ => &digits,
        });
        digits.clear();
        if character != '\0' {
            masked.push(character);
        }
    }
    masked
}
