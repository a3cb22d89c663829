//! Moments in words, for screens and e-mails: in the account's time zone and format.

use account::{DateFormat, TimeFormat, Timestamp};
use jiff::tz::{TimeZone, db};
use std::sync::LazyLock;

/// The precision of a written moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Time only.
    Time,
    /// The day.
    Day,
    /// Day and time.
    DayAndTime,
}

/// The zones that users know. Not `Etc/GMT+5` and the like: its sign is the reverse of the usual one.
const REGIONS: [&str; 10] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
];

static ZONES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let known = |name: &String| {
        name.split_once('/')
            .is_some_and(|(region, _)| REGIONS.contains(&region))
    };
    let mut zones: Vec<String> = db().available().map(|name| name.to_string()).filter(known).collect();
    zones.sort_unstable();
    zones
});

/// Returns the names of all time zones that can be chosen, in order.
#[must_use]
pub fn time_zones() -> &'static [String] {
    &ZONES
}

/// Writes a moment for a screen. A zone that the user has not chosen is named.
#[must_use]
pub fn written(language: &str, format: &TimeFormat, at: Timestamp, precision: Precision) -> String {
    let moment = Moment::new(language, format, at);
    let time = || {
        let time = moment.time();
        if format.zone.is_some() {
            time
        } else {
            moment.zoned(&time)
        }
    };
    match precision {
        Precision::Time => time(),
        Precision::Day => moment.day(),
        Precision::DayAndTime if format.dates == DateFormat::Words => {
            moment.say("moment", &[("date", &moment.day()), ("time", &time())])
        }
        Precision::DayAndTime => [moment.day(), time()].join(" "),
    }
}

/// Writes a moment for an e-mail: the day in words, and always with the zone.
pub(crate) fn written_in_email(language: &str, format: &TimeFormat, at: Timestamp) -> String {
    let format = TimeFormat {
        dates: DateFormat::Words,
        ..format.clone()
    };
    let moment = Moment::new(language, &format, at);
    moment.say(
        "moment",
        &[("date", &moment.day()), ("time", &moment.zoned(&moment.time()))],
    )
}

/// Writes a time of day for an e-mail, with its zone.
pub(crate) fn time_in_email(language: &str, format: &TimeFormat, at: Timestamp) -> String {
    let moment = Moment::new(language, format, at);
    moment.zoned(&moment.time())
}

/// A moment in its zone.
struct Moment<'a> {
    language: &'a str,
    format: &'a TimeFormat,
    at: jiff::ZonedDateTime,
}

impl<'a> Moment<'a> {
    fn new(language: &'a str, format: &'a TimeFormat, at: Timestamp) -> Self {
        // A zone that an update has removed: UTC, which is then named.
        let zone = format.zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        Self {
            language,
            format,
            at: at.to_zoned_datetime(zone.unwrap_or(TimeZone::UTC)),
        }
    }

    fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        let (names, values): (Vec<&str>, Vec<String>) =
            values.iter().map(|(name, value)| (*name, (*value).to_owned())).unzip();
        rust_i18n::replace_patterns(&crate::_rust_i18n_translate(self.language, key), &names, &values)
    }

    fn day(&self) -> String {
        let date = self.at.date();
        let (year, month, day) = (date.year(), date.month(), date.day());
        match self.format.dates {
            DateFormat::Words => {
                let name = self.say(&format!("month.{month:02}"), &[]);
                let (day, year) = (day.to_string(), year.to_string());
                self.say("date", &[("day", &day), ("month", &name), ("year", &year)])
            }
            DateFormat::YearFirst => format!("{year:04}-{month:02}-{day:02}"),
            DateFormat::DayFirst => format!("{day:02}/{month:02}/{year:04}"),
            DateFormat::MonthFirst => format!("{month:02}/{day:02}/{year:04}"),
        }
    }

    fn time(&self) -> String {
        let (hour, minute) = (self.at.hour(), self.at.minute());
        if !self.format.twelve_hours {
            return format!("{hour:02}:{minute:02}");
        }
        let key = if hour < 12 { "before_noon" } else { "after_noon" };
        let time = format!("{}:{minute:02}", (hour + 11) % 12 + 1);
        self.say(key, &[("time", &time)])
    }

    fn zoned(&self, time: &str) -> String {
        match self.at.time_zone().iana_name() {
            None | Some("UTC") => self.say("in_utc", &[("time", time)]),
            Some(zone) => self.say("in_zone", &[("time", time), ("zone", &zone.replace('_', " "))]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 14 November 2023, 22:13 UTC.
    const AT: Timestamp = Timestamp(1_700_000_000_000);

    fn format(zone: Option<&str>, dates: DateFormat, twelve_hours: bool) -> TimeFormat {
        TimeFormat {
            zone: zone.map(str::to_owned),
            dates,
            twelve_hours,
        }
    }

    #[test]
    fn without_a_chosen_zone_times_are_marked_as_utc() {
        let unset = TimeFormat::default();
        for (precision, english, arabic) in [
            (Precision::Time, "22:13 UTC", "22:13 بالتوقيت العالمي"),
            (Precision::Day, "14 November 2023", "14 نوفمبر 2023"),
            (
                Precision::DayAndTime,
                "14 November 2023 at 22:13 UTC",
                "14 نوفمبر 2023، الساعة 22:13 بالتوقيت العالمي",
            ),
        ] {
            assert_eq!(written("en", &unset, AT, precision), english);
            assert_eq!(written("ar", &unset, AT, precision), arabic);
        }
        let email = written_in_email("en", &unset, AT);
        assert_eq!(email, "14 November 2023 at 22:13 UTC");
    }

    #[test]
    fn a_screen_follows_zone_and_format() {
        for (zone, dates, twelve_hours, expected) in [
            ("Europe/Berlin", DateFormat::Words, false, "14 November 2023 at 23:13"),
            ("Asia/Tokyo", DateFormat::YearFirst, false, "2023-11-15 07:13"),
            ("Asia/Tokyo", DateFormat::DayFirst, true, "15/11/2023 7:13 AM"),
            ("America/New_York", DateFormat::MonthFirst, true, "11/14/2023 5:13 PM"),
            ("Asia/Kolkata", DateFormat::Words, false, "15 November 2023 at 03:43"),
        ] {
            let format = format(Some(zone), dates, twelve_hours);
            assert_eq!(written("en", &format, AT, Precision::DayAndTime), expected);
        }
    }

    #[test]
    fn summer_time_and_noon_are_right() {
        // 7 July 2026, 10:00 UTC; then 22:00 UTC.
        let noon = Timestamp(1_783_418_400_000);
        let berlin = format(Some("Europe/Berlin"), DateFormat::Words, true);
        assert_eq!(written("en", &berlin, noon, Precision::Time), "12:00 PM");
        assert_eq!(written("ar", &berlin, noon, Precision::Time), "12:00 م");
        assert_eq!(
            written("en", &berlin, noon.plus_minutes(720), Precision::DayAndTime),
            "8 July 2026 at 12:00 AM"
        );
    }

    /// Attack: none; eight digits in a pasted e-mail would be read as its code.
    #[test]
    fn an_email_names_the_zone_and_writes_the_month_in_words() {
        for dates in DateFormat::ALL {
            let new_york = format(Some("America/New_York"), dates, false);
            let email = written_in_email("en", &new_york, AT);
            assert_eq!(email, "14 November 2023 at 17:13 (America/New York)");
            assert_eq!(time_in_email("en", &new_york, AT), "17:13 (America/New York)");
        }
    }

    #[test]
    fn a_zone_that_no_longer_exists_is_utc() {
        let gone = format(Some("Europe/Atlantis"), DateFormat::Words, false);
        assert_eq!(time_in_email("en", &gone, AT), "22:13 UTC");
    }

    #[test]
    fn the_zones_are_those_that_users_know() {
        let zones = time_zones();
        assert!(zones.len() > 400, "{}", zones.len());
        for zone in zones {
            assert!(TimeZone::get(zone).is_ok(), "{zone}");
        }
        // Also the names that browsers report.
        for zone in [
            "Europe/Berlin",
            "Europe/Kiev",
            "Asia/Calcutta",
            "America/Argentina/Buenos_Aires",
        ] {
            assert!(
                zones.binary_search_by(|known| known.as_str().cmp(zone)).is_ok(),
                "{zone}"
            );
        }
        assert!(!zones.iter().any(|zone| zone.starts_with("Etc/") || zone == "UTC"));
    }
}
