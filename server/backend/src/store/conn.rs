//! Connections and transactions, by what may run on them.

use super::measured::Measurement;
use super::{postgres, sqlite};
use crate::Fault;
use account::ActivityKind;
use std::ops::{Deref, DerefMut};

/// A connection to one of the two databases.
pub enum Conn {
    /// To the file.
    Sqlite(sqlite::Conn),
    /// To the server.
    Postgres(postgres::Conn),
}

/// A connection for statements that only read. Each sees what was committed before it.
pub struct ReadConn {
    /// What statements run on.
    pub conn: Conn,
    pub(super) measurement: Measurement,
}

/// A transaction, rolled back unless committed. Functions that write take it. Functions that read take it as well: it derefs to the
/// connection.
#[must_use = "it is rolled back unless committed"]
pub struct WriteTx(pub(super) ReadConn);

/// A connection for one statement that is a transaction by itself; [`autocommit!`] runs it.
#[must_use = "a pooler and group commit make it a transaction, which is rolled back unless finished"]
pub struct WriteConn(pub(super) ReadConn);

impl WriteTx {
    /// Counts an event, once the transaction is committed.
    pub(super) fn happened(&mut self, kind: ActivityKind) {
        self.0.measurement.happened(kind);
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// When the database refuses; then nothing of it is kept.
    pub async fn commit(self) -> Result<(), Fault> {
        self.0.commit().await
    }
}

impl WriteConn {
    /// Makes the statement durable, where the statement itself did not.
    ///
    /// # Errors
    /// When the database refuses; then nothing of it is kept.
    pub async fn finish(self) -> Result<(), Fault> {
        self.0.commit().await
    }
}

impl ReadConn {
    async fn commit(self) -> Result<(), Fault> {
        match self.conn {
            Conn::Sqlite(conn) => conn.commit().await?,
            Conn::Postgres(conn) => conn.commit().await?,
        }
        self.measurement.committed();
        Ok(())
    }
}

impl Deref for WriteTx {
    type Target = ReadConn;
    fn deref(&self) -> &ReadConn {
        &self.0
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut ReadConn {
        &mut self.0
    }
}

impl Deref for WriteConn {
    type Target = ReadConn;
    fn deref(&self) -> &ReadConn {
        &self.0
    }
}

impl DerefMut for WriteConn {
    fn deref_mut(&mut self) -> &mut ReadConn {
        &mut self.0
    }
}

/// Writes one query for both databases: `on!(tx, |conn| sqlx::query("…").fetch_all(conn).await?)`.
macro_rules! on {
    ($tx:expr, |$conn:ident| $run:expr) => {
        match &mut $tx.conn {
            $crate::store::Conn::Sqlite(conn) => {
                let $conn = &mut **conn;
                $run
            }
            $crate::store::Conn::Postgres(conn) => {
                let $conn = conn.statements();
                $run
            }
        }
    };
}

/// Runs a statement and gives how many rows it wrote: `execute!(tx, "UPDATE … $1 … $2", first, second)`.
macro_rules! execute {
    ($tx:expr, $statement:expr $(, $value:expr)* $(,)?) => {
        $crate::store::conn::on!($tx, |conn| {
            sqlx::query($statement)$(.bind($value))*.execute(conn).await?.rows_affected()
        })
    };
}

/// Runs one statement that is a transaction by itself: `autocommit!(db, |writer| execute!(writer, "…"))`. On SQLite a power failure may
/// lose it, as with [`Db::begin_unsynced`](super::Db::begin_unsynced).
macro_rules! autocommit {
    ($db:expr, |$writer:ident| $run:expr) => {{
        let mut $writer = $db.autocommit().await?;
        let outcome = $run;
        $writer.finish().await?;
        outcome
    }};
}
pub(super) use {autocommit, execute, on};
