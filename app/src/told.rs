//! What the server has written into the page for the program in it: first the settings, then what the page shows.

use crate::api::json;
use crate::settings::PublicSettings;
use leptos::prelude::*;
use serde::de::DeserializeOwned;

/// What the page shows, as JSON, until the page takes it.
#[derive(Clone, Copy)]
struct OfPage(StoredValue<Option<String>>);

/// Reads the settings, and keeps the rest for [`of_page`]. Once, while the page is taken over: later it cannot be had.
pub(crate) fn settings() -> Option<PublicSettings> {
    let settings = next();
    provide_context(OfPage(StoredValue::new(next())));
    json::read(&settings?)
}

/// What the server has told of the page around here; nothing for a page that the program itself has led to.
pub(crate) fn of_page<T: DeserializeOwned>() -> Option<T> {
    let OfPage(told) = use_context()?;
    let told = told.try_update_value(Option::take)??;
    json::read(&told)
}

/// The pieces are numbered in the order in which both sides come by.
#[cfg(feature = "hydrate")]
fn next() -> Option<String> {
    let context = Owner::current_shared_context()?;
    let number = context.next_id();
    context.read_data(&number)
}

/// A program that takes over no page is told nothing.
#[cfg(not(feature = "hydrate"))]
fn next() -> Option<String> {
    None
}
