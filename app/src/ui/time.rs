//! Points in time, shown in the user's time zone.

use crate::client::browser;
use crate::words::{Words, use_words};
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

/// A point in time: UTC from the server, local time once scripts run.
#[component]
pub fn LocalTime(
    /// The point in time.
    at: Timestamp,
    /// The precision.
    #[prop(optional)]
    show: When,
) -> AnyView {
    let words = use_words();
    let local = match show {
        // The server does not know the time zone.
        _ if cfg!(feature = "ssr") => None,
        When::Time => Some(words.time_of_day(at)),
        When::DayAndTime => browser::local_day(at.0, words.language, true),
        When::Day => browser::local_day(at.0, words.language, false),
    };
    let text = local.unwrap_or_else(|| in_utc(at, show, words));
    view! { <time datetime=at.iso()>{text}</time> }.into_any()
}

fn in_utc(at: Timestamp, show: When, words: Words) -> String {
    match show {
        When::Time => words.in_utc(&at.hour_and_minute()),
        When::DayAndTime => words.in_utc(&[&at.day(), " ", &at.hour_and_minute()].concat()),
        When::Day => words.isolated(&at.day()),
    }
}

#[cfg(test)]
#[cfg(feature = "ssr")]
mod tests {
    use super::*;

    #[test]
    fn times_from_the_server_are_marked_as_utc() {
        let at = Timestamp(1_700_000_000_000);
        let english = Words::of("en");
        assert_eq!(in_utc(at, When::Time, english), "22:13 UTC");
        assert_eq!(in_utc(at, When::DayAndTime, english), "2023-11-14 22:13 UTC");
        assert_eq!(in_utc(at, When::Day, english), "2023-11-14");
    }

    #[test]
    fn digits_keep_their_order_in_right_to_left_texts() {
        let at = Timestamp(1_700_000_000_000);
        let said = in_utc(at, When::DayAndTime, Words::of("ar"));
        assert_eq!(said, "\u{2068}2023-11-14 22:13\u{2069} بالتوقيت العالمي");
    }
}
