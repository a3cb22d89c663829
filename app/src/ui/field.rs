//! Fields of forms: a label, a hint, what is wrong, and the input. Uncontrolled, and nothing is attached to the input itself:
//! the element that a person types into may be older than its view, and stays when the view around it is another one.

use super::problem::use_problem;
use crate::words::use_words;
use account::{EmailAddress, Field};
use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;

/// What tells one kind of input from another, as attributes.
#[derive(Default)]
pub(super) struct Input {
    pub label: String,
    pub hint: Option<String>,
    pub kind: &'static str,
    pub autocomplete: &'static str,
    pub inputmode: Option<&'static str>,
    pub enterkeyhint: Option<&'static str>,
    pub passwordrules: Option<String>,
    pub maxlength: Option<usize>,
    /// Addresses and codes are written from left to right in every language.
    pub dir: Option<&'static str>,
    /// What stood there before; never of a password or a code.
    pub value: Option<String>,
    /// Said of the input by another element.
    pub note: Option<&'static str>,
    /// A button at the input's end.
    pub beside: Option<AnyView>,
    /// Notes that come while typing.
    pub below: Option<AnyView>,
}

impl Input {
    pub(super) fn show(self, field: Field) -> AnyView {
        let id = field.as_str();
        let hint_id = self.hint.as_ref().map(|_| [id, "-hint"].concat());
        let error_id = [id, "-error"].concat();
        let wrong = use_problem().filter(|problem| problem.field == Some(field));
        let is_wrong = wrong.is_some();
        let described: Vec<&str> = [is_wrong.then_some(error_id.as_str()), hint_id.as_deref(), self.note]
            .into_iter()
            .flatten()
            .collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        // What a person types is theirs: no corrections, no capitals; the browser is told for every kind of field.
        let is_name = field == Field::Name;
        view! {
            <div class="field">
                <label for=id>{self.label}</label>
                {self.hint.map(|hint| view! { <p class="hint" id=hint_id>{hint}</p> })}
                <p class="wrong" id=error_id hidden=!is_wrong>
                    {wrong.map(|problem| problem.text)}
                </p>
                <div class="entry">
                    <input
                        {..custom_attribute("passwordrules", self.passwordrules)}
                        id=id
                        name=id
                        type=self.kind
                        autocomplete=self.autocomplete
                        inputmode=self.inputmode
                        enterkeyhint=self.enterkeyhint
                        autocapitalize=if is_name { "words" } else { "none" }
                        spellcheck="false"
                        maxlength=self.maxlength.map(|most| most.to_string())
                        dir=self.dir
                        value=self.value
                        aria-invalid=is_wrong.then_some("true")
                        aria-describedby=described
                    />
                    {self.beside}
                </div>
                {self.below}
            </div>
        }
        .into_any()
    }
}

/// The e-mail address.
#[component]
pub fn EmailField(
    /// What was typed before, or is known.
    #[prop(optional, into)]
    value: Option<String>,
) -> AnyView {
    Input {
        label: use_words().say("field.email"),
        kind: "email",
        autocomplete: "username webauthn",
        inputmode: Some("email"),
        enterkeyhint: Some("next"),
        maxlength: Some(EmailAddress::MAX_LEN),
        dir: Some("ltr"),
        value,
        ..Input::default()
    }
    .show(Field::Email)
}

/// The person's name.
#[component]
pub fn NameField(
    /// What was typed before.
    #[prop(optional, into)]
    value: Option<String>,
) -> AnyView {
    Input {
        label: use_words().say("field.name"),
        kind: "text",
        autocomplete: "name",
        enterkeyhint: Some("next"),
        dir: Some("auto"),
        value,
        ..Input::default()
    }
    .show(Field::Name)
}

/// The one-time passcode. Has no short `maxlength`: a whole e-mail may be pasted.
#[component]
pub fn CodeField(
    /// How many digits the code has.
    digits: usize,
) -> AnyView {
    let words = use_words();
    Input {
        label: words.say("field.code"),
        hint: Some(words.say_with("field.code_hint", &[("digits", &digits.to_string())])),
        kind: "text",
        autocomplete: "one-time-code",
        inputmode: Some("numeric"),
        enterkeyhint: Some("next"),
        dir: Some("ltr"),
        ..Input::default()
    }
    .show(Field::Code)
}

/// Tells password managers whose password it is, on steps that ask for nothing but the password. The server ignores it.
#[component]
pub fn UsernameHint(
    /// Who.
    email: EmailAddress,
) -> impl IntoView {
    // `type=hidden` is not enough for Chromium, which then complains in its console.
    view! {
        <input type="text" name="username" autocomplete="username" value=email.to_string() readonly hidden />
    }
}

/// A box to tick.
#[component]
pub fn Checkbox(
    /// The form's name of it; sends `true` when ticked.
    name: &'static str,
    /// What ticking it means.
    #[prop(into)]
    label: String,
    /// More about it.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Whether it is ticked at first.
    #[prop(optional)]
    checked: bool,
) -> AnyView {
    let hint_id = hint.as_ref().map(|_| [name, "-hint"].concat());
    view! {
        <div class="tick">
            <input type="checkbox" id=name name=name value="true" checked=checked aria-describedby=hint_id.clone() />
            <label for=name>{label}</label>
            {hint.map(|hint| view! { <p class="hint" id=hint_id>{hint}</p> })}
        </div>
    }
    .into_any()
}
