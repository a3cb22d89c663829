//! The preferences page. Its forms are plain, so it loads no WASM.

pub(in crate::pages) mod edit;

use super::profile::fact;
use super::security::edit_link;
use crate::api::preferences::{ChooseMail, view};
use crate::flow::{Flow, Form, FormController, Step, page_of};
use crate::ui::{Page, Row, Rows, SubmitButton, use_announce};
use crate::view::View;
use crate::words::{Words, use_words};
use account::{EmailAddress, MailGroupRow, Preferences, PreferencesView, TextSize, Theme, TimeFormat, Timestamp};
use backend::{Precision, written};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

impl Step for PreferencesView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

/// `/preferences`.
pub(in crate::pages) fn page() -> View {
    page_of(view, |state| {
        let flow = Flow::new(state, view);
        flow.show(move |view| {
            let chosen = chosen_before(flow, &view);
            overview(view, chosen, flow.controller)
        })
    })
}

/// Returns what this user chose in a form before the end of a session. Attack: another user of this browser has chosen it.
fn chosen_before(flow: Flow<PreferencesView>, view: &PreferencesView) -> Option<Vec<String>> {
    let chosen_by = flow.typed_email.get_value()?;
    let chosen = flow
        .typed_name
        .get_value()
        .filter(|_| chosen_by == view.email.as_str())?;
    Some(chosen.split(' ').map(ToOwned::to_owned).collect())
}

fn overview(mut view: PreferencesView, chosen: Option<Vec<String>>, controller: FormController) -> AnyView {
    if let Some(chosen) = chosen {
        for group in &mut view.groups {
            group.wanted = chosen.contains(&group.id);
        }
    }
    let account = view.email.to_string();
    let words = use_words();
    if view.done.is_some() {
        use_announce().say(words.say("profile.saved"));
    }
    let Preferences { times, text_size, .. } = view.preferences;
    let theme = crate::settings::use_settings().theme;
    let zone = match &times.zone {
        Some(zone) => view! { <bdi dir="ltr">{shown_zone(zone)}</bdi> }.into_any(),
        None => words.say("preferences.zone_not_set").into_any(),
    };
    let (theme, size) = (words.say(theme_key(theme)), words.say(size_key(text_size)));
    let looks = words.say_with("preferences.looks_are", &[("theme", &theme), ("size", &size)]);
    let row = move |path, id, key, edit, value| {
        view! { <Row action=edit_link(path, Some(id), words.say(edit), words)>{fact(key, value, None)}</Row> }
            .into_any()
    };
    view! {
        <Page heading=words.say("preferences.title") wide=true>
            <section aria-labelledby="region">
                <h2 id="region">{words.say("preferences.region")}</h2>
                <Rows>
                    {row(
                        "/preferences/language",
                        "edit-language",
                        "preferences.language",
                        "preferences.edit_language",
                        words.say(&["language.", words.language].concat()).into_any(),
                    )}
                    {row("/preferences/time-zone", "edit-time-zone", "preferences.zone", "preferences.edit_zone", zone)}
                    {row(
                        "/preferences/dates",
                        "edit-dates",
                        "preferences.dates",
                        "preferences.edit_dates",
                        example(words, &times).into_any(),
                    )}
                </Rows>
            </section>
            <section aria-labelledby="looks">
                <h2 id="looks">{words.say("preferences.appearance")}</h2>
                <Rows>
                    {row(
                        "/preferences/appearance",
                        "edit-appearance",
                        "preferences.looks",
                        "preferences.edit_appearance",
                        looks.into_any(),
                    )}
                </Rows>
            </section>
            {mail(view.groups, account, controller, words)}
        </Page>
    }
    .into_any()
}

/// Renders the groups of e-mails, which have one form.
fn mail(groups: Vec<MailGroupRow>, account: String, controller: FormController, words: Words) -> AnyView {
    let group = |group: MailGroupRow| {
        let id = ["mail-", &group.id].concat();
        let hint = (!group.description.is_empty()).then_some(group.description);
        let (of_hint, described) = ([id.as_str(), "-hint"].concat(), hint.is_some());
        view! {
            <div class="tick">
                <input type="hidden" name="shown[]" value=group.id.clone() />
                <input
                    type="checkbox"
                    id=id.clone()
                    name="wanted[]"
                    value=group.id
                    checked=group.wanted
                    aria-describedby=described.then(|| of_hint.clone())
                />
                <label for=id>{group.name}</label>
                {hint.map(|hint| view! { <p class="hint" id=of_hint>{hint}</p> })}
            </div>
        }
    };
    view! {
        <section aria-labelledby="mail">
            <h2 id="mail" tabindex="-1">{words.say("preferences.mail")}</h2>
            <p>{words.say("profile.mails_lead")}</p>
            <Form action=ChooseMail::PATH controller=controller>
                <input type="hidden" name="account" value=account />
                {groups.into_iter().map(group).collect_view()}
                <SubmitButton label=words.say("profile.save") full_name=words.say("preferences.save_mail") />
            </Form>
        </section>
    }
    .into_any()
}

/// Writes the first minutes of an afternoon, whose day and month cannot be confused.
fn example(words: Words, times: &TimeFormat) -> String {
    let in_utc = TimeFormat {
        zone: Some("UTC".into()),
        ..times.clone()
    };
    // 30 November 2026, 13:30.
    let at = Timestamp(1_796_045_400_000);
    words.isolated(&written(words.language, &in_utc, at, Precision::DayAndTime))
}

/// Returns a zone as users read it: `America/New York`.
fn shown_zone(zone: &str) -> String {
    zone.replace('_', " ")
}

const fn theme_key(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => "frame.theme_auto",
        Theme::Light => "frame.theme_light",
        Theme::Dark => "frame.theme_dark",
    }
}

const fn size_key(size: TextSize) -> &'static str {
    match size {
        TextSize::Normal => "preferences.size_normal",
        TextSize::Large => "preferences.size_large",
        TextSize::Larger => "preferences.size_larger",
    }
}
