//! Client-side routing: links to pages of the app are followed without a reload; the browser handles all others.
//!
//! Replaces the framework's router, which takes a third of the bytes on the critical path; the flows need only a path.

use crate::client::{browser, requests};
use crate::site_map::{PageId, segment};
use account::with_next;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;

/// The URL of the page. All copies share their state.
#[derive(Clone, Copy)]
pub struct Route {
    path: RwSignal<String>,
    search: RwSignal<String>,
}

impl Route {
    /// Provides the route as context for [`use_route`]. `address` is path and query.
    pub fn provide(address: &str) -> Self {
        let (path, search) = address.split_once('?').unwrap_or((address, ""));
        let route = Self {
            path: RwSignal::new(path.to_owned()),
            search: RwSignal::new(search.to_owned()),
        };
        provide_context(route);
        route
    }

    /// Returns the path; tracked.
    #[must_use]
    pub fn path(self) -> Signal<String> {
        self.path.into()
    }

    /// Returns the address to return to, tracked: the path and `next`, encoded as the server accepts it.
    #[must_use]
    pub fn way_back(self) -> String {
        let (path, next) = (self.path.get(), decode::query(&self.search.get(), "next"));
        match next {
            Some(next) => with_next(&path, &next),
            None => path,
        }
    }

    /// Returns the decoded value of a query parameter; not tracked.
    #[must_use]
    pub fn query(self, name: &str) -> Option<String> {
        self.search.with_untracked(|search| decode::query(search, name))
    }

    /// Returns the address of a page that leads on to this page's `next`; not tracked.
    #[must_use]
    pub fn keep_next(self, page: &str) -> String {
        with_next(page, &self.query("next").unwrap_or_default())
    }

    /// Returns the path segment that matches `:name` in the page's URL pattern; not tracked, not decoded (ids need no encoding).
    #[must_use]
    pub fn param(self, name: &str) -> Option<String> {
        self.path.with_untracked(|path| {
            let address = PageId::at(path)?.address();
            segment(address, path, name).map(str::to_owned)
        })
    }

    /// Shows another page of the app.
    pub fn go(self, address: &str) {
        history::push(address);
        self.arrive(address);
    }

    /// Loads a page that then returns to this page.
    pub fn leave_for(self, page: &str) {
        requests::go(&with_next(page, &untrack(|| self.after_proof())));
    }

    /// Returns the address to open after a sign-in or a proof, as the server does for plain forms; tracked.
    fn after_proof(self) -> String {
        let is_confirmation = self.path.get() == PageId::Confirm.address();
        match self.query("next") {
            // A sign-in is a recent proof.
            Some(next) if is_confirmation => next,
            _ => self.way_back(),
        }
    }

    fn arrive(self, address: &str) {
        let (path, search) = address.split_once('?').unwrap_or((address, ""));
        self.search.set(search.to_owned());
        if self.path.with_untracked(|now| now != path) {
            // The URL changes before the page, so that a reload shows the new page if the program breaks in between.
            browser::asked(&JsValue::UNDEFINED);
            self.path.set(path.to_owned());
        }
    }

    /// Handles clicks on links that `is_ours` accepts, and the browser's back and forward buttons.
    pub fn follow_links(self, is_ours: fn(&str) -> bool) {
        history::follow(self, is_ours);
    }
}

/// Returns the current page's route.
#[must_use]
pub fn use_route() -> Route {
    use_context().unwrap_or_else(|| Route::provide("/"))
}

/// Returns the requested URL.
#[cfg(feature = "ssr")]
pub(crate) fn asked_for() -> String {
    use_context::<http::request::Parts>().map_or_else(String::new, |parts| {
        parts
            .uri
            .path_and_query()
            .map_or("/", |address| address.as_str())
            .to_owned()
    })
}

/// Returns the decoded value of a parameter of a query string.
#[cfg(feature = "ssr")]
pub(crate) fn query_value(search: &str, name: &str) -> Option<String> {
    decode::query(search, name)
}

/// Returns the URL shown by the browser.
#[cfg(not(feature = "ssr"))]
pub(crate) fn asked_for() -> String {
    history::shown()
}

#[cfg(not(feature = "ssr"))]
mod decode {
    use leptos::web_sys::UrlSearchParams;

    pub(super) fn query(search: &str, name: &str) -> Option<String> {
        UrlSearchParams::new_with_str(search).ok()?.get(name)
    }
}

#[cfg(feature = "ssr")]
mod decode {
    use percent_encoding::percent_decode_str;

    pub(super) fn query(search: &str, name: &str) -> Option<String> {
        let value = search
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)?
            .1;
        let value = value.replace('+', " ");
        Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
    }
}

#[cfg(target_arch = "wasm32")]
mod history {
    use super::{Route, browser};
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{Element, HtmlAnchorElement, MouseEvent};

    pub(super) fn shown() -> String {
        let location = window().location();
        [location.pathname(), location.search()].into_iter().flatten().collect()
    }

    pub(super) fn push(address: &str) {
        if let Ok(history) = window().history() {
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(address));
        }
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }

    pub(super) fn follow(route: Route, is_ours: fn(&str) -> bool) {
        let _ = window_event_listener(leptos::ev::click, move |click| {
            if let Some(address) = plain_link(&click).filter(|address| {
                let path = address.split('?').next().unwrap_or_default();
                is_ours(path)
            }) && !browser::is_broken()
            {
                // A link to the current page reloads it, so that it can serve as a retry.
                if address != shown() {
                    route.go(&address);
                    // Last, so that the browser follows the link itself if anything fails earlier.
                    click.prevent_default();
                }
            }
        });
        let _ = window_event_listener_untyped("popstate", move |_| route.arrive(&shown()));
    }

    /// Returns the address of a clicked link within this origin; `None` if it opens a new tab or a download.
    fn plain_link(click: &MouseEvent) -> Option<String> {
        let elsewhere = click.ctrl_key() || click.meta_key() || click.shift_key() || click.alt_key();
        if elsewhere || click.button() != 0 || click.default_prevented() {
            return None;
        }
        let link: HtmlAnchorElement = click
            .target()?
            .dyn_into::<Element>()
            .ok()?
            .closest("a[href]")
            .ok()??
            .dyn_into()
            .ok()?;
        let ours = link.origin() == window().location().origin().ok()?;
        (ours && link.target().is_empty() && link.rel().is_empty() && link.hash().is_empty())
            .then(|| [link.pathname(), link.search()].concat())
    }
}

/// Stubs: the server renders a single page.
#[cfg(not(target_arch = "wasm32"))]
mod history {
    use super::Route;

    #[cfg(not(feature = "ssr"))]
    pub(super) fn shown() -> String {
        "/".to_owned()
    }
    pub(super) fn push(_: &str) {}
    pub(super) fn follow(_: Route, _: fn(&str) -> bool) {}
}

#[cfg(test)]
#[cfg(feature = "ssr")]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_as_in_a_browser() {
        Owner::new().with(|| {
            let route = Route::provide("/signin?a=b&next=%2Fsecurity%2Fpassword&next=2&c=x+y");
            assert_eq!(route.query("next").as_deref(), Some("/security/password"));
            assert_eq!(route.query("c").as_deref(), Some("x y"));
            assert_eq!(route.query("d"), None);
            assert_eq!(route.way_back(), "/signin?next=/security/password");
            let with_two = "/signin?next=/a?b=c%26d=e";
            assert_eq!(Route::provide(with_two).way_back(), with_two);
            assert_eq!(route.path().get_untracked(), "/signin");
            assert_eq!(route.after_proof(), route.way_back());
            let confirm = Route::provide("/security/confirm?next=/oauth/continue/00");
            assert_eq!(confirm.after_proof(), "/oauth/continue/00");
            assert_eq!(Route::provide("/security/confirm").after_proof(), "/security/confirm");
            assert_eq!(Route::provide("/reset").query("next"), None);
        });
    }
}
