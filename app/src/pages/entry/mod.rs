//! The pages before sign-in.

pub(super) mod check_your_email;
pub(super) mod confirm;
mod done;
mod provider_buttons;
pub(super) mod request_gone;
pub(super) mod reset;
pub(super) mod sign_in;
pub(super) mod sign_up;
pub(super) mod start;
