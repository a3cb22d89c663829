//! The e-mails of the development run, in the browser, stand-ins for identity providers, and the sample product. Only with `--dev`,
//! which listens on loopback addresses only.

mod gallery;
mod product;
mod provider;
mod sheet;

pub use product::{ORIGIN as SAMPLE_PRODUCT, settings as sample_product};
pub use provider::settings as stand_in_settings;

use crate::config::is_loopback_name;
use crate::http::{Problem, Service, host_name};
use account::EmailAddress;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use backend::{KeptEmail, SystemClock};
use serde::Deserialize;
use sheet::{Entry, Sheet};
use std::sync::Arc;

/// Returns the routes below `/dev`.
pub fn routes() -> Router<Service> {
    let stand_ins = provider::routes(Arc::new(SystemClock::default())).unwrap_or_else(|cause| {
        tracing::error!(cause, "there are no stand-ins for identity providers");
        Router::new()
    });
    Router::new()
        .route("/dev/emails", get(emails))
        .route("/dev/emails.json", get(emails_as_data))
        .route("/dev/emails/{number}", get(email))
        .route("/dev/emails/gallery", get(gallery::page))
        .route("/dev/emails/gallery/{name}", get(gallery::email))
        .route("/dev/emails.css", get(sheet::style))
        .route("/dev/alive", get(alive))
        .merge(stand_ins)
        .layer(from_fn(this_machine_only))
}

/// Attack: a site with a name that resolves to this machine (DNS rebinding) is same-origin to the browser and reads the codes.
async fn this_machine_only(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if !is_loopback_name(host_name(host)) {
        return Problem::new(StatusCode::NOT_FOUND).into_response();
    }
    next.run(request).await
}

/// Stays open as long as the program runs, so that pages notice a restart and reload.
async fn alive(State(service): State<Service>) -> Response {
    let mut stopping = service.stopping.clone();
    let until_stopped = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
        Ok::<_, std::convert::Infallible>(Event::default())
    };
    Sse::new(futures::stream::once(until_stopped))
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// The recipient to filter by.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    to: String,
}

/// Returns the kept e-mails, latest first, each with a number that stays the same when others arrive.
fn kept(service: &Service, to: &str) -> Vec<(usize, KeptEmail)> {
    let all = service.mail.kept(None);
    let count = all.len();
    // Addresses are compared in normalized form.
    let wanted = EmailAddress::parse(to).map_or_else(|_| to.to_owned(), String::from);
    let numbered = all.into_iter().enumerate().map(|(index, email)| (count - index, email));
    numbered
        .filter(|(_, email)| wanted.is_empty() || email.to == wanted)
        .collect()
}

async fn emails(State(service): State<Service>, Query(asked): Query<Asked>) -> Response {
    let entries = kept(&service, &asked.to).into_iter().map(|(number, email)| Entry {
        title: email.subject,
        facts: vec![
            ("To", email.to),
            ("From", email.from),
            (
                "Sent",
                format!(
                    "{} UTC",
                    account::Timestamp(email.sent_at)
                        .iso()
                        .replace(['T', 'Z'], " ")
                        .trim_end()
                ),
            ),
        ],
        text: email.text,
        html_at: format!("/dev/emails/{number}"),
    });
    Sheet {
        title: "E-mails",
        lead: match service.config.smtp_url {
            None => "Latest first. No e-mail left this machine.",
            Some(_) => "E-mails are sent to REKEY_SMTP_URL and not kept here.",
        },
        to: Some(&asked.to),
        entries: entries.collect(),
    }
    .into_response()
}

async fn emails_as_data(State(service): State<Service>, Query(asked): Query<Asked>) -> Json<Vec<KeptEmail>> {
    Json(kept(&service, &asked.to).into_iter().map(|(_, email)| email).collect())
}

async fn email(State(service): State<Service>, Path(number): Path<usize>) -> Response {
    match kept(&service, "").into_iter().find(|(kept, _)| *kept == number) {
        Some((_, email)) => mail_html(email.html),
        None => Problem::new(StatusCode::NOT_FOUND).into_response(),
    }
}

/// Responds with the HTML part of an e-mail, as in a mail program: own styles, no scripts, no external resources.
fn mail_html(html: String) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox";
    (
        [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))],
        Html(html),
    )
        .into_response()
}
