//! The reasons for a failed request, and the state of a page.

use account::{Refusal, Refused};
use serde::{Deserialize, Serialize};

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The request was refused; the user sees the reason at its field.
    Refused(Box<Refused>),
    /// A fault of the server.
    Broken {
        /// Identifies the fault in the server's log.
        reference: Option<String>,
    },
    /// The server is overloaded.
    Busy {
        /// The wait before a retry, in seconds.
        retry_after_s: i64,
    },
    /// The request or its response was lost. Created only in the browser.
    Offline,
}

impl Failure {
    /// The refusal, if it is one.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn is_signed_out(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.code == Refusal::SIGNED_OUT)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(Refused::from(&refusal)))
    }
}

/// A step of a flow, and the outcome of the last try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageState<S> {
    /// The current step.
    pub step: S,
    /// Why the last try failed; only after the redirect of a browser without scripts.
    pub failure: Option<Failure>,
    /// The e-mail address as typed, to fill the form again. Apart from the name, no other input is ever sent back.
    pub typed_email: Option<String>,
    /// The name as typed, to fill the form again.
    pub typed_name: Option<String>,
}

/// On the server, `api` handles the library's errors.
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
