//! Calls the server functions. About 30 KB smaller than the library's client. Sends the form itself, so that a password is
//! never copied into the program's memory.

use super::failure::Failure;
use super::fields::Fields;
use super::json;
use leptos::wasm_bindgen::JsValue;
use leptos::web_sys::UrlSearchParams;

/// Requests a page's state, with the query of the page's URL.
#[cfg(target_arch = "wasm32")]
pub async fn get<S: serde::de::DeserializeOwned>(path: &str) -> Result<S, Failure> {
    let promise = browser::fetch(&[path, &browser::search()].concat(), None).map_err(|_| Failure::Offline)?;
    json::read(&answer(promise).await?).ok_or(Failure::Broken { reference: None })
}

/// Sends a form and returns the promise of its response; `None` if the browser cannot send it this way.
pub fn post(path: &str, fields: &Fields) -> Option<JsValue> {
    let fields = UrlSearchParams::new_with_str_sequence_sequence(fields.data()).ok()?;
    browser::fetch(path, Some(&fields)).ok()
}

/// Waits for a response and returns its body.
pub async fn answer(promise: JsValue) -> Result<String, Failure> {
    match browser::text(promise).await {
        Ok((true, text)) => Ok(text),
        Ok((false, text)) => Err(json::read(&text).unwrap_or(Failure::Broken { reference: None })),
        Err(_) => Err(Failure::Offline),
    }
}

pub use browser::{go, load_anew};

/// Requests a page's state: over the network in the browser, by a direct call on the server.
macro_rules! read {
    ($function:ident, $arguments:ident) => {{
        #[cfg(target_arch = "wasm32")]
        {
            // The browser has a single thread, so the future is never sent to another.
            send_wrapper::SendWrapper::new($crate::client::requests::get(
                <$arguments as leptos::server_fn::ServerFn>::PATH,
            ))
            .await
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            $function().await
        }
    }};
}
pub(crate) use read;

#[cfg(target_arch = "wasm32")]
mod browser {
    use js_sys::Promise;
    use leptos::prelude::window;
    use leptos::web_sys::UrlSearchParams;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{AbortSignal, Headers, RequestInit, Response};

    /// Half the time in which the server recognizes a repeated form, so that it recognizes a retry after a timeout.
    const REQUEST_TIMEOUT_MS: u32 = 15_000;

    pub(super) fn fetch(path: &str, fields: Option<&UrlSearchParams>) -> Result<JsValue, JsValue> {
        let headers = Headers::new()?;
        headers.set("Accept", "application/json")?;
        let request = RequestInit::new();
        request.set_headers(&headers);
        request.set_signal(Some(&AbortSignal::timeout_with_u32(REQUEST_TIMEOUT_MS)));
        if let Some(fields) = fields {
            request.set_method("POST");
            request.set_body(fields);
        }
        Ok(window().fetch_with_str_and_init(path, &request).into())
    }

    pub(super) async fn text(response: JsValue) -> Result<(bool, String), JsValue> {
        let response: Response = JsFuture::from(Promise::from(response)).await?.dyn_into()?;
        let text = JsFuture::from(response.text()?).await?;
        Ok((response.ok(), text.as_string().unwrap_or_default()))
    }

    /// Loads a page from the server; needed when the frame's content changes.
    pub fn go(path: &str) {
        let _ = window().location().replace(path);
    }

    /// Reloads this page.
    pub fn load_anew() {
        let path = window().location().pathname().unwrap_or_default();
        go(&[path, search()].concat());
    }

    /// Returns the query of this page, with its question mark.
    pub(super) fn search() -> String {
        window().location().search().unwrap_or_default()
    }
}

/// Stubs: the server never sends requests to itself.
#[cfg(not(target_arch = "wasm32"))]
mod browser {
    use leptos::wasm_bindgen::JsValue;
    use leptos::web_sys::UrlSearchParams;

    pub(super) fn fetch(_: &str, _: Option<&UrlSearchParams>) -> Result<JsValue, JsValue> {
        Err(JsValue::NULL)
    }
    pub(super) async fn text(_: JsValue) -> Result<(bool, String), JsValue> {
        Err(JsValue::NULL)
    }
    pub fn go(_: &str) {}
    pub fn load_anew() {}
}
