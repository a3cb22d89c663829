//! The page after a sign-out, or after a sign-out request without a session token.

use crate::api::sign_in;
use crate::route::use_route;
use crate::ui::{ButtonStyle, LinkButton, Page, SubmitButton};
use crate::view::{View, fixed};
use crate::words::use_words;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/signed-out`.
pub(in crate::pages) fn page() -> View {
    fixed(show)
}

fn show() -> AnyView {
    let words = use_words();
    if use_route().query("session").is_some() {
        return session_unknown();
    }
    if use_route().query("account").is_some() {
        return leaving();
    }
    view! {
        <Page heading=words.say("signed_out.title")>
            <p>{words.say("signed_out.lead")}</p>
            <p>
                <LinkButton href=use_route().keep_next("/signin") label=words.say("signed_out.again") />
            </p>
        </Page>
    }
    .into_any()
}

/// Renders the sign-out form again, because a session may still be active.
fn session_unknown() -> AnyView {
    let words = use_words();
    view! {
        <Page heading=words.say("signed_out.unknown_title")>
            <p>{words.say("signed_out.unknown_lead")}</p>
            <form method="post" action=sign_in::SignOut::PATH>
                <SubmitButton label=words.say("signed_out.unknown_again") />
            </form>
            <p>{words.say("signed_out.unknown_else")}</p>
            <p>
                <LinkButton href="/signin?next=/security" label=words.say("signed_out.again") style=ButtonStyle::Link />
            </p>
        </Page>
    }
    .into_any()
}

/// Renders what follows the request to delete an account. Without a date. Attack: a link to this page claims one.
fn leaving() -> AnyView {
    let words = use_words();
    view! {
        <Page heading=words.say("signed_out.leaving_title")>
            <p>{words.say("signed_out.leaving_lead")}</p>
            <p>{words.say("signed_out.leaving_keep")}</p>
            <p>
                <LinkButton href="/signin" label=words.say("signed_out.again") style=ButtonStyle::Plain />
            </p>
        </Page>
    }
    .into_any()
}
