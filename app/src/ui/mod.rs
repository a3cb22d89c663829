//! The parts that every page is made of. Each one is whole HTML without scripts and gets better with them.
//!
//! A page is a [`Page`] with fields and buttons in it; the [`Frame`] stands around all of them, once.

mod announce;
mod browser;
mod button;
mod copy_button;
mod countdown;
mod field;
mod frame;
mod live;
mod mail_help;
mod mailbox;
mod notice;
mod page;
mod password_field;
mod print_button;
mod problem;
mod rows;
mod time;

pub use announce::{Announce, use_announce};
pub use button::{LinkButton, Look, SubmitButton};
pub use copy_button::CopyButton;
pub use countdown::Countdown;
pub use field::{Checkbox, CodeField, EmailField, NameField, UsernameHint};
pub use frame::Frame;
pub use live::use_live;
pub use mail_help::MailHelp;
pub use mailbox::{Mailbox, MailboxButton, mailbox};
pub use notice::{Details, Notice};
pub use page::Page;
pub use password_field::{NewPasswords, PasswordField, check_new_passwords};
pub use print_button::PrintButton;
pub use problem::{Problem, use_problem};
pub use rows::{Row, Rows};
pub use time::{LocalTime, When};

/// The browser's own [`DomainToAscii`](account::DomainToAscii).
pub(crate) fn domain_to_ascii(domain: &str) -> Option<String> {
    browser::domain_to_ascii(domain)
}

/// Empties a field of the page.
pub(crate) fn empty_field(field: account::Field) {
    browser::empty(field.as_str());
}

/// Moves the focus to an element when the page has been drawn.
#[cfg(any(feature = "ssr", feature = "home"))]
pub(crate) fn move_focus(id: &'static str) {
    browser::focus(id);
}
