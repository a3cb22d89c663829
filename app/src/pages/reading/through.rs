//! Leads to the provider of an organization: a link, because a form that is redirected to another site is blocked by the content
//! security policy.

use crate::api;
use crate::route::use_route;
use crate::ui::{ButtonStyle, EmailField, LinkButton, Page, SubmitButton, error_page};
use crate::view::{View, fixed};
use crate::words::use_words;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

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
    let href = route.keep_next(&["/signin/provider/", &provider.id].concat());
    let next = route.query("next");
    view! {
        <Page heading=words.say("through.title")>
            <p>{lead}</p>
            <p>
                <LinkButton href=href label=label style=ButtonStyle::Main />
            </p>
            <details>
                <summary>{words.say("through.own")}</summary>
                <p>{words.say("through.own_lead")}</p>
                // A plain form, because this page has no program.
                <form method="post" action=api::sign_in::Begin::PATH>
                    <input type="hidden" name="own" value="1" />
                    <input type="hidden" name="next" value=next />
                    <EmailField value=String::new() />
                    <SubmitButton label=words.say("sign_in.next") style=ButtonStyle::Plain />
                </form>
            </details>
            <p>
                <LinkButton href=route.keep_next("/signin") label=words.say("sign_in.different") style=ButtonStyle::Link />
            </p>
        </Page>
    }
    .into_any()
}
