//! Points in time, shown in the user's time zone.

use crate::client::browser;
use crate::words::{time_of_day, use_words};
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
    let language = use_words().language;
    let local = match show {
        // The server does not know the time zone.
        _ if cfg!(feature = "ssr") => None,
        When::Time => Some(time_of_day(at)),
        When::DayAndTime => browser::local_day(at.0, language, true),
        When::Day => browser::local_day(at.0, language, false),
    };
    let text = local.unwrap_or_else(|| in_utc(at, show));
    view! { <time datetime=at.iso()>{text}</time> }.into_any()
}

fn in_utc(at: Timestamp, show: When) -> String {
    match show {
        When::Time => [&at.hour_and_minute(), " UTC"].concat(),
        When::DayAndTime => [&at.day(), " ", &at.hour_and_minute(), " UTC"].concat(),
        When::Day => at.day(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_from_the_server_are_marked_as_utc() {
        let at = Timestamp(1_700_000_000_000);
        assert_eq!(in_utc(at, When::Time), "22:13 UTC");
        assert_eq!(in_utc(at, When::DayAndTime), "2023-11-14 22:13 UTC");
        assert_eq!(in_utc(at, When::Day), "2023-11-14");
    }
}
