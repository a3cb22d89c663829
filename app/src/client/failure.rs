//! Why a request failed, and the state of a page.

use account::Refusal;
use serde::{Deserialize, Serialize};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// A no that the person is told, with its words and its field.
    Refused(Refusal),
    /// Our fault.
    Broken {
        /// Stands beside the fault in our log.
        reference: Option<String>,
    },
    /// We have too much to do at the moment.
    Busy {
        /// When to come again, in seconds.
        retry_after_s: i64,
    },
    /// The network did not carry the request or its answer. Only ever made in the browser.
    Offline,
}

impl Failure {
    /// The refusal, if it is one.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A step of a flow with what is to be said about the last try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageState<S> {
    /// Where the flow stands.
    pub step: S,
    /// Why the last try came to nothing; only for a browser without scripts, after its redirect.
    pub failure: Option<Failure>,
    /// What was typed as e-mail, kept for the form. Nothing else that was typed is ever sent back, but the name.
    pub typed_email: Option<String>,
    /// What was typed as name, kept for the form.
    pub typed_name: Option<String>,
}

/// On the server the library's errors are answered by `api`.
#[cfg(not(feature = "ssr"))]
impl leptos::server_fn::error::FromServerFnError for Failure {
    type Encoder = leptos::server_fn::codec::JsonEncoding;

    fn from_server_fn_error(error: leptos::server_fn::error::ServerFnErrorErr) -> Self {
        match error {
            leptos::server_fn::error::ServerFnErrorErr::Request(_) => Self::Offline,
            _ => Self::Broken { reference: None },
        }
    }
}
