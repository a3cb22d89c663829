//! Wrong passwords: how many are looked at, who waits for them, and who does not.

use crate::browser::Browser;
use crate::metrics::{scrape, value};
use crate::on_both_databases;
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, other_code, together};
use account::{ActivityKind, FailureCause, Refusal, SignInStep};
use backend::{Error, Fault, Hashing, Place};

on_both_databases!(
    our_being_busy_costs_no_try,
    who_waits_too_long_for_a_core_spends_no_try,
    a_full_queue_is_said_before_the_database_is_asked,
    a_reset_ends_every_wait_of_the_old_password,
    five_wrong_passwords_are_free_and_then_waits_double,
    a_wait_is_no_longer_than_an_hour,
    waits_follow_the_address_and_not_the_browser,
    the_right_password_ends_the_row,
    thirty_wrong_passwords_at_once_are_five,
    strangers_can_not_lock_out_a_browser_that_was_here_before,
    each_browser_that_was_here_before_waits_for_its_own,
    the_tenth_wrong_password_is_told_to_the_owner,
    the_tenth_wrong_code_after_the_password_says_that_the_password_is_known,
    failures_that_could_not_succeed_are_told_to_nobody,
    every_kind_of_address_costs_a_hash,
);

/// Property 18.
async fn five_wrong_passwords_are_free_and_then_waits_double(world: &World) {
    world.person(ADA).await;
    let mut browser = at_the_password(world, ADA).await;
    for _ in 0..4 {
        assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    }
    for seconds in [30, 60, 120] {
        assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
        assert_eq!(browser.password(PASSWORD).await, Err(Refusal::PasswordWait { seconds }));
        world.clock.advance_ms(seconds * 1_000 - 1);
        assert_eq!(
            browser.password(PASSWORD).await,
            Err(Refusal::PasswordWait { seconds: 1 })
        );
        world.clock.advance_ms(1);
    }
    assert!(matches!(browser.password(PASSWORD).await, Ok(SignInStep::EnterCode(_))));
}

async fn a_wait_is_no_longer_than_an_hour(world: &World) {
    let world = world.with(|settings| settings.limits.free_passwords = 1).await;
    for _ in 0..8 {
        at_the_password(&world, ADA)
            .await
            .password(WRONG_PASSWORD)
            .await
            .unwrap_err();
        world.clock.advance_minutes(60);
    }
    let mut browser = at_the_password(&world, ADA).await;
    assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    assert_eq!(
        browser.password(WRONG_PASSWORD).await,
        Err(Refusal::PasswordWait { seconds: 3_600 })
    );
}

/// Property 18: a new flow, cookie, client or spelling has no tries of its own.
async fn waits_follow_the_address_and_not_the_browser(world: &World) {
    world.person(ADA).await;
    world.person(GRACE).await;
    for typed in [ADA, "ADA@example.com", "ada@Example.com.", " ada@example.com", ADA] {
        at_the_password(world, typed)
            .await
            .password(WRONG_PASSWORD)
            .await
            .unwrap_err();
    }
    let mut browser = at_the_password(world, ADA).await;
    assert_eq!(
        browser.password(PASSWORD).await,
        Err(Refusal::PasswordWait { seconds: 30 })
    );
    assert!(world.browser().sign_in(world, GRACE, PASSWORD).await.is_ok());
}

async fn the_right_password_ends_the_row(world: &World) {
    world.person(ADA).await;
    for _ in 0..2 {
        let mut browser = at_the_password(world, ADA).await;
        for _ in 0..4 {
            assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
        }
        assert!(browser.password(PASSWORD).await.is_ok());
    }
}

/// Property 18.
async fn thirty_wrong_passwords_at_once_are_five(world: &World) {
    world.person(ADA).await;
    let browser = at_the_password(world, ADA).await;
    let told = together(30, |number| {
        let mut browser = browser.clone();
        async move { browser.password(&format!("wrong horse number {number}")).await }
    })
    .await;
    assert_eq!(
        told.iter().filter(|told| **told == Err(Refusal::SignInWrong)).count(),
        5
    );
    assert_eq!(
        told.iter()
            .filter(|told| **told == Err(Refusal::PasswordWait { seconds: 30 }))
            .count(),
        25
    );
    assert_eq!(world.count_events(ADA, ActivityKind::WrongPassword).await, 5);
}

/// Property 18.
async fn strangers_can_not_lock_out_a_browser_that_was_here_before(world: &World) {
    world.person(ADA).await;
    let mut owner = world.signed_in(ADA).await;
    owner.sign_out().await;
    let mut stranger = at_the_password(world, ADA).await;
    for _ in 0..5 {
        stranger.password(WRONG_PASSWORD).await.unwrap_err();
    }
    assert_eq!(
        stranger.password(PASSWORD).await,
        Err(Refusal::PasswordWait { seconds: 30 })
    );
    assert!(owner.sign_in(world, ADA, PASSWORD).await.is_ok());
    // The owner's success is no help to the stranger, and a device of somebody else's is no lane.
    assert_eq!(
        stranger.password(PASSWORD).await,
        Err(Refusal::PasswordWait { seconds: 30 })
    );
    world.person(GRACE).await;
    let mut grace = world.signed_in(GRACE).await;
    grace.begin_sign_in(ADA).await.unwrap();
    assert_eq!(
        grace.password(PASSWORD).await,
        Err(Refusal::PasswordWait { seconds: 30 })
    );
}

/// Property 19.
async fn the_tenth_wrong_password_is_told_to_the_owner(world: &World) {
    world.person(ADA).await;
    for _ in 0..9 {
        at_the_password(world, ADA)
            .await
            .password(WRONG_PASSWORD)
            .await
            .unwrap_err();
        world.clock.advance_minutes(60);
    }
    assert_eq!(world.notices_to(ADA).await, []);
    at_the_password(world, ADA)
        .await
        .password(WRONG_PASSWORD)
        .await
        .unwrap_err();
    assert_eq!(world.notices_to(ADA).await, [world.failures(FailureCause::Passwords)]);
}

/// Property 19: this notice calls for a new password at once.
async fn the_tenth_wrong_code_after_the_password_says_that_the_password_is_known(world: &World) {
    world.person(ADA).await;
    for _ in 0..2 {
        let (mut browser, code) = world.confirming(ADA).await;
        for n in 1..=5 {
            assert_eq!(world.notices_to(ADA).await, []);
            browser.answer_sign_in(&other_code(&code, n)).await.unwrap_err();
        }
        world.clock.advance_minutes(1);
    }
    world.clock.advance_minutes(-1);
    assert_eq!(world.notices_to(ADA).await, [world.failures(FailureCause::SignInCodes)]);
}

/// Passwords that are not ours to check, an account that nobody can sign in to, and codes of a sign-up.
async fn failures_that_could_not_succeed_are_told_to_nobody(world: &World) {
    let (google, managed, disabled) = ("google@example.com", "managed@example.com", "disabled@example.com");
    world.google_person(google).await;
    world.managed_person(managed).await;
    world.disabled_person(disabled).await;
    world.person(ADA).await;
    for email in [google, managed, disabled] {
        for _ in 0..10 {
            let mut browser = at_the_password(world, email).await;
            browser.password(WRONG_PASSWORD).await.unwrap_err();
            world.clock.advance_minutes(60);
        }
        assert_eq!(world.count_events(email, ActivityKind::WrongPassword).await, 10);
        assert_eq!(world.notices_to(email).await, []);
    }
    for _ in 0..2 {
        let mut browser = world.browser();
        browser.begin_sign_up(ADA).await.unwrap();
        for n in 1..=5 {
            browser.answer_sign_up(&other_code("000000", n)).await.unwrap_err();
        }
    }
    assert_eq!(world.count_events(ADA, ActivityKind::WrongCode).await, 10);
    assert_eq!(world.notices_to(ADA).await, []);
}

/// Attack: a stolen device's wrong passwords lock out the owner's other browsers, or other people.
async fn each_browser_that_was_here_before_waits_for_its_own(world: &World) {
    world.person(ADA).await;
    world.person(GRACE).await;
    let (mut stolen, mut own) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    let mut grace = world.signed_in(GRACE).await;
    for browser in [&mut stolen, &mut own, &mut grace] {
        browser.sign_out().await;
    }
    stolen.begin_sign_in(ADA).await.unwrap();
    for _ in 0..5 {
        stolen.password(WRONG_PASSWORD).await.unwrap_err();
    }
    assert_eq!(
        stolen.password(PASSWORD).await,
        Err(Refusal::PasswordWait { seconds: 30 })
    );
    assert!(own.sign_in(world, ADA, PASSWORD).await.is_ok());
    assert!(grace.sign_in(world, GRACE, PASSWORD).await.is_ok());
}

/// Property 9: an address that were refused without a hash would be told by the clock.
async fn every_kind_of_address_costs_a_hash(world: &World) {
    world.person("local@example.com").await;
    world.google_person("google@example.com").await;
    world.managed_person("managed@example.com").await;
    world.disabled_person("disabled@example.com").await;
    for kind in ["unknown", "local", "google", "managed", "disabled"] {
        let mut browser = at_the_password(world, &format!("{kind}@example.com")).await;
        let before = count(world, "rekey_hashing_duration_seconds_count").await;
        assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
        let after = count(world, "rekey_hashing_duration_seconds_count").await;
        assert_eq!(after - before, 1.0, "{kind}");
    }
}

/// Property 23: in a flood of sign-ins the database is left to those who are let in.
async fn a_full_queue_is_said_before_the_database_is_asked(world: &World) {
    world.person(ADA).await;
    let browser = at_the_password(world, ADA).await;
    let begun = "rekey_database_begin_seconds_count";
    let first = count(world, begun).await;
    // To count is to ask, too.
    let counting = count(world, begun).await - first;
    let busy = every_place(&world.hashing).await;
    browser.try_password(PASSWORD).await.unwrap_err();
    drop(busy);
    assert_eq!(count(world, begun).await - first, 2.0 * counting);
}

async fn count(world: &World, name: &str) -> f64 {
    value(&scrape(world).await, name)
}

/// Takes every place in the queue of the hasher, for as many networks: none has more than another.
async fn every_place(hashing: &Hashing) -> Vec<Place> {
    let mut places = Vec::new();
    while let Ok(place) = hashing.place(&format!("network {}", places.len())).await {
        places.push(place);
    }
    places
}

async fn at_the_password(world: &World, email: &str) -> Browser {
    let mut browser = world.browser();
    browser.begin_sign_in(email).await.unwrap();
    browser
}

async fn a_reset_ends_every_wait_of_the_old_password(world: &World) {
    world.person(ADA).await;
    let mut known = world.signed_in(ADA).await;
    known.sign_out().await;
    known.begin_sign_in(ADA).await.unwrap();
    let mut stranger = at_the_password(world, ADA).await;
    for browser in [&mut known, &mut stranger] {
        for _ in 0..5 {
            browser.password(WRONG_PASSWORD).await.unwrap_err();
        }
        assert!(matches!(
            browser.password(PASSWORD).await,
            Err(Refusal::PasswordWait { .. })
        ));
    }
    let mut resetting = world.choosing(ADA).await;
    resetting.choose(NEW_PASSWORD).await.unwrap();
    for browser in [&mut known, &mut stranger] {
        browser.begin_sign_in(ADA).await.unwrap();
        assert!(matches!(
            browser.password(NEW_PASSWORD).await,
            Ok(SignInStep::EnterCode(_))
        ));
        world.clock.advance_minutes(1);
    }
}

async fn our_being_busy_costs_no_try(world: &World) {
    world.person(ADA).await;
    let browser = at_the_password(world, ADA).await;
    let busy = every_place(&world.hashing).await;
    // More than are free: were they counted, the sixth would have to wait.
    for _ in 0..7 {
        let told = browser.try_password(PASSWORD).await;
        assert!(
            matches!(told, Err(Error::Fault(Fault::Busy { .. }))),
            "{:?}",
            told.err()
        );
    }
    drop(busy);
}

async fn who_waits_too_long_for_a_core_spends_no_try(world: &World) {
    world.person(ADA).await;
    let strict = world.with(|settings| settings.limits.free_passwords = 1).await;
    let mut browser = at_the_password(&strict, ADA).await;
    let cores = [
        world.hashing.place("one").await.unwrap(),
        world.hashing.place("two").await.unwrap(),
    ];
    for place in &cores {
        world.hashing.core(place).await.unwrap();
    }
    let told = browser.try_password(PASSWORD).await;
    assert!(
        matches!(told, Err(Error::Fault(Fault::Busy { .. }))),
        "{:?}",
        told.err()
    );
    drop(cores);
    assert!(matches!(browser.password(PASSWORD).await, Ok(SignInStep::EnterCode(_))));
}
