//! Many codes and flows of one address lengthen the next code and end older flows.

use crate::world::{ADA, GRACE, World, other_code, together};
use account::{Refusal, ResetStep, SignInStep, SignUpStep};

/// Property 4: the count is independent of flow, cookie and client, and the correct code still works.
#[apply(on_both!)]
async fn many_incorrect_codes_in_a_day_lengthen_the_next_codes(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut wrong = 0;
    while wrong < 75 {
        let (mut browser, code) = world.resetting(ADA).await;
        assert_eq!(code.len(), if wrong + 5 <= 75 { 8 } else { 10 }, "after {wrong}");
        browser.guess_wrong(&code, 5).await;
        wrong += 5;
        world.clock.advance_minutes(5);
    }
    // The screen shows the length, and a shorter input is refused without spending a try.
    let (mut browser, code) = world.resetting(ADA).await;
    let ResetStep::EnterCode(mailed) = browser.reset_step().await else {
        panic!("the flow waits for no code")
    };
    assert_eq!((code.len(), mailed.digits), (10, 10));
    assert_eq!(
        browser.answer_reset(&code[..8]).await,
        Err(Refusal::CodeWrongLength { digits: 10 })
    );
    assert!(browser.answer_reset(&code).await.is_ok());
    // Other counters and addresses are separate.
    assert_eq!(world.confirming(ADA).await.1.len(), 6);
    assert_eq!(world.resetting(GRACE).await.1.len(), 8);
    // Also without an account.
    let mut without_account = world.browser();
    for _ in 0..15 {
        without_account = world.browser();
        without_account.begin_reset("nobody@example.com").await.unwrap();
        without_account.guess_wrong("00000000", 5).await;
    }
    let result = without_account.begin_reset("nobody@example.com").await;
    assert!(matches!(result, Ok(ResetStep::EnterCode(mailed)) if mailed.digits == 10));
    // A success doesn't reset the count; a day does.
    world.clock.advance_minutes(60);
    assert_eq!(world.resetting(ADA).await.1.len(), 10);
    world.clock.advance_minutes(24 * 60);
    assert_eq!(world.resetting(ADA).await.1.len(), 8);
}

/// Property 4: after the correct password fewer guesses are allowed, and the owner's success restores none.
#[apply(on_both!)]
async fn incorrect_codes_after_the_password_lengthen_the_next_codes(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    for _ in 0..3 {
        let (mut browser, code) = world.confirming(ADA).await;
        assert_eq!(code.len(), 6);
        for guess in 1..=4 {
            browser.answer_sign_in(&other_code(&code, guess)).await.unwrap_err();
        }
        assert!(browser.answer_sign_in(&code).await.is_ok());
    }
    let (mut browser, code) = world.confirming(ADA).await;
    assert_eq!(code.len(), 8);
    assert!(browser.answer_sign_in(&code).await.is_ok());
    assert_eq!(world.resetting(ADA).await.1.len(), 8);
}

/// Property 4. Attack: flows are begun first and answered later.
#[apply(on_both!)]
async fn unused_tries_count_as_incorrect_codes(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(world.confirming(ADA).await);
    }
    assert!(waiting.iter().all(|(_, code)| code.len() == 6));
    assert_eq!(world.confirming(ADA).await.1.len(), 8);
    // An answered flow stops counting after 30 seconds.
    for (mut browser, code) in waiting {
        browser.answer_sign_in(&code).await.unwrap();
    }
    assert_eq!(world.confirming(ADA).await.1.len(), 8);
    world.clock.advance_ms(30_000);
    assert_eq!(world.confirming(ADA).await.1.len(), 6);
}

/// Property 4. Attack: flows are begun concurrently, so that none counts the others' tries.
#[apply(on_both!)]
async fn concurrent_codes_count_each_others_tries(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    for _ in 0..12 {
        let (mut browser, code) = world.resetting(ADA).await;
        browser.guess_wrong(&code, 5).await;
    }
    let results = together(8, |_| {
        let mut browser = world.browser();
        async move { browser.begin_reset(ADA).await }
    })
    .await;
    let short = results
        .iter()
        .filter(|result| matches!(result, Ok(ResetStep::EnterCode(mailed)) if mailed.digits == 8));
    assert_eq!(short.count(), 3, "{results:?}");
}

/// Property 29: the eleventh flow ends an earlier one of its own client; the owner's code still works.
#[apply(on_both!)]
async fn an_address_has_at_most_ten_flows(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    let (mut owner, code) = world.resetting(ADA).await;
    let mut stranger = Vec::new();
    for number in 0..12 {
        let mut browser = world.browser();
        browser.caller.client = "192.0.2.9".into();
        browser.begin_reset(ADA).await.unwrap();
        let waits = matches!(browser.reset_step().await, ResetStep::EnterCode(_));
        assert!(waits, "{number}");
        stranger.push(browser);
        world.clock.advance_ms(1);
    }
    for (number, browser) in stranger.iter().enumerate() {
        let waits = matches!(browser.reset_step().await, ResetStep::EnterCode(_));
        assert_eq!(waits, number >= 3, "{number}");
    }
    assert!(owner.answer_reset(&code).await.is_ok());
}

/// Property 29, for the other counter: the eleventh code after the password ends the oldest one.
#[apply(on_both!)]
async fn an_address_has_at_most_ten_codes_after_the_password(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    let mut browsers = Vec::new();
    for _ in 0..11 {
        browsers.push(world.confirming(ADA).await.0);
        world.clock.advance_ms(1);
    }
    for (number, browser) in browsers.iter().enumerate() {
        let waits = matches!(browser.sign_in_step().await, SignInStep::EnterCode(_));
        assert_eq!(waits, number >= 1, "{number}");
    }
}

/// Property 29: one IPv6 /48 has many /64 networks, but no more flows.
#[apply(on_both!)]
async fn an_ipv6_network_with_many_lines_ends_its_own_flows(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    let (mut owner, code) = world.resetting(ADA).await;
    for number in 0..12 {
        let mut stranger = world.browser();
        stranger.caller.client = format!("2001:db8:7:{number:x}::/64");
        stranger.begin_reset(ADA).await.unwrap();
        world.clock.advance_ms(1);
    }
    assert!(owner.answer_reset(&code).await.is_ok());
}

/// Property 9: without an account no code is correct, so a correct code must not change what strangers see.
#[apply(on_both!)]
async fn the_owners_correct_code_is_invisible_to_strangers(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    let mut seen = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        let mut strangers = Vec::new();
        let mut owner = world.browser();
        owner.begin_reset(email).await.unwrap();
        let code = match email {
            ADA => Some(world.code_mailed_to(ADA).await),
            _ => None,
        };
        world.clock.advance_ms(1);
        for _ in 0..9 {
            let mut stranger = world.browser();
            stranger.begin_reset(email).await.unwrap();
            strangers.push(stranger);
            world.clock.advance_ms(1);
        }
        // Incorrect and unused tries stay just below the budget of eight digits.
        for stranger in &mut strangers {
            for guess in 0..3 {
                stranger.answer_reset(&format!("9999000{guess}")).await.unwrap_err();
            }
        }
        if let Some(code) = code {
            owner.answer_reset(&code).await.unwrap();
        }
        let mut shown = Vec::new();
        for _ in 0..4 {
            let mut stranger = world.browser();
            let Ok(ResetStep::EnterCode(mailed)) = stranger.begin_reset(email).await else {
                panic!("a code is mailed");
            };
            shown.push(mailed.digits);
            strangers.push(stranger);
            world.clock.advance_ms(1);
        }
        let mut waits = Vec::new();
        for stranger in &strangers {
            waits.push(matches!(stranger.reset_step().await, ResetStep::EnterCode(_)));
        }
        seen.push((shown, waits));
    }
    assert_eq!(seen[0], seen[1]);
}

/// Property 19: an attack over weeks sends one notice a day, instead of one in total or one per ten guesses.
#[apply(on_both!)]
async fn continued_failures_send_one_notice_a_day(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    for notices in [1, 2] {
        for _ in 0..6 {
            let (mut browser, code) = world.resetting(ADA).await;
            browser.guess_wrong(&code, 5).await;
            world.clock.advance_ms(30_000);
        }
        assert_eq!(world.notices_to(ADA).await.len(), notices);
        world.clock.advance_minutes(24 * 60);
    }
}

/// Property 29: among clients with one flow each, a known browser's flow ends last.
#[apply(on_both!)]
async fn a_known_browsers_flow_outlives_strangers_flows(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    let mut owner = world.signed_in(ADA).await;
    owner.begin_reset(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    for _ in 0..12 {
        world.browser().begin_reset(ADA).await.unwrap();
        world.clock.advance_ms(1);
    }
    assert!(owner.answer_reset(&code).await.is_ok());
}

/// A world without e-mail limits.
async fn unbounded(world: &World) -> World {
    world
        .with(|settings| {
            let limits = &mut settings.limits;
            limits.reset_every_s = 0;
            for most in [
                &mut limits.emails_an_hour,
                &mut limits.emails_a_day,
                &mut limits.emails_to_domain_a_day,
                &mut limits.emails_to_mailbox_a_day,
                &mut limits.codes_an_hour,
                &mut limits.codes_a_day,
                &mut limits.client_a_minute,
            ] {
                *most = 1_000;
            }
        })
        .await
}

/// Property 18: a stranger's sign-ups for the address don't lengthen the owner's codes.
#[apply(on_both!)]
async fn incorrect_sign_up_codes_do_not_lengthen_reset_codes(world: &World) {
    let world = unbounded(world).await;
    world.create_account(ADA).await;
    for number in 0..15 {
        let mut stranger = world.browser();
        let result = stranger.begin_sign_up(ADA).await;
        assert!(
            matches!(result, Ok(SignUpStep::EnterCode(mailed)) if mailed.digits == 8),
            "{number}"
        );
        for _ in 0..5 {
            stranger.answer_sign_up("00000000").await.unwrap_err();
        }
    }
    let result = world.browser().begin_sign_up(ADA).await;
    assert!(matches!(result, Ok(SignUpStep::EnterCode(mailed)) if mailed.digits == 10));
    assert_eq!(world.resetting(ADA).await.1.len(), 8);
}
