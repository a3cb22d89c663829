//! What pages use of the browser and of the server: the document, forms, requests, JSON, failures. Knows no page.

pub(crate) mod browser;
mod failure;
mod fields;
pub(crate) mod initial_state;
pub(crate) mod json;
pub(crate) mod requests;

pub use failure::{Failure, PageState};
pub use fields::{Checked, Fields};
