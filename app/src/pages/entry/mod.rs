//! The pages before sign-in.

mod check_your_email;
pub(super) mod confirm;
mod done;
mod provider_buttons;
mod request_gone;
pub(super) mod reset;
pub(super) mod sign_in;
pub(super) mod sign_up;
pub(super) mod start;
