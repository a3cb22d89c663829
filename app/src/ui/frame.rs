//! What stands around every page: the way past it, the brand, help, language, theme and the way out.

use super::announce::{StatusRegion, provide_announce, use_announce};
use super::browser;
use super::live::provide_live;
#[cfg(not(feature = "ssr"))]
use super::live::start_living;
use crate::route::use_route;
use crate::settings::{Theme, use_settings};
use crate::words::{LANGUAGES, use_words};
use leptos::prelude::*;

/// Header, `main`, status region and footer. Once, around the pages.
#[component]
pub fn Frame(
    /// Whether to offer the way out.
    #[prop(into)]
    signed_in: Signal<bool>,
    children: Children,
) -> AnyView {
    provide_live();
    provide_announce();
    forget_on_a_new_page();
    let words = use_words();
    view! {
        // `external`: the browser itself moves the focus, which we would not.
        <a class="skip" href="#main" rel="external">
            {words.say("frame.skip")}
        </a>
        <Header signed_in=signed_in />
        {main(children)}
        <StatusRegion />
        <Footer />
    }
    .into_any()
}

#[cfg(feature = "ssr")]
fn main(children: Children) -> impl IntoView {
    view! {
        <main id="main" tabindex="-1">
            {children()}
        </main>
    }
}

/// In the browser the page is taken over a turn after the frame: neither holds up what a person types for long. Until then the
/// view has no child, so that what the server wrote is left as it is.
#[cfg(not(feature = "ssr"))]
fn main(children: Children) -> impl IntoView {
    let owner = Owner::current().unwrap_or_default();
    set_timeout(
        move || {
            owner.with(|| {
                start_living();
                // Kept for as long as the frame is there.
                StoredValue::new_local(browser::take_over("main", children()));
            });
        },
        std::time::Duration::ZERO,
    );
    view! { <main id="main" tabindex="-1"></main> }
}

/// What was said on one page is not true on the next.
fn forget_on_a_new_page() {
    let path = use_route().path();
    let announce = use_announce();
    Effect::new(move |before: Option<String>| {
        let path = path.get();
        if before.is_some_and(|before| before != path) {
            announce.forget();
        }
        path
    });
}

#[component]
fn Header(signed_in: Signal<bool>) -> AnyView {
    let words = use_words();
    let own = move || {
        signed_in.get().then(|| {
            view! {
                <a class="quiet" href="/profile">
                    {words.say("frame.profile")}
                </a>
                <a class="quiet" href="/security">
                    {words.say("frame.security")}
                </a>
                <form method="post" action="/api/sign_in/sign_out">
                    <button type="submit" class="quiet">
                        {words.say("frame.sign_out")}
                    </button>
                </form>
            }
            .into_any()
        })
    };
    view! {
        <header>
            <a class="brand" href="/">
                <svg aria-hidden="true" viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="3">
                    <circle cx="9" cy="16" r="6" />
                    <path d="M15 16h14v6M23 16v5" stroke-linecap="round" stroke-linejoin="round" />
                </svg>
                {use_settings().brand}
            </a>
            <nav aria-label=words.say("frame.header")>
                <a class="quiet" href="/help">
                    {words.say("frame.help")}
                </a>
                <Languages />
                {own}
            </nav>
        </header>
    }
    .into_any()
}

/// Where a plain form comes back to.
#[component]
fn Back() -> impl IntoView {
    let route = use_route();
    view! { <input type="hidden" name="back" value=move || route.way_back() /> }
}

#[component]
fn Languages() -> AnyView {
    let words = use_words();
    let others = LANGUAGES
        .into_iter()
        .filter(|language| *language != words.language)
        .map(|language| {
            // A language is named in itself, so that those who read it find it.
            view! {
                <button type="submit" name="language" value=language lang=language class="quiet">
                    {words.say(&["language.", language].concat())}
                </button>
            }
        });
    view! {
        <form method="post" action="/api/preferences">
            <Back />
            {others.collect_view()}
        </form>
    }
    .into_any()
}

#[component]
fn Footer() -> AnyView {
    let words = use_words();
    let links = [
        ("/help", "frame.help"),
        ("/privacy", "frame.privacy"),
        ("/accessibility", "frame.accessibility"),
    ];
    let links = links.map(|(href, key)| view! { <li><a href=href>{words.say(key)}</a></li> });
    view! {
        <footer>
            <ul role="list">{links}</ul>
            <Themes />
        </footer>
    }
    .into_any()
}

/// Light, dark or like the device. Applied at once where scripts run.
#[component]
fn Themes() -> AnyView {
    let words = use_words();
    let chosen = RwSignal::new(use_settings().theme);
    let choices = [
        (Theme::Light, "frame.theme_light"),
        (Theme::Dark, "frame.theme_dark"),
        (Theme::Auto, "frame.theme_auto"),
    ];
    let choices = choices.map(|(theme, key)| {
        let choose = move |event: leptos::ev::MouseEvent| {
            if browser::choose_theme(theme.as_str()) {
                event.prevent_default();
                chosen.set(theme);
            }
        };
        view! {
            <button
                type="submit"
                name="theme"
                value=theme.as_str()
                aria-pressed=move || if chosen.get() == theme { "true" } else { "false" }
                on:click=choose
            >
                {words.say(key)}
            </button>
        }
    });
    view! {
        <form method="post" action="/api/preferences" class="themes">
            <Back />
            <fieldset>
                <legend class="unseen">{words.say("frame.theme")}</legend>
                {choices}
            </fieldset>
        </form>
    }
    .into_any()
}
