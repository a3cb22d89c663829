//! What the targets lean on: the whole service on a database of its own, and a mail server of a few lines.

mod mail_server;
mod world;

pub use mail_server::{Delivery, MailServer};
pub use world::{Answer, ORIGIN, World, is_path_of_ours};
