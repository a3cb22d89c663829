//! "Continue with Google": links, because a form that is redirected to another site is blocked by the content security policy.

use crate::route::use_route;
use crate::settings::use_settings;
use crate::ui::LinkButton;
use crate::words::use_words;
use leptos::prelude::*;

/// Renders a button for each provider, below a divider.
pub(super) fn provider_buttons() -> Option<AnyView> {
    let providers = use_settings().providers;
    if providers.is_empty() {
        return None;
    }
    let words = use_words();
    let route = use_route();
    let buttons = providers.into_iter().map(move |provider| {
        let label = words.say_with("sign_in.with_provider", &[("provider", &provider.name)]);
        let href = route.keep_next(&["/signin/provider/", &provider.id].concat());
        view! { <LinkButton href=href label=label style=crate::ui::ButtonStyle::Plain /> }
    });
    let view = view! {
        <div class="providers">
            <p class="divider">{words.say("sign_in.or")}</p>
            {buttons.collect_view()}
        </div>
    };
    Some(view.into_any())
}
