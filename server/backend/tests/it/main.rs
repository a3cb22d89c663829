//! Scenarios on SQLite and PostgreSQL. Property numbers in comments refer to `docs/security-properties.md`.

#![expect(clippy::unwrap_used, reason = "tests only; clippy exempts no helper functions")]

#[macro_use(apply)]
extern crate macro_rules_attribute;

/// Runs a scenario on both databases, in a separate world each: `scenario::sqlite` and `scenario::postgres`.
macro_rules! on_both {
    ($(#[$attribute:meta])* async fn $scenario:ident($world:ident: &World) $body:block) => {
        $(#[$attribute])*
        mod $scenario {
            use super::*;

            async fn scenario($world: &World) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                let world = crate::world::World::on_sqlite().await;
                scenario(&world).await;
                world.end().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                let world = crate::world::World::on_postgres().await;
                scenario(&world).await;
                world.end().await;
            }
        }
    };
}

/// Awaits an answer and asserts its step.
macro_rules! assert_step {
    ($result:expr, $step:path) => {
        let result = $result.await;
        assert!(matches!(result, Ok($step { .. })), "{result:?}");
    };
}

mod account_changes;
mod backup;
mod browser;
mod change_password;
mod client_registrations;
mod confirm;
mod crowd;
mod database;
mod database_tls;
mod deleted_data;
mod deletion;
mod dns;
mod durability;
mod email_budget;
mod email_change;
mod end_sessions;
mod events;
mod export;
mod export_columns;
mod first_forms;
mod former_members;
mod hashing_queue;
mod import;
mod invitations;
mod keys;
mod leaked;
mod mail_groups;
mod managed;
mod many_codes;
mod metrics;
mod migrations;
mod openid_acr;
mod openid_backchannel;
mod openid_consent;
mod openid_hints;
mod openid_logout;
mod openid_options;
mod openid_provider;
mod openid_refresh;
mod openid_tokens;
mod organization_page;
mod organizations;
mod owner_side;
mod plans;
mod pre_hijacking;
mod preferences;
mod product;
mod profile;
mod provider;
mod provider_peer;
mod reset;
mod reset_codes;
mod reset_emails;
mod secrets;
mod secure;
mod sessions;
mod several_servers;
mod sign_in;
mod sign_in_waits;
mod sign_up;
mod sites;
mod stolen_devices;
mod stolen_tokens;
mod storage;
mod waiting_products;
mod world;
