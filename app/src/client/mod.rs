//! Access to the browser and the server for all pages: the document, forms, requests, JSON, failures. Depends on no page.

pub(crate) mod browser;
mod failure;
mod fields;
pub(crate) mod initial_state;
pub mod json;
pub(crate) mod requests;

pub use failure::{Failure, PageState};
pub use fields::{Checked, Fields};
