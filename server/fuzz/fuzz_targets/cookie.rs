//! Cookies as sent by a browser: only a cookie with the exact name is a token, and a forged flash note adds nothing to
//! the next page.
#![no_main]

use account::Purpose;
use app::held;
use arbitrary::Arbitrary;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::World;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use server::http::{LANGUAGES, language};
use std::sync::LazyLock;

/// The content of the header.
#[derive(Debug, Arbitrary)]
enum Sent<'a> {
    /// Arbitrary bytes; a line feed, which no header can contain, ends a line.
    Lines(&'a [u8]),
    /// The service's cookies among others, one per line or all on one.
    Cookies {
        each_a_line: bool,
        pairs: Vec<(u8, &'a str)>,
    },
    /// The note that survives a redirect, in the service's format.
    Note { page: u8, path: u8, note: Note<'a> },
}

/// The content of a note.
#[derive(Debug, Arbitrary)]
struct Note<'a> {
    email: Option<&'a str>,
    name: Option<&'a str>,
    refusal: Option<(u8, i64, &'a str)>,
    done: Option<u8>,
}

const NAMES: [&str; 12] = [
    "__Host-session",
    "__Host-device",
    "__Host-signin",
    "__Host-reset",
    "__Host-signup",
    "__Host-language",
    "__Host-theme",
    "__Host-flash",
    "__host-session",
    "session",
    "__Host-session ",
    "\t__Host-reset",
];
const PAGES: [&str; 6] = ["SignIn", "Reset", "SignUp", "Security", "ChangePassword", "Profile"];
const PATHS: [&str; 9] = [
    "/signin",
    "/reset",
    "/signup",
    "/security",
    "/profile",
    "/api/sign_in/step",
    "/api/reset/step",
    "/api/sign_up/step",
    "/api/security/view",
];
/// Marks forged text, so that it can be found.
const MARK: &str = "forged-0f1e2d3c";

static WORLD: LazyLock<Result<World, String>> = LazyLock::new(World::new);

fuzz_target!(|sent: Sent<'_>| {
    match sent {
        Sent::Lines(bytes) => reads_by_name(bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()),
        Sent::Cookies { each_a_line, pairs } => {
            let pairs = pairs
                .iter()
                .map(|(name, value)| format!("{}={value}", NAMES[usize::from(*name) % NAMES.len()]));
            let lines: Vec<_> = pairs.collect();
            reads_by_name(if each_a_line {
                lines.into_iter().map(String::into_bytes).collect()
            } else {
                vec![lines.join("; ").into_bytes()]
            });
        }
        Sent::Note { page, path, note } => {
            let path = PATHS[usize::from(path) % PATHS.len()];
            adds_nothing_to_the_page(PAGES[usize::from(page) % PAGES.len()], path, &note);
        }
    }
});

/// Checks the tokens against a simpler parser of the header.
fn reads_by_name(lines: Vec<Vec<u8>>) {
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Ok(line) = HeaderValue::from_bytes(&line) {
            headers.append(header::COOKIE, line);
        }
    }
    let held = held(&headers);
    for (name, token) in [
        ("__Host-session", held.session.as_ref()),
        ("__Host-device", held.device.as_ref()),
        ("__Host-signin", held.flow(Purpose::SignIn)),
        ("__Host-reset", held.flow(Purpose::Reset)),
        ("__Host-signup", held.flow(Purpose::SignUp)),
    ] {
        let token = token.map(account::Secret::expose);
        assert_eq!(token, values(&headers, name).first().copied());
        if let Some(token) = token {
            assert!(
                token.bytes().all(|b| (b' '..0x7f).contains(&b) && b != b';'),
                "{token:?}"
            );
        }
    }
    let language = language(&headers);
    assert!(LANGUAGES.contains(&language));
    if let Some(first) = values(&headers, "__Host-language").first()
        && LANGUAGES.contains(first)
    {
        assert_eq!(language, *first);
    }
}

/// Returns the plain-text values of a cookie, in the order of the header.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        for pair in line.as_bytes().split(|b| *b == b';') {
            let Ok(pair) = str::from_utf8(pair) else { continue };
            let Some((key, value)) = pair.split_once('=') else {
                continue;
            };
            let blank = [' ', '\t'];
            let (key, value) = (key.trim_matches(blank), value.trim_matches(blank));
            let is_plain = value.chars().all(|c| (' '..='~').contains(&c));
            if key == name && !value.is_empty() && is_plain {
                found.push(value);
            }
        }
    }
    found
}

/// Checks the page and headers. Attack: a forged note in the browser adds markup to the page or a header to the response.
fn adds_nothing_to_the_page(page: &str, path: &str, note: &Note<'_>) {
    let Ok(world) = &*WORLD else {
        panic!("no service: {:?}", WORLD.as_ref().err());
    };
    // The fuzzer learns the mark from the comparisons.
    let texts = [note.email, note.name, note.refusal.map(|(_, _, text)| text)];
    if texts.into_iter().flatten().any(|text| text.contains(MARK)) {
        return;
    }
    let marked = |mark: &str, text: Option<&str>| text.map(|text| format!("{MARK}{mark}{text}"));
    let note_in_json = json!({
        "page": page,
        "failure": note.refusal.map(|(kind, number, text)| failure(kind, number, &format!("{MARK}r{text}"))),
        "email": marked("e", note.email),
        "name": marked("n", note.name),
        "done": note.done.map(|done| {
            ["PasswordChanged", "SessionEnded", "OthersEnded", "DeviceForgotten"][usize::from(done) % 4]
        }),
    });
    let cookie = format!("__Host-flash={}", URL_SAFE_NO_PAD.encode(note_in_json.to_string()));
    let is_page = !path.starts_with("/api/");
    let accept = if is_page { "text/html" } else { "application/json" };
    let Ok(request) = Request::get(path)
        .header(header::HOST, "rekey.example")
        .header(header::ACCEPT, accept)
        .header(header::COOKIE, cookie)
        .body(Body::empty())
    else {
        return;
    };
    let answer = world.ask(request);
    for line in answer.headers.values() {
        assert!(!line.to_str().is_ok_and(|line| line.contains(MARK)), "{line:?}");
    }
    if is_page {
        for part in answer.body.split(MARK).skip(1) {
            let (mark, shown) = part.split_at_checked(1).unwrap_or_default();
            let (source, ends) = match mark {
                "e" => (note.email, "<\""),
                "n" => (note.name, "<\""),
                _ => (note.refusal.map(|(_, _, text)| text), "<"),
            };
            stands_whole(source.unwrap_or_default(), shown, ends);
        }
    } else if answer.status.is_success() {
        let step: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        assert!(step.is_object(), "{answer:?}");
    }
}

/// Checks that a text is shown up to its first special character, which must be escaped. In an attribute, quotation marks are
/// special, too.
fn stands_whole(source: &str, shown: &str, ends: &str) {
    let is_itself = |c: &char| (' '..='~').contains(c) && !"<>&\"'\\".contains(*c);
    let plain: String = source.chars().take_while(is_itself).collect();
    assert!(shown.starts_with(&plain), "{source:?} is shown as {shown:?}");
    if source[plain.len()..].starts_with(|c| ends.contains(c)) {
        assert!(
            shown[plain.len()..].starts_with(['&', '\\']),
            "{source:?} ends its place: {shown:?}"
        );
    }
}

fn failure(kind: u8, number: i64, text: &str) -> Value {
    // No wait is longer, and no time later.
    let number = number % 1_000_000_000_000_000;
    let size = number.unsigned_abs();
    let (code, params) = match kind % 14 {
        0 => ("password_wait", json!({ "seconds": number })),
        1 => ("code_wrong_length", json!({ "digits": size })),
        2 => ("code_wrong", json!({ "tries_left": number })),
        3 => ("code_older", json!({ "sent_at": number, "newest_at": number.wrapping_neg() })),
        4 => ("code_of_earlier_request", json!({})),
        5 => ("resend_wait", json!({ "seconds": number })),
        6 => ("password_too_short", json!({ "min": size, "have": size })),
        7 => ("password_too_long", json!({ "max": size })),
        8 => ("managed_by_organization", json!({ "organization": text, "provider": text })),
        9 => ("too_many", json!({ "seconds": number })),
        10 => (text, json!({})),
        11 => ("signed_out", json!({})),
        12 => return json!({ "Broken": { "reference": text } }),
        _ => return json!({ "Busy": { "retry_after_s": number } }),
    };
    json!({ "Refused": { "code": code, "field": null, "params": params } })
}
