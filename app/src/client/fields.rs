//! The fields of a form to be sent, and the result of the check in the browser.

use account::{Field, Refusal};
use leptos::web_sys::{FormData, HtmlFormElement};

/// The data of a form to be sent.
#[derive(Clone)]
pub struct Fields(FormData);

/// The result of the check in the browser, which saves a request. It must not refuse what the server accepts.
pub enum Checked {
    /// No objection.
    Send,
    /// The server would refuse it.
    Refuse(Refusal),
    /// The input belongs to another form, for example an address typed as a code: send that form instead.
    Instead(&'static str, Fields),
}

impl Fields {
    /// Reads the fields of a form.
    pub(crate) fn of(form: &HtmlFormElement) -> Option<Self> {
        FormData::new_with_form(form).ok().map(Self)
    }

    /// A single field.
    #[must_use]
    pub fn only(name: &str, value: &str) -> Option<Self> {
        let data = FormData::new().ok()?;
        data.append_with_str(name, value).ok()?;
        Some(Self(data))
    }

    /// The text of a field.
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
