//! The rows: every statement that the service runs, a file for each table. One SQL text serves both databases.

pub mod account_changes;
pub mod accounts;
pub mod codes;
mod conn;
mod db;
pub mod devices;
pub mod email_turns;
pub mod events;
pub mod flows;
pub mod key_checks;
pub mod limits;
pub mod mail_queue;
mod measured;
pub mod outbox;
pub mod postgres;
pub mod sessions;
pub mod sqlite;
pub mod throttles;
pub mod waiting;

pub use conn::{Conn, ReadConn, WriteConn, WriteTx};
pub use db::{Db, Engine, PoolState};
pub use measured::Measured;

/// Expired rows of a table that are deleted at a time. The number stands in the statements themselves: for a parameter PostgreSQL
/// plans as for a tenth of the table, and would read all of it.
pub const BATCH: u64 = 200;
