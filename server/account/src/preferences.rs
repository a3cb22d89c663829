use crate::{EmailAddress, SecurityDone};
use serde::{Deserialize, Serialize};

/// The colour theme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// Follows the device.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// All themes, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// Parses the form's, the cookie's or the stored value.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == value)
    }

    /// Returns the value for forms, the cookie, the database and the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The size of texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextSize {
    /// The browser's own.
    #[default]
    Normal,
    /// One sixth larger.
    Large,
    /// One third larger.
    Larger,
}

impl TextSize {
    /// All sizes, in order.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Large, Self::Larger];

    /// Parses the form's or the stored value.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.as_str() == value)
    }

    /// Returns the value for forms, the database and the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Large => "large",
            Self::Larger => "larger",
        }
    }
}

/// How a day is written on screens. E-mails write it in words: in a pasted e-mail, the eight digits of a date look like a code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DateFormat {
    /// As the language writes it: `30 November 2026`.
    #[default]
    Words,
    /// `2026-11-30`.
    YearFirst,
    /// `30/11/2026`.
    DayFirst,
    /// `11/30/2026`.
    MonthFirst,
}

impl DateFormat {
    /// All formats, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Words, Self::YearFirst, Self::DayFirst, Self::MonthFirst];

    /// Parses the form's or the stored value.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == value)
    }

    /// Returns the value for forms and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::YearFirst => "year_first",
            Self::DayFirst => "day_first",
            Self::MonthFirst => "month_first",
        }
    }
}

/// How times are written for an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeFormat {
    /// The time zone, by its name in the IANA database: `Europe/Berlin`. `None`: the device's on screens, where scripts run; else UTC.
    pub zone: Option<String>,
    /// How a day is written.
    pub dates: DateFormat,
    /// Whether the day has twice 12 hours: `1:30 PM`.
    pub twelve_hours: bool,
}

/// The settings that an account keeps for all pages and e-mails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// How times are written.
    pub times: TimeFormat,
    /// The chosen theme; `None`: the browser's last choice.
    pub theme: Option<Theme>,
    /// The size of texts.
    pub text_size: TextSize,
}

/// A setting with a form on its own page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// The language of screens and e-mails.
    Language,
    /// The time zone.
    TimeZone,
    /// How dates and times are written.
    Dates,
    /// Theme and text size.
    Appearance,
    /// The e-mails that the owner wants.
    Mail,
}

/// A group of e-mails that its readers can turn on and off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailGroupRow {
    /// The group's id in the configuration.
    pub id: String,
    /// Its name in the reader's language.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// Whether the owner wants it.
    pub wanted: bool,
}

/// The data of the preferences page and of its forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferencesView {
    /// The address of the signed-in account.
    pub email: EmailAddress,
    /// The language kept with the account.
    pub language: Option<String>,
    /// The other settings.
    pub preferences: Preferences,
    /// The groups of e-mails.
    pub groups: Vec<MailGroupRow>,
    /// The setting that was just saved.
    pub saved: Option<Setting>,
    /// The action just completed, for a one-time confirmation.
    pub done: Option<SecurityDone>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_value_is_read_back_and_an_unknown_one_is_not() {
        for theme in Theme::ALL {
            assert_eq!(Theme::read(theme.as_str()), Some(theme));
        }
        for size in TextSize::ALL {
            assert_eq!(TextSize::read(size.as_str()), Some(size));
        }
        for format in DateFormat::ALL {
            assert_eq!(DateFormat::read(format.as_str()), Some(format));
        }
        assert_eq!(Theme::read("Dark"), None);
        assert_eq!(TextSize::read(""), None);
        assert_eq!(DateFormat::read("iso"), None);
    }
}
