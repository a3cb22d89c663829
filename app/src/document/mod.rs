//! Complete HTML documents.

mod assets;
mod error;
mod head;
mod script;
mod shell;

pub use assets::{Assets, Program};
pub use error::{FailedRequest, error_page};
pub use shell::shell;
