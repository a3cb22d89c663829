//! The fields of a form that is about to be sent, and the check in the browser.

use account::{Field, Refusal};
use leptos::web_sys::{FormData, HtmlFormElement};

/// What stands in a form that is about to be sent.
#[derive(Clone)]
pub struct Fields(FormData);

/// What the check in the browser says. It says nothing that the server would not; it only saves the way.
pub enum Checked {
    /// Nothing against it.
    Send,
    /// The server would refuse it.
    Refuse(Refusal),
    /// Something else is meant: another form, for another address.
    Instead(&'static str, Fields),
}

impl Fields {
    /// What stands in a form.
    pub(crate) fn of(form: &HtmlFormElement) -> Option<Self> {
        FormData::new_with_form(form).ok().map(Self)
    }

    /// Nothing but one field.
    #[must_use]
    pub fn only(name: &str, value: &str) -> Option<Self> {
        let data = FormData::new().ok()?;
        data.append_with_str(name, value).ok()?;
        Some(Self(data))
    }

    /// What was typed into a field.
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
