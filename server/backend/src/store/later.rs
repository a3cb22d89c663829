//! Statements that give nothing back, and can wait.

use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// Statements of a SQLite transaction that wait for the next one that has a result, or for the commit, and run together. SQLite's
/// connection has a thread of its own: a switch to it and back takes longer than a statement.
#[derive(Default)]
pub struct Later {
    /// In which `$9` is the ninth of all arguments.
    statements: Vec<String>,
    arguments: SqliteArguments,
}

/// With so many arguments they run: SQLite takes 32,766 in one call.
const FULL: usize = 500;

impl Later {
    /// Whether those that wait should go before another one is added.
    pub(super) fn is_full(&self) -> bool {
        self.arguments.len() >= FULL
    }

    /// Adds one, written for its first argument as `$1`; its arguments follow by [`bind`](Self::bind).
    pub(super) fn push(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let before = self.arguments.len();
        let mut pieces = statement.split('$');
        let mut renumbered: String = pieces.next().into_iter().collect();
        for piece in pieces {
            let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
            let (number, rest) = piece.split_at(digits);
            let number: usize = number.parse().map_err(|_| sqlx::Error::Protocol(statement.into()))?;
            renumbered.push_str(&format!("${}{rest}", before + number));
        }
        self.statements.push(renumbered);
        Ok(())
    }

    /// Gives the next argument of the one that was added last.
    pub(super) fn bind<'t>(&mut self, value: impl Encode<'t, Sqlite> + Type<Sqlite>) -> Result<(), sqlx::Error> {
        let added: Result<(), BoxDynError> = self.arguments.add(value);
        added.map_err(sqlx::Error::Encode)
    }

    /// Runs those that wait, in their order.
    pub(super) async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.statements.is_empty() {
            return Ok(());
        }
        let Self { statements, arguments } = std::mem::take(self);
        // Put together from the sources' own text: what people type comes by arguments only.
        let all = AssertSqlSafe(statements.join(";"));
        sqlx::query_with(all, arguments).execute(connection).await.map(drop)
    }
}

/// Runs a statement whose result nobody needs, in its place among the others of the transaction:
/// `later!(tx, "UPDATE … $1 … $2", first, second)`. SQLite runs it with the next one that has a result.
macro_rules! later {
    ($tx:expr, $statement:literal $(, $value:expr)* $(,)?) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                if tx.later.is_full() {
                    tx.catch_up().await?;
                }
                tx.later.push($statement)?;
                $(tx.later.bind($value)?;)*
            }
            $crate::store::Tx::Postgres(tx) => {
                sqlx::query($statement)$(.bind($value))*.execute(tx.statements()).await?;
            }
        }
    };
}
pub(super) use later;

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Connection;

    #[tokio::test]
    async fn statements_that_wait_run_together_and_in_order() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (a TEXT PRIMARY KEY, b BIGINT)")
            .execute(&mut connection)
            .await
            .unwrap();
        let mut later = Later::default();
        for again in 0..3 {
            for (name, number) in [("x", 1_i64), ("y", 2)] {
                later.push("INSERT INTO t (b, a) VALUES ($2, $1)").unwrap();
                later.bind(format!("{name}{again}")).unwrap();
                later.bind(number).unwrap();
            }
            later.push("UPDATE t SET b = b + $2 WHERE a = $1 AND b < $2").unwrap();
            later.bind(format!("x{again}")).unwrap();
            later.bind(10_i64).unwrap();
            later.push("DELETE FROM t WHERE a = $1").unwrap();
            later.bind(format!("y{again}")).unwrap();
            later.run(&mut connection).await.unwrap();
            later.run(&mut connection).await.unwrap();
        }
        let rows: Vec<(String, i64)> = sqlx::query_as("SELECT a, b FROM t ORDER BY a")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert_eq!(rows, ["x0", "x1", "x2"].map(|name| (name.to_owned(), 11)));
        later.push("INSERT INTO t (a) VALUES ($1)").unwrap();
        later.bind("x0").unwrap();
        assert!(later.run(&mut connection).await.is_err(), "a fault is told");
        later.run(&mut connection).await.unwrap();
    }
}
