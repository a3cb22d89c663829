//! The pages, a file a flow.

#[cfg(any(feature = "ssr", feature = "entry"))]
mod entry;
mod errors;
#[cfg(any(feature = "ssr", feature = "home"))]
mod home;

#[cfg(feature = "ssr")]
pub(crate) use errors::{error_page, error_title};
pub(crate) use errors::{failure_page, not_found_page};

use crate::route::{Route, asked_for};
use crate::settings::{provide_settings, use_settings};
use crate::ui::Frame;
use leptos::prelude::*;
use leptos_meta::provide_meta_context;

/// A page by its address.
type Page = (&'static str, fn() -> AnyView);

/// Those on the way in.
#[cfg(any(feature = "ssr", feature = "entry"))]
const ENTRY: &[Page] = &[
    ("/", entry::start),
    ("/signin", entry::sign_in::page),
    ("/signup", entry::sign_up::page),
    ("/reset", entry::reset::page),
];
#[cfg(not(any(feature = "ssr", feature = "entry")))]
const ENTRY: &[Page] = &[];

/// Those of people who are in, and those to read.
#[cfg(any(feature = "ssr", feature = "home"))]
const HOME: &[Page] = &[
    ("/signed-out", home::signed_out::page),
    ("/security", home::security::page),
    ("/security/password", home::change_password::page),
    ("/profile", home::profile::page),
    ("/help", home::help::page),
    ("/help/allowlist", home::allowlist::page),
    ("/privacy", home::about::privacy),
    ("/accessibility", home::about::accessibility),
];
#[cfg(not(any(feature = "ssr", feature = "home")))]
const HOME: &[Page] = &[];

fn pages() -> impl Iterator<Item = Page> {
    ENTRY.iter().chain(HOME).copied()
}

/// The addresses that have a page here; what another one asks for is the server's affair.
pub fn paths() -> impl Iterator<Item = &'static str> {
    pages().map(|(path, _)| path)
}

/// Whether the page at that address is on the way in: its program is the smaller one.
#[cfg(feature = "ssr")]
pub(crate) fn is_entry(path: &str) -> bool {
    ENTRY.iter().any(|(known, _)| *known == path)
}

/// The whole app.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_settings();
    let route = Route::provide(&asked_for());
    route.follow_links(|path| paths().any(|known| known == path));
    let signed_in = Signal::stored(use_settings().signed_in);
    view! { <Frame signed_in=signed_in>{page_of_route(route)}</Frame> }
}

/// The page of the path. Each has an owner of its own, let go a turn after the next page has taken its place: until then
/// what the old one still has to draw finds its signals.
fn page_of_route(route: Route) -> AnyView {
    let (app, path) = (Owner::current().unwrap_or_default(), route.path());
    let shown = StoredValue::new(None::<Owner>);
    (move || {
        let path = path.get();
        let owner = app.child();
        let page = owner.with(|| untrack(|| show(&path)));
        if let Some(before) = shown.try_update_value(|shown| shown.replace(owner)).flatten() {
            set_timeout(move || drop(before), std::time::Duration::ZERO);
        }
        page
    })
    .into_any()
}

fn show(path: &str) -> AnyView {
    pages()
        .find(|(known, _)| *known == path)
        .map_or_else(not_found_page, |(_, page)| page())
}
