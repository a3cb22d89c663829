//! The gallery of every e-mail in every state and language.

use super::mail_html;
use super::sheet::{Entry, Sheet};
use crate::http::{Problem, Service};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Responds with all e-mails on one page.
pub async fn page(State(service): State<Service>) -> Response {
    let entries = backend::gallery(&service.backend.settings())
        .into_iter()
        .map(|(title, language, mail)| Entry {
            html_at: format!("/dev/emails/gallery/{}", name(&title, &language)),
            title: mail.subject,
            facts: vec![("E-mail", title), ("Language", language), ("From", mail.from)],
            text: mail.text,
        })
        .collect();
    Sheet {
        title: "Gallery",
        lead: "Every e-mail in every language.",
        to: None,
        entries,
    }
    .into_response()
}

/// Responds with the HTML part of one e-mail.
pub async fn email(State(service): State<Service>, Path(wanted): Path<String>) -> Response {
    let mut emails = backend::gallery(&service.backend.settings()).into_iter();
    match emails.find(|(title, language, _)| name(title, language) == wanted) {
        Some((.., mail)) => mail_html(mail.html),
        None => Problem::new(StatusCode::NOT_FOUND).into_response(),
    }
}

/// Returns the name of an example's URL: `reset-code.ar` for `Reset: code` in Arabic.
fn name(title: &str, language: &str) -> String {
    format!(
        "{}.{language}",
        title.to_lowercase().replace(": ", "-").replace(' ', "-")
    )
}
