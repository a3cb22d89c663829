//! Statements without a needed result, run together.

use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// A transaction's statements, run before its next statement that has a result, or at the commit. Dropped if rolled back.
#[derive(Default)]
pub struct Batch {
    /// Statements with renumbered placeholders: `$9` is the ninth of all arguments.
    statements: Vec<String>,
    arguments: SqliteArguments,
}

/// Number of arguments at which the batch runs: SQLite accepts 32,766 per call.
const FULL: usize = 500;

impl Batch {
    /// Whether to run the batch before adding a statement.
    pub(super) fn is_full(&self) -> bool {
        self.arguments.len() >= FULL
    }

    /// Adds a statement with its own placeholders from `$1`. Its arguments follow by [`bind`](Self::bind).
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

    /// Adds the next argument of the last statement.
    pub(in crate::store) fn bind<'t>(
        &mut self,
        value: impl Encode<'t, Sqlite> + Type<Sqlite>,
    ) -> Result<(), sqlx::Error> {
        let added: Result<(), BoxDynError> = self.arguments.add(value);
        added.map_err(sqlx::Error::Encode)
    }

    /// Runs the statements in order.
    pub(super) async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.statements.is_empty() {
            return Ok(());
        }
        let Self { statements, arguments } = std::mem::take(self);
        // SQL literals only; user input is bound as arguments.
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
