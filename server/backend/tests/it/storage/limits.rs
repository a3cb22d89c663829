//! Limits, throttles and turns.

use super::fixtures::{NOW, begin};
use crate::world::{ADA, World};
use account::Timestamp;
use backend::store::email_turns::Turn;
use backend::store::limits::Rule;
use backend::store::{email_turns, limits, throttles};

/// Two an hour and three a day, in one row.
#[apply(on_both!)]
async fn hourly_and_daily_limits_are_counted_together(world: &World) {
    let mut tx = begin(world).await;
    let rule = [Rule::of_hour_and_day("a".into(), 2, 3)];
    let (hour, day) = (3_600_000, 86_400_000);
    for (ms, waits) in [
        (0, None),
        (1_000, None),
        (2_000, Some(3_598)),
        (hour, Some((day - hour) / 1_000)),
        (day, None),
        (day + 1, None),
        (day + 2, Some(3_600)),
    ] {
        let wait = limits::take(&mut tx, &rule, NOW.plus_ms(ms)).await.unwrap();
        assert_eq!(wait, waits, "after {ms} ms");
    }
    limits::clear(&mut tx, "a").await.unwrap();
    for ms in [0, 1] {
        limits::take(&mut tx, &rule, NOW.plus_ms(ms)).await.unwrap();
    }
    limits::give_back(&mut tx, &rule).await.unwrap();
    assert_eq!(limits::take(&mut tx, &rule, NOW.plus_ms(2)).await.unwrap(), None);
    assert_eq!(limits::take(&mut tx, &rule, NOW.plus_ms(3)).await.unwrap(), Some(3_600));
}

#[apply(on_both!)]
async fn limits_count_in_windows(world: &World) {
    let mut tx = begin(world).await;
    let rules = [("a", 2), ("b", 1)].map(|(key, most)| Rule::new(key.into(), most, 10_000));
    assert_eq!(limits::take(&mut tx, &rules, NOW).await.unwrap(), None);
    let counts = limits::count(&mut tx, &rules, NOW.plus_ms(1)).await.unwrap();
    let found: Vec<_> = counts.iter().map(|count| (count.count, count.wait_s)).collect();
    assert_eq!(found, [(2, None), (2, Some(10))]);
    assert_eq!(limits::take(&mut tx, &rules[..1], NOW).await.unwrap(), Some(10));
    assert_eq!(limits::taken(&mut tx, "a", NOW).await.unwrap(), 3);
    limits::give_back(&mut tx, &rules).await.unwrap();
    limits::give_back(&mut tx, &rules).await.unwrap();
    assert_eq!(limits::taken(&mut tx, "a", NOW).await.unwrap(), 1);
    assert_eq!(limits::taken(&mut tx, "a", NOW.plus_ms(10_000)).await.unwrap(), 0);
}

/// The next action starts a new window.
#[apply(on_both!)]
async fn giving_back_the_last_use_ends_its_window(world: &World) {
    let mut tx = begin(world).await;
    let rule = Rule::new("c".into(), 1, 10_000);
    limits::take(&mut tx, std::slice::from_ref(&rule), NOW).await.unwrap();
    limits::give_back(&mut tx, std::slice::from_ref(&rule)).await.unwrap();
    let later = NOW.plus_ms(9_000);
    assert_eq!(
        limits::take(&mut tx, std::slice::from_ref(&rule), later).await.unwrap(),
        None
    );
    assert_eq!(limits::take(&mut tx, &[rule], later).await.unwrap(), Some(10));
}

#[apply(on_both!)]
async fn a_window_ends_when_it_expires_or_is_cleared(world: &World) {
    let mut tx = begin(world).await;
    let rules = [("a", 2), ("b", 1)].map(|(key, most)| Rule::new(key.into(), most, 10_000));
    assert_eq!(limits::take(&mut tx, &rules, NOW).await.unwrap(), None);
    assert_eq!(
        limits::take(&mut tx, &rules, NOW.plus_ms(9_999)).await.unwrap(),
        Some(1)
    );
    assert_eq!(limits::take(&mut tx, &rules, NOW.plus_ms(10_000)).await.unwrap(), None);
    limits::clear(&mut tx, "a").await.unwrap();
    assert_eq!(
        limits::take(&mut tx, &rules[..1], NOW.plus_ms(10_000)).await.unwrap(),
        None
    );
    // If the clock jumps back, a wait lasts at most one window.
    assert_eq!(
        limits::take(&mut tx, &rules, NOW.plus_days(-1)).await.unwrap(),
        Some(10)
    );
}

/// Property 29.
#[apply(on_both!)]
async fn turns_go_to_the_network_with_the_fewest_emails_and_the_longest_wait(world: &World) {
    let mut tx = begin(world).await;
    let slot = 10_000;
    let mut ask = async |network: &str, had: i64, at: Timestamp| {
        let request = email_turns::Request {
            mailbox: ADA,
            network,
            had,
        };
        email_turns::take(&mut tx, request, slot, at).await.unwrap()
    };
    let at = |slots: i64| NOW.plus_ms(slots * slot);
    assert_eq!(ask("a", 3, NOW).await, Turn::Now);
    assert_eq!(ask("b", 3, NOW.plus_ms(1)).await, Turn::At(at(1)));
    assert_eq!(ask("c", 3, NOW.plus_ms(2)).await, Turn::At(at(2)));
    assert_eq!(ask("d", 0, NOW.plus_ms(3)).await, Turn::At(at(1)));
    assert_eq!(ask("e", 0, NOW.plus_ms(4)).await, Turn::At(at(2)));
    // d uses the last moment of its turn, and the next slot isn't delayed.
    assert_eq!(ask("b", 3, at(1)).await, Turn::At(at(3)));
    assert_eq!(ask("d", 0, at(2).plus_ms(-1)).await, Turn::Now);
    assert_eq!(ask("d", 1, at(2)).await, Turn::At(at(3)));
    assert_eq!(ask("e", 0, at(2)).await, Turn::Now);
    // c missed its turn, which counts as an e-mail, but is still first among equals.
    assert_eq!(ask("c", 3, at(3)).await, Turn::At(at(5)));
    assert_eq!(ask("d", 1, at(3)).await, Turn::Now);
    assert_eq!(ask("b", 3, at(4)).await, Turn::Now);
    assert_eq!(ask("f", 4, at(4)).await, Turn::At(at(6)));
    assert_eq!(ask("c", 3, at(5)).await, Turn::Now);
    // If the clock jumps back, a wait lasts at most one slot.
    assert_eq!(ask("g", 0, NOW).await, Turn::At(at(1)));
    assert_eq!(email_turns::prune(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(email_turns::prune(&mut tx, NOW.plus_days(1)).await.unwrap(), 3);
}

/// Property 18.
#[apply(on_both!)]
async fn throttles_count_consecutive_failures(world: &World) {
    let mut tx = begin(world).await;
    assert_eq!(throttles::spend(&mut tx, "a", NOW).await.unwrap(), Ok(1));
    assert_eq!(throttles::spend(&mut tx, "a", NOW).await.unwrap(), Ok(2));
    throttles::wait_until(&mut tx, "a", NOW.plus_seconds(30)).await.unwrap();
    assert_eq!(
        throttles::spend(&mut tx, "a", NOW.plus_ms(29_999)).await.unwrap(),
        Err(NOW.plus_seconds(30))
    );
    assert_eq!(
        throttles::spend(&mut tx, "a", NOW.plus_seconds(30)).await.unwrap(),
        Ok(3)
    );
    assert_eq!(throttles::spend(&mut tx, "a", NOW.plus_days(2)).await.unwrap(), Ok(1));
    throttles::wait_until(&mut tx, "a", NOW.plus_days(9)).await.unwrap();
    throttles::give_back(&mut tx, "a").await.unwrap();
    assert_eq!(throttles::spend(&mut tx, "a", NOW.plus_days(2)).await.unwrap(), Ok(1));
    throttles::clear(&mut tx, "a").await.unwrap();
    assert_eq!(throttles::count(&mut tx, "a", NOW).await.unwrap(), 1);
    assert_eq!(throttles::count(&mut tx, "a", NOW.plus_days(9)).await.unwrap(), 2);
}
