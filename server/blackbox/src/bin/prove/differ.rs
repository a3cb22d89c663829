//! Compares answers but for what differs in any two: dates, request ids, nonces, tokens, references, the addresses asked about.

use blackbox::http::Answer;

/// An answer without what differs in any two. `email` is the address that it was about.
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
    let body = answer.text().replace(email, "EMAIL");
    let body = after(&after(&body, "nonce=\"", '"'), "nonce-", '\'');
    text.push_str(&numbers(&reference(&body)));
    text
}

/// The same without the seconds that a refusal tells to wait, of which some may have gone by.
pub fn masked_waits(answer: &Answer, email: &str) -> String {
    let text = masked(answer, email);
    let text = after(&text, "\"seconds\":", '}');
    after(&text, "\\\"seconds\\\":", '}')
}

/// Where two masked texts part, with a few words around it; none where they are alike.
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

/// The name and the attributes of a cookie; its value only as a length.
fn cookie(set: &str) -> String {
    let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    format!("{name}=({} characters);{attributes}", value.len())
}

/// Blanks what follows each `mark`, up to `end`.
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

/// Blanks the reference of a request, in JSON and on pages; it is random. So is the moment on a page.
fn reference(text: &str) -> String {
    // On pages the JSON stands in a text of a script.
    let text = after(&after(text, "\"reference\":\"", '"'), "\\\"reference\\\":\\\"", '\\');
    let text = after(&text, "(Request ", ')');
    after(&text, "<time datetime=", '/')
}

/// Blanks moments, which are numbers of ten digits and more, and waits of half a minute, of which seconds may have gone by.
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
