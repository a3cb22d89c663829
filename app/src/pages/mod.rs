//! The pages, a file a flow.

#[cfg(any(feature = "ssr", feature = "account"))]
mod account;
#[cfg(any(feature = "ssr", feature = "entry"))]
mod entry;
#[cfg(feature = "ssr")]
pub(crate) mod reading;

use crate::route::{Route, asked_for};
use crate::view::{View, fixed};
use leptos::prelude::*;

/// A page by its address.
type Page = (&'static str, fn() -> View);

/// Before sign-in.
#[cfg(any(feature = "ssr", feature = "entry"))]
const ENTRY: &[Page] = &[
    ("/", entry::start::page),
    ("/signin", entry::sign_in::page),
    ("/signup", entry::sign_up::page),
    ("/reset", entry::reset::page),
];
#[cfg(not(any(feature = "ssr", feature = "entry")))]
const ENTRY: &[Page] = &[];

/// Of a signed-in user.
#[cfg(any(feature = "ssr", feature = "account"))]
const ACCOUNT: &[Page] = &[
    ("/security", account::security::page),
    ("/security/password", account::change_password::page),
    ("/profile", account::profile::page),
];
#[cfg(not(any(feature = "ssr", feature = "account")))]
const ACCOUNT: &[Page] = &[];

/// Only read. No program has them, so a link to one loads it.
#[cfg(feature = "ssr")]
const READING: &[Page] = &[
    ("/signed-out", reading::signed_out::page),
    ("/help", reading::help::page),
    ("/help/allowlist", reading::allowlist::page),
    ("/privacy", reading::about::privacy),
    ("/accessibility", reading::about::accessibility),
];
#[cfg(not(feature = "ssr"))]
const READING: &[Page] = &[];

fn pages() -> impl Iterator<Item = Page> {
    ENTRY.iter().chain(ACCOUNT).chain(READING).copied()
}

/// The addresses that have a page here; what another one asks for is the server's affair.
pub fn paths() -> impl Iterator<Item = &'static str> {
    pages().map(|(path, _)| path)
}

/// What brings a page to life in the browser.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// The program of the pages before sign-in.
    Entry,
    /// The program of the account pages.
    Account,
    /// A few lines: the page is only read.
    Reading,
}

/// The script of the page at an address.
#[cfg(feature = "ssr")]
pub(crate) fn script_of(path: &str) -> Script {
    let has = |pages: &[Page]| pages.iter().any(|(known, _)| *known == path);
    match path {
        _ if has(ENTRY) => Script::Entry,
        _ if has(ACCOUNT) => Script::Account,
        _ => Script::Reading,
    }
}

/// The whole document's body.
#[cfg(feature = "ssr")]
#[component]
pub(crate) fn App() -> impl IntoView {
    let settings = crate::api::settings_here();
    let signed_in = settings.signed_in;
    leptos_meta::provide_meta_context();
    crate::settings::provide(settings);
    let address = asked_for();
    Route::provide(&address);
    view! {
        <crate::ui::Frame signed_in=signed_in>
            {show(address.split('?').next().unwrap_or_default())}
        </crate::ui::Frame>
    }
}

/// Brings the server's page to life: its program makes the same page once more and puts it in the place of the server's, at
/// once, with the fields that a person may have typed into. What the server wrote is never walked through, so it does not
/// matter what others have made of it. A page whose state cannot be read is left as it is.
#[cfg(not(feature = "ssr"))]
pub fn start() {
    use crate::client::browser;

    std::panic::set_hook(Box::new(|panic| match panic.location() {
        // The whole words while editing only: they would cost bytes that everybody loads.
        Some(place) if !cfg!(debug_assertions) => browser::fail(place.file(), place.line()),
        _ => browser::fail(&panic.to_string(), 0),
    }));
    let Some(settings) = crate::client::initial_state::settings() else {
        return;
    };
    leptos::mount::mount_to(browser::aside(), move || {
        crate::settings::provide(settings);
        crate::ui::provide_announce();
        provide_context(crate::ui::PageFocus(StoredValue::new("heading")));
        let route = Route::provide(&asked_for());
        follow(route);
        crate::ui::attach(route);
        route.follow_links(|path| paths().any(|known| known == path));
    })
    .forget();
}

/// Shows the page of the address.
#[cfg(not(feature = "ssr"))]
fn follow(route: Route) {
    let (app, screen, path) = (
        Owner::current().unwrap_or_default(),
        crate::screen::Screen::new(),
        route.path(),
    );
    let pages = leptos::reactive::effect::RenderEffect::new(move |_| {
        let path = path.get();
        screen.begin(&app, || show(&path));
    });
    StoredValue::new_local(pages);
}

fn show(path: &str) -> View {
    pages()
        .find(|(known, _)| *known == path)
        .map_or_else(not_found, |(_, page)| page())
}

fn not_found() -> View {
    #[cfg(feature = "ssr")]
    crate::api::not_found();
    fixed(|| crate::ui::error_page(404, None, None))
}
