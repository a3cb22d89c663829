//! The user interface: pages, forms, texts, and the server functions that the forms call.

#[cfg(feature = "ssr")]
rust_i18n::i18n!("locales", fallback = "en");

#[cfg(feature = "ssr")]
mod account_data;
pub mod api;
pub mod client;
#[cfg(feature = "ssr")]
mod document;
pub mod flow;
mod pages;
pub mod route;
#[cfg(not(feature = "ssr"))]
pub mod screen;
pub mod settings;
pub mod site_map;
pub mod ui;
pub mod view;
pub mod words;

pub use client::Failure;
#[cfg(not(feature = "ssr"))]
pub use pages::start;
pub use site_map::PageId;

#[cfg(feature = "ssr")]
pub use account_data::data_page;
#[cfg(feature = "ssr")]
pub use api::{
    BrowserRedirect, LANGUAGE as LANGUAGE_COOKIE, account_data, activity, begin_provider, cookie, email_filled_in,
    finish_provider, held, members, of_language, of_theme, token_cookies, unreadable_form, waiting_product, wants_html,
};
#[cfg(feature = "ssr")]
pub use document::{
    Assets, FailedRequest, PageOutsideRouter, Program, SITE_STYLE, SitePage, consent_page, error_page,
    refused_product_page, return_page, shell, sign_out_page, site_page, unsubscribe_page,
};
#[cfg(feature = "ssr")]
pub use pages::event_title;
