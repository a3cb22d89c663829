//! Statements must not scan a whole table. They are collected from sqlx's PostgreSQL log (SQLite runs the same text) and
//! explained at the end of a scenario. SQL of the tests themselves is in lower case, which excludes it.

use crate::database;
use crate::world::{ADA, World};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{LazyLock, Mutex, PoisonError};
use tokio::runtime::Runtime;
use tokio::task::block_in_place;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Statements that read a limited number of rows in index order, such as the next 500 accounts.
const IN_ORDER: [&str; 5] = [
    "ORDER BY a.email LIMIT",
    "ORDER BY name LIMIT",
    "due_at, retry_at, last_error",
    "ORDER BY due_at LIMIT $1) AS waiting",
    // From a partial index with no other rows.
    "WHERE used_at IS NULL LIMIT",
];
/// Operators' statements on all rows, such as the end of every session or the deletion of an account.
const OF_ALL: [&str; 14] = [
    "SELECT count(*) FROM passwords",
    "SELECT count(*) FROM codes",
    "SELECT count(*) FROM outbox",
    "DELETE FROM sessions RETURNING account_id",
    "DELETE FROM authorization_codes WHERE client_id",
    "DELETE FROM authorization_requests WHERE client_id",
    "DELETE FROM logout_notices WHERE client_id",
    "DELETE FROM pushed_requests WHERE client_id",
    "UPDATE accounts SET delete_after = $1, remind_after = $2 WHERE delete_after <",
    "UPDATE codes SET superseded_at = $1 WHERE COALESCE",
    "UPDATE devices SET trusted_until = NULL WHERE trusted_until IS NOT NULL",
    "UPDATE flows SET ended_at = $1, version = version + 1\n              WHERE COALESCE",
    "UPDATE outbox SET due_at = $1, retry_at = $1",
    "UPDATE outbox SET failed_at = $1, body = '', last_error = NULL WHERE COALESCE",
];
/// Statements that may scan a small table: those of the sweep, and of a table with few rows.
const MAY_SCAN: [&str; 6] = [
    "LIMIT 200)",
    "FROM clients",
    "FROM key_checks",
    "FROM signing_keys",
    "UPDATE signing_keys",
    "client_changes",
];
/// PostgreSQL plans by its statistics, SQLite by the schema alone.
const CROWD: &str = "
    insert into organizations SELECT i, i, i, i, i FROM generate_series(1, 1000) i;
    INSERT INTO accounts (id, email, name, managed_by, created_at)
        SELECT i, i, i, i % 1000 + 1, i FROM generate_series(1, 4000) i;
    INSERT INTO passwords SELECT i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO identities SELECT i, i, 'i', i, i, i FROM generate_series(1, 4000) i;
    UPDATE identities SET subject = NULL WHERE id::bigint % 10 = 0;
    INSERT INTO organization_domains SELECT i, i, i, i, CASE WHEN i % 2 = 0 THEN i END FROM generate_series(1, 1000) i;
    UPDATE organizations SET provider = id;
    INSERT INTO organization_administrators SELECT i % 1000 + 1, i, i FROM generate_series(1, 4000) i;
    INSERT INTO provider_responses SELECT i, i FROM generate_series(1, 4000) i;
    INSERT INTO flows SELECT i, 'reset', i, i, i, 'en', '/', 5, 2, 1, i, 1, i, i, NULL, NULL, NULL, NULL, '', 0, NULL, 8, 0 FROM generate_series(1, 4000) i;
    INSERT INTO codes SELECT i, i, 'reset', i, i, 'k1', i, i FROM generate_series(1, 4000) i;
    INSERT INTO devices SELECT i, i, i, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO earlier_device_tokens SELECT i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO sessions SELECT i, i, i, i, i, i, i, i, i, 'password' FROM generate_series(1, 4000) i;
    INSERT INTO outbox SELECT i, i, i, 'en', i, i, i, 1 FROM generate_series(1, 4000) i;
    INSERT INTO email_slots SELECT i, i FROM generate_series(1, 4000) i;
    INSERT INTO email_turns SELECT i % 1000, i, 1, i, i FROM generate_series(1, 4000) i;
    INSERT INTO limits SELECT i, 1, i FROM generate_series(1, 4000) i;
    INSERT INTO wrong_codes SELECT i, i, i, 1 FROM generate_series(1, 4000) i;
    INSERT INTO throttles SELECT i, 1, i, i FROM generate_series(1, 4000) i;
    INSERT INTO events SELECT i, i % 1000, CASE WHEN i % 2 = 0 THEN 'signed_in' ELSE 'wrong_code' END, 'person', i, i, i, i % 1000 + 1 FROM generate_series(1, 4000) i;
    INSERT INTO organization_invitations SELECT i, i % 1000 + 1, i, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO signing_keys SELECT i, i, i, i, i FROM generate_series(1, 4) i;
    INSERT INTO authorization_requests SELECT i, i, i, i, i, i, i, i, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO clients SELECT i, i, i, i, i, 0, i, i, i, i, i FROM generate_series(1, 400) i;
    INSERT INTO pushed_requests SELECT i, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO authorization_codes SELECT i, i, i, i, i, i, i, i, i, i, i, i % 400, i, i FROM generate_series(1, 4000) i;
    INSERT INTO pairwise_subjects SELECT i, i % 20, i, i FROM generate_series(1, 4000) i;
    INSERT INTO client_assertions SELECT i, i FROM generate_series(1, 4000) i;
    INSERT INTO site_sessions SELECT i, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO logout_notices SELECT i, i, i, i, i % 20, i, i FROM generate_series(1, 4000) i;
    UPDATE logout_notices SET session_id = NULL WHERE id::bigint % 100 = 0;
    INSERT INTO email_changes SELECT i, i % 1000 + 1, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO connected_products SELECT i, i % 20, i, i, i FROM generate_series(1, 4000) i;
    INSERT INTO preferences SELECT i, i, 'words', 0, 'dark', 'large' FROM generate_series(1, 4000) i;
    INSERT INTO mail_choices SELECT i, i % 20, i % 2, i, 'page' FROM generate_series(1, 4000) i;
    INSERT INTO mail_choice_changes SELECT i, i, i % 20, i % 2, i, 'page' FROM generate_series(1, 4000) i;
    INSERT INTO access_tokens SELECT i, i, i FROM generate_series(1, 4000) i;
    UPDATE outbox SET sent_at = 1 WHERE id::bigint % 100 > 0;
    ANALYZE";

/// Every statement so far, and whether it was explained.
static STATEMENTS: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());

/// Collects the statements in the log.
struct Log;

/// Reads the statement of one event.
struct Statement;

/// Databases without other users, so that no background analysis changes their plans.
struct Databases {
    sqlite: SqliteConnection,
    new: PgConnection,
    filled: PgConnection,
}

/// The layer of the log that collects statements.
pub fn log<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    Log.with_filter(Targets::new().with_target("sqlx::query", LevelFilter::DEBUG))
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // SQLite's statements run and are logged on separate threads.
        let thread = std::thread::current();
        if !thread.name().is_some_and(|name| name.starts_with("sqlx-sqlite")) {
            event.record(&mut Statement);
        }
    }
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        // A statement of up to four words is only in the summary.
        let of_tables = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
        let statement = value.trim();
        if matches!(field.name(), "summary" | "db.statement")
            && !statement.ends_with('…')
            // Longer statements only have more rows of values.
            && statement.len() < 4_000
            && of_tables.iter().any(|verb| statement.starts_with(verb))
            && (!statement.starts_with("SELECT") || statement.contains("FROM "))
            && !statement.contains("_sqlx_migrations")
        {
            STATEMENTS.lock().unwrap().entry(statement.to_owned()).or_default();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Explains new statements and fails on scans.
pub fn assert_no_scans() {
    let mut new = Vec::new();
    for (statement, explained) in STATEMENTS.lock().unwrap().iter_mut() {
        if !std::mem::replace(explained, true) && !OF_ALL.iter().any(|all| statement.starts_with(all)) {
            new.push(statement.clone());
        }
    }
    let scans = scans_of(&new);
    assert!(scans.is_empty(), "{}", scans.join("\n\n"));
}

fn scans_of(statements: &[String]) -> Vec<String> {
    // The connections outlive the scenario that opens them.
    static DATABASES: LazyLock<Mutex<(Runtime, Databases)>> = LazyLock::new(|| {
        let runtime = Runtime::new().unwrap();
        let databases = runtime.block_on(Databases::open());
        (runtime, databases).into()
    });
    let (runtime, databases) = &mut *DATABASES.lock().unwrap_or_else(PoisonError::into_inner);
    let scans = statements
        .iter()
        .map(|statement| runtime.block_on(databases.scans(statement)));
    scans.flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_of_a_scenario_are_collected() {
    let world = World::on_postgres().await;
    world.create_account(ADA).await;
    let is_insert = |statement: &String| statement.starts_with("INSERT INTO accounts ");
    assert!(STATEMENTS.lock().unwrap().keys().any(is_insert));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_found_on_each_database() {
    let by_name = "SELECT id FROM accounts WHERE name = $1".to_owned();
    let scans = block_in_place(|| scans_of(&[by_name]));
    assert_eq!(scans.len(), 3, "{scans:?}");
}

impl Databases {
    async fn open() -> Self {
        let mut sqlite = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::migrate!().run(&mut sqlite).await.unwrap();
        let mut filled = Self::postgres().await;
        sqlx::raw_sql(CROWD).execute(&mut filled).await.unwrap();
        Self {
            sqlite,
            new: Self::postgres().await,
            filled,
        }
    }

    /// Opens a connection with temporary tables.
    async fn postgres() -> PgConnection {
        let mut connection = PgConnection::connect(&database::server()).await.unwrap();
        let set = "SET search_path = pg_temp; SET plan_cache_mode = force_generic_plan; SET jit = off";
        sqlx::raw_sql(set).execute(&mut connection).await.unwrap();
        sqlx::migrate!().run(&mut connection).await.unwrap();
        connection
    }

    /// Returns the plans that scan a table.
    async fn scans(&mut self, statement: &str) -> Vec<String> {
        // A background sweep may hash-join the rows that it has found; the next analysis of the table replaces the plan.
        let sweep = statement.starts_with("DELETE") && statement.contains("LIMIT 200)");
        let mut scans = Vec::new();
        // Only PostgreSQL has row locks.
        let plan = plan_in_sqlite(&mut self.sqlite, &statement.replace("FOR UPDATE SKIP LOCKED", "")).await;
        if scans_in_sqlite(&plan, statement) {
            scans.push(("SQLite", plan));
        }
        // A cached plan may predate all rows and statistics, so a plan for empty tables must suit full ones.
        for (tables, connection) in [("new tables", &mut self.new), ("filled tables", &mut self.filled)] {
            let plan = plan_in_postgres(connection, statement, "on").await;
            // With scans disabled, the planner still scans if no index fits.
            let by_index = plan_in_postgres(connection, statement, "off").await;
            if has_seq_scan(&plan) && !MAY_SCAN.iter().any(|may| statement.contains(may)) {
                scans.push((tables, plan));
            } else if (tables == "filled tables" || !sweep) && scans_without_scans(&by_index, statement) {
                scans.push((tables, by_index));
            }
        }
        let text = |(tables, plan): (_, Vec<String>)| format!("{statement}\n→ on {tables}: {}", plan.join("; "));
        scans.into_iter().map(text).collect()
    }
}

async fn plan_in_sqlite(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    match sqlx::raw_sql(explain).fetch_all(connection).await {
        Ok(rows) => rows.iter().map(|row| row.get("detail")).collect(),
        Err(error) => panic!("{statement}: {error}"),
    }
}

fn scans_in_sqlite(plan: &[String], statement: &str) -> bool {
    // Rows found by or contained in the statement itself.
    let own = ["ahead", "due", "next", "recent", "w", "address"];
    let of_own = |line: &str| {
        let (_, of) = line.split_once(' ').unwrap();
        of.ends_with("CONSTANT ROW")
            || of.ends_with("CONSTANT ROWS")
            || of.ends_with("-ROW VALUES CLAUSE")
            || own.iter().any(|own| of == *own || of.starts_with(&format!("{own} ")))
    };
    plan.iter().any(|line| {
        // All live rows: `ends_at > now` alone.
        line.starts_with("SEARCH") && line.contains("(ends_at>")
            || line.starts_with("SCAN") && !of_own(line) && !reads_in_order(statement)
    })
}

/// Returns the generic plan, made without parameter values.
async fn plan_in_postgres(connection: &mut PgConnection, statement: &str, seqscan: &str) -> Vec<String> {
    let parameters = (1..)
        .take_while(|number| statement.contains(&format!("${number}")))
        .count();
    let nulls = match parameters {
        0 => String::new(),
        _ => format!("({})", vec!["NULL"; parameters].join(", ")),
    };
    let explain = format!(
        "DEALLOCATE ALL; SET enable_seqscan = {seqscan}; PREPARE q AS {statement}; EXPLAIN (COSTS OFF) EXECUTE q{nulls}"
    );
    match sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(connection).await {
        Ok(rows) => rows.iter().map(|row| row.get(0)).collect(),
        Err(error) => panic!("{statement}: {error}"),
    }
}

fn has_seq_scan(plan: &[String]) -> bool {
    plan.iter().any(|line| line.contains("Seq Scan"))
}

fn scans_without_scans(plan: &[String], statement: &str) -> bool {
    let whole_index = |(at, line): (usize, &String)| {
        let by_index = line.contains("Index Scan") || line.contains("Index Only Scan");
        by_index && !plan.get(at + 1).is_some_and(|next| next.contains("Index Cond"))
    };
    let finds_the_living = |line: &String| line.contains("Index Cond: (ends_at > ");
    let whole = plan.iter().enumerate().any(whole_index) && !reads_in_order(statement);
    has_seq_scan(plan) || plan.iter().any(finds_the_living) || whole
}

fn reads_in_order(statement: &str) -> bool {
    IN_ORDER.iter().any(|page| statement.contains(page))
}
