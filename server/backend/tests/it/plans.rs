//! No statement scans a whole table: with ten million rows that takes seconds.

use crate::database::Database;
use crate::world::World;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

/// Statements that read a limited number of rows in index order, such as the next 500 accounts.
const IN_ORDER: [&str; 4] = [
    "ORDER BY a.email LIMIT",
    "due_at, retry_at, last_error",
    "ORDER BY due_at LIMIT $1) AS waiting",
    // From a partial index with no other rows.
    "WHERE used_at IS NULL LIMIT",
];
/// Operators' statements about all rows: the keys in use, the end of every session, e-mails to retry now, and one
/// account with all its data.
const OF_ALL: [&str; 11] = [
    "SELECT count(*) FROM accounts",
    "SELECT count(*) FROM codes",
    "SELECT count(*) FROM outbox",
    "DELETE FROM sessions RETURNING account_id",
    "DELETE FROM flows\n              WHERE account_id = $1 OR",
    "DELETE FROM outbox WHERE recipient = $1",
    "UPDATE codes SET superseded_at = $1 WHERE COALESCE",
    "UPDATE devices SET trusted_until = NULL WHERE trusted_until IS NOT NULL",
    "UPDATE flows SET ended_at = $1, version = version + 1\n              WHERE COALESCE",
    "UPDATE outbox SET due_at = $1, retry_at = $1",
    "UPDATE outbox SET failed_at = $1, body = '', last_error = NULL WHERE COALESCE",
];
/// PostgreSQL plans by its statistics.
const CROWD: &str = "
    INSERT INTO organizations SELECT i, i, i, i, i FROM generate_series(1, 1000) i;
    INSERT INTO accounts (id, email, name, kind, organization_id, created_at)
        SELECT i, i, i, 'managed', i % 1000 + 1, i FROM generate_series(1, 4000) i;
    INSERT INTO flows SELECT i, 'reset', i, i, i, 'en', '/', 5, 2, 1, i, 1, i, i FROM generate_series(1, 4000) i;
    INSERT INTO codes SELECT i, i, 'reset', i, i, 'k1', i, i FROM generate_series(1, 4000) i;
    INSERT INTO devices SELECT i, i, i, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO earlier_device_tokens SELECT i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO sessions SELECT i, i, i, i, i, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO outbox SELECT i, i, i, 'en', i, i, i, 1 FROM generate_series(1, 4000) i;
    INSERT INTO email_slots SELECT i, i FROM generate_series(1, 4000) i;
    INSERT INTO email_turns SELECT i % 1000, i, 1, i, i FROM generate_series(1, 4000) i;
    INSERT INTO limits SELECT i, 1, i FROM generate_series(1, 4000) i;
    INSERT INTO wrong_codes SELECT i, i, i, 1 FROM generate_series(1, 4000) i;
    INSERT INTO throttles SELECT i, 1, i, i FROM generate_series(1, 4000) i;
    INSERT INTO events SELECT i, i % 1000, CASE WHEN i % 2 = 0 THEN 'signed_in' ELSE 'wrong_code' END, 'person', i, i, i FROM generate_series(1, 4000) i;
    UPDATE outbox SET sent_at = 1 WHERE id::bigint % 100 > 0;
    ANALYZE";

/// A connection keeps its plans, so a plan made for empty tables must suit full ones.
#[apply(on_both!)]
async fn every_statement_finds_its_rows_by_an_index_on_empty_tables(world: &World) {
    // A background sweep may hash-join the rows that it has found; the next analysis of the table replaces the plan.
    let sweeps = |statement: &String| !statement.starts_with("DELETE") || !statement.contains("LIMIT 200)");
    assert_no_scans(world, sweeps).await;
}

#[apply(on_both!)]
async fn every_statement_finds_its_rows_by_an_index(world: &World) {
    if let Database::Postgres { server, name } = &*world.database {
        let (start, _) = server.rsplit_once('/').unwrap();
        let mut connection = PgConnection::connect(&format!("{start}/{name}")).await.unwrap();
        sqlx::raw_sql(CROWD).execute(&mut connection).await.unwrap();
    }
    assert_no_scans(world, |_| true).await;
}

async fn assert_no_scans(world: &World, checked: fn(&String) -> bool) {
    let statements = statements_of_the_store();
    let mut scans = Vec::new();
    for statement in statements.into_iter().filter(checked) {
        let scan = match &*world.database {
            Database::Sqlite(folder) => scan_in_sqlite(&folder.path().join("rekey.db"), &statement).await,
            Database::Postgres { server, name } => {
                let (start, _) = server.rsplit_once('/').unwrap();
                scan_in_postgres(&format!("{start}/{name}"), &statement).await
            }
        };
        scans.extend(scan.map(|plan| format!("{statement}\n→ {plan}")));
    }
    assert!(scans.is_empty(), "{}", scans.join("\n\n"));
}

/// Statements of the sweep that runs once a minute, and of a table with few rows: a scan is fine while the table is
/// small.
const MAY_SCAN: [&str; 2] = ["LIMIT 200)", "FROM key_checks"];

/// A connection keeps the plan of a statement's first use, which may predate all rows or statistics. Scans are allowed
/// here, as on the program's connections.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_chooses_the_index_on_new_and_on_full_tables() {
    let database = Database::postgres().await;
    database.open().await.close().await;
    let Database::Postgres { server, name } = &database else {
        unreachable!()
    };
    let (start, _) = server.rsplit_once('/').unwrap();
    let url = format!("{start}/{name}");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut scans = Vec::new();
    for tables in ["new", "filled"] {
        if tables == "filled" {
            sqlx::raw_sql(CROWD).execute(&mut connection).await.unwrap();
        }
        for statement in statements_of_the_store() {
            let plan = plan_in_postgres(&url, &statement, "").await.join("; ");
            if plan.contains("Seq Scan") && !MAY_SCAN.iter().any(|may| statement.contains(may)) {
                scans.push(format!("{tables}: {statement}\n→ {plan}"));
            }
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n\n"));
    drop(connection);
    database.end().await;
}

async fn scan_in_sqlite(file: &std::path::Path, statement: &str) -> Option<String> {
    // Only PostgreSQL has row locks and advisory locks.
    if statement.contains("SKIP LOCKED") || statement.contains("pg_advisory") {
        return None;
    }
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display()))
        .await
        .unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    // Rows that the statement itself has found, or one constant row.
    let own = ["ahead", "due", "next", "recent", "w", "address", "CONSTANT ROW"];
    // All live rows: `ends_at > now` alone.
    let finds_the_living = |line: &&String| line.starts_with("SEARCH") && line.contains("(ends_at>");
    let scans = |line: &&String| {
        finds_the_living(line)
            || line.starts_with("SCAN")
                && !own.iter().any(|own| {
                    line.split_once(' ')
                        .is_some_and(|(_, of)| of == *own || of.starts_with(&format!("{own} ")))
                })
                && !IN_ORDER.iter().any(|page| statement.contains(page))
    };
    lines.iter().find(scans).map(|_| lines.join("; "))
}

/// With scans disabled, the planner still scans if no index fits.
async fn scan_in_postgres(url: &str, statement: &str) -> Option<String> {
    let lines = plan_in_postgres(url, statement, "SET enable_seqscan = off").await;
    let whole_index = |at: usize| {
        let by_index = lines[at].contains("Index Scan") || lines[at].contains("Index Only Scan");
        let found = lines.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
        by_index && !found && !IN_ORDER.iter().any(|page| statement.contains(page))
    };
    let finds_the_living = |line: &String| line.contains("Index Cond: (ends_at > ");
    let scan = lines
        .iter()
        .any(|line| line.contains("Seq Scan") || finds_the_living(line))
        || (0..lines.len()).any(whole_index);
    scan.then(|| lines.join("; "))
}

/// The generic plan, which knows no parameter values.
async fn plan_in_postgres(url: &str, statement: &str, set: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let parameters = (1..)
        .take_while(|number| statement.contains(&format!("${number}")))
        .count();
    let nulls = vec!["NULL"; parameters].join(", ");
    let execute = if parameters == 0 {
        "q".to_owned()
    } else {
        format!("q({nulls})")
    };
    let prepare = format!("{set}; SET plan_cache_mode = force_generic_plan; PREPARE q AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    let explain = AssertSqlSafe(format!("EXPLAIN (COSTS OFF) EXECUTE {execute}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Every statement in the source of the tables, with its macros expanded.
fn statements_of_the_store() -> Vec<String> {
    let store = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    // `sqlite/` and `postgres/` are about connections, not about rows.
    let folders = [store.clone(), store.join("flows")];
    let files = folders.iter().flat_map(|folder| folder.read_dir().unwrap());
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let source: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut statements = statements_of(&source);
    statements.retain(|statement| !OF_ALL.iter().any(|all| statement.starts_with(all)));
    statements.sort();
    statements.dedup();
    statements
}

fn statements_of(source: &str) -> Vec<String> {
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let source = code.join("\n");
    let mut statements = Vec::new();
    for (call, is_macro) in [("sqlx::query", false), ("execute!(", true), ("later!(", true)] {
        for (at, _) in source.match_indices(call) {
            let (_, arguments) = source[at..].split_once('(').unwrap();
            let statement = if is_macro {
                arguments.split_once(',').unwrap().1
            } else {
                arguments
            };
            if statement.trim_start().starts_with('"') {
                statements.push(literals(statement).next().unwrap().to_owned());
            }
        }
    }
    // Macros that put a statement together.
    for (at, _) in source.match_indices("macro_rules! ") {
        let (name, rest) = source[at..]["macro_rules! ".len()..].split_once(' ').unwrap();
        let (definition, _) = rest.split_once("\n}\n").unwrap();
        if definition.contains("concat!(") {
            let call = format!("{name}!(");
            let uses = source.match_indices(&call).map(|(at, _)| &source[at..]);
            statements.extend(uses.map(|call| expanded(&source, call)));
        }
    }
    statements.sort();
    statements.dedup();
    assert!(statements.len() > 60, "{}", statements.len());
    statements
}

/// `columns!("SELECT", "FROM …")`, with the pieces of `macro_rules! columns { … concat!(…) … }`.
fn expanded(source: &str, call: &str) -> String {
    let (name, arguments) = call.split_once("!(").unwrap();
    let mut given = literals(arguments);
    let definition = &source[source.find(&format!("macro_rules! {name}")).unwrap()..];
    let pieces = &definition[definition.find("concat!(").unwrap()..];
    let pieces = &pieces[..pieces.find("\n        )").unwrap()];
    let mut statement = String::new();
    let mut rest = pieces;
    while let Some(at) = rest.find(['"', '$']) {
        rest = &rest[at..];
        if rest.starts_with('$') {
            statement.push_str(given.next().unwrap());
            rest = &rest[1..];
        } else {
            let literal = literals(rest).next().unwrap();
            statement.push_str(literal);
            rest = &rest[literal.len() + 2..];
        }
    }
    statement
}

/// The string literals of source text; none contains a quotation mark.
fn literals(source: &str) -> impl Iterator<Item = &str> {
    source.split('"').skip(1).step_by(2)
}
