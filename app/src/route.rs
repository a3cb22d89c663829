//! Which page is shown. An address of the app is followed without a reload; every other one is the browser's affair.
//!
//! Small on purpose: the framework's router is a third of the bytes that a person waits for, and all the flows need of it is a
//! path.

use crate::client::browser;
use crate::site_map::{PageId, segment};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;

/// The address of the page. Copied freely; all copies are one.
#[derive(Clone, Copy)]
pub struct Route {
    path: RwSignal<String>,
    search: RwSignal<String>,
}

impl Route {
    /// Makes [`use_route`] work below here. `address` is path and query.
    pub fn provide(address: &str) -> Self {
        let (path, search) = address.split_once('?').unwrap_or((address, ""));
        let route = Self {
            path: RwSignal::new(path.to_owned()),
            search: RwSignal::new(search.to_owned()),
        };
        provide_context(route);
        route
    }

    /// The path, tracked.
    #[must_use]
    pub fn path(self) -> Signal<String> {
        self.path.into()
    }

    /// The address to come back to, tracked: the path, and where to go after sign-in, spelled plainly as the server wants it.
    #[must_use]
    pub fn way_back(self) -> String {
        let (path, next) = (self.path.get(), decode::query(&self.search.get(), "next"));
        match next {
            Some(next) => [&path, "?next=", &next].concat(),
            None => path,
        }
    }

    /// What the query says of a name; not tracked.
    #[must_use]
    pub fn query(self, name: &str) -> Option<String> {
        self.search.with_untracked(|search| decode::query(search, name))
    }

    /// The segment of the path that stands for `:name` in the page's address, not decoded: ids need no encoding. Not tracked.
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

    fn arrive(self, address: &str) {
        let (path, search) = address.split_once('?').unwrap_or((address, ""));
        self.search.set(search.to_owned());
        if self.path.with_untracked(|now| now != path) {
            // The address is there before its page: should the app break in between, the browser loads it.
            browser::asked(&JsValue::UNDEFINED);
            self.path.set(path.to_owned());
        }
    }

    /// Follows links to pages that `is_ours` knows, and the browser's own steps back and forth.
    pub fn follow_links(self, is_ours: fn(&str) -> bool) {
        history::follow(self, is_ours);
    }
}

/// The address of the page around here.
#[must_use]
pub fn use_route() -> Route {
    use_context().unwrap_or_else(|| Route::provide("/"))
}

/// The address that was asked for.
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

/// The address that the browser shows.
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
                // A link to the page itself loads it anew: it may be there to try again.
                if address != shown() {
                    route.go(&address);
                    // Last: when anything fails before, the browser follows the link itself.
                    click.prevent_default();
                }
            }
        });
        let _ = window_event_listener_untyped("popstate", move |_| route.arrive(&shown()));
    }

    /// The address of a link of ours that was clicked to be followed here: not into a new tab, not to be saved.
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

/// The server shows one page and is done.
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
    fn a_query_is_read_as_a_browser_reads_it() {
        Owner::new().with(|| {
            let route = Route::provide("/signin?a=b&next=%2Fsecurity%2Fpassword&next=2&c=x+y");
            assert_eq!(route.query("next").as_deref(), Some("/security/password"));
            assert_eq!(route.query("c").as_deref(), Some("x y"));
            assert_eq!(route.query("d"), None);
            assert_eq!(route.way_back(), "/signin?next=/security/password");
            assert_eq!(route.path().get_untracked(), "/signin");
            assert_eq!(Route::provide("/reset").query("next"), None);
        });
    }
}
