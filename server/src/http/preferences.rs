//! Language and colour theme of a browser.

use super::client::LANGUAGES;
use super::pages::see_other;
use super::{Problem, Service};
use account::{Theme, safe_next};
use axum::extract::{Form, State, rejection::FormRejection};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use backend::Caller;
use serde::Deserialize;

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
    let theme = Theme::read(&chosen.theme);
    let kept = service
        .backend
        .request(&Caller::default(), &app::held(&headers))
        .preferences()
        .keep(language, theme)
        .await;
    if let Err(fault) = kept {
        return Problem::of(&fault).into_response();
    }
    let cookies = [language.and_then(app::of_language), theme.and_then(app::of_theme)];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
