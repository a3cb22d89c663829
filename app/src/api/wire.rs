//! The page's way to the server functions. Smaller than the library's client by some 30 KB, and it sends the form as it is,
//! so that a password is never copied into the program's memory.

use super::{Failure, json};
use crate::flow::Fields;
use leptos::web_sys::UrlSearchParams;

/// Asks for a page's state.
#[cfg(target_arch = "wasm32")]
pub async fn get<S: serde::de::DeserializeOwned>(path: &str) -> Result<S, Failure> {
    let text = answer(path, None).await?;
    json::read(&text).ok_or(Failure::Broken { reference: None })
}

/// Sends a form; gives the answer as it came.
pub async fn post(path: &str, fields: &Fields) -> Result<String, Failure> {
    let fields = UrlSearchParams::new_with_str_sequence_sequence(fields.data()).map_err(|_| Failure::Offline)?;
    answer(path, Some(&fields)).await
}

async fn answer(path: &str, fields: Option<&UrlSearchParams>) -> Result<String, Failure> {
    match browser::fetch(path, fields).await {
        Ok((true, text)) => Ok(text),
        Ok((false, text)) => Err(json::read(&text).unwrap_or(Failure::Broken { reference: None })),
        Err(_) => Err(Failure::Offline),
    }
}

#[cfg(any(feature = "ssr", feature = "entry"))]
pub use browser::go;
pub use browser::sign_in_again;

#[cfg(target_arch = "wasm32")]
mod browser {
    use leptos::prelude::window;
    use leptos::web_sys::UrlSearchParams;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{AbortSignal, Headers, RequestInit, Response};

    /// A server that says nothing for so long is not reached.
    const PATIENCE_MS: u32 = 30_000;

    pub(super) async fn fetch(path: &str, fields: Option<&UrlSearchParams>) -> Result<(bool, String), JsValue> {
        let headers = Headers::new()?;
        headers.set("Accept", "application/json")?;
        let request = RequestInit::new();
        request.set_headers(&headers);
        request.set_signal(Some(&AbortSignal::timeout_with_u32(PATIENCE_MS)));
        if let Some(fields) = fields {
            request.set_method("POST");
            request.set_body(fields);
        }
        let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &request))
            .await?
            .dyn_into()?;
        let text = JsFuture::from(response.text()?).await?;
        Ok((response.ok(), text.as_string().unwrap_or_default()))
    }

    /// Leaves for a page that the server makes anew, since what the frame shows has changed.
    pub fn go(path: &str) {
        let _ = window().location().replace(path);
    }

    /// Leaves for the sign-in, and comes back here after it.
    pub fn sign_in_again() {
        let here = window().location().pathname().unwrap_or_default();
        go(&["/signin?next=", &here].concat());
    }
}

/// The server never calls itself.
#[cfg(not(target_arch = "wasm32"))]
mod browser {
    use leptos::wasm_bindgen::JsValue;
    use leptos::web_sys::UrlSearchParams;

    pub(super) async fn fetch(_: &str, _: Option<&UrlSearchParams>) -> Result<(bool, String), JsValue> {
        Err(JsValue::NULL)
    }
    pub fn go(_: &str) {}
    pub fn sign_in_again() {}
}
