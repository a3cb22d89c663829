//! Points in time, as the user reads them.

use crate::words::use_words;
use account::Timestamp;
use leptos::prelude::*;

/// The precision of a displayed time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// Time only: `10:02`, for events of the last minutes.
    #[default]
    Time,
    /// Day and time.
    DayAndTime,
    /// The day.
    Day,
}

/// A point in time: in the account's zone and format. Without a zone, UTC from the server, local time once scripts run.
#[component]
pub fn LocalTime(
    /// The point in time.
    at: Timestamp,
    /// The precision.
    #[prop(optional)]
    show: When,
) -> AnyView {
    let text = use_words().moment(at, show);
    view! { <time datetime=at.iso()>{text}</time> }.into_any()
}
