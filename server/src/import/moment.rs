//! Timestamps in the formats of other systems.

use account::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Parses RFC 3339, the format of PostgreSQL and MySQL (`2024-11-25 10:00:00.123456+00`, UTC if there is no offset), and 13
/// digits of milliseconds since 1970.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    if text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Timestamp);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, offset) = rest.split_at(rest.find(['Z', 'z', 'U', '+', '-', ' ']).unwrap_or(rest.len()));
    let offset = match offset.trim_start() {
        "" | "UTC" => "Z".to_owned(),
        hours if hours.len() == 3 => format!("{hours}:00"),
        together if together.len() == 5 && !together.contains(':') => {
            let (hours, minutes) = together.split_at_checked(3)?;
            format!("{hours}:{minutes}")
        }
        offset => offset.to_owned(),
    };
    let moment = OffsetDateTime::parse(&format!("{date}T{time}{offset}"), &Rfc3339).ok()?;
    let ms = moment.unix_timestamp_nanos() / 1_000_000;
    ms.try_into().ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_and_rfc_3339_timestamps_are_read() {
        const MS: i64 = 1_732_528_800_123;
        for text in [
            "2024-11-25T10:00:00.123Z",
            "2024-11-25t12:00:00.1234+02:00",
            "2024-11-25 10:00:00.123456+00",
            "2024-11-25 15:30:00.123456+05:30",
            "2024-11-25 15:30:00.123+0530",
            "2024-11-25 10:00:00.123",
            "2024-11-25 10:00:00.123 UTC",
            "2024-11-25 05:00:00.123 -0500",
            "1732528800123",
        ] {
            assert_eq!(moment(text), Some(Timestamp(MS)), "{text}");
        }
        assert_eq!(moment("2024-11-25 10:00:00"), Some(Timestamp(MS - 123)));
    }

    #[test]
    fn an_invalid_timestamp_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-11-25",
            "25.11.2024 10:00:00",
            "2024-13-25 10:00:00",
            "2024-11-25 10:00:00 CEST",
            "2024-11-25 10:00:00+é0",
            "1732528800",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
