//! Statements that give nothing back, and can wait.

use super::server::Statements;
use sqlx::error::BoxDynError;
use sqlx::{Arguments, AssertSqlSafe, Database, Encode, Postgres, Sqlite, SqliteConnection, Type};

/// Statements of a transaction that wait for the next one that gives something, or for the commit, and go together. SQLite's
/// connection has a thread of its own: a statement by itself is a change to it and one back, which takes longer than the
/// statement. PostgreSQL is asked over a socket, and each of its processes wakes and sleeps for each question.
pub struct Later<D: Database> {
    /// In which `$9` is the ninth of all arguments.
    statements: Vec<String>,
    arguments: D::Arguments,
}

impl<D: Database> Default for Later<D> {
    fn default() -> Self {
        Self {
            statements: Vec::new(),
            arguments: D::Arguments::default(),
        }
    }
}

/// With so many arguments they go: a database takes some ten thousand at once.
const FULL: usize = 500;

impl<D: Database> Later<D> {
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
    pub(super) fn bind<'t>(&mut self, value: impl Encode<'t, D> + Type<D>) -> Result<(), sqlx::Error> {
        let added: Result<(), BoxDynError> = self.arguments.add(value);
        added.map_err(sqlx::Error::Encode)
    }
}

impl Later<Sqlite> {
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

impl Later<Postgres> {
    /// Runs those that wait.
    pub(super) async fn run(&mut self, connection: Statements<'_>) -> Result<(), sqlx::Error> {
        let Self {
            mut statements,
            arguments,
        } = std::mem::take(self);
        let Some(last) = statements.pop() else { return Ok(()) };
        // A statement of several, as a text of several takes no arguments.
        let mut all = String::new();
        for (number, statement) in statements.iter().enumerate() {
            let before = if number == 0 { "WITH" } else { "," };
            all.push_str(&format!("{before} s{number} AS ({statement})"));
        }
        let all = AssertSqlSafe(all + " " + &last);
        sqlx::query_with(all, arguments).execute(connection).await.map(drop)
    }

    /// Whether this one may go together with those that wait. All of them see what was before the first, so whatever changes rows
    /// goes with none of the same table; CockroachDB refuses the rest, too, but for several that add.
    pub(super) fn takes(&self, statement: &str) -> bool {
        let (verb, table) = about(statement);
        let mut waiting = self.statements.iter().map(|waits| about(waits));
        waiting.all(|(other, of)| table != of || (verb, other) == ("INSERT", "INSERT"))
    }
}

/// `INSERT` and `flows` of `INSERT INTO flows …`.
fn about(statement: &str) -> (&str, &str) {
    let mut words = statement.split_ascii_whitespace();
    let verb = words.next().unwrap_or_default();
    let table = words.find(|word| !["INTO", "FROM"].contains(word));
    (verb, table.unwrap_or_default())
}

/// Runs a statement whose outcome nobody asks for, in its place among the others of the transaction:
/// `later!(tx, "UPDATE … $1 … $2", first, second)`. It is about one table.
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
                if tx.later.is_full() || !tx.later.takes($statement) {
                    tx.catch_up().await?;
                }
                tx.later.push($statement)?;
                $(tx.later.bind($value)?;)*
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
        let mut later = Later::<Sqlite>::default();
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
