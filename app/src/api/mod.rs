//! What the pages ask of the server, a file a flow. Each function is reached by a plain form and by the page's script alike.

#[cfg(feature = "ssr")]
mod call;
#[cfg(feature = "ssr")]
mod cookies;
#[cfg(feature = "ssr")]
mod destination;
mod failure;
pub(crate) mod json;
pub(crate) mod reset;
pub(crate) mod security;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod wire;

pub use failure::{Failure, PageState};

#[cfg(feature = "ssr")]
pub(crate) use call::{go_to, not_found, public_settings, settings_here};
#[cfg(feature = "ssr")]
pub use call::{unreadable_form, wants_html};
#[cfg(feature = "ssr")]
pub use cookies::{cookie, held};

/// Asks for a page's state: in the browser over the network, on the server by calling the function itself.
macro_rules! read {
    ($function:ident, $arguments:ident) => {{
        #[cfg(target_arch = "wasm32")]
        {
            // One thread only: nothing is ever sent to another.
            send_wrapper::SendWrapper::new($crate::api::wire::get(
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
