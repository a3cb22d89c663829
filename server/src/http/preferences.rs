//! Language and colour theme of a browser.

use super::client::{LANGUAGE_COOKIE, LANGUAGES};
use super::pages::see_other;
use super::{Problem, Service};
use account::safe_next;
use axum::extract::{Form, State, rejection::FormRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use backend::Caller;
use serde::Deserialize;

/// The cookie of the chosen theme.
const THEME_COOKIE: &str = "__Host-theme";
const YEAR_S: u32 = 365 * 24 * 60 * 60;

/// The form; absent fields leave the setting unchanged.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct Chosen {
    language: String,
    theme: String,
    back: String,
}

/// Saves the choice and redirects back to the page.
pub async fn save(
    State(service): State<Service>,
    headers: HeaderMap,
    form: Result<Form<Chosen>, FormRejection>,
) -> Response {
    let Ok(Form(chosen)) = form else {
        return Problem::new(StatusCode::BAD_REQUEST).into_response();
    };
    let mut response = see_other(safe_next(&chosen.back));
    // Cookies receive known values only.
    let language = LANGUAGES.into_iter().find(|language| *language == chosen.language);
    let theme = ["light", "dark", "auto"]
        .into_iter()
        .find(|theme| *theme == chosen.theme);
    if let Some(language) = language
        && let Err(fault) = service
            .backend
            .request(&Caller::default(), &app::held(&headers))
            .sessions()
            .choose_language(language)
            .await
    {
        return Problem::of(&fault).into_response();
    }
    let kept = [(LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)];
    for (name, value) in kept.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let cookie = format!("{name}={value}; Path=/; Max-Age={YEAR_S}; Secure; HttpOnly; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}
