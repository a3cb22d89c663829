//! The password, or where it is managed.

use super::row::edit_link;
use crate::settings::use_settings;
use crate::ui::{Address, ButtonStyle, LinkButton, LocalTime, Notice, Row, Rows, When};
use crate::words::Words;
use account::{Organization, PasswordAccess, PasswordRow, Provider};
use leptos::prelude::*;

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
                    <Row action=edit_link("/security/password", None, words.say("security.edit_password"), words)>{changed}</Row>
                </Rows>
            }
            .into_any()
        }
        PasswordAccess::NotSet(provider) => not_set(provider, words),
        PasswordAccess::ManagedBy(organization) => managed(&organization, words),
    }
}

/// Renders "Not set" with a link to add a password, and where the password of the provider is.
fn not_set(provider: Option<Provider>, words: Words) -> AnyView {
    // Adding a password needs a recent proof, which the first page asks for if necessary.
    let add = view! {
        <LinkButton
            href="/security/confirm?next=/security/password"
            label=words.say("security.add")
            full_name=words.say("security.add_password")
            style=ButtonStyle::Plain
        />
    };
    view! {
        {provider.map(|provider| at_provider(&provider, words))}
        <Rows>
            <Row action=add.into_any()>{words.say("security.password_not_set")}</Row>
        </Rows>
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

fn at_provider(provider: &Provider, words: Words) -> AnyView {
    let brand = use_settings().brand;
    let values = [("brand", brand.as_str()), ("provider", provider.name.as_str())];
    let say = |key| words.say_with(key, &values);
    let (title, lead, to_provider) = (
        say("security.provider"),
        say("security.provider_lead"),
        say("security.provider_link"),
    );
    let link = provider.password_url.clone().map(|url| {
        view! {
            <p>
                <a href=url rel="noreferrer external">
                    {to_provider}
                </a>
            </p>
        }
    });
    view! {
        <Notice>
            <p>
                <strong>{title}</strong>
            </p>
            <p>{lead}</p>
            {link}
        </Notice>
    }
    .into_any()
}

/// Renders the organization that manages the password, and whom to ask.
pub(in crate::pages::account) fn managed(organization: &Organization, words: Words) -> AnyView {
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
                    <Address text=administrator_email />
                </a>
            </p>
        </Notice>
    }
    .into_any()
}
