//! What a person sees: pages, forms, words, and the server functions that the forms are sent to.

rust_i18n::i18n!("locales", fallback = "en");

pub mod api;
mod flow;
mod pages;
pub mod settings;
#[cfg(feature = "ssr")]
mod shell;
pub mod ui;
pub mod words;

pub use pages::App;

#[cfg(feature = "ssr")]
pub use api::{held, unreadable_form};
#[cfg(feature = "ssr")]
pub use shell::{Assets, error_page, shell};
