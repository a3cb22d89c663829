//! Statements whose result is not needed, run together.

use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// Statements of a transaction that run together, before the next one that has a result or at the commit. It belongs to a transaction
/// only: what is in it when the transaction is dropped is rolled back like the rest.
#[derive(Default)]
pub struct Batch {
    /// With `$9` as the ninth of all arguments.
    statements: Vec<String>,
    arguments: SqliteArguments,
}

/// With so many arguments it runs: SQLite takes 32,766 in one call.
const FULL: usize = 500;

impl Batch {
    /// Whether it should run before another statement is added.
    pub(super) fn is_full(&self) -> bool {
        self.arguments.len() >= FULL
    }

    /// Adds a statement that counts its own arguments from `$1`; they follow by [`bind`](Self::bind).
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

    /// Adds the next argument of the statement that was added last.
    pub(in crate::store) fn bind<'t>(
        &mut self,
        value: impl Encode<'t, Sqlite> + Type<Sqlite>,
    ) -> Result<(), sqlx::Error> {
        let added: Result<(), BoxDynError> = self.arguments.add(value);
        added.map_err(sqlx::Error::Encode)
    }

    /// Runs the statements in their order.
    pub(super) async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.statements.is_empty() {
            return Ok(());
        }
        let Self { statements, arguments } = std::mem::take(self);
        // Made of literals of this program only: what people type comes in arguments.
        let all = AssertSqlSafe(statements.join(";"));
        sqlx::query_with(all, arguments).execute(connection).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Connection;

    #[tokio::test]
    async fn batched_statements_run_together_and_in_order() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (a TEXT PRIMARY KEY, b BIGINT)")
            .execute(&mut connection)
            .await
            .unwrap();
        let mut batch = Batch::default();
        for again in 0..3 {
            for (name, number) in [("x", 1_i64), ("y", 2)] {
                batch.push("INSERT INTO t (b, a) VALUES ($2, $1)").unwrap();
                batch.bind(format!("{name}{again}")).unwrap();
                batch.bind(number).unwrap();
            }
            batch.push("UPDATE t SET b = b + $2 WHERE a = $1 AND b < $2").unwrap();
            batch.bind(format!("x{again}")).unwrap();
            batch.bind(10_i64).unwrap();
            batch.push("DELETE FROM t WHERE a = $1").unwrap();
            batch.bind(format!("y{again}")).unwrap();
            batch.run(&mut connection).await.unwrap();
            batch.run(&mut connection).await.unwrap();
        }
        let rows: Vec<(String, i64)> = sqlx::query_as("SELECT a, b FROM t ORDER BY a")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert_eq!(rows, ["x0", "x1", "x2"].map(|name| (name.to_owned(), 11)));
        batch.push("INSERT INTO t (a) VALUES ($1)").unwrap();
        batch.bind("x0").unwrap();
        assert!(batch.run(&mut connection).await.is_err(), "an error is returned");
        batch.run(&mut connection).await.unwrap();
    }
}
