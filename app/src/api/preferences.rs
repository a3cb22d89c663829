//! The preferences.

use crate::client::{Failure, PageState};
use account::PreferencesView;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
#[cfg(feature = "ssr")]
use {
    super::cookies,
    super::request_context::RequestContext,
    crate::words::LANGUAGES,
    account::{DateFormat, Refusal, TextSize, Theme},
    backend::retried,
};

/// Returns the data of the preferences page and of its forms.
#[server(name = View, prefix = "/api", endpoint = "preferences/view", input = GetUrl)]
pub async fn view() -> Result<PageState<PreferencesView>, Failure> {
    let request = RequestContext::here()?;
    let view = request.browser().preferences().view().await;
    request.show(view)
}

/// Chooses the language. `account` is the address of the user who chose, to whom alone the choice is shown again after a sign-in.
#[server(name = ChooseLanguage, prefix = "/api", endpoint = "preferences/language")]
pub async fn choose_language(
    #[server(default)] language: String,
    #[server(default)] account: String,
) -> Result<PreferencesView, Failure> {
    let request = keeping(&[&language], &account)?;
    let Some(language) = LANGUAGES.into_iter().find(|known| *known == language) else {
        return request.tell(Err(Refusal::FormUnreadable.into()));
    };
    let transition = retried(|| request.browser().preferences().choose_language(language)).await;
    request.tell_keeping(transition, cookies::of_language(language))
}

/// Chooses the time zone; `account` as above, also below.
#[server(name = ChooseTimeZone, prefix = "/api", endpoint = "preferences/time_zone")]
pub async fn choose_time_zone(
    #[server(default)] zone: String,
    #[server(default)] account: String,
) -> Result<PreferencesView, Failure> {
    let request = keeping(&[&zone], &account)?;
    let transition = retried(|| request.browser().preferences().choose_time_zone(&zone)).await;
    request.tell(transition)
}

/// Chooses how dates and times are written.
#[server(name = ChooseDates, prefix = "/api", endpoint = "preferences/dates")]
pub async fn choose_dates(
    #[server(default)] dates: String,
    #[server(default)] hours: String,
    #[server(default)] account: String,
) -> Result<PreferencesView, Failure> {
    let request = keeping(&[&dates, &hours], &account)?;
    let Some(dates) = DateFormat::read(&dates) else {
        return request.tell(Err(Refusal::FormUnreadable.into()));
    };
    let transition = retried(|| request.browser().preferences().choose_dates(dates, hours == "12")).await;
    request.tell(transition)
}

/// Chooses theme and text size.
#[server(name = ChooseAppearance, prefix = "/api", endpoint = "preferences/appearance")]
pub async fn choose_appearance(
    #[server(default)] theme: String,
    #[server(default)] size: String,
    #[server(default)] account: String,
) -> Result<PreferencesView, Failure> {
    let request = keeping(&[&theme, &size], &account)?;
    let (Some(theme), Some(size)) = (Theme::read(&theme), TextSize::read(&size)) else {
        return request.tell(Err(Refusal::FormUnreadable.into()));
    };
    let transition = retried(|| request.browser().preferences().choose_appearance(theme, size)).await;
    request.tell_keeping(transition, cookies::of_theme(theme))
}

/// Chooses among the groups of e-mails that the form has `shown`.
#[server(name = ChooseMail, prefix = "/api", endpoint = "preferences/mail")]
pub async fn choose_mail(
    #[server(default)] shown: Vec<String>,
    #[server(default)] wanted: Vec<String>,
    #[server(default)] account: String,
) -> Result<PreferencesView, Failure> {
    let chosen: Vec<_> = wanted.iter().map(String::as_str).collect();
    let request = keeping(&chosen, &account)?;
    let transition = retried(|| request.browser().preferences().choose_mail(&shown, &wanted)).await;
    request.tell(transition)
}

/// Returns the request; the form shows these choices again if it is refused.
#[cfg(feature = "ssr")]
fn keeping(chosen: &[&str], account: &str) -> Result<RequestContext, Failure> {
    let request = RequestContext::here()?;
    Ok(request.keeping_name(&chosen.join(" ")).keeping_email(account))
}
