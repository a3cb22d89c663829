//! The data of a form, and the result of the browser's check.

use account::{Field, Refusal};
use leptos::web_sys::{FormData, HtmlFormElement};

/// The data of a form to be sent.
#[derive(Clone)]
pub struct Fields(FormData);

/// The result of the browser's check, which saves a request. Must not refuse anything that the server accepts.
pub enum Checked {
    /// Send the form.
    Send,
    /// Show the refusal that the server would return.
    Refuse(Refusal),
    /// Send another form instead: the input belongs there, for example an address typed as a code.
    Instead(&'static str, Fields),
}

impl Fields {
    /// Reads the fields of a form.
    pub(crate) fn of(form: &HtmlFormElement) -> Option<Self> {
        FormData::new_with_form(form).ok().map(Self)
    }

    /// Creates form data with a single field.
    #[must_use]
    pub fn only(name: &str, value: &str) -> Option<Self> {
        let data = FormData::new().ok()?;
        data.append_with_str(name, value).ok()?;
        Some(Self(data))
    }

    /// Returns the text of a field.
    #[must_use]
    pub fn text(&self, field: Field) -> String {
        self.0.get(field.as_str()).as_string().unwrap_or_default()
    }

    pub(crate) const fn data(&self) -> &FormData {
        &self.0
    }
}

impl From<Result<(), Refusal>> for Checked {
    fn from(checked: Result<(), Refusal>) -> Self {
        checked.map_or_else(Self::Refuse, |()| Self::Send)
    }
}
