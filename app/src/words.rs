//! The user interface texts: the catalogues of `locales/`, in the language of the request. A browser receives only the
//! catalogue of its page's language.

use crate::ui::When;
use account::{Refused, Timestamp};
use leptos::prelude::use_context;

/// The available languages, as language tags (BCP 47).
pub const LANGUAGES: [&str; 2] = ["en", "ar"];

/// The texts of one language. Passed as an argument, because one server answers in several languages at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// One of [`LANGUAGES`].
    pub language: &'static str,
}

/// Returns the texts of the page's language.
#[must_use]
pub fn use_words() -> Words {
    use_context().unwrap_or(Words { language: LANGUAGES[0] })
}

impl Words {
    /// Returns the texts of a language, or the English ones if it is not available.
    #[must_use]
    pub fn of(language: &str) -> Self {
        let known = LANGUAGES.into_iter().find(|known| *known == language);
        Self {
            language: known.unwrap_or(LANGUAGES[0]),
        }
    }

    /// Returns the writing direction of the language: the value of `dir`.
    #[must_use]
    pub fn direction(self) -> &'static str {
        if self.language == "ar" { "rtl" } else { "ltr" }
    }

    /// Returns the text of a key.
    #[must_use]
    pub fn say(self, key: &str) -> String {
        catalogue::say(self, key)
    }

    /// Returns the text of a key, with its `%{name}` placeholders filled in.
    #[must_use]
    pub fn say_with(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut sentence = self.say(key);
        for (name, value) in values {
            sentence = sentence.replace(&["%{", name, "}"].concat(), value);
        }
        sentence
    }

    /// Returns a duration in words: `30 seconds`, `5 minutes`, `2 hours`.
    #[must_use]
    pub fn wait(self, seconds: i64) -> String {
        let (unit, n) = match seconds {
            ..120 => ("wait.seconds_", seconds.max(1)),
            120..7_200 => ("wait.minutes_", (seconds + 59) / 60),
            _ => ("wait.hours_", (seconds + 3_599) / 3_600),
        };
        self.counted(unit, n)
    }

    /// Returns a number with its unit. `key` omits the plural form: `wait.minutes_`.
    #[must_use]
    pub fn counted(self, key: &str, n: i64) -> String {
        let form = match (n, n % 100) {
            (1, _) => "one",
            (2, _) => "two",
            (_, 3..=10) => "few",
            _ => "many",
        };
        self.say_with(&[key, form].concat(), &[("n", &n.to_string())])
    }

    /// Returns a time of day for use in a text, as [`Self::moment`].
    #[must_use]
    pub fn time_of_day(self, at: Timestamp) -> String {
        self.moment(at, When::Time)
    }

    /// Writes a moment in the user's zone and format. Without a zone: local in the browser, UTC on the server, which does not know it.
    #[must_use]
    pub fn moment(self, at: Timestamp, show: When) -> String {
        #[cfg(target_arch = "wasm32")]
        {
            crate::client::browser::moment(at.0 as f64, show != When::Time, show != When::Day)
        }
        #[cfg(feature = "ssr")]
        {
            let precision = match show {
                When::Time => backend::Precision::Time,
                When::DayAndTime => backend::Precision::DayAndTime,
                When::Day => backend::Precision::Day,
            };
            let times = crate::settings::use_settings().times;
            self.isolated(&backend::written(self.language, &times, at, precision))
        }
        #[cfg(not(any(target_arch = "wasm32", feature = "ssr")))]
        {
            let _ = show;
            at.hour_and_minute()
        }
    }

    /// Isolates an address or a time within right-to-left text (U+2068, U+2069). For display only, not for copying.
    #[must_use]
    pub fn isolated(self, text: &str) -> String {
        if self.direction() == "rtl" {
            ["\u{2068}", text, "\u{2069}"].concat()
        } else {
            text.to_owned()
        }
    }

    /// Returns the text of a refusal.
    #[must_use]
    pub fn refusal(self, refused: &Refused) -> String {
        let key = ["refusal.", &refused.code].concat();
        let params = &refused.params;
        let time = |at: Option<Timestamp>| at.map(|at| self.time_of_day(at));
        let (sent_at, newest_at) = (time(params.sent_at), time(params.newest_at));
        // The times don't distinguish the e-mails.
        let is_same_minute = sent_at.is_some() && sent_at == newest_at;
        let shown = if is_same_minute {
            "refusal.code_older_same_minute"
        } else {
            &key
        };
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let tries_left = |n| self.counted("refusal.tries_left_", n);
        let values = [
            ("wait", params.seconds.map(|seconds| self.wait(seconds))),
            ("digits", number(params.digits)),
            ("tries_left", params.tries_left.map(tries_left)),
            ("sent_at", sent_at),
            ("newest_at", newest_at),
            ("min", number(params.min)),
            ("have", number(params.have)),
            ("max", number(params.max)),
            ("organization", params.organization.clone()),
            ("provider", params.provider.clone()),
        ];
        let values = values
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let text = self.say_with(shown, &values.collect::<Vec<_>>());
        // A server of a later version may send a code that this page's catalogue lacks.
        if text == key { self.say("failure.again") } else { text }
    }
}

#[cfg(feature = "ssr")]
mod catalogue {
    use super::Words;

    pub(super) fn say(words: Words, key: &str) -> String {
        rust_i18n::t!(key, locale = words.language).into_owned()
    }
}

/// The groups of texts that only pages without a program show.
#[cfg(feature = "ssr")]
const SERVER_ONLY: [&str; 4] = ["your_data.", "deletion.", "history.", "export."];

/// Returns a language's catalogue for the browser: one line per text, preceded by its key and sorted by key.
#[cfg(feature = "ssr")]
#[must_use]
pub fn for_browser(language: &str) -> String {
    let mut lines: Vec<String> = crate::_rust_i18n_backend()
        .messages_for_locale(language)
        .unwrap_or_default()
        .into_iter()
        .filter(|(key, _)| !SERVER_ONLY.iter().any(|group| key.starts_with(group)))
        .map(|(key, sentence)| format!("{key}\t{sentence}\n"))
        .collect();
    lines.sort();
    lines.concat()
}

#[cfg(not(feature = "ssr"))]
mod catalogue {
    use super::Words;
    use std::sync::OnceLock;

    /// Keys and texts, sorted by key. Binary search needs no copies, which would delay the start of the page.
    static SENTENCES: OnceLock<Vec<(&str, &str)>> = OnceLock::new();

    pub(super) fn say(_: Words, key: &str) -> String {
        let sentences = SENTENCES.get().map_or(&[][..], Vec::as_slice);
        let found = sentences.binary_search_by_key(&key, |(known, _)| known);
        found.map_or(key, |place| sentences[place].1).to_owned()
    }

    /// Stores the output of [`for_browser`](super) for the page's language; must be called before the app starts.
    pub fn take(lines: &str) {
        // Leaked on purpose, because it is used until the page is closed.
        let lines: &'static str = Box::leak(lines.into());
        let _ = SENTENCES.set(lines.lines().filter_map(|line| line.split_once('\t')).collect());
    }
}
#[cfg(not(feature = "ssr"))]
pub use catalogue::take;

#[cfg(test)]
#[cfg(feature = "ssr")]
mod tests;
