//! Migrations of data that an earlier release has written.

use crate::database::Database;
use account::{AccountId, EmailAddress, PasswordAccess, Timestamp};
use backend::store::{Db, accounts, identities, sessions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// The last migration of the previous release.
const PREVIOUS: i64 = 12;
/// Number of accounts: a third with a password, a third with Google, a third managed; every tenth deactivated.
const ACCOUNTS: i64 = 100_000;
const NOW: Timestamp = Timestamp(1_000_000);

/// Data as the previous release stored it, one statement for both databases. Ids are numbers. In lower case, so that the test of
/// plans ignores them.
const DATA: &[&str] = &[
    "insert into organizations VALUES ('o', 'Analytical Engines Ltd', 'Charles Babbage', 'it-help@example.com', 1)",
    "insert into accounts (id, email, name, kind, organization_id, language, password, password_changed_at,
                           password_unchecked_at, created_at, disabled_at)
     WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 100000)
     SELECT CAST(i AS TEXT), 'u' || i || '@example.com', 'User ' || i,
            CASE i % 3 WHEN 0 THEN 'local' WHEN 1 THEN 'google' ELSE 'managed' END,
            CASE WHEN i % 3 = 2 THEN 'o' END, 'en', CASE WHEN i % 3 = 0 THEN 'hash ' || i END,
            CASE WHEN i % 3 = 0 THEN i END, CASE WHEN i % 30 = 0 THEN i END, i, CASE WHEN i % 10 = 0 THEN i END FROM n",
    "insert into devices (id, token_digest, account_id, browser, created_at, trusted_until)
     SELECT id, id, id, 'Firefox on Linux', created_at, 9000000 FROM accounts",
    "insert into earlier_device_tokens SELECT id, id, created_at FROM accounts",
    "insert into sessions (id, token_digest, account_id, browser, client, signed_in_at, last_seen_at, ends_at)
     SELECT id, id, id, 'Firefox on Linux', '192.0.2.1', created_at, 1000000, 9000000 FROM accounts",
    "insert into flows (id, purpose, email, account_id, reference, language, next_path, tries_left, stale_code_allowance,
                        codes_sent, resend_at, version, created_at, ends_at, digits)
     SELECT id, 'reset', email, id, 'K7', 'en', '/profile', 5, 2, 1, 1, 1, 1, 9000000, 8 FROM accounts WHERE kind = 'local'",
    "insert into codes (id, flow_id, purpose, email, digest, key_id, sent_at, expires_at)
     SELECT id, id, 'reset', email, 'd', 'k1', 1, 9000000 FROM flows",
];

async fn carries_over(database: Database) {
    fill(&database).await;
    let db = Db::open(&database.url()).await.unwrap();
    db.migrate().await.unwrap();
    check(&db).await;
    db.close().await;
    for table in ["sessions", "devices", "earlier_device_tokens"] {
        let count = database.number(format!("select count(*) FROM {table}")).await;
        assert_eq!(count, ACCOUNTS, "{table}");
    }
    for table in ["flows", "codes", "passwords"] {
        let count = database.number(format!("select count(*) FROM {table}")).await;
        assert_eq!(count, ACCOUNTS / 3 + 1, "{table}");
    }
    database.end().await;
}

/// Each kind of account is derived from its rows, with everything that the previous release knew of it.
async fn check(db: &Db) {
    let mut conn = db.read().await.unwrap();
    for i in [0, 1, 2, 30, 40, 99_999] {
        let email = EmailAddress::parse(&format!("u{i}@example.com")).unwrap();
        let stored = accounts::find_by_email(&mut conn, &email).await.unwrap().unwrap();
        let account = stored.account;
        let provider = |_: &str| {
            Some(account::Provider {
                name: "Google".into(),
                password_url: None,
            })
        };
        match (i % 3, account.password_access(provider)) {
            (0, PasswordAccess::Editable) => {
                assert_eq!(stored.password, Some(format!("hash {i}")));
                assert_eq!(account.password_changed_at, Some(Timestamp(i)));
            }
            (1, PasswordAccess::NotSet(Some(_))) => {
                let found = identities::find_declared(&mut conn, "https://accounts.google.com", &email)
                    .await
                    .unwrap();
                assert_eq!(found.unwrap().account_id, account.id.0);
            }
            (2, PasswordAccess::ManagedBy(organization)) => assert_eq!(organization.name, "Analytical Engines Ltd"),
            (_, access) => panic!("{i}: {access:?}"),
        }
        assert_eq!(stored.unchecked, i % 30 == 0);
        assert_eq!(account.disabled_at, (i % 10 == 0).then_some(Timestamp(i)));
        assert_eq!(
            (account.id, account.name),
            (AccountId(i.to_string()), format!("User {i}"))
        );
        let session = sessions::find(&mut conn, &i.to_string(), 1_000, NOW).await.unwrap();
        assert_eq!(session.is_some(), i % 10 != 0);
        if let Some(session) = session {
            assert_eq!(session.authenticated_at, session.signed_in_at);
        }
    }
}

async fn fill(database: &Database) {
    let migrator = sqlx::migrate!();
    match database {
        Database::Sqlite(_) => {
            let url = format!("{}?mode=rwc", database.url());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            migrator
                .run_direct(Some(PREVIOUS), &mut connection, false)
                .await
                .unwrap();
            for statement in DATA {
                sqlx::raw_sql(AssertSqlSafe(*statement))
                    .execute(&mut connection)
                    .await
                    .unwrap();
            }
        }
        Database::Postgres { .. } => {
            let mut connection = PgConnection::connect(&database.url()).await.unwrap();
            migrator
                .run_direct(Some(PREVIOUS), &mut connection, false)
                .await
                .unwrap();
            for statement in DATA {
                sqlx::raw_sql(AssertSqlSafe(*statement))
                    .execute(&mut connection)
                    .await
                    .unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_the_previous_release_keep_their_way_to_sign_in_sqlite() {
    carries_over(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_the_previous_release_keep_their_way_to_sign_in_postgres() {
    carries_over(Database::empty_postgres().await).await;
}
