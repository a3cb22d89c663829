//! What is said to people, in their language: the catalogues of `locales/`, looked up with the language of the request. A
//! browser is sent the catalogue of its page's language and no other.

use account::{Refusal, Timestamp};
use leptos::prelude::use_context;

/// The languages there are words for, each as its own tag (BCP 47).
pub const LANGUAGES: [&str; 2] = ["en", "ar"];

/// The words of one language. Carried along, never global: one server speaks to many people at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// One of [`LANGUAGES`].
    pub language: &'static str,
}

/// The words of the page's language.
#[must_use]
pub fn use_words() -> Words {
    use_context().unwrap_or(Words { language: LANGUAGES[0] })
}

impl Words {
    /// The words of a language; English for one that there are none for.
    #[must_use]
    pub fn of(language: &str) -> Self {
        let known = LANGUAGES.into_iter().find(|known| *known == language);
        Self {
            language: known.unwrap_or(LANGUAGES[0]),
        }
    }

    /// Which way the language is written: the value of `dir`.
    #[must_use]
    pub fn direction(self) -> &'static str {
        if self.language == "ar" { "rtl" } else { "ltr" }
    }

    /// The sentence of a key.
    #[must_use]
    pub fn say(self, key: &str) -> String {
        catalogue::say(self, key)
    }

    /// The sentence of a key, with its `%{name}`s filled in.
    #[must_use]
    pub fn say_with(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut sentence = self.say(key);
        for (name, value) in values {
            sentence = sentence.replace(&["%{", name, "}"].concat(), value);
        }
        sentence
    }

    /// A wait as people say it: `30 seconds`, `5 minutes`, `2 hours`.
    #[must_use]
    pub fn wait(self, seconds: i64) -> String {
        let (unit, n) = match seconds {
            ..120 => ("wait.seconds_", seconds.max(1)),
            120..7_200 => ("wait.minutes_", (seconds + 59) / 60),
            _ => ("wait.hours_", (seconds + 3_599) / 3_600),
        };
        self.counted(unit, n)
    }

    /// So many of something, by a key that ends before the form of its plural: `wait.minutes_`.
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

    /// Why the person was told no.
    #[must_use]
    pub fn refusal(self, refusal: &Refusal) -> String {
        let key = ["refusal.", refusal.key()].concat();
        let say = |values: &[(&str, &str)]| self.say_with(&key, values);
        match refusal {
            Refusal::PasswordWait { seconds } | Refusal::ResendWait { seconds } | Refusal::TooMany { seconds } => {
                say(&[("wait", &self.wait(*seconds))])
            }
            Refusal::CodeWrongLength { digits } => say(&[("digits", &digits.to_string())]),
            Refusal::CodeWrong { tries_left } => {
                say(&[("tries_left", &self.counted("refusal.tries_left_", *tries_left))])
            }
            Refusal::CodeOlder { sent_at, newest_at } => say(&[
                ("sent_at", &time_of_day(*sent_at)),
                ("newest_at", &time_of_day(*newest_at)),
            ]),
            Refusal::PasswordTooShort { min, have } => say(&[("min", &min.to_string()), ("have", &have.to_string())]),
            Refusal::PasswordTooLong { max } => say(&[("max", &max.to_string())]),
            Refusal::HeldByOrganization { organization } => say(&[("organization", organization)]),
            _ => self.say(&key),
        }
    }
}

#[cfg(feature = "ssr")]
mod catalogue {
    use super::Words;

    pub(super) fn say(words: Words, key: &str) -> String {
        rust_i18n::t!(key, locale = words.language).into_owned()
    }
}

/// The catalogue of a language for the browser: a line for each sentence, its key before it, in the order of the keys.
#[cfg(feature = "ssr")]
#[must_use]
pub fn for_browser(language: &str) -> String {
    let mut lines: Vec<String> = crate::_rust_i18n_backend()
        .messages_for_locale(language)
        .unwrap_or_default()
        .into_iter()
        .map(|(key, sentence)| format!("{key}\t{sentence}\n"))
        .collect();
    lines.sort();
    lines.concat()
}

#[cfg(not(feature = "ssr"))]
mod catalogue {
    use super::Words;
    use std::sync::OnceLock;

    /// Key and sentence, in the order of the keys: looked up without a copy of each at the start, when the page must not wait.
    static SENTENCES: OnceLock<Vec<(&str, &str)>> = OnceLock::new();

    pub(super) fn say(_: Words, key: &str) -> String {
        let sentences = SENTENCES.get().map_or(&[][..], Vec::as_slice);
        let found = sentences.binary_search_by_key(&key, |(known, _)| known);
        found.map_or(key, |place| sentences[place].1).to_owned()
    }

    /// Takes what [`for_browser`](super) of the page's language has written; before the app starts.
    pub fn take(lines: &str) {
        // Once, and for as long as the page is there.
        let lines: &'static str = Box::leak(lines.into());
        let _ = SENTENCES.set(lines.lines().filter_map(|line| line.split_once('\t')).collect());
    }
}
#[cfg(not(feature = "ssr"))]
pub use catalogue::take;

/// The time of day inside a sentence: the person's own in the browser; on the server, which does not know it, in UTC.
#[must_use]
pub fn time_of_day(at: Timestamp) -> String {
    #[cfg(target_arch = "wasm32")]
    {
        let date = js_sys::Date::new(&(at.0 as f64).into());
        let minutes = i64::from(date.get_hours()) * 60 + i64::from(date.get_minutes());
        Timestamp(minutes * 60_000).hour_and_minute()
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        time_in_utc(at)
    }
}

/// The time of day as the server says it.
#[must_use]
pub fn time_in_utc(at: Timestamp) -> String {
    [&at.hour_and_minute(), " UTC"].concat()
}

#[cfg(test)]
#[cfg(feature = "ssr")]
mod tests;
