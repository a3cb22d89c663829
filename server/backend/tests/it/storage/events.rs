//! The activity log.

use super::fixtures::{NOW, id, with_ada};
use crate::world::{ADA, GRACE, World};
use account::{ActivityKind, Attempts};
use backend::Caller;
use backend::store::events;
use backend::store::events::Actor;

/// Property 20.
#[apply(on_both!)]
async fn events_are_read_newest_first(world: &World) {
    let mut tx = with_ada(world).await;
    let caller = caller();
    for (kind, actor, at) in [
        (ActivityKind::SignedIn, Actor::User, 0),
        (ActivityKind::Disabled, Actor::Operator, 1),
        (ActivityKind::Enabled, Actor::Operator, 2),
    ] {
        events::append(&mut tx, &id(ADA), kind, actor, &caller, NOW.plus_ms(at))
            .await
            .unwrap();
    }
    let newest = events::done(&mut tx, &id(ADA), "", 2).await.unwrap();
    let kinds = |done: &events::Done| done.events.iter().map(|event| event.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&newest), [ActivityKind::Enabled, ActivityKind::Disabled]);
    let event = &newest.events[0];
    assert_eq!((event.at, event.client.as_str()), (NOW.plus_ms(2), "192.0.2.1"));
    let older = newest.older.unwrap();
    let oldest = events::done(&mut tx, &id(ADA), &older, 2).await.unwrap();
    assert_eq!((kinds(&oldest), oldest.older), (vec![ActivityKind::SignedIn], None));
    // Invalid cursors start at the newest event.
    for unfit in ["x", "1.2", "0.\0", &format!("9{older}"), &older.replace('.', ".'")] {
        let newest = events::done(&mut tx, &id(ADA), unfit, 1).await.unwrap();
        assert_eq!(kinds(&newest), [ActivityKind::Enabled], "{unfit}");
    }
    assert!(
        events::done(&mut tx, &id(GRACE), "", 2)
            .await
            .unwrap()
            .events
            .is_empty()
    );
}

#[apply(on_both!)]
async fn an_event_is_found_by_its_kind_and_time(world: &World) {
    let mut tx = with_ada(world).await;
    let caller = caller();
    events::append(
        &mut tx,
        &id(ADA),
        ActivityKind::Enabled,
        Actor::Operator,
        &caller,
        NOW.plus_ms(2),
    )
    .await
    .unwrap();
    for (kind, since, was) in [
        (ActivityKind::Enabled, 2, true),
        (ActivityKind::Enabled, 3, false),
        (ActivityKind::PasswordLeaked, 0, false),
    ] {
        let found = events::was_done(&mut tx, &id(ADA), kind, NOW.plus_ms(since)).await;
        assert_eq!(found.unwrap(), was, "{kind:?}");
    }
}

/// Attempts of every kind are listed separately from completed activities.
#[apply(on_both!)]
async fn attempts_are_counted(world: &World) {
    let mut tx = with_ada(world).await;
    let caller = caller();
    assert_eq!(events::attempts(&mut tx, &id(ADA), NOW).await.unwrap(), None);
    for (ms, kind) in (10..).zip(ActivityKind::ALL) {
        events::append(&mut tx, &id(ADA), kind, Actor::User, &caller, NOW.plus_ms(ms))
            .await
            .unwrap();
    }
    let done = events::done(&mut tx, &id(ADA), "", 99).await.unwrap();
    assert!(done.events.iter().all(|event| !event.kind.is_attempt()));
    let tried = ActivityKind::ALL.iter().filter(|kind| kind.is_attempt()).count();
    assert_eq!(done.events.len(), ActivityKind::ALL.len() - tried);
    let attempts = events::attempts(&mut tx, &id(ADA), NOW).await.unwrap().unwrap();
    assert_eq!(attempts.count, i64::try_from(tried).unwrap());
    let last = events::attempts(&mut tx, &id(ADA), attempts.since)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((last.count, last.since > attempts.since), (attempts.count - 1, true));
    for _ in 0..1_001 {
        events::append(
            &mut tx,
            &id(ADA),
            ActivityKind::WrongCode,
            Actor::User,
            &caller,
            NOW.plus_ms(99),
        )
        .await
        .unwrap();
    }
    let many = events::attempts(&mut tx, &id(ADA), NOW).await.unwrap().unwrap();
    assert_eq!((many.count, many.since), (Attempts::MOST, NOW.plus_ms(99)));
}

#[apply(on_both!)]
async fn events_without_an_account_are_pruned(world: &World) {
    let mut tx = with_ada(world).await;
    let caller = caller();
    let unknown = events::unknown_account();
    events::append(&mut tx, &unknown, ActivityKind::WrongCode, Actor::User, &caller, NOW)
        .await
        .unwrap();
    assert_eq!(events::prune_without_account(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(
        events::prune_without_account(&mut tx, NOW.plus_days(9)).await.unwrap(),
        1
    );
}

#[apply(on_both!)]
async fn an_event_can_be_appended_to_many_accounts(world: &World) {
    let mut tx = with_ada(world).await;
    let caller = caller();
    for accounts in [&[][..], &[id(ADA), id(GRACE)]] {
        events::append_all(
            &mut tx,
            accounts,
            ActivityKind::Added,
            Actor::Operator,
            &caller,
            NOW.plus_ms(200),
        )
        .await
        .unwrap();
    }
    for email in [ADA, GRACE] {
        let newest = events::done(&mut tx, &id(email), "", 1).await.unwrap();
        let event = &newest.events[0];
        assert_eq!((event.kind, event.at), (ActivityKind::Added, NOW.plus_ms(200)));
    }
    let of_grace = events::done(&mut tx, &id(GRACE), "", 9).await.unwrap();
    assert_eq!((of_grace.events.len(), of_grace.older), (1, None));
}

fn caller() -> Caller {
    Caller {
        client: "192.0.2.1".into(),
        browser: "Firefox on Linux".into(),
        language: "en".into(),
        signed_in: false,
        administers: false,
        preferences: account::Preferences::default(),
    }
}

#[apply(on_both!)]
async fn the_whole_history_has_attempts_and_later_kinds(world: &World) {
    let mut tx = with_ada(world).await;
    for (kind, at) in [
        (ActivityKind::SignedIn, 0),
        (ActivityKind::WrongCode, 1),
        (ActivityKind::SignedOut, 2),
    ] {
        events::append(&mut tx, &id(ADA), kind, Actor::User, &caller(), NOW.plus_ms(at))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let later = "update events set kind = 'teleported' where kind = 'signed_out' returning 'changed'";
    world.database.texts(later).await;
    let mut conn = world.backend.db().read().await.unwrap();
    let newest = events::history(&mut conn, &id(ADA), "", 2).await.unwrap();
    let kinds: Vec<_> = newest
        .events
        .iter()
        .map(|event| (event.kind.as_str(), event.activity.is_some()))
        .collect();
    assert_eq!(kinds, [("teleported", false), ("wrong_code", true)]);
    assert_eq!(
        (newest.events[0].actor.as_str(), newest.events[0].at),
        ("person", NOW.plus_ms(2))
    );
    let oldest = events::history(&mut conn, &id(ADA), &newest.older.unwrap(), 2)
        .await
        .unwrap();
    assert_eq!((oldest.events.len(), oldest.older), (1, None));
    assert_eq!(
        events::history(&mut conn, &id(GRACE), "", 2)
            .await
            .unwrap()
            .events
            .len(),
        0
    );
}
