//! The pages before sign-in.

mod check_your_email;
mod done;
mod request_gone;
pub(super) mod reset;
pub(super) mod sign_in;
pub(super) mod sign_up;
pub(super) mod start;
