//! Connections and transactions, typed by the statements they may run.

use super::measured::Measurement;
use super::{postgres, sqlite};
use crate::Fault;
use account::ActivityKind;
use std::ops::{Deref, DerefMut};

/// A connection to either database.
pub enum Conn {
    /// SQLite.
    Sqlite(sqlite::Conn),
    /// PostgreSQL.
    Postgres(postgres::Conn),
}

/// A read-only connection. Each statement sees everything committed before it.
pub struct ReadConn {
    /// The underlying connection.
    pub conn: Conn,
    pub(super) measurement: Measurement,
}

/// A write transaction, rolled back unless committed. Derefs to [`ReadConn`] for functions that only read.
#[must_use = "it is rolled back unless committed"]
pub struct WriteTx(pub(super) ReadConn);

/// A connection for a single auto-committed statement, run by [`autocommit!`].
#[must_use = "a pooler and group commit make it a transaction, which is rolled back unless finished"]
pub struct WriteConn(pub(super) ReadConn);

impl WriteTx {
    /// Counts an event in the metrics, once committed.
    pub(super) fn happened(&mut self, kind: ActivityKind) {
        self.0.measurement.happened(kind);
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// If the commit fails; all changes are then rolled back.
    pub async fn commit(self) -> Result<(), Fault> {
        self.0.commit().await
    }
}

impl WriteConn {
    /// Commits a statement that runs in a transaction: behind a pooler or in a group commit.
    ///
    /// # Errors
    /// If the commit fails; all changes are then rolled back.
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

/// Runs one query on either database: `on!(tx, |conn| sqlx::query("…").fetch_all(conn).await?)`.
macro_rules! on {
    ($tx:expr, |$conn:ident| $run:expr) => {
        match &mut $tx.conn {
            $crate::store::Conn::Sqlite(conn) => {
                conn.run_batch().await?;
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

/// Runs a statement and returns the number of affected rows: `execute!(tx, "UPDATE … $1 … $2", first, second)`.
macro_rules! execute {
    ($tx:expr, $statement:expr $(, $value:expr)* $(,)?) => {
        $crate::store::conn::on!($tx, |conn| {
            sqlx::query($statement)$(.bind($value))*.execute(conn).await?.rows_affected()
        })
    };
}

/// Like [`execute!`], without the row count: SQLite runs it together with the next statement that has a result, or the commit.
macro_rules! later {
    ($tx:expr, $statement:literal $(, $value:expr)* $(,)?) => {{
        let tx: &mut $crate::store::WriteTx = $tx;
        match &mut tx.conn {
            $crate::store::Conn::Sqlite(conn) => {
                let batch = conn.batch($statement).await?;
                $(batch.bind($value)?;)*
                let _ = batch;
            }
            $crate::store::Conn::Postgres(conn) => {
                sqlx::query($statement)$(.bind($value))*.execute(conn.statements()).await?;
            }
        }
    }};
}

/// Runs one auto-committed statement: `autocommit!(db, |writer| execute!(writer, "…"))`. On SQLite, a power failure may lose it,
/// as with [`Db::begin_unsynced`](super::Db::begin_unsynced).
macro_rules! autocommit {
    ($db:expr, |$writer:ident| $run:expr) => {{
        let mut $writer = $db.autocommit().await?;
        let outcome = $run;
        $writer.finish().await?;
        outcome
    }};
}
pub(super) use {autocommit, execute, later, on};
