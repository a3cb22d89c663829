//! Leads to the provider of an organization: a link, because a form that is redirected to another site is blocked by the content
//! security policy.

use crate::api;
use crate::route::use_route;
use crate::ui::{ButtonStyle, LinkButton, Page, error_page};
use crate::view::{View, fixed};
use crate::words::use_words;
use account::safe_next;
use leptos::prelude::*;

/// `/signin/through/:provider`.
pub(in crate::pages) fn page() -> View {
    fixed(show)
}

fn show() -> AnyView {
    let words = use_words();
    let route = use_route();
    let Some(provider) = route.param("provider").and_then(|id| api::provider(&id)) else {
        api::not_found();
        return error_page(404, None, None);
    };
    let say = |key| words.say_with(key, &[("provider", &provider.name)]);
    let (lead, label) = (say("through.lead"), say("sign_in.with_provider"));
    let next = route.query("next").unwrap_or_default();
    let href = ["/signin/provider/", &provider.id, "?next=", safe_next(&next)].concat();
    view! {
        <Page heading=words.say("through.title")>
            <p>{lead}</p>
            <p>
                <LinkButton href=href label=label style=ButtonStyle::Main />
            </p>
            <p>
                <LinkButton href="/signin" label=words.say("sign_in.different") style=ButtonStyle::Link />
            </p>
        </Page>
    }
    .into_any()
}
