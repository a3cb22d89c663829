//! All SQL statements, one file per table. The same SQL text runs on both databases.

pub mod account_changes;
pub mod accounts;
pub mod administrators;
pub mod authorization;
pub mod client_assertions;
pub mod clients;
pub mod codes;
mod conn;
pub mod connected_products;
mod db;
pub mod deletions;
pub mod devices;
pub mod email_changes;
pub mod email_turns;
pub mod events;
pub mod export;
pub mod flows;
pub mod identities;
pub mod invitations;
pub mod key_checks;
pub mod limits;
pub mod logout_notices;
pub mod mail_choices;
pub mod mail_queue;
mod measured;
pub mod members;
pub mod organizations;
pub mod outbox;
pub mod pairwise_subjects;
pub mod postgres;
pub mod preferences;
pub mod sessions;
pub mod signing_keys;
pub mod site_sessions;
pub mod sqlite;
pub mod throttles;
pub mod waiting;

pub use conn::{Conn, ReadConn, WriteConn, WriteTx};
pub use db::{Db, Engine, PoolState};
pub use measured::Measured;

/// Number of expired rows deleted per statement. SQL contains it literally: with a bound `LIMIT`, PostgreSQL would scan
/// the whole table.
pub const BATCH: u64 = 200;
