//! Catalogue texts (`locales/`) for one e-mail.

use crate::{Settings, moments};
use account::{TimeFormat, Timestamp};

/// Isolates a name in a sentence of the opposite direction, so that it doesn't displace punctuation (Unicode bidirectional
/// algorithm).
pub(super) const ISOLATE: char = '\u{2068}';
pub(super) const ISOLATE_END: char = '\u{2069}';

/// Markers around an address or URL, which is left-to-right in every language: an element in HTML, and nothing in text, so
/// that it can be copied without invisible characters. The catalogue never contains these noncharacters.
pub(super) const ADDRESS: char = '\u{fdd0}';
pub(super) const ADDRESS_END: char = '\u{fdd1}';

/// The catalogue in one language.
pub(super) struct Words<'a> {
    pub(super) language: &'static str,
    pub(super) settings: &'a Settings,
    pub(super) times: &'a TimeFormat,
}

impl<'a> Words<'a> {
    /// Falls back from `ar-EG` to `ar`, and from unknown languages to English.
    pub(super) fn of(language: &str, times: &'a TimeFormat, settings: &'a Settings) -> Self {
        let language = if language.split('-').next() == Some("ar") {
            "ar"
        } else {
            "en"
        };
        Self {
            language,
            settings,
            times,
        }
    }

    /// Returns this service's address for people, who type it: without `https://`.
    pub(super) fn host(&self) -> &str {
        let origin = &self.settings.origin;
        origin.split_once("://").map_or(origin, |(_, host)| host)
    }

    pub(super) fn direction(&self) -> &'static str {
        if self.language == "ar" { "rtl" } else { "ltr" }
    }

    /// Returns a text with its values, which always include `brand`.
    pub(super) fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.fill(key, values, self.language != "en")
    }

    /// Returns a text for a subject line, without isolates, which would interfere with filters and searches.
    pub(super) fn say_plainly(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.fill(key, values, false)
    }

    /// Returns a text with an address or URL.
    pub(super) fn say_address(&self, key: &str, (name, address): (&str, &str)) -> String {
        let address = one_line(address);
        let marked = format!("{ADDRESS}{address}{ADDRESS_END}");
        rust_i18n::replace_patterns(&crate::_rust_i18n_translate(self.language, key), &[name], &[marked])
    }

    fn fill(&self, key: &str, values: &[(&str, &str)], isolate: bool) -> String {
        let all = values.iter().copied().chain([("brand", self.settings.brand.as_str())]);
        let (names, values): (Vec<&str>, Vec<String>) = all
            .map(|(name, value)| {
                let value = one_line(value);
                (
                    name,
                    if isolate {
                        format!("{ISOLATE}{value}{ISOLATE_END}")
                    } else {
                        value
                    },
                )
            })
            .unzip();
        rust_i18n::replace_patterns(&crate::_rust_i18n_translate(self.language, key), &names, &values)
    }

    /// Writes a moment in the reader's time zone: `24 November 2026 at 10:02 UTC`.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        moments::written_in_email(self.language, self.times, at)
    }

    /// Writes a time of day in the reader's time zone: `10:02 UTC`.
    pub(super) fn time(&self, at: Timestamp) -> String {
        moments::time_in_email(self.language, self.times, at)
    }

    /// Translates a browser's short name from a fixed English list: `Firefox on Linux`, `a browser`.
    pub(super) fn browser(&self, name: &str) -> String {
        match name.split_once(" on ") {
            Some((browser, system)) => self.say_plainly("browser.on", &[("browser", browser), ("system", system)]),
            None if name.is_empty() || name == account::UNKNOWN_BROWSER => self.say_plainly("browser.unknown", &[]),
            None => name.to_owned(),
        }
    }
}

/// Strips control characters and isolates. Attack: a name continues as a paragraph or reverses the direction of the
/// text after it.
fn one_line(value: &str) -> String {
    let fits = |c: &char| {
        !c.is_control()
            && !matches!(*c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | ADDRESS | ADDRESS_END)
    };
    value.chars().filter(fits).collect()
}
