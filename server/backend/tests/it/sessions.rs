//! Sessions: listing, ending and expiry.

use crate::browser::Browser;
use crate::world::{ADA, GRACE, WRONG_PASSWORD, World, address};
use account::{ActivityKind, Refusal, SignOutStep, Timestamp};
use backend::store::events::{self, Actor};
use backend::store::sessions;
use std::time::Duration;
use tokio::task::JoinHandle;

#[apply(on_both!)]
async fn the_current_session_is_listed_first(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    world.signed_in(GRACE).await;
    let here = world.signed_in(ADA).await;
    world.clock.advance_minutes(1);
    world.signed_in(ADA).await;
    let sessions = here.security().await.unwrap().sessions;
    assert_eq!(
        sessions.iter().map(|session| session.here).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(sessions[0].client, here.caller.client);
    assert_eq!(sessions[0].browser, "Firefox on Linux");
    assert_eq!(sessions[1].signed_in_at, world.now());
}

#[apply(on_both!)]
async fn a_session_can_be_ended(world: &World) {
    world.create_account(ADA).await;
    let (mut here, there, third) = (
        world.signed_in(ADA).await,
        world.signed_in(ADA).await,
        world.signed_in(ADA).await,
    );
    let id = id_of(&there).await;
    assert_eq!(here.end_session(&id).await.unwrap().sessions.len(), 2);
    assert!(here.is_signed_in().await && !there.is_signed_in().await && third.is_signed_in().await);
    assert_eq!(here.end_session(&id).await.unwrap().sessions.len(), 2);
    assert_eq!(world.count_events(ADA, ActivityKind::SessionEnded).await, 1);
}

#[apply(on_both!)]
async fn all_other_sessions_can_be_ended(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let (mut here, there, grace) = (
        world.signed_in(ADA).await,
        world.signed_in(ADA).await,
        world.signed_in(GRACE).await,
    );
    let sessions = here.end_other_sessions().await.unwrap().sessions;
    assert_eq!(sessions.iter().map(|session| session.here).collect::<Vec<_>>(), [true]);
    assert!(here.is_signed_in().await && !there.is_signed_in().await && grace.is_signed_in().await);
}

#[apply(on_both!)]
async fn an_account_cannot_end_sessions_of_another_account(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let (mut ada, grace, trusted) = (
        world.signed_in(ADA).await,
        world.signed_in(GRACE).await,
        world.trusted(GRACE).await,
    );
    let device = trusted.security().await.unwrap().devices[0].id.clone();
    ada.end_session(&id_of(&grace).await).await.unwrap();
    ada.forget_device(&device).await.unwrap();
    ada.end_session("").await.unwrap();
    assert!(grace.is_signed_in().await);
    assert_eq!(trusted.security().await.unwrap().devices.len(), 1);
    let mut guest = world.browser();
    assert_eq!(guest.end_session(&id_of(&grace).await).await, Err(Refusal::SignedOut));
    assert_eq!(guest.end_other_sessions().await, Err(Refusal::SignedOut));
    assert_eq!(guest.forget_device(&device).await, Err(Refusal::SignedOut));
}

#[apply(on_both!)]
async fn a_session_ends_seven_days_after_its_last_use(world: &World) {
    world.create_account(ADA).await;
    let (used, unused) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    world.clock.advance_ms(7 * 24 * 3_600_000 - 1);
    used_at(&used, world.now()).await;
    world.clock.advance_ms(1);
    assert!(!unused.is_signed_in().await);
    assert_eq!(unused.security().await, Err(Refusal::SignedOut));
    assert_eq!(used.security().await.unwrap().sessions.len(), 1);
    world.clock.advance_ms(7 * 24 * 3_600_000 - 1);
    assert!(!used.is_signed_in().await);
}

#[apply(on_both!)]
async fn a_session_ends_after_thirty_days_despite_use(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    for _ in 0..4 {
        world.clock.advance_minutes(7 * 24 * 60 - 1);
        used_at(&browser, world.now()).await;
    }
    world.clock.advance_ms((2 * 24 * 60 + 4) * 60_000 - 1);
    assert!(browser.is_signed_in().await);
    world.clock.advance_ms(1);
    assert!(!browser.is_signed_in().await);
}

#[apply(on_both!)]
async fn signing_out_twice_succeeds(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let mut tab = browser.clone();
    browser.sign_out().await;
    assert!(browser.held.session.is_none() && browser.held.device.is_some());
    // The tab's session has ended.
    assert_eq!(tab.sign_out().await, SignOutStep::SignedOut);
    assert_eq!(tab.security().await, Err(Refusal::SignedOut));
    assert_eq!(world.count_events(ADA, ActivityKind::SignedOut).await, 1);
}

/// Property 27.
#[apply(on_both!)]
async fn two_concurrent_sign_outs_record_one_event(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    let id = world.stored(ADA).await.account.id;
    // A transaction holds the session's row until both requests wait for it, and rolls back.
    let mut pause = world.backend.db().begin().await.unwrap();
    sessions::end_all_but(&mut pause, &id, "").await.unwrap();
    let both = [browser.clone(), browser].map(|mut tab| tokio::spawn(async move { tab.sign_out().await }));
    world
        .until_waiting(2, || both.iter().all(JoinHandle::is_finished))
        .await;
    drop(pause);
    for tab in both {
        tab.await.unwrap();
    }
    assert_eq!(world.count_events(ADA, ActivityKind::SignedOut).await, 1);
}

/// Property 33.
#[apply(on_both!)]
async fn a_sign_out_without_a_session_is_not_confirmed(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    let mut hidden = browser.clone();
    hidden.held.session = None;
    assert_eq!(hidden.sign_out().await, SignOutStep::SessionUnknown);
    assert!(browser.is_signed_in().await);
}

#[apply(on_both!)]
async fn a_deactivated_account_stays_signed_out_after_reactivation(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    world.backend.accounts().disable(&address(ADA), true).await.unwrap();
    assert!(!browser.is_signed_in().await);
    world.backend.accounts().disable(&address(ADA), false).await.unwrap();
    assert!(!browser.is_signed_in().await);
}

/// Property 20.
#[apply(on_both!)]
async fn only_the_owner_sees_the_events_of_an_account(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let grace = world.signed_in(GRACE).await;
    world.resetting(ADA).await;
    world.clock.advance_ms(1);
    let ada = world.signed_in(ADA).await;
    let kinds = |browser: Browser| async move {
        let activity = browser.security().await.unwrap().activity;
        activity.into_iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(ada.clone()).await, [ActivityKind::SignedIn]);
    assert_eq!(kinds(grace.clone()).await, [ActivityKind::SignedIn]);
    assert_eq!(
        ada.security().await.unwrap().attempts.map(|attempts| attempts.count),
        Some(1)
    );
    assert_eq!(grace.security().await.unwrap().attempts, None);
}

/// Property 29.
#[apply(on_both!)]
async fn attempts_are_summarized_and_do_not_displace_activity(world: &World) {
    world.create_account(ADA).await;
    let owner = world.signed_in(ADA).await;
    let since = world.now();
    for _ in 0..6 {
        world.clock.advance_minutes(1);
        let mut stranger = world.browser();
        stranger.begin_reset(ADA).await.unwrap();
        stranger.begin_sign_in(ADA).await.unwrap();
        stranger.answer_reset("10203040").await.unwrap_err();
        stranger.password(WRONG_PASSWORD).await.unwrap_err();
    }
    let view = owner.security().await.unwrap();
    assert_eq!(
        view.activity.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [ActivityKind::SignedIn]
    );
    let attempts = view.attempts.unwrap();
    assert!(attempts.count > 12, "{attempts:?}");
    assert_eq!(attempts.since, since.plus_minutes(1));
    // Events from a month ago are no longer shown.
    world.clock.advance_minutes(31 * 24 * 60);
    let owner = world.signed_in(ADA).await;
    assert_eq!(owner.security().await.unwrap().attempts, None);
}

/// Property 20.
#[apply(on_both!)]
async fn older_activity_is_paginated(world: &World) {
    world.create_account(ADA).await;
    let owner = world.signed_in(ADA).await;
    let account = world.stored(ADA).await.account.id;
    let mut tx = world.backend.db().begin().await.unwrap();
    for number in 0..44_i64 {
        // Three events at each moment.
        let at = world.now().plus_ms(1 + number / 3);
        let kind = ActivityKind::SignedOut;
        events::append(&mut tx, &account, kind, Actor::User, &owner.caller, at)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let (mut seen, mut before, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let view = owner.security_before(&before).await.unwrap();
        assert_eq!(view.newer, pages > 0);
        seen.extend(view.activity);
        pages += 1;
        match view.older {
            Some(older) => before = older,
            None => break,
        }
    }
    assert_eq!((pages, seen.len()), (3, 45));
    assert!(seen.is_sorted_by(|one, next| one.at >= next.at));
    assert_eq!(seen[44].kind, ActivityKind::SignedIn);
}

#[apply(on_both!)]
async fn a_forged_token_is_refused(world: &World) {
    world.create_account(ADA).await;
    let signed_in = world.signed_in(ADA).await;
    let mut browser = world.browser();
    for token in [
        "",
        "x",
        &id_of(&signed_in).await,
        &crate::world::digest(signed_in.held.session.as_ref()),
    ] {
        browser.held.session = Some(token.into());
        assert!(!browser.is_signed_in().await, "{token:?}");
    }
    browser.held.session.clone_from(&signed_in.held.device);
    assert!(!browser.is_signed_in().await);
}

async fn id_of(browser: &Browser) -> String {
    let sessions = browser.security().await.unwrap().sessions;
    sessions.into_iter().find(|session| session.here).unwrap().id
}

/// Uses the session and waits until the use is stored in the background.
async fn used_at(browser: &Browser, now: Timestamp) {
    assert!(browser.is_signed_in().await);
    let written = async {
        while browser.security().await.unwrap().sessions[0].last_seen_at != now {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.unwrap();
}
