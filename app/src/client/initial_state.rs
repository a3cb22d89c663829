//! The data that the server writes into a page for the app in the browser: JSON in elements found by id, even if extensions
//! or translators have moved them.

/// The id of the element with the settings.
const SETTINGS: &str = "app-settings";
/// The id of the element with the page's state. It is inside `main`, so that it is removed with its page.
const PAGE: &str = "page-state";

#[cfg(feature = "ssr")]
pub(crate) use on_server::{page, settings};

#[cfg(feature = "ssr")]
mod on_server {
    use super::{PAGE, SETTINGS};
    use crate::client::failure::PageState;
    use crate::settings::PublicSettings;
    use leptos::prelude::*;
    use serde::Serialize;

    pub(crate) fn settings(settings: &PublicSettings) -> AnyView {
        element(SETTINGS, settings)
    }

    pub(crate) fn page<S: Serialize>(state: &PageState<S>) -> AnyView {
        element(PAGE, state)
    }

    fn element(id: &'static str, value: &impl Serialize) -> AnyView {
        // Attack: a name or an address closes the element and begins a script.
        let json = serde_json::to_string(value).unwrap_or_default();
        let json = json.replace('<', "\\u003c");
        view! { <script type="application/json" id=id inner_html=json></script> }.into_any()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_value_in_the_state_cannot_close_its_element() {
            let settings = PublicSettings {
                brand: "</script><script>alert(1)</script><!--".into(),
                ..PublicSettings::default()
            };
            let html = Owner::new().with(|| super::settings(&settings).to_html());
            assert_eq!(html.matches('<').count(), 2, "{html}");
            let json = html.split_once('>').unwrap().1.rsplit_once('<').unwrap().0;
            assert_eq!(serde_json::from_str::<PublicSettings>(json).unwrap(), settings);
        }
    }
}

#[cfg(not(feature = "ssr"))]
pub(crate) use in_browser::{page, settings};

#[cfg(not(feature = "ssr"))]
mod in_browser {
    use super::{PAGE, SETTINGS};
    use crate::client::{browser, json};
    use crate::settings::PublicSettings;
    use serde::de::DeserializeOwned;

    /// Reads the document's settings; `None` if they cannot be parsed.
    pub(crate) fn settings() -> Option<PublicSettings> {
        json::read(&browser::text_of(SETTINGS)?)
    }

    /// Reads the state that the server wrote for the page in `main`; `None` if the app opened the page.
    pub(crate) fn page<T: DeserializeOwned>() -> Option<T> {
        json::read(&browser::text_of(PAGE)?)
    }
}
