//! The reasons for a failed request, and the state of a page.

use account::{Refusal, Refused};
use serde::{Deserialize, Serialize};

/// The reason for a failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The request was refused; the reason is shown at its field.
    Refused(Box<Refused>),
    /// The server failed.
    Broken {
        /// The fault's reference in the server's log.
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
    /// Returns the refusal, if any.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Returns whether the user must reauthenticate first.
    #[must_use]
    pub fn is_proof_too_old(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.code == Refusal::PROOF_TOO_OLD)
    }

    /// Returns whether the user must choose first whether to keep their account.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub fn is_deletion_pending(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.code == Refusal::DELETION_PENDING)
    }

    /// Returns whether the session has ended.
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
    /// The failure of the last try; set only after a redirect without scripts.
    pub failure: Option<Failure>,
    /// The typed e-mail address, to refill the form. Apart from the name, no other input is ever sent back.
    pub typed_email: Option<String>,
    /// The typed name, to refill the form.
    pub typed_name: Option<String>,
}

#[cfg(feature = "ssr")]
impl<S> PageState<S> {
    /// Creates the state of a page that was opened without a try before.
    pub(crate) const fn of(step: S) -> Self {
        Self {
            step,
            failure: None,
            typed_email: None,
            typed_name: None,
        }
    }
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
