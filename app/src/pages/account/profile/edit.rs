//! The forms of the profile.

use crate::api::profile::{ChangeCompany, ChangeJobTitle, ChangeName, ChangePreferredName, view};
use crate::client::PageState;
use crate::flow::{Flow, Form, Step, page_of};
use crate::ui::{ButtonStyle, LinkButton, NameField, OptionalNameField, Page, PreferredNameField, SubmitButton};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, ProfileView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

impl Step for ProfileView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

/// `/profile/name`.
pub(in crate::pages) fn name() -> View {
    page_of(view, |state| {
        with_form(state, "profile.edit_name", ChangeName::PATH, |profile, typed| {
            view! { <NameField value=typed.unwrap_or(profile.name) /> }.into_any()
        })
    })
}

/// `/profile/preferred-name`.
pub(in crate::pages) fn preferred_name() -> View {
    page_of(view, |state| {
        let (title, action) = ("profile.edit_preferred_name", ChangePreferredName::PATH);
        with_form(state, title, action, |profile, typed| {
            view! { <PreferredNameField value=typed.unwrap_or(profile.preferred_name) /> }.into_any()
        })
    })
}

/// `/profile/job-title`.
pub(in crate::pages) fn job_title() -> View {
    page_of(view, |state| {
        let (title, action) = ("profile.edit_job_title", ChangeJobTitle::PATH);
        with_form(state, title, action, |profile, typed| {
            let value = typed.unwrap_or(profile.job_title);
            view! { <OptionalNameField label="profile.job_title" autocomplete="organization-title" value=value /> }
                .into_any()
        })
    })
}

/// `/profile/organization`.
pub(in crate::pages) fn company() -> View {
    page_of(view, |state| {
        let (title, action) = ("profile.edit_company", ChangeCompany::PATH);
        with_form(state, title, action, |profile, typed| {
            let value = typed.unwrap_or(profile.company);
            view! { <OptionalNameField label="profile.company" autocomplete="organization" value=value /> }.into_any()
        })
    })
}

/// Shows the form with `field`, made from the profile and the refused input.
fn with_form(
    state: PageState<ProfileView>,
    title: &'static str,
    action: &'static str,
    field: fn(ProfileView, Option<String>) -> AnyView,
) -> View {
    let flow = Flow::new(state, view);
    flow.show(move |profile| {
        let words = use_words();
        let account = profile.email.to_string();
        // Attack: what another user typed in this browser before the end of their session.
        let is_own = flow.typed_email.get_value().is_some_and(|typed_by| typed_by == account);
        let field = field(profile, flow.typed_name.get_value().filter(|_| is_own));
        view! {
            <Page heading=words.say(title)>
                <Form action=action controller=flow.controller>
                    <input type="hidden" name="account" value=account />
                    {field}
                    <SubmitButton label=words.say("profile.save") />
                </Form>
                <p>
                    <LinkButton href="/profile" label=words.say("profile.cancel") style=ButtonStyle::Link />
                </p>
            </Page>
        }
        .into_any()
    })
}
