//! What a person sees: pages, forms, words, and the server functions that the forms are sent to.

#[cfg(feature = "ssr")]
rust_i18n::i18n!("locales", fallback = "en");

pub mod api;
pub mod flow;
mod pages;
pub mod route;
pub mod settings;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(not(feature = "ssr"))]
mod told;
pub mod ui;
pub mod words;

pub use pages::{App, paths};

#[cfg(feature = "ssr")]
pub use api::{cookie, held, unreadable_form, wants_html};
#[cfg(feature = "ssr")]
pub use shell::{Assets, Program, error_page, shell};
