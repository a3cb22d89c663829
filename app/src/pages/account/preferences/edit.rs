//! The forms of the preferences.

use super::{chosen_before, example, shown_zone, size_key, theme_key};
use crate::api::preferences::{ChooseAppearance, ChooseDates, ChooseLanguage, ChooseTimeZone, view};
use crate::client::PageState;
use crate::flow::{Flow, Form, page_of};
use crate::settings::use_settings;
use crate::ui::{ButtonStyle, LinkButton, Page, SubmitButton};
use crate::view::View;
use crate::words::{LANGUAGES, Words, use_words};
use account::{DateFormat, PreferencesView, TextSize, Theme, TimeFormat};
use backend::time_zones;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/preferences/language`.
pub(in crate::pages) fn language() -> View {
    page_of(view, |state| {
        form(
            state,
            ChooseLanguage::PATH,
            "preferences.edit_language",
            |_, chosen, words| {
                let choices = LANGUAGES.map(|language| Choice {
                    value: language,
                    label: words.say(&["language.", language].concat()),
                    language: Some(language),
                });
                let language = first(&chosen).unwrap_or(words.language);
                group("language", words.say("preferences.language"), choices, language)
            },
        )
    })
}

/// `/preferences/time-zone`.
pub(in crate::pages) fn time_zone() -> View {
    page_of(view, |state| {
        form(
            state,
            ChooseTimeZone::PATH,
            "preferences.edit_zone",
            |view, chosen, words| {
                let stored = view.preferences.times.zone.unwrap_or_default();
                let chosen = first(&chosen).unwrap_or(&stored);
                let zones = time_zones().iter().map(|zone| {
                    view! { <option value=zone.as_str() selected=zone == chosen>{shown_zone(zone)}</option> }
                });
                // A script proposes the browser's zone, and shows the sentence that says so.
                let propose = chosen.is_empty().then_some("");
                view! {
                    <div class="field">
                        <label for="zone">{words.say("preferences.zone")}</label>
                        <p class="hint" id="zone-hint">{words.say("preferences.zone_hint")}</p>
                        <div class="entry">
                            <select id="zone" name="zone" aria-describedby="zone-hint zone-proposed" data-zones=propose>
                                <option value="">{words.say("preferences.zone_not_set")}</option>
                                {zones.collect_view()}
                            </select>
                        </div>
                        <p class="hint" id="zone-proposed" hidden>{words.say("preferences.zone_proposed")}</p>
                    </div>
                }
                .into_any()
            },
        )
    })
}

/// `/preferences/dates`.
pub(in crate::pages) fn dates() -> View {
    page_of(view, |state| {
        form(
            state,
            ChooseDates::PATH,
            "preferences.edit_dates",
            |view, chosen, words| {
                let times = view.preferences.times;
                let written = DateFormat::ALL.map(|dates| Choice {
                    value: dates.as_str(),
                    label: example(words, &TimeFormat { dates, ..times.clone() }),
                    language: None,
                });
                let cycles =
                    [("24", "preferences.hours_24"), ("12", "preferences.hours_12")].map(|(value, key)| Choice {
                        value,
                        label: words.say(key),
                        language: None,
                    });
                let stored = [times.dates.as_str(), if times.twelve_hours { "12" } else { "24" }];
                let [dates, hours] = both(&chosen).unwrap_or(stored);
                view! {
                    <p>{words.say("preferences.dates_lead")}</p>
                    {group("dates", words.say("preferences.day"), written, dates)}
                    {group("hours", words.say("preferences.hours"), cycles, hours)}
                }
                .into_any()
            },
        )
    })
}

/// `/preferences/appearance`.
pub(in crate::pages) fn appearance() -> View {
    page_of(view, |state| {
        form(
            state,
            ChooseAppearance::PATH,
            "preferences.edit_appearance",
            |view, chosen, words| {
                let themes = Theme::ALL.map(|theme| Choice {
                    value: theme.as_str(),
                    label: words.say(theme_key(theme)),
                    language: None,
                });
                let stored = [use_settings().theme.as_str(), view.preferences.text_size.as_str()];
                let [theme, size] = both(&chosen).unwrap_or(stored);
                let sizes = TextSize::ALL.map(|size| Choice {
                    value: size.as_str(),
                    label: words.say(size_key(size)),
                    language: None,
                });
                view! {
                    {group("theme", words.say("preferences.theme"), themes, theme)}
                    {group("size", words.say("preferences.size"), sizes, size)}
                }
                .into_any()
            },
        )
    })
}

/// Shows the form whose fields are made from the preferences, and from the choices before the end of a session.
fn form(
    state: PageState<PreferencesView>,
    action: &'static str,
    title: &'static str,
    fields: fn(PreferencesView, Option<Vec<String>>, Words) -> AnyView,
) -> View {
    let flow = Flow::new(state, view);
    flow.show(move |view| {
        let words = use_words();
        let (account, chosen) = (view.email.to_string(), chosen_before(flow, &view));
        view! {
            <Page heading=words.say(title)>
                <Form action=action controller=flow.controller>
                    <input type="hidden" name="account" value=account />
                    {fields(view, chosen, words)}
                    <SubmitButton label=words.say("profile.save") />
                </Form>
                <p>
                    <LinkButton href="/preferences" label=words.say("profile.cancel") style=ButtonStyle::Link />
                </p>
            </Page>
        }
        .into_any()
    })
}

/// Returns the only choice.
fn first(chosen: &Option<Vec<String>>) -> Option<&str> {
    chosen.as_ref()?.first().map(String::as_str)
}

/// Returns both choices of a form.
fn both(chosen: &Option<Vec<String>>) -> Option<[&str; 2]> {
    match chosen.as_deref()? {
        [one, other] => Some([one, other]),
        _ => None,
    }
}

/// One of several values.
struct Choice {
    value: &'static str,
    label: String,
    /// The language of the label, if it is not the page's.
    language: Option<&'static str>,
}

/// Renders choices of which one is chosen.
fn group(name: &'static str, label: String, choices: impl IntoIterator<Item = Choice>, chosen: &str) -> AnyView {
    let choice = |choice: Choice| {
        let id = [name, "-", choice.value].concat();
        view! {
            <div class="tick">
                <input type="radio" id=id.clone() name=name value=choice.value checked=choice.value == chosen />
                <label for=id lang=choice.language>
                    <bdi>{choice.label}</bdi>
                </label>
            </div>
        }
    };
    view! {
        <fieldset class="field">
            <legend>{label}</legend>
            {choices.into_iter().map(choice).collect_view()}
        </fieldset>
    }
    .into_any()
}
