//! The components of all pages. Each one is complete HTML; scripts only enhance it.
//!
//! A page is a [`Page`] with fields and buttons; the [`Frame`] surrounds it.

mod address;
mod announce;
mod button;
mod changing;
mod copy_button;
mod countdown;
mod error_page;
mod field;
mod frame;
mod mail_help;
mod mailbox;
mod notice;
mod page;
mod password_field;
mod problem;
mod rows;
mod time;

pub use address::Address;
#[cfg(not(feature = "ssr"))]
pub(crate) use announce::provide_announce;
pub use announce::{Announce, use_announce};
pub use button::{ButtonStyle, LinkButton, SubmitButton};
pub use copy_button::CopyButton;
pub use countdown::Countdown;
pub(crate) use countdown::ReceivedAt;
#[cfg(feature = "ssr")]
pub(crate) use error_page::error_title;
pub(crate) use error_page::{error_page, failure_page};
pub use field::{Checkbox, CodeField, EmailField, NameField, UsernameHint};
#[cfg(feature = "ssr")]
pub use field::{DomainField, NewEmailField, OptionalNameField, PreferredNameField};
#[cfg(feature = "ssr")]
pub use frame::Frame;
#[cfg(not(feature = "ssr"))]
pub(crate) use frame::attach;
pub use mail_help::MailHelp;
pub use mailbox::{Mailbox, MailboxButton, mailbox};
pub use notice::{Details, Notice};
pub use page::Page;
#[cfg(not(feature = "ssr"))]
pub(crate) use page::PageFocus;
#[cfg(feature = "ssr")]
pub(crate) use page::mark;
pub use password_field::{NewPasswords, PasswordField, check_new_passwords};
pub(crate) use problem::provide_problem;
pub use problem::{Problem, use_problem};
pub use rows::{Row, Rows};
pub use time::{LocalTime, When};

/// Converts a domain with the browser's own [`DomainToAscii`](account::DomainToAscii).
#[cfg(any(feature = "ssr", feature = "entry"))]
pub(crate) fn domain_to_ascii(domain: &str) -> Option<String> {
    crate::client::browser::domain_to_ascii(domain)
}

/// Clears a field of the page.
pub(crate) fn empty_field(field: account::Field) {
    crate::client::browser::empty(field.as_str());
}

/// Moves the focus to an element in the next animation frame.
#[cfg(any(feature = "ssr", feature = "account"))]
pub(crate) fn move_focus(id: &'static str) {
    crate::client::browser::focus(id);
}
