//! Metrics of the account service.

use crate::world::{ADA, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, together};
use account::{AccountId, ActivityKind, Secret};
use backend::store::events::{self, Actor};
use backend::{Caller, Fault};
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::registry::Registry;

#[apply(on_both!)]
async fn events_are_counted_by_kind(world: &World) {
    world.create_account(ADA).await;
    let before = scrape(world).await;
    let mut browser = world.signed_in(ADA).await;
    browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    let after = scrape(world).await;
    for (kind, grown) in [("signed_in", 1.0), ("password_changed", 1.0), ("signed_up", 0.0)] {
        let series = format!(r#"rekey_events_total{{kind="{kind}"}}"#);
        assert_eq!(value(&after, &series) - value(&before, &series), grown, "{kind}");
    }
    for name in [
        "rekey_database_begin_seconds_count",
        "rekey_database_transaction_seconds_count",
        "rekey_hashing_duration_seconds_count",
    ] {
        assert!(value(&after, name) > value(&before, name), "{name}");
    }
    assert!(!after.contains('@') && !after.contains("horse"), "{after}");
}

#[apply(on_both!)]
async fn a_rolled_back_transaction_leaves_no_metrics(world: &World) {
    let missing = AccountId(String::new());
    for (last, count) in [(false, 0.0), (true, 2.0)] {
        let mut tx = world.backend.db().begin().await.unwrap();
        for _ in 0..2 {
            let kind = ActivityKind::WrongCode;
            events::append(&mut tx, &missing, kind, Actor::User, &Caller::default(), world.now())
                .await
                .unwrap();
        }
        if last {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        assert_eq!(
            value(&scrape(world).await, r#"rekey_events_total{kind="wrong_code"}"#),
            count
        );
    }
}

#[apply(on_both!)]
async fn the_age_of_the_oldest_queued_email_is_reported(world: &World) {
    world.create_account(ADA).await;
    assert_eq!(waiting(world).await, (0.0, 0.0));
    world.browser().begin_reset(ADA).await.unwrap();
    world.clock.advance_minutes(3);
    world.browser().begin_reset(ADA).await.unwrap();
    world.clock.advance_ms(500);
    assert_eq!(waiting(world).await, (2.0, 180.5));
    world.deliver().await;
    assert_eq!(waiting(world).await, (0.0, 0.0));
}

#[apply(on_both!)]
async fn refused_hashing_requests_are_counted(world: &World) {
    let wrong = Secret::from(WRONG_PASSWORD);
    // Two hash at once and 64 wait; the others wait briefly for a place.
    let outcomes = together(400, |_| {
        let (hashing, wrong) = (world.hashing.clone(), wrong.clone());
        async move { hashing.verify("here", &wrong, None).await }
    })
    .await;
    let busy = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(Fault::Busy { .. })));
    let text = scrape(world).await;
    let refused = |reason| value(&text, &format!(r#"rekey_hashing_refused_total{{reason="{reason}"}}"#));
    let busy = u32::try_from(busy.count()).unwrap();
    assert!(busy > 0);
    assert_eq!(refused("queue_full") + refused("too_slow"), f64::from(busy));
    let hashed = value(&text, "rekey_hashing_duration_seconds_count");
    assert_eq!(hashed + f64::from(busy), 400.0);
    for name in ["rekey_hashing_running", "rekey_hashing_waiting"] {
        assert_eq!(value(&text, name), 0.0, "{name}");
    }
    assert_eq!(value(&text, "rekey_hashing_slots"), 2.0);
}

async fn waiting(world: &World) -> (f64, f64) {
    let text = scrape(world).await;
    (
        value(&text, "rekey_emails_waiting"),
        value(&text, "rekey_emails_oldest_waiting_seconds"),
    )
}

pub async fn scrape(world: &World) -> String {
    let mut registry = Registry::default();
    world.backend.register_metrics(&mut registry);
    world.backend.read_gauges().await;
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

pub fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series}\n{text}")).parse().unwrap()
}
