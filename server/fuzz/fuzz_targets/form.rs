//! Form submissions: every body is parsed like a browser's or refused, and no response contains a secret input.
#![no_main]

use account::{EmailAddress, ResetStep, SignInStep, SignUpStep, safe_next};
use arbitrary::Arbitrary;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::{Answer, ORIGIN, World};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use url::form_urlencoded;

/// A submitted form.
#[derive(Debug, Arbitrary)]
struct Sent<'a> {
    endpoint: u8,
    by_script: bool,
    content_type: u8,
    body: Content<'a>,
}

/// Its content.
#[derive(Debug, Arbitrary)]
enum Content<'a> {
    /// Arbitrary bytes.
    Raw(&'a [u8]),
    /// Fields as a browser writes them, with known names and sometimes a suffix.
    Fields(Vec<(u8, Option<&'a str>, &'a str)>),
}

const ENDPOINTS: [&str; 17] = [
    "/api/reset/begin",
    "/api/sign_in/begin",
    "/api/sign_up/begin",
    "/api/reset/answer",
    "/api/reset/resend",
    "/api/reset/choose",
    "/api/sign_in/password",
    "/api/sign_in/answer",
    "/api/sign_in/resend",
    "/api/sign_in/restart",
    "/api/sign_in/sign_out",
    "/api/sign_up/answer",
    "/api/sign_up/resend",
    "/api/sign_up/finish",
    "/api/security/change_password",
    "/api/security/end_session",
    "/api/preferences",
];
const NAMES: [&str; 14] = [
    "email",
    "next",
    "password",
    "again",
    "current",
    "code",
    "trust",
    "name",
    "id",
    "end_others",
    "others_asked",
    "back",
    "language",
    "theme",
];
const SECRETS: [&str; 4] = ["password", "again", "current", "code"];
/// Marks secret inputs, so that they can be found.
const MARK: &str = "S3cr3t-0f1e2d3c";

static WORLD: LazyLock<Result<World, String>> = LazyLock::new(World::new);

fuzz_target!(|sent: Sent<'_>| {
    let Ok(world) = &*WORLD else {
        panic!("no service: {:?}", WORLD.as_ref().err());
    };
    let endpoint = ENDPOINTS[usize::from(sent.endpoint) % ENDPOINTS.len()];
    let body = match &sent.body {
        Content::Raw(bytes) => bytes.to_vec(),
        Content::Fields(fields) => written(fields).into_bytes(),
    };
    let content_type = match sent.content_type {
        0 => "application/json",
        1 => "text/plain",
        2 => "multipart/form-data; boundary=x",
        _ => "application/x-www-form-urlencoded",
    };
    let accept = if sent.by_script {
        "application/json"
    } else {
        "text/html"
    };
    let Ok(request) = Request::post(endpoint)
        .header(header::HOST, "rekey.example")
        .header(header::ORIGIN, ORIGIN)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT, accept)
        .header(header::REFERER, "https://rekey.example/evil?error=1")
        .body(Body::from(body.clone()))
    else {
        return;
    };
    let answer = world.ask(request);
    if let Content::Fields(fields) = &sent.body
        && is_secret_only(fields)
    {
        keeps_secrets(&answer);
    }
    if endpoint == "/api/preferences" {
        return chooses(&body, content_type, &answer);
    }
    if sent.by_script {
        reads_one_address(endpoint, &body, &answer);
    } else {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        assert!(answer.body.is_empty(), "{answer:?}");
        let place = answer.location();
        let known = [
            "/signin",
            "/reset",
            "/signup",
            "/security",
            "/security/password",
            "/profile",
            "/signed-out",
        ];
        let (page, asked) = place.split_once("?next=").unwrap_or((place, "/security"));
        assert!(known.contains(&page) && known.contains(&asked), "{place:?}");
    }
});

/// Returns the body that a browser would send.
fn written(fields: &[(u8, Option<&str>, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, behind, value) in fields {
        let name = NAMES[usize::from(*name) % NAMES.len()];
        let mark = if SECRETS.contains(&name) { MARK } else { "" };
        form.append_pair(
            &format!("{name}{}", behind.unwrap_or_default()),
            &format!("{mark}{value}"),
        );
    }
    form.finish()
}

/// Returns whether the mark occurs in secrets only: the fuzzer learns it from the comparisons.
fn is_secret_only(fields: &[(u8, Option<&str>, &str)]) -> bool {
    let has_mark = |text: &str| text.contains(MARK);
    !fields
        .iter()
        .any(|(_, behind, value)| has_mark(value) || behind.is_some_and(has_mark))
}

/// Attack: a password in a header, a URL or a page leaks into histories, caches and logs.
fn keeps_secrets(answer: &Answer) {
    assert!(!answer.body.contains(MARK), "{answer:?}");
    for line in answer.headers.values() {
        let line = line.to_str().unwrap_or_default();
        assert!(!line.contains(MARK), "{line:?}");
    }
    for cookie in answer.cookies() {
        let value = cookie
            .split(';')
            .next()
            .and_then(|pair| pair.strip_prefix("__Host-flash="));
        let note = URL_SAFE_NO_PAD.decode(value.unwrap_or_default()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&note).contains(MARK), "{cookie}");
    }
}

/// Attack: `email[]`, repeated fields or ambiguous encoding send e-mail to another address. A flow's address must be the only one
/// that another parser finds.
fn reads_one_address(endpoint: &str, body: &[u8], answer: &Answer) {
    if answer.status != StatusCode::OK {
        let told = serde_json::from_str::<app::Failure>(&answer.body);
        assert!(told.is_ok() || answer.body.is_empty(), "{answer:?}");
        return;
    }
    let begun = match endpoint {
        "/api/reset/begin" => match serde_json::from_str(&answer.body) {
            Ok(ResetStep::EnterCode(mailed)) => mailed.email,
            other => panic!("{other:?}"),
        },
        "/api/sign_up/begin" => match serde_json::from_str(&answer.body) {
            Ok(SignUpStep::EnterCode(mailed)) => mailed.email,
            other => panic!("{other:?}"),
        },
        "/api/sign_in/begin" => match serde_json::from_str(&answer.body) {
            Ok(SignInStep::EnterPassword { email }) => email,
            other => panic!("{other:?}"),
        },
        _ => return,
    };
    let typed: Vec<_> = form_urlencoded::parse(body)
        .filter(|(name, _)| name == "email" || name.starts_with("email["))
        .collect();
    let [(name, value)] = &typed[..] else {
        panic!("{begun} out of {typed:?}");
    };
    assert_eq!(name, "email");
    assert_eq!(
        EmailAddress::read(value, account::domain_to_ascii),
        Ok(begun),
        "{typed:?}"
    );
}

/// Checks that only known languages and themes are stored, and that the redirect stays on this site.
fn chooses(body: &[u8], content_type: &str, answer: &Answer) {
    if answer.status != StatusCode::SEE_OTHER {
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert_eq!(answer.cookies().count(), 0);
        return;
    }
    assert!(content_type.ends_with("x-www-form-urlencoded"));
    let typed = |name: &str| -> String {
        let mut values = form_urlencoded::parse(body).filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        assert!(values.next().is_none(), "{name} occurs twice");
        value.unwrap_or_default()
    };
    assert_eq!(answer.location(), safe_next(&typed("back")));
    for cookie in answer.cookies() {
        let (name, rest) = cookie.split_once('=').unwrap_or_default();
        let value = rest.split(';').next().unwrap_or_default();
        let known: &[&str] = if name == "__Host-theme" {
            &["light", "dark", "auto"]
        } else {
            &["en", "ar"]
        };
        assert!(known.contains(&value), "{cookie}");
        assert_eq!(typed(&name["__Host-".len()..]), value);
    }
}
