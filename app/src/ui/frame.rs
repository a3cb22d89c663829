//! The frame of every page: skip link, header with brand, help, language and sign-out, the navigation of the account, footer with
//! theme. Rendered by the server; in the browser, listeners on the document find its elements by selector.

#[cfg(not(feature = "ssr"))]
pub(crate) use in_browser::attach;
#[cfg(feature = "ssr")]
pub use on_server::Frame;

#[cfg(not(feature = "ssr"))]
mod in_browser {
    use crate::client::browser;
    use crate::route::Route;
    use crate::ui::announce::use_announce;
    use leptos::prelude::*;

    /// Keeps the frame in sync with the current page and applies theme changes without a reload.
    pub(crate) fn attach(route: Route) {
        let announce = use_announce();
        Effect::new(move |before: Option<String>| {
            let path = route.path().get();
            browser::set_way_back(&route.way_back());
            // Only this program moves within a place.
            #[cfg(feature = "account")]
            browser::mark_place(&path);
            // Clear the announcement, which does not apply to the next page.
            if before.is_some_and(|before| before != path) {
                announce.forget();
            }
            path
        });
        let _ = window_event_listener(leptos::ev::click, move |click| {
            if browser::is_broken() {
                return;
            }
            if let Some(theme) = browser::pressed(&click, "button[name=theme]").and_then(|it| it.get_attribute("value"))
                && browser::choose_theme(&theme)
            {
                browser::press_theme(&theme);
                click.prevent_default();
            }
            // Moves the focus from the error summary to the field. The summary may be the server's, without listeners.
            if let Some(field) = browser::pressed(&click, "#problem a").and_then(|it| it.get_attribute("href")) {
                browser::focus(field.trim_start_matches('#'));
                click.prevent_default();
            }
        });
    }
}

#[cfg(feature = "ssr")]
mod on_server {
    use crate::route::use_route;
    use crate::settings::{Theme, use_settings};
    use crate::ui::announce::{StatusRegion, provide_announce};
    use crate::words::{LANGUAGES, use_words};
    use leptos::prelude::*;

    /// Header, navigation, `main`, status region and footer.
    #[component]
    pub fn Frame(
        /// Whether to show the navigation of the account and the sign-out button.
        signed_in: bool,
        children: Children,
    ) -> AnyView {
        provide_announce();
        let words = use_words();
        view! {
            // `external`: the browser must handle this link, because only it moves the focus to the target.
            <a class="skip" href="#main" rel="external">
                {words.say("frame.skip")}
            </a>
            <Header signed_in=signed_in />
            {signed_in.then(|| view! { <AccountNavigation /> })}
            <main id="main" tabindex="-1">
                {children()}
            </main>
            <StatusRegion />
            <Footer />
        }
        .into_any()
    }

    #[component]
    fn Header(signed_in: bool) -> AnyView {
        let words = use_words();
        // A user who signs out to use another account goes on after the next sign-in.
        let next = use_route()
            .query("next")
            .map(|next| view! { <input type="hidden" name="next" value=next /> });
        let own = signed_in.then(|| {
            view! {
                <form method="post" action="/api/sign_in/sign_out">
                    {next}
                    <button type="submit" class="quiet">
                        {words.say("frame.sign_out")}
                    </button>
                </form>
            }
            .into_any()
        });
        let help = (!signed_in).then(|| {
            view! {
                <a class="quiet" href="/help">
                    {words.say("frame.help")}
                </a>
            }
        });
        view! {
            <header>
                <a class="brand" href="/">
                    // With a size, also while the stylesheet is missing.
                    <svg aria-hidden="true" width="32" height="32" viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="3">
                        <circle cx="9" cy="16" r="6" />
                        <path d="M15 16h14v6M23 16v5" stroke-linecap="round" stroke-linejoin="round" />
                    </svg>
                    {use_settings().brand}
                </a>
                <nav aria-label=words.say("frame.header")>
                    {help}
                    <Languages />
                    {own}
                </nav>
            </header>
        }
        .into_any()
    }

    /// The places of a signed-in user; the current one is marked, also on its forms.
    #[component]
    fn AccountNavigation() -> AnyView {
        let words = use_words();
        let path = use_route().path().get_untracked();
        let places = [
            Some(("/profile", "frame.profile")),
            Some(("/security", "frame.security")),
            Some(("/preferences", "frame.preferences")),
            Some(("/account/privacy", "frame.your_data")),
            use_settings()
                .administers
                .then_some(("/organization", "frame.organization")),
            Some(("/help", "frame.help")),
        ];
        let links = places.into_iter().flatten().map(|(href, key)| {
            let rest = path.strip_prefix(href);
            let current = match rest {
                Some("") => Some("page"),
                Some(rest) if rest.starts_with('/') => Some("true"),
                _ => None,
            };
            view! {
                <li>
                    <a class="quiet" href=href aria-current=current>
                        {words.say(key)}
                    </a>
                </li>
            }
        });
        view! {
            <nav class="account" aria-label=words.say("frame.account")>
                <ul role="list">{links.collect_view()}</ul>
            </nav>
        }
        .into_any()
    }

    /// A hidden field with the address to return to.
    #[component]
    fn Back() -> impl IntoView {
        let route = use_route();
        view! { <input type="hidden" name="back" value=route.way_back() /> }
    }

    #[component]
    fn Languages() -> AnyView {
        let words = use_words();
        let others = LANGUAGES
            .into_iter()
            .filter(|language| *language != words.language)
            .map(|language| {
                // Each language is named in itself, so that its readers recognize it.
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

    /// The theme buttons: light, dark, or the device's setting. Applied without a reload where scripts run.
    #[component]
    fn Themes() -> AnyView {
        let words = use_words();
        let chosen = use_settings().theme;
        let choices = [
            (Theme::Light, "frame.theme_light"),
            (Theme::Dark, "frame.theme_dark"),
            (Theme::Auto, "frame.theme_auto"),
        ];
        let choices = choices.map(|(theme, key)| {
            let pressed = if chosen == theme { "true" } else { "false" };
            view! {
                <button type="submit" name="theme" value=theme.as_str() aria-pressed=pressed>
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
}
