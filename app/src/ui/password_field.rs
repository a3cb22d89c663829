//! Password fields: the current one, and a new one twice. Pasting and password managers always work.

use super::changing::changing;
use super::field::Input;
use crate::client::browser;
use crate::words::use_words;
use account::{Field, PasswordPolicy, Refusal, Secret};
use leptos::prelude::*;

/// The field for an existing password.
#[component]
pub fn PasswordField(
    /// [`Field::Password`] when signing in, [`Field::Current`] when changing it.
    field: Field,
) -> AnyView {
    let label = if field == Field::Current {
        "field.current"
    } else {
        "field.password"
    };
    show(
        field,
        label,
        Input {
            autocomplete: "current-password",
            enterkeyhint: Some("go"),
            ..Input::default()
        },
        None,
    )
}

/// Two fields for a new password. Confirms sufficient length and equality; shows no errors while typing.
#[component]
pub fn NewPasswords(
    /// Minimum number of characters.
    min: usize,
) -> AnyView {
    let words = use_words();
    let policy = PasswordPolicy { min };
    let (long_enough, alike) = (RwSignal::new(false), RwSignal::new(false));
    let look = move || {
        let [password, again] = [Field::Password, Field::Again].map(typed);
        long_enough.set((min..=PasswordPolicy::MAX).contains(&length(&password)));
        alike.set(!password.is_empty() && password.as_password(browser::nfc) == again.as_password(browser::nfc));
    };
    // Run once at the start, because the browser may have filled the fields before the script ran.
    Effect::new(look);
    let new = |enterkeyhint| Input {
        autocomplete: "new-password",
        enterkeyhint: Some(enterkeyhint),
        passwordrules: Some(format!(
            "minlength: {}; maxlength: {};",
            policy.min,
            PasswordPolicy::MAX
        )),
        ..Input::default()
    };
    let note = |said: RwSignal<bool>, key: &'static str| {
        let text = move || match said.get() {
            true => words.say(key),
            false => String::new(),
        };
        Some(changing(view! { <p class="good" aria-live="polite" /> }, text))
    };
    let hint = words.say_with("field.new_password_hint", &[("min", &min.to_string())]);
    view! {
        <div class="pair" on:input=move |_| look()>
            {show(
                Field::Password,
                "field.new_password",
                Input { hint: Some(hint), ..new("next") },
                note(long_enough, "field.long_enough"),
            )}
            {show(
                Field::Again,
                "field.again",
                new("go"),
                note(alike, "field.passwords_match"),
            )}
        </div>
    }
    .into_any()
}

/// Checks the new passwords on the page, which saves a request.
///
/// # Errors
/// The refusal that the server would return, as far as the browser can determine it.
pub fn check_new_passwords(min: usize) -> Result<(), Refusal> {
    PasswordPolicy { min }
        .check(&typed(Field::Password), &typed(Field::Again), browser::nfc)
        .map(|_| ())
}

fn typed(field: Field) -> Secret {
    browser::typed(field.as_str()).into()
}

/// Returns the length in code points after NFC, as counted by the policy.
fn length(password: &Secret) -> usize {
    password.as_password(browser::nfc).expose().chars().count()
}

fn show(field: Field, label: &'static str, input: Input, note: Option<AnyView>) -> AnyView {
    let words = use_words();
    let label = words.say(label);
    let shown = RwSignal::new(false);
    let caps = RwSignal::new(false);
    Effect::new(move || browser::when_leaving(field.as_str(), move || shown.set(false)));
    Effect::new(move || browser::set_shown(field.as_str(), shown.get()));
    let turn = move || if shown.get() { "field.hide" } else { "field.show" };
    let named = label.clone();
    let peek = view! {
        <button
            type="button"
            class="peek"
            hidden=cfg!(feature = "ssr")
            aria-controls=field.as_str()
            aria-label=move || words.say_with(&[turn(), "_named"].concat(), &[("field", &named)])
            on:click=move |_| shown.update(|shown| *shown = !*shown)
        />
    };
    let caps_text = move || match caps.get() {
        true => words.say("field.caps_lock"),
        false => String::new(),
    };
    let below = view! {
        {changing(view! { <p class="caps" aria-live="polite" /> }, caps_text)}
        {note}
    };
    let field_view = Input {
        label,
        kind: "password",
        dir: Some("ltr"),
        beside: Some(changing(peek, move || words.say(turn()))),
        below: Some(below.into_any()),
        ..input
    }
    .show(field);
    view! { <div on:keyup=move |event| caps.set(browser::caps_lock(&event)) on:focusout=move |_| caps.set(false)>{field_view}</div> }
        .into_any()
}
