//! What the server writes into the page for the program in it, and where the program finds it.

/// What the server has written next; nothing once the page is taken over, or where it cannot be read.
#[cfg(feature = "hydrate")]
pub(crate) fn next<T: serde::de::DeserializeOwned>() -> Option<T> {
    // The pieces are numbered in the order in which both sides come by.
    let context = leptos::prelude::Owner::current_shared_context()?;
    let number = context.next_id();
    crate::api::json::read(&context.read_data(&number)?)
}

/// A program that takes over no page is told nothing.
#[cfg(not(feature = "hydrate"))]
pub(crate) fn next<T>() -> Option<T> {
    None
}
