use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, in UTC. Always passed in; this crate never reads the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns this moment plus `ms` milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Returns this moment plus `seconds` seconds.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_ms(seconds.saturating_mul(1_000))
    }

    /// Returns this moment plus `minutes` minutes.
    #[must_use]
    pub const fn plus_minutes(self, minutes: i64) -> Self {
        self.plus_seconds(minutes.saturating_mul(60))
    }

    /// Returns this moment plus `days` days.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_minutes(days.saturating_mul(24 * 60))
    }

    /// Returns the seconds from `earlier` to this moment, rounded up and never negative. Suitable for `Retry-After`.
    #[must_use]
    pub const fn seconds_after(self, earlier: Self) -> i64 {
        let ms = self.0.saturating_sub(earlier.0);
        if ms <= 0 { 0 } else { ms.saturating_add(999) / 1_000 }
    }

    /// Returns the time of day in UTC for display: `10:02`.
    #[must_use]
    pub fn hour_and_minute(self) -> String {
        let minutes = self.0.div_euclid(60_000).rem_euclid(24 * 60);
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// Returns the calendar day in UTC: `2026-11-24` (ISO 8601).
    #[must_use]
    pub fn day(self) -> String {
        // Converts days to a civil date by Howard Hinnant's public-domain algorithm.
        let z = self.0.div_euclid(86_400_000) + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Returns the moment for `<time datetime>`: `2026-11-24T10:02Z`.
    #[must_use]
    pub fn iso(self) -> String {
        format!("{}T{}Z", self.day(), self.hour_and_minute())
    }

    /// Returns the moment to the second: `2026-11-24T10:02:07Z` (RFC 3339).
    #[must_use]
    pub fn rfc3339(self) -> String {
        let seconds = self.0.div_euclid(1_000).rem_euclid(60);
        format!("{}T{}:{seconds:02}Z", self.day(), self.hour_and_minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_times_to_the_second() {
        assert_eq!(Timestamp(1_700_000_007_999).rfc3339(), "2023-11-14T22:13:27Z");
        assert_eq!(Timestamp(-1).rfc3339(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn a_timestamp_is_formatted_as_iso_8601() {
        for (ms, iso) in [
            (0, "1970-01-01T00:00Z"),
            (1_700_000_000_000, "2023-11-14T22:13Z"),
            (951_782_400_000, "2000-02-29T00:00Z"),
            (-60_000, "1969-12-31T23:59Z"),
        ] {
            assert_eq!(Timestamp(ms).iso(), iso);
        }
    }

    #[test]
    fn waits_are_rounded_up_and_never_negative() {
        assert_eq!(Timestamp(1).seconds_after(Timestamp(0)), 1);
        assert_eq!(Timestamp(1_000).seconds_after(Timestamp(0)), 1);
        assert_eq!(Timestamp(0).seconds_after(Timestamp(5_000)), 0);
    }
}
