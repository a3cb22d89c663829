//! Change the password: the current one once, the new one twice.

use super::security::password::{leaked_notice, managed};
use crate::api::security;
use crate::client::{Checked, Fields, PageState};
use crate::flow::{Flow, Form, FormController, page_of};
use crate::settings::use_settings;
use crate::ui::check_new_passwords;
use crate::ui::{
    Address, ButtonStyle, Checkbox, LinkButton, NewPasswords, Page, PasswordField, SubmitButton, UsernameHint,
};
use crate::view::View;
use crate::words::use_words;
use account::{Field, PasswordAccess, Refusal, SecurityView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/security/password`.
pub(in crate::pages) fn page() -> View {
    page_of(security::read_view, show)
}

fn show(state: PageState<SecurityView>) -> View {
    let flow = Flow::new(state, security::read_view);
    let controller = flow.controller.leading_on("/security");
    flow.show(move |view| change(view, controller))
}

fn change(view: SecurityView, controller: FormController) -> AnyView {
    let words = use_words();
    let content = match view.password.own {
        PasswordAccess::Editable => form(view, controller),
        PasswordAccess::NotSet(_) => return add(view, controller),
        PasswordAccess::ManagedBy(organization) => view! {
            {managed(&organization, words)}
            <p>
                <LinkButton href="/security" label=words.say("profile.security") style=ButtonStyle::Link />
            </p>
        }
        .into_any(),
    };
    view! { <Page heading=words.say("change_password.title")>{content}</Page> }.into_any()
}

fn form(view: SecurityView, controller: FormController) -> AnyView {
    let words = use_words();
    let min = use_settings().password_min;
    let (leaked, email) = (view.password.leaked, view.email);
    let shown = email.to_string();
    let check = move |fields: Fields| Checked::from(check_change(&fields, min));
    view! {
        {leaked.then(|| leaked_notice(words))}
        <p class="who">{words.say("change_password.for")} " " <Address text=shown /></p>
        <Form action=security::ChangePassword::PATH controller=controller check=Callback::new(check)>
            <UsernameHint email=email />
            <PasswordField field=Field::Current />
            <NewPasswords min=min />
            <input type="hidden" name="others_asked" value="true" />
            <Checkbox
                name="end_others"
                label=words.say("change_password.end_others")
                hint=words.say("change_password.end_others_hint")
                checked=true
            />
            <SubmitButton label=words.say("change_password.submit") pending=controller.pending() />
        </Form>
        <p>
            <LinkButton href="/security" label=words.say("change_password.cancel") style=ButtonStyle::Link />
        </p>
    }
    .into_any()
}

/// Renders the form that adds a password to an account without one.
fn add(view: SecurityView, controller: FormController) -> AnyView {
    let words = use_words();
    let min = use_settings().password_min;
    let email = view.email;
    let shown = email.to_string();
    let check = move |_: Fields| Checked::from(check_new_passwords(min));
    view! {
        <Page heading=words.say("security.add_password")>
            <p class="who">{words.say("change_password.for")} " " <Address text=shown /></p>
            <Form action=security::AddPassword::PATH controller=controller check=Callback::new(check)>
                <UsernameHint email=email />
                <NewPasswords min=min />
                <SubmitButton label=words.say("change_password.submit") pending=controller.pending() />
            </Form>
            <p>
                <LinkButton href="/security" label=words.say("change_password.cancel") style=ButtonStyle::Link />
            </p>
        </Page>
    }
    .into_any()
}

fn check_change(fields: &Fields, min: usize) -> Result<(), Refusal> {
    if fields.text(Field::Current).is_empty() {
        return Err(Refusal::CurrentMissing);
    }
    check_new_passwords(min)
}
