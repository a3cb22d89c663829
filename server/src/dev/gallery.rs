//! Every mail in every state and language, to be looked at.

use super::mail_html;
use super::sheet::{Entry, Sheet};
use crate::http::{LANGUAGES, Problem, Service};
use account::{CodeLetter, Letter, Notice, Organization, OwnPassword, Purpose, Request, Secret, Timestamp};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use backend::{Clock, SystemClock};

/// All of them on one page.
pub async fn page(State(service): State<Service>) -> Response {
    let mut entries = Vec::new();
    for (name, letter) in samples(SystemClock.now()) {
        for language in LANGUAGES {
            let mail = backend::render(service.backend.settings(), language, &letter);
            entries.push(Entry {
                title: mail.subject,
                facts: vec![
                    ("Letter", name.to_owned()),
                    ("Language", language.to_owned()),
                    ("From", mail.from),
                ],
                text: mail.text,
                html_at: format!("/dev/letters/gallery/{name}.{language}"),
            });
        }
    }
    Sheet {
        title: "Gallery",
        lead: "Every letter in every language.",
        to: None,
        entries,
    }
    .into_response()
}

/// The HTML part of one.
pub async fn letter(State(service): State<Service>, Path(wanted): Path<String>) -> Response {
    let (name, language) = wanted.split_once('.').unwrap_or((&wanted, LANGUAGES[0]));
    match samples(SystemClock.now()).into_iter().find(|(known, _)| *known == name) {
        Some((_, letter)) => mail_html(backend::render(service.backend.settings(), language, &letter).html),
        None => Problem::new(StatusCode::NOT_FOUND).into_response(),
    }
}

fn samples(now: Timestamp) -> Vec<(&'static str, Letter)> {
    let browser = || "Firefox on Linux".to_owned();
    let request = || Request {
        label: "K7".into(),
        asked_at: now,
        browser: browser(),
    };
    let code = |purpose: Purpose, code: &str| {
        let works_until = now.plus_minutes(10);
        Letter::Code(CodeLetter {
            purpose,
            code: Secret::from(code),
            works_until,
            request: request(),
        })
    };
    let organization = || Organization {
        name: "Analytical Engines Ltd".into(),
        administrator_name: "Charles Babbage".into(),
        administrator_email: "it-help@example.com".into(),
    };
    vec![
        ("code-sign-in", code(Purpose::SignIn, "012345")),
        ("code-reset", code(Purpose::Reset, "01234567")),
        ("code-sign-up", code(Purpose::SignUp, "012345")),
        ("no-account", Letter::NoAccount(request())),
        ("use-google", Letter::UseGoogle(request())),
        ("ask-administrator", Letter::AskAdministrator(request(), organization())),
        ("deactivated", Letter::Deactivated(request())),
        ("already-here", Letter::AlreadyHere(request(), OwnPassword::Editable)),
        (
            "already-here-google",
            Letter::AlreadyHere(request(), OwnPassword::HeldByGoogle),
        ),
        (
            "already-here-managed",
            Letter::AlreadyHere(request(), OwnPassword::HeldBy(organization())),
        ),
        (
            "password-reset",
            Letter::Notice(Notice::PasswordReset {
                at: now,
                browser: browser(),
            }),
        ),
        (
            "password-changed",
            Letter::Notice(Notice::PasswordChanged {
                at: now,
                browser: browser(),
            }),
        ),
        (
            "new-device",
            Letter::Notice(Notice::NewDevice {
                at: now,
                browser: browser(),
            }),
        ),
        ("many-failures", Letter::Notice(Notice::ManyFailures { at: now })),
    ]
}
