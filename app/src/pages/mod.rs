//! The pages, a file a flow.

mod about;
mod allowlist;
mod change_password;
mod check_your_email;
mod done;
mod errors;
mod help;
mod profile;
mod reset;
mod security;
mod sign_in;
mod sign_up;
mod signed_out;

#[cfg(feature = "ssr")]
pub(crate) use errors::{error_page, error_title};
pub(crate) use errors::{failure_page, not_found_page};

use crate::settings::{provide_settings, use_settings};
use crate::ui::Frame;
use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

/// The whole app.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_settings();
    let signed_in = Signal::stored(use_settings().signed_in);
    // Each page waits for its data, so that it is whole without scripts.
    let ssr = SsrMode::Async;
    view! {
        <Router>
            <Frame signed_in=signed_in>
                <FlatRoutes fallback=not_found_page>
                    <Route path=path!("/") view=home ssr=ssr.clone() />
                    <Route path=path!("/signin") view=sign_in::page ssr=ssr.clone() />
                    <Route path=path!("/signup") view=sign_up::page ssr=ssr.clone() />
                    <Route path=path!("/reset") view=reset::page ssr=ssr.clone() />
                    <Route path=path!("/security") view=security::page ssr=ssr.clone() />
                    <Route path=path!("/security/password") view=change_password::page ssr=ssr.clone() />
                    <Route path=path!("/profile") view=profile::page ssr=ssr.clone() />
                    <Route path=path!("/signed-out") view=signed_out::page ssr=ssr.clone() />
                    <Route path=path!("/help") view=help::page ssr=ssr.clone() />
                    <Route path=path!("/help/allowlist") view=allowlist::page ssr=ssr.clone() />
                    <Route path=path!("/privacy") view=about::privacy ssr=ssr.clone() />
                    <Route path=path!("/accessibility") view=about::accessibility ssr=ssr />
                </FlatRoutes>
            </Frame>
        </Router>
    }
}

/// Nothing is at home here: one is either on the way in, or at one's account.
fn home() -> AnyView {
    let path = if use_settings().signed_in {
        "/security"
    } else {
        "/signin"
    };
    #[cfg(feature = "ssr")]
    crate::api::go_to(path);
    Effect::new(move || crate::api::wire::go(path));
    ().into_any()
}
