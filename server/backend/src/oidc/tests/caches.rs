//! How often a provider's documents are fetched.

use super::lying_provider::{Answer, Lie, Pair};
use super::*;
use futures::future::join_all;

#[tokio::test]
async fn documents_are_fetched_once_an_hour() {
    let world = World::new("ES256").await;
    for (minutes, fetches) in [(0, 1), (59, 1), (1, 2)] {
        world.clock.advance_minutes(minutes);
        world.sign_in(false).await.unwrap();
        world.sign_in(false).await.unwrap();
        assert_eq!(world.provider.requests(DISCOVERY), fetches);
        assert_eq!(world.provider.requests("/keys"), fetches);
    }
}

#[tokio::test]
async fn a_new_key_is_fetched() {
    let world = World::new("ES256").await;
    world.sign_in(false).await.unwrap();
    world.clock.advance_minutes(1);
    {
        let mut facts = world.provider.facts();
        facts.kid = "k2".into();
        facts.key = Pair::of("ES256");
    }
    world.sign_in(false).await.unwrap();
    assert_eq!(world.provider.requests("/keys"), 2);
}

/// Attack: tokens with invented key names make this server flood the provider.
#[tokio::test]
async fn unknown_keys_cause_one_fetch_a_minute() {
    let world = World::new("ES256").await;
    world.sign_in(false).await.unwrap();
    world.provider.facts().lie = Lie::Header(|header| header["kid"] = "invented".into());
    for (minutes, fetches) in [(0, 1), (1, 2), (1, 3)] {
        world.clock.advance_minutes(minutes);
        for _ in 0..5 {
            assert!(world.sign_in(false).await.is_err());
        }
        assert_eq!(world.provider.requests("/keys"), fetches);
    }
    // A failed fetch counts, too.
    world.clock.advance_minutes(1);
    world.provider.facts().lie = Lie::Endpoint("/keys", Answer::Status(503));
    world.provider.facts().kid = "k2".into();
    for _ in 0..5 {
        assert!(world.sign_in(false).await.is_err());
    }
    assert_eq!(world.provider.requests("/keys"), 4);
}

#[tokio::test]
async fn earlier_documents_are_used_for_a_day_while_the_provider_fails() {
    for path in [DISCOVERY, "/keys"] {
        let world = World::new("ES256").await;
        world.sign_in(false).await.unwrap();
        world.provider.facts().lie = Lie::Endpoint(path, Answer::Status(503));
        world.clock.advance_minutes(24 * 60 - 1);
        world.sign_in(false).await.unwrap();
        world.clock.advance_minutes(1);
        let failure = Err(ProviderError::Unavailable("the provider reported a failure"));
        assert_eq!(world.sign_in(false).await, failure, "{path}");
        // It works again soon after the provider does.
        world.provider.facts().lie = Lie::None;
        world.clock.advance_ms(5_000);
        world.sign_in(false).await.unwrap();
    }
}

#[tokio::test]
async fn concurrent_sign_ins_share_one_fetch() {
    for lie in [Lie::None, Lie::Endpoint(DISCOVERY, Answer::Status(503))] {
        let world = World::new("ES256").await;
        world.provider.facts().lie = lie;
        let results = join_all((0..20).map(|_| world.sign_in(false))).await;
        assert!(results.iter().all(|result| result.is_ok() == matches!(lie, Lie::None)));
        assert_eq!(world.provider.requests(DISCOVERY), 1);
    }
}
