//! The password, or where it is managed.

use crate::settings::use_settings;
use crate::ui::{LocalTime, Notice, Row, Rows, When};
use crate::words::Words;
use account::{Organization, PasswordAccess, PasswordRow};
use leptos::prelude::*;

/// Google's page for changing the password.
const GOOGLE: &str = "https://myaccount.google.com/signinoptions/password";

/// Renders the date of the last change and an edit link, or where the password is managed.
pub(super) fn password(password: PasswordRow, words: Words) -> AnyView {
    match password.own {
        PasswordAccess::Editable => {
            let changed = match password.changed_at {
                Some(at) => view! {
                    {words.say("security.password_changed_at")}
                    " "
                    <LocalTime at=at show=When::Day />
                }
                .into_any(),
                None => words.say("security.password_never").into_any(),
            };
            view! {
                {password.leaked.then(|| leaked_notice(words))}
                <Rows>
                    <Row action=edit(words)>{changed}</Row>
                </Rows>
            }
            .into_any()
        }
        held => held_elsewhere(&held, words),
    }
}

/// Renders the edit link. Its accessible name distinguishes it from other edit links.
fn edit(words: Words) -> AnyView {
    view! {
        <a class="button" href="/security/password" aria-label=words.say("security.edit_password")>
            <svg
                class="icon"
                aria-hidden="true"
                viewBox="0 0 24 24"
                fill="none"
                stroke="currentColor"
                stroke-width="2"
                stroke-linejoin="round"
            >
                <path d="M4 20l1-5L16 4l4 4L9 19zM13 7l4 4" />
            </svg>
            {words.say("security.edit")}
        </a>
    }
    .into_any()
}

/// Renders the warning that the password was found in a leak.
pub(in crate::pages::account) fn leaked_notice(words: Words) -> AnyView {
    view! {
        <Notice>
            <p>{words.say("refusal.password_leaked")}</p>
        </Notice>
    }
    .into_any()
}

/// Renders where the password is managed if not in this service.
pub(in crate::pages::account) fn held_elsewhere(own: &PasswordAccess, words: Words) -> AnyView {
    match own {
        PasswordAccess::Editable => ().into_any(),
        PasswordAccess::HeldByGoogle => {
            let lead = words.say_with("security.google_lead", &[("brand", &use_settings().brand)]);
            view! {
                <Notice>
                    <p>
                        <strong>{words.say("security.google")}</strong>
                    </p>
                    <p>{lead}</p>
                    <p>
                        <a href=GOOGLE rel="noreferrer external">
                            {words.say("security.google_link")}
                        </a>
                    </p>
                </Notice>
            }
            .into_any()
        }
        PasswordAccess::HeldBy(organization) => managed(organization, words),
    }
}

fn managed(organization: &Organization, words: Words) -> AnyView {
    let Organization {
        name,
        administrator_name,
        administrator_email,
    } = organization.clone();
    let mail = ["mailto:", &administrator_email].concat();
    view! {
        <Notice>
            <p>
                <strong>{words.say_with("security.managed", &[("organization", &name)])}</strong>
            </p>
            <p>{words.say_with("security.managed_lead", &[("administrator", &administrator_name)])}</p>
            <p>
                <a href=mail rel="external">
                    <bdi dir="ltr">{administrator_email}</bdi>
                </a>
            </p>
        </Notice>
    }
    .into_any()
}
