//! Files about the signed-in account: its data as a zip file, its activity as CSV (RFC 4180). By plain forms. Attack: another site
//! makes its visitors' browsers download them, and this server work.

use super::providers::redirect;
use super::{Problem, Service};
use account::Timestamp;
use app::words::Words;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use backend::flows::AccountData;
use backend::store::events::Recorded;
use std::io::{Cursor, Write};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Number of files that are made at the same time. Attack: many users keep all cores busy with compression.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// The longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the routes of the files.
pub fn routes() -> Router<Service> {
    Router::new()
        .route("/api/privacy/data", post(data))
        .route("/api/privacy/activity", post(activity))
}

async fn data(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Ok(Ok(turn)) = timeout(PATIENCE, AT_ONCE.acquire()).await else {
        return Problem::busy(5).into_response();
    };
    let data = match app::account_data(&service.backend, &parts).await {
        Ok(data) => data,
        Err(to) => return redirect(to),
    };
    let (language, brand) = (language(&parts), service.backend.settings().brand.clone());
    let made = spawn_blocking(move || zip_of(&data, &language, &brand)).await;
    drop(turn);
    match made {
        Ok(Ok(body)) => file(body, "application/zip", "account-data.zip"),
        _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

async fn activity(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Ok(Ok(turn)) = timeout(PATIENCE, AT_ONCE.acquire()).await else {
        return Problem::busy(5).into_response();
    };
    let events = match app::activity(&service.backend, &parts).await {
        Ok(events) => events,
        Err(to) => return redirect(to),
    };
    let language = language(&parts);
    let made = spawn_blocking(move || csv_of(&events, Words::of(&language))).await;
    drop(turn);
    match made {
        Ok(Ok(body)) => file(body, "text/csv; charset=utf-8", "activity.csv"),
        _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

/// Returns the language of the caller, which the server has recognized.
fn language(parts: &axum::http::request::Parts) -> String {
    let caller = parts.extensions.get::<backend::Caller>();
    caller.map_or_else(String::new, |caller| caller.language.clone())
}

fn file(body: Vec<u8>, kind: &'static str, name: &str) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (headers, body).into_response();
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

fn zip_of(
    data: &AccountData,
    language: &str,
    brand: &str,
) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // Without a time, which the library would read from the clock.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("data.html", options)?;
    zip.write_all(app::data_page(data, language, brand)?.as_bytes())?;
    zip.start_file("data.json", options)?;
    zip.write_all(&serde_json::to_vec_pretty(data)?)?;
    Ok(zip.finish()?.into_inner())
}

fn csv_of(events: &[Recorded], words: Words) -> Result<Vec<u8>, csv::Error> {
    let mut file = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    file.write_record(["time", "event", "code", "by", "device", "network"])?;
    for event in events {
        let title = app::event_title(&event.kind, words);
        let by = if event.actor == "person" { "user" } else { &event.actor };
        let at = |Timestamp(ms)| Timestamp(ms).rfc3339();
        file.write_record([
            &at(event.at),
            &harmless(&title),
            &harmless(&event.kind),
            by,
            &harmless(&event.browser),
            &harmless(&event.client),
        ])?;
    }
    file.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// Attack: a name such as `=HYPERLINK(…)` is a formula in the reader's spreadsheet.
pub(super) fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_and_never_a_formula() {
        let event = |kind: &str, browser: &str| Recorded {
            kind: kind.into(),
            at: Timestamp(1_795_514_520_000),
            actor: "person".into(),
            browser: browser.into(),
            client: "192.0.2.1".into(),
            activity: None,
        };
        let events = [event("signed_in", "=1+1"), event("wrong_code", "Firefox, \"Linux\"")];
        let text = String::from_utf8(csv_of(&events, Words::of("en")).unwrap()).unwrap();
        assert_eq!(
            text,
            "time,event,code,by,device,network\r\n\
             2026-11-24T10:02:00Z,Signed in,signed_in,user,'=1+1,192.0.2.1\r\n\
             2026-11-24T10:02:00Z,Wrong passcode,wrong_code,user,\"Firefox, \"\"Linux\"\"\",192.0.2.1\r\n"
        );
    }
}
