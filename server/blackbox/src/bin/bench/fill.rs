//! Fills the program's own tables with realistic rows.

use crate::fixture::{Database, Fixture};
use blackbox::Fault;
use std::time::SystemTime;

/// Row counts.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    /// Accounts, each with one known browser.
    pub accounts: u64,
    /// Live sessions.
    pub sessions: u64,
    pub events: u64,
}

const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// The browser label of generated rows.
const BROWSER: &str = "'Firefox on Windows', '192.0.2.7'";

/// Fills the fixture's tables while the program is stopped. Generated accounts get the password of an existing one.
pub fn fill(database: Database, fixture: &Fixture, rows: Rows) -> Result<(), Fault> {
    let words = Words::of(database);
    words.hurry(fixture)?;
    let password = fixture.sql("SELECT hash FROM passwords LIMIT 1")?;
    let insert = |sql: &str| fixture.sql(&format!("{}; {sql}", words.before));
    insert(&accounts(&words, rows.accounts))?;
    insert(&passwords(&password))?;
    insert(&devices(&words))?;
    for (layer, count) in layers(rows.sessions, rows.accounts) {
        insert(&sessions(&words, layer, count))?;
    }
    for (layer, count) in layers(rows.events, rows.accounts) {
        insert(&events(&words, layer, count))?;
    }
    words.settle(fixture)
}

/// Returns one row per account in each layer, so that one account's rows are scattered as in a real database.
fn layers(all: u64, accounts: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..all.div_ceil(accounts)).map(move |layer| (layer, accounts.min(all - layer * accounts)))
}

/// Returns accounts with ids that start with the row's index, because millions of random inserts into indexes would take hours.
fn accounts(words: &Words, count: u64) -> String {
    let (fixture, tail, now) = (
        (words.hexadecimal)(&format!("i * 4294967296 / {count}")),
        words.random(24),
        now_ms(),
    );
    let ago = (words.below)(1_000 * DAY_MS);
    format!(
        "INSERT INTO accounts (id, email, name, created_at)
         WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
         SELECT {fixture} || {tail}, {} || i || '@example.com', 'Benchmark Test User', {now} - {ago} FROM n",
        words.random(8)
    )
}

/// Returns the password of each account without one.
fn passwords(hash: &str) -> String {
    format!(
        "INSERT INTO passwords (account_id, hash) SELECT id, '{hash}' FROM accounts WHERE true ON CONFLICT (account_id) DO NOTHING"
    )
}

fn devices(words: &Words) -> String {
    format!(
        "INSERT INTO devices (id, token_digest, account_id, browser, created_at)
         SELECT substr(id, 1, 8) || {}, substr(id, 1, 8) || {}, id, 'Firefox on Windows', created_at FROM accounts ORDER BY id",
        words.random(24),
        words.random(56)
    )
}

/// Returns sessions that don't expire within a day, because the program would delete them.
fn sessions(words: &Words, layer: u64, count: u64) -> String {
    let now = now_ms();
    format!(
        "INSERT INTO sessions (id, token_digest, account_id, browser, client, signed_in_at, last_seen_at, ends_at, authenticated_at, methods)
         SELECT substr(id, 1, 8) || {id}, substr(id, 1, 8) || {digest}, id, {BROWSER}, {now} - {day} - {since}, {now} - {seen}, {now} + {day} + {left}, {now} - {day}, 'password email_code'
           FROM accounts ORDER BY id LIMIT {count}",
        id = words.random(24),
        digest = words.random(56),
        day = DAY_MS + layer,
        since = (words.below)(5 * DAY_MS),
        seen = (words.below)(DAY_MS),
        left = (words.below)(24 * DAY_MS),
    )
}

fn events(words: &Words, layer: u64, count: u64) -> String {
    let kind = ["signed_in", "signed_out", "wrong_password", "reset_asked"][usize::try_from(layer % 4).unwrap_or(0)];
    format!(
        "INSERT INTO events (id, account_id, kind, actor, at, browser, client)
         SELECT substr(id, 1, 8) || {}, id, '{kind}', 'person', {} - {}, {BROWSER} FROM accounts ORDER BY id LIMIT {count}",
        words.random(24),
        now_ms(),
        (words.below)(365 * DAY_MS),
    )
}

/// SQL with differences between the two databases.
struct Words {
    /// 32 random hexadecimal digits, different in each row.
    digits: &'static str,
    /// A number as eight hexadecimal digits.
    hexadecimal: fn(&str) -> String,
    /// A random number below a limit, different in each row.
    below: fn(u64) -> String,
    /// Runs before each insert: turns off durability and foreign keys, which generated rows don't need.
    before: &'static str,
    /// Runs once before filling.
    first: &'static [&'static str],
    /// Runs once after filling, because a database in use has statistics and is vacuumed.
    last: &'static [&'static str],
}

impl Words {
    fn of(database: Database) -> Self {
        match database {
            Database::Sqlite => Self {
                digits: "lower(hex(randomblob(16)))",
                hexadecimal: |number| format!("printf('%08x', {number})"),
                below: |bound| format!("abs(random() % {bound})"),
                before: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000",
                first: &[],
                last: &["ANALYZE", "PRAGMA journal_mode = WAL"],
            },
            Database::Postgres => Self {
                digits: "replace(CAST(gen_random_uuid() AS TEXT), '-', '')",
                hexadecimal: |number| format!("lpad(to_hex({number}), 8, '0')"),
                below: |bound| format!("CAST(floor(random() * {bound}) AS BIGINT)"),
                before: "SET session_replication_role = replica",
                first: &[
                    "ALTER SYSTEM SET fsync = off",
                    "ALTER SYSTEM SET full_page_writes = off",
                    "ALTER SYSTEM SET autovacuum = off",
                    "ALTER SYSTEM SET max_wal_size = '4GB'",
                    "SELECT pg_reload_conf()",
                ],
                last: &[
                    "ALTER SYSTEM RESET ALL",
                    "SELECT pg_reload_conf()",
                    "VACUUM (ANALYZE)",
                    "CHECKPOINT",
                ],
            },
        }
    }

    /// Returns up to 64 random hexadecimal digits.
    fn random(&self, count: u64) -> String {
        let digits = self.digits;
        format!("substr({digits} || {digits}, 1, {count})")
    }

    fn hurry(&self, fixture: &Fixture) -> Result<(), Fault> {
        self.first.iter().try_for_each(|sql| fixture.sql(sql).map(drop))
    }

    fn settle(&self, fixture: &Fixture) -> Result<(), Fault> {
        self.last.iter().try_for_each(|sql| fixture.sql(sql).map(drop))
    }
}

fn now_ms() -> u128 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis()
}
