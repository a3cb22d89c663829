//! Codes: what they open, how many tries they allow, when they expire. Tested with resets; sign-in and sign-up use the
//! same code.

use crate::browser::Browser;
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address, other_code, together};
use account::{ActivityKind, FailureCause, Refusal, ResetStep, SignInStep, SignUpStep};

/// Property 2.
#[apply(on_both!)]
async fn a_code_works_once_however_often_it_is_sent(world: &World) {
    world.person(ADA).await;
    let (browser, code) = world.resetting(ADA).await;
    let told = together(200, |_| {
        let (mut browser, code) = (browser.clone(), code.clone());
        async move { browser.answer_reset(&code).await }
    })
    .await;
    assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 1);
    assert!(
        told.iter()
            .all(|told| matches!(told, Ok(ResetStep::ChoosePassword { .. }) | Err(Refusal::StepElsewhere)))
    );
}

/// Property 3.
#[apply(on_both!)]
async fn five_tries_are_five_however_many_come_at_once(world: &World) {
    for number in 0..5 {
        let email = format!("ada{number}@example.com");
        world.person(&email).await;
        let (browser, code) = world.resetting(&email).await;
        let told = together(60, |guess| {
            let (mut browser, code) = (browser.clone(), other_code(&code, u32::try_from(guess).unwrap()));
            async move { browser.answer_reset(&code).await }
        })
        .await;
        let right = told.iter().filter(|told| told.is_ok()).count();
        let wrong = world.count_events(&email, ActivityKind::WrongCode).await;
        assert!(
            right == 1 && wrong < 5 || right == 0 && wrong == 5,
            "{right} right and {wrong} wrong were looked at"
        );
    }
}

/// Property 4: a wrong guess is counted although the answer is an error, down to zero.
#[apply(on_both!)]
async fn refused_wrong_guesses_spend_tries(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    for tries_left in [4, 3, 2, 1] {
        assert_eq!(
            browser.answer_reset(&other_code(&code, 1)).await,
            Err(Refusal::CodeWrong { tries_left })
        );
    }
    assert_eq!(
        browser.answer_reset(&other_code(&code, 1)).await,
        Err(Refusal::TriesUsedUp)
    );
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::TriesUsedUp));
    assert_eq!(
        browser.reset_step().await,
        ResetStep::AskEmail {
            email: Some(ADA.into())
        }
    );
}

/// Property 4.
#[apply(on_both!)]
async fn a_new_code_does_not_give_the_tries_back(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    guess_wrong(&mut browser, &code, 3).await;
    world.clock.advance_ms(30_000);
    browser.resend_reset().await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    assert_eq!(
        browser.answer_reset(&other_code(&code, 1)).await,
        Err(Refusal::CodeWrong { tries_left: 1 })
    );
    assert_eq!(
        browser.answer_reset(&other_code(&code, 2)).await,
        Err(Refusal::TriesUsedUp)
    );
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::TriesUsedUp));
    world.clock.advance_ms(60_000);
    assert_eq!(browser.resend_reset().await, Err(Refusal::TriesUsedUp));
}

/// Property 4: the count is independent of flow, cookie and client; it lengthens the next code, and the right code
/// still opens.
#[apply(on_both!)]
async fn a_days_wrong_codes_lengthen_the_next_codes(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
    world.person(GRACE).await;
    let mut wrong = 0;
    while wrong < 75 {
        let (mut browser, code) = world.resetting(ADA).await;
        assert_eq!(code.len(), if wrong + 5 <= 75 { 8 } else { 10 }, "after {wrong}");
        guess_wrong(&mut browser, &code, 5).await;
        wrong += 5;
        world.clock.advance_minutes(5);
    }
    // The screen shows the length, and a shorter input is refused without costing a try.
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
    let mut nobody = world.browser();
    for _ in 0..15 {
        nobody = world.browser();
        nobody.begin_reset("nobody@example.com").await.unwrap();
        guess_wrong(&mut nobody, "00000000", 5).await;
    }
    let told = nobody.begin_reset("nobody@example.com").await;
    assert!(matches!(told, Ok(ResetStep::EnterCode(mailed)) if mailed.digits == 10));
    // A success doesn't reset the count; a day does.
    world.clock.advance_minutes(60);
    assert_eq!(world.resetting(ADA).await.1.len(), 10);
    world.clock.advance_minutes(24 * 60);
    assert_eq!(world.resetting(ADA).await.1.len(), 8);
}

/// Property 4: after the right password fewer guesses are allowed, and the owner's success restores none.
#[apply(on_both!)]
async fn wrong_codes_after_the_password_lengthen_the_next_ones(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
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
async fn tries_that_are_open_count_as_if_they_were_wrong(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(world.confirming(ADA).await);
    }
    assert!(waiting.iter().all(|(_, code)| code.len() == 6));
    assert_eq!(world.confirming(ADA).await.1.len(), 8);
    // An answered flow no longer counts as open, once its answer must have arrived.
    for (mut browser, code) in waiting {
        browser.answer_sign_in(&code).await.unwrap();
    }
    assert_eq!(world.confirming(ADA).await.1.len(), 8);
    world.clock.advance_ms(30_000);
    assert_eq!(world.confirming(ADA).await.1.len(), 6);
}

/// Property 4. Attack: flows begun at the same moment, none of which sees the others.
#[apply(on_both!)]
async fn codes_made_at_the_same_moment_see_each_other(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
    for _ in 0..12 {
        let (mut browser, code) = world.resetting(ADA).await;
        guess_wrong(&mut browser, &code, 5).await;
    }
    let told = together(8, |_| {
        let mut browser = world.browser();
        async move { browser.begin_reset(ADA).await }
    })
    .await;
    let short = told
        .iter()
        .filter(|told| matches!(told, Ok(ResetStep::EnterCode(mailed)) if mailed.digits == 8));
    assert_eq!(short.count(), 3, "{told:?}");
}

/// Property 29: the eleventh flow ends one of its own client; the owner's code still works.
#[apply(on_both!)]
async fn eleven_flows_of_an_address_are_ten(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
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
async fn eleven_codes_after_the_password_are_ten(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
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
async fn a_network_of_many_lines_ends_its_own_flows(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
    let (mut owner, code) = world.resetting(ADA).await;
    for number in 0..12 {
        let mut stranger = world.browser();
        stranger.caller.client = format!("2001:db8:7:{number:x}::/64");
        stranger.begin_reset(ADA).await.unwrap();
        world.clock.advance_ms(1);
    }
    assert!(owner.answer_reset(&code).await.is_ok());
}

/// Property 9: without an account no code is ever right, so a right code must change nothing that strangers see.
#[apply(on_both!)]
async fn a_right_code_of_the_owner_is_not_seen_by_strangers(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
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
        // Their tries and the wrong ones come just below the budget of eight digits.
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

#[apply(on_both!)]
async fn a_reset_begun_before_the_account_sets_its_password(world: &World) {
    let mut browser = world.browser();
    browser.begin_reset(ADA).await.unwrap();
    world.person(ADA).await;
    world.clock.advance_ms(30_000);
    browser.resend_reset().await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_reset(&code).await.unwrap();
    assert!(matches!(browser.choose(NEW_PASSWORD).await, Ok(ResetStep::Done { .. })));
}

/// Property 19: an attack over weeks causes one notice a day, not a single notice and not one per ten guesses.
#[apply(on_both!)]
async fn continued_failures_send_one_notice_a_day(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
    for told in [1, 2] {
        for _ in 0..6 {
            let (mut browser, code) = world.resetting(ADA).await;
            guess_wrong(&mut browser, &code, 5).await;
            world.clock.advance_ms(30_000);
        }
        assert_eq!(world.notices_to(ADA).await.len(), told);
        world.clock.advance_minutes(24 * 60);
    }
}

/// Property 29: among clients with one flow each, a known browser's flow ends last.
#[apply(on_both!)]
async fn a_known_browsers_flow_outlives_those_of_strangers(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
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

/// Property 19.
#[apply(on_both!)]
async fn the_tenth_wrong_code_in_a_row_sends_a_notice(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    guess_wrong(&mut browser, &code, 5).await;
    world.clock.advance_ms(30_000);
    let (mut browser, code) = world.resetting(ADA).await;
    guess_wrong(&mut browser, &code, 4).await;
    assert_eq!(world.notices_to(ADA).await, []);
    guess_wrong(&mut browser, &code, 1).await;
    assert_eq!(world.notices_to(ADA).await, [world.failures(FailureCause::ResetCodes)]);
}

#[apply(on_both!)]
async fn a_code_works_until_the_exact_minute(world: &World) {
    world.person(ADA).await;
    world.person(GRACE).await;
    let (mut ada, adas) = world.resetting(ADA).await;
    let (mut grace, graces) = world.resetting(GRACE).await;
    world.clock.advance_ms(10 * 60_000 - 1);
    assert!(matches!(
        ada.answer_reset(&adas).await,
        Ok(ResetStep::ChoosePassword { .. })
    ));
    world.clock.advance_ms(1);
    assert_eq!(grace.answer_reset(&graces).await, Err(Refusal::CodeLate));
    grace.resend_reset().await.unwrap();
    let code = world.code_mailed_to(GRACE).await;
    assert!(matches!(
        grace.answer_reset(&code).await,
        Ok(ResetStep::ChoosePassword { .. })
    ));
}

/// Property 1: tries every code in every flow; each opens only its own.
#[apply(on_both!)]
async fn a_code_opens_only_the_flow_it_was_mailed_for(world: &World) {
    world.person(ADA).await;
    world.person(GRACE).await;
    let (ada, grace, stranger) = (
        world.confirming(ADA).await,
        world.confirming(GRACE).await,
        world.resetting(ADA).await,
    );
    let mut new = world.browser();
    new.begin_sign_up("new@example.com").await.unwrap();
    let new = (new, world.code_mailed_to("new@example.com").await);
    // One browser that is in two flows, and one with another browser's flow.
    let (mut both, _) = grace.clone();
    both.begin_reset(GRACE).await.unwrap();
    let both = (both, world.code_mailed_to(GRACE).await);

    let mut cells = [
        (ada, Way::SignIn),
        (grace, Way::SignIn),
        (stranger, Way::Reset),
        (new, Way::SignUp),
        (both, Way::Reset),
    ];
    let codes: Vec<String> = cells.iter().map(|((_, code), _)| code.clone()).collect();
    for (row, ((browser, _), way)) in cells.iter_mut().enumerate() {
        for (_, code) in codes.iter().enumerate().filter(|(column, _)| *column != row) {
            let refusal = way.answer(browser, code).await.unwrap_err();
            assert!(
                matches!(refusal, Refusal::CodeWrong { .. } | Refusal::CodeWrongLength { .. }),
                "{refusal}"
            );
        }
    }
    for ((mut browser, code), way) in cells {
        way.answer(&mut browser, &code).await.unwrap();
    }
}

/// Property 5: each browser's code works in its own flow only, in any order of requests.
#[apply(on_both!)]
async fn a_strangers_request_leaves_the_owners_code_alone(world: &World) {
    world.person(ADA).await;
    let (mut owner, owners) = world.resetting(ADA).await;
    world.clock.advance_ms(30_000);
    let (mut stranger, strangers) = world.resetting(ADA).await;
    // A stranger's guess isn't compared with the owner's codes: it costs a try like any other.
    for tries_left in [4, 3] {
        assert_eq!(
            stranger.answer_reset(&owners).await,
            Err(Refusal::CodeWrong { tries_left })
        );
    }
    assert_eq!(
        owner.answer_reset(&strangers).await,
        Err(Refusal::CodeWrong { tries_left: 4 })
    );
    assert!(owner.answer_reset(&owners).await.is_ok());
}

/// Property 5.
#[apply(on_both!)]
async fn the_code_of_an_earlier_request_of_the_browser_is_recognised_twice(world: &World) {
    world.person(ADA).await;
    let (mut browser, older) = world.resetting(ADA).await;
    world.clock.advance_ms(30_000);
    browser.begin_reset(ADA).await.unwrap();
    let newer = world.code_mailed_to(ADA).await;
    for _ in 0..2 {
        assert_eq!(browser.answer_reset(&older).await, Err(Refusal::CodeOfEarlierRequest));
    }
    for tries_left in [4, 3] {
        assert_eq!(
            browser.answer_reset(&older).await,
            Err(Refusal::CodeWrong { tries_left })
        );
    }
    assert!(browser.answer_reset(&newer).await.is_ok());
}

/// Property 5.
#[apply(on_both!)]
async fn an_older_code_is_recognised_twice_and_then_costs(world: &World) {
    world.person(ADA).await;
    let (mut browser, older) = world.resetting(ADA).await;
    let sent_at = world.now();
    world.clock.advance_ms(30_000);
    browser.resend_reset().await.unwrap();
    let newer = world.code_mailed_to(ADA).await;
    let newest_at = world.now();
    for _ in 0..2 {
        assert_eq!(
            browser.answer_reset(&older).await,
            Err(Refusal::CodeOlder { sent_at, newest_at })
        );
    }
    for tries_left in [4, 3] {
        assert_eq!(
            browser.answer_reset(&older).await,
            Err(Refusal::CodeWrong { tries_left })
        );
    }
    assert!(browser.answer_reset(&newer).await.is_ok());
}

/// Property 5.
#[apply(on_both!)]
async fn a_code_dies_with_a_change_of_the_password(world: &World) {
    world.person(ADA).await;
    let mut owner = world.signed_in(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let (mut at_the_door, password_code) = world.confirming(ADA).await;
    owner.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::CodeReplaced));
    assert_eq!(at_the_door.answer_sign_in(&password_code).await, Err(Refusal::FlowGone));
    assert!(owner.is_signed_in().await);
}

/// Property 5.
#[apply(on_both!)]
async fn a_code_dies_when_the_account_is_deactivated(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let (mut at_the_door, password_code) = world.confirming(ADA).await;
    for off in [true, false] {
        world.backend.accounts().disable(&address(ADA), off).await.unwrap();
        assert_eq!(browser.answer_reset(&code).await, Err(Refusal::CodeReplaced));
        assert_eq!(at_the_door.answer_sign_in(&password_code).await, Err(Refusal::FlowGone));
    }
}

#[apply(on_both!)]
async fn a_pasted_code_is_accepted_in_common_formats(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let (first, second) = code.split_at(4);
    assert_eq!(
        browser.answer_reset(first).await,
        Err(Refusal::CodeWrongLength { digits: 8 })
    );
    let pasted = format!("Your code is {first}\u{a0}{second}.");
    assert!(matches!(
        browser.answer_reset(&pasted).await,
        Ok(ResetStep::ChoosePassword { .. })
    ));
}

async fn guess_wrong(browser: &mut Browser, code: &str, times: u32) {
    for guess in 1..=times {
        let refusal = browser.answer_reset(&other_code(code, guess)).await.unwrap_err();
        assert!(
            matches!(refusal, Refusal::CodeWrong { .. } | Refusal::TriesUsedUp),
            "{refusal}"
        );
    }
}

#[derive(Clone, Copy)]
enum Way {
    SignIn,
    Reset,
    SignUp,
}

impl Way {
    async fn answer(self, browser: &mut Browser, code: &str) -> Result<(), Refusal> {
        match self {
            Self::SignIn => browser
                .answer_sign_in(code)
                .await
                .map(|step| assert!(matches!(step, SignInStep::SignedIn { .. }))),
            Self::Reset => browser
                .answer_reset(code)
                .await
                .map(|step| assert!(matches!(step, ResetStep::ChoosePassword { .. }))),
            Self::SignUp => browser
                .answer_sign_up(code)
                .await
                .map(|step| assert!(matches!(step, SignUpStep::ChooseDetails { .. }))),
        }
    }
}

/// Property 18: a stranger's sign-ups for the address don't lengthen the owner's codes.
#[apply(on_both!)]
async fn wrong_codes_of_a_sign_up_are_not_the_owners(world: &World) {
    let world = unbounded(world).await;
    world.person(ADA).await;
    for number in 0..15 {
        let mut stranger = world.browser();
        let told = stranger.begin_sign_up(ADA).await;
        assert!(
            matches!(told, Ok(SignUpStep::EnterCode(mailed)) if mailed.digits == 8),
            "{number}"
        );
        for _ in 0..5 {
            stranger.answer_sign_up("00000000").await.unwrap_err();
        }
    }
    let told = world.browser().begin_sign_up(ADA).await;
    assert!(matches!(told, Ok(SignUpStep::EnterCode(mailed)) if mailed.digits == 10));
    assert_eq!(world.resetting(ADA).await.1.len(), 8);
}
