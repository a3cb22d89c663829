//! The pages, one file per flow.

#[cfg(any(feature = "ssr", feature = "account"))]
mod account;
#[cfg(any(feature = "ssr", feature = "entry"))]
mod entry;
#[cfg(feature = "ssr")]
pub(crate) mod reading;

#[cfg(feature = "ssr")]
pub use account::activity::title as event_title;

use crate::route::{Route, asked_for};
use crate::site_map::PageId;
use crate::view::{View, fixed};
use leptos::prelude::*;

/// Returns the view of a page; `None` if it belongs to the other program.
fn view_of(page: PageId) -> Option<fn() -> View> {
    let view: fn() -> View = match page {
        #[cfg(any(feature = "ssr", feature = "entry"))]
        PageId::Start => entry::start::page,
        #[cfg(any(feature = "ssr", feature = "entry"))]
        PageId::SignIn => entry::sign_in::page,
        #[cfg(any(feature = "ssr", feature = "entry"))]
        PageId::SignUp => entry::sign_up::page,
        #[cfg(any(feature = "ssr", feature = "entry"))]
        PageId::Reset => entry::reset::page,
        #[cfg(any(feature = "ssr", feature = "account"))]
        PageId::Security => account::security::page,
        #[cfg(any(feature = "ssr", feature = "account"))]
        PageId::ChangePassword => account::change_password::page,
        #[cfg(any(feature = "ssr", feature = "entry"))]
        PageId::Confirm => entry::confirm::page,
        #[cfg(any(feature = "ssr", feature = "account"))]
        PageId::Connect => account::connect::page,
        #[cfg(feature = "ssr")]
        PageId::Organization => reading::organization::page,
        #[cfg(feature = "ssr")]
        PageId::Join => reading::join::page,
        #[cfg(feature = "ssr")]
        PageId::Profile => account::profile::page,
        #[cfg(feature = "ssr")]
        PageId::EditName => account::profile::edit::name,
        #[cfg(feature = "ssr")]
        PageId::EditPreferredName => account::profile::edit::preferred_name,
        #[cfg(feature = "ssr")]
        PageId::EditJobTitle => account::profile::edit::job_title,
        #[cfg(feature = "ssr")]
        PageId::EditCompany => account::profile::edit::company,
        #[cfg(feature = "ssr")]
        PageId::ChangeEmail => account::profile::email::page,
        #[cfg(feature = "ssr")]
        PageId::Secure => reading::secure::page,
        #[cfg(feature = "ssr")]
        PageId::Activity => account::activity::page,
        #[cfg(feature = "ssr")]
        PageId::YourData => account::privacy::page,
        #[cfg(feature = "ssr")]
        PageId::DeleteAccount => account::privacy::delete,
        #[cfg(feature = "ssr")]
        PageId::Deletion => account::privacy::choice,
        #[cfg(feature = "ssr")]
        PageId::Preferences => account::preferences::page,
        #[cfg(feature = "ssr")]
        PageId::EditLanguage => account::preferences::edit::language,
        #[cfg(feature = "ssr")]
        PageId::EditTimeZone => account::preferences::edit::time_zone,
        #[cfg(feature = "ssr")]
        PageId::EditDates => account::preferences::edit::dates,
        #[cfg(feature = "ssr")]
        PageId::EditAppearance => account::preferences::edit::appearance,
        #[cfg(feature = "ssr")]
        PageId::Through => reading::through::page,
        #[cfg(feature = "ssr")]
        PageId::SignedOut => reading::signed_out::page,
        #[cfg(feature = "ssr")]
        PageId::Help => reading::help::page,
        #[cfg(feature = "ssr")]
        PageId::Allowlist => reading::allowlist::page,
        #[cfg(feature = "ssr")]
        PageId::Privacy => reading::about::privacy,
        #[cfg(feature = "ssr")]
        PageId::Accessibility => reading::about::accessibility,
        #[cfg(not(feature = "ssr"))]
        _ => return None,
    };
    Some(view)
}

/// The body of the document.
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

/// Starts the app in the browser: renders the page again, replaces the server's HTML and carries over the fields. Does not
/// hydrate the HTML, because extensions or translators may have changed it. Keeps the server's page if the state cannot be
/// parsed.
#[cfg(not(feature = "ssr"))]
pub fn start() {
    use crate::client::browser;

    std::panic::set_hook(Box::new(|panic| match panic.location() {
        // The full message only in debug builds, because the formatting code would add bytes to every page load.
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
        route.follow_links(|path| PageId::at(path).and_then(view_of).is_some());
    })
    .forget();
}

/// Shows the page of the current URL.
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
    let view = PageId::at(path).and_then(view_of).unwrap_or(not_found);
    view()
}

fn not_found() -> View {
    #[cfg(feature = "ssr")]
    crate::api::not_found();
    fixed(|| crate::ui::error_page(404, None, None))
}
