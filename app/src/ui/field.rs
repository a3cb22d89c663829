//! Form fields: label, hint, error and input. Inputs are uncontrolled and have no listeners of their own, because they are
//! carried over when their view is replaced.

use super::problem::use_problem;
use crate::words::use_words;
use account::{EmailAddress, Field};
use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;

/// The attributes that differ between kinds of inputs.
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
    /// The text direction: left to right in every language for addresses and codes.
    pub dir: Option<&'static str>,
    /// The previous value; never a password or a code.
    pub value: Option<String>,
    /// The id of another element that describes the input.
    pub note: Option<&'static str>,
    /// A button at the end of the input.
    pub beside: Option<AnyView>,
    /// Notes that appear while typing.
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
        // Disable autocorrection and capitalization, which would change the input.
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

/// The field for the e-mail address.
#[component]
pub fn EmailField(
    /// The initial value.
    #[prop(optional, into)]
    value: Option<String>,
    /// Whether it is another user's address, which the browser must not fill with the own one.
    #[prop(optional)]
    of_another: bool,
) -> AnyView {
    Input {
        label: use_words().say("field.email"),
        kind: "email",
        autocomplete: if of_another { "off" } else { "username webauthn" },
        inputmode: Some("email"),
        enterkeyhint: Some("next"),
        maxlength: Some(EmailAddress::MAX_LEN),
        dir: Some("ltr"),
        value,
        ..Input::default()
    }
    .show(Field::Email)
}

/// The field for the account's new e-mail address.
#[cfg(feature = "ssr")]
#[component]
pub fn NewEmailField(
    /// The initial value.
    #[prop(optional, into)]
    value: Option<String>,
) -> AnyView {
    Input {
        label: use_words().say("email_change.new"),
        kind: "email",
        // A password manager must not fill in the current address, the username.
        autocomplete: "email",
        inputmode: Some("email"),
        enterkeyhint: Some("next"),
        maxlength: Some(EmailAddress::MAX_LEN),
        dir: Some("ltr"),
        value,
        ..Input::default()
    }
    .show(Field::Email)
}

/// The field for a domain of an organization.
#[cfg(feature = "ssr")]
#[component]
pub fn DomainField() -> AnyView {
    Input {
        label: use_words().say("field.domain"),
        kind: "text",
        autocomplete: "off",
        inputmode: Some("url"),
        dir: Some("ltr"),
        ..Input::default()
    }
    .show(Field::Domain)
}

/// The field for the user's name.
#[component]
pub fn NameField(
    /// The initial value.
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

/// The field for how the user is called.
#[cfg(feature = "ssr")]
#[component]
pub fn PreferredNameField(
    /// The initial value.
    #[prop(optional, into)]
    value: Option<String>,
) -> AnyView {
    let words = use_words();
    Input {
        label: words.say("profile.preferred_name"),
        hint: Some(words.say("profile.preferred_name_hint")),
        kind: "text",
        autocomplete: "nickname",
        dir: Some("auto"),
        value,
        ..Input::default()
    }
    .show(Field::Name)
}

/// The field for one line about the user, which may stay empty.
#[cfg(feature = "ssr")]
#[component]
pub fn OptionalNameField(
    /// The key of the label.
    label: &'static str,
    /// What a browser fills in.
    autocomplete: &'static str,
    /// The initial value.
    #[prop(optional, into)]
    value: Option<String>,
) -> AnyView {
    Input {
        label: use_words().say(label),
        kind: "text",
        autocomplete,
        dir: Some("auto"),
        value,
        ..Input::default()
    }
    .show(Field::Name)
}

/// The field for the one-time passcode. Has no short `maxlength`, because users may paste a whole e-mail.
#[component]
pub fn CodeField(
    /// The number of digits of the code.
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

/// A hint to password managers about the account, on steps without an address field. The server ignores it.
#[component]
pub fn UsernameHint(
    /// The address of the account.
    email: EmailAddress,
) -> impl IntoView {
    // Not `type=hidden`, because Chromium logs a warning about it.
    view! {
        <input type="text" name="username" autocomplete="username" value=email.to_string() readonly hidden />
    }
}

/// A checkbox.
#[component]
pub fn Checkbox(
    /// The field's name in the form; its value is `true` when ticked.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// The explanation below the label.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Whether it is ticked initially.
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
