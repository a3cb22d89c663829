//! The rows: every statement that the service runs, a file a table. One SQL for both databases.

pub mod account_changes;
pub mod accounts;
pub mod backup;
mod checkpoints;
pub mod codes;
mod db;
pub mod devices;
pub mod email_turns;
pub mod events;
pub mod flows;
mod in_use;
pub mod key_checks;
mod later;
pub mod limits;
pub mod mail_queue;
mod measured;
pub mod outbox;
mod server;
pub mod sessions;
pub mod throttles;
pub mod waiting;
mod writer;

pub use checkpoints::Checkpoints;
pub use db::{Connections, Db, Tx};
pub use in_use::InUse;
pub use later::Later;
pub use measured::{BrowserTokens, Holds, Measured, OnFile, OnServer, Open};
pub use server::{Server, Statements};
pub use writer::{Kept, Writer, Writing};

/// So many dead rows of a table are taken away at a time. It stands in the statements themselves: for a number that PostgreSQL is
/// given later it plans as for a tenth of the table, and would read all of it.
pub const BATCH: u64 = 200;
