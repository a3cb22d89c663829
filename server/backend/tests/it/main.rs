//! What the service promises, as scenarios on SQLite and on PostgreSQL. A number in a scenario's comment is that of a property
//! in `docs/security-properties.md`.

#![expect(clippy::unwrap_used, reason = "tests only; clippy exempts no helper functions")]

mod account_changes;
mod backup;
mod browser;
mod change_password;
mod crowd;
mod database;
mod database_tls;
mod durability;
mod email_budget;
mod end_sessions;
mod events;
mod first_forms;
mod import;
mod keys;
mod leaked;
mod metrics;
mod owner_side;
mod plans;
mod reset;
mod reset_codes;
mod reset_emails;
mod secrets;
mod sessions;
mod several_servers;
mod sign_in;
mod sign_in_waits;
mod sign_up;
mod stolen_tokens;
mod storage;
mod world;

/// Runs each scenario on both databases, in a world of its own.
macro_rules! on_both_databases {
    ($($scenario:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                let world = crate::world::World::on_sqlite().await;
                super::$scenario(&world).await;
                world.end().await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                let world = crate::world::World::on_postgres().await;
                super::$scenario(&world).await;
                world.end().await;
            })*
        }
    };
}
pub(crate) use on_both_databases;
