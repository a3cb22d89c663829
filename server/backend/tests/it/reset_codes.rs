//! Codes: scope, tries and expiry. Tested with resets; sign-in and sign-up share the implementation.

use crate::browser::Browser;
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address, other_code, together};
use account::{ActivityKind, FailureCause, Refusal, ResetStep, SignInStep, SignUpStep};

/// Property 2.
#[apply(on_both!)]
async fn a_code_works_only_once(world: &World) {
    world.create_account(ADA).await;
    let (browser, code) = world.resetting(ADA).await;
    let results = together(200, |_| {
        let (mut browser, code) = (browser.clone(), code.clone());
        async move { browser.answer_reset(&code).await }
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(
        result,
        Ok(ResetStep::ChoosePassword { .. }) | Err(Refusal::StepElsewhere)
    )));
}

/// Property 3.
#[apply(on_both!)]
async fn concurrent_guesses_spend_at_most_five_tries(world: &World) {
    for number in 0..5 {
        let email = format!("ada{number}@example.com");
        world.create_account(&email).await;
        let (browser, code) = world.resetting(&email).await;
        let results = together(60, |guess| {
            let (mut browser, code) = (browser.clone(), other_code(&code, u32::try_from(guess).unwrap()));
            async move { browser.answer_reset(&code).await }
        })
        .await;
        let right = results.iter().filter(|result| result.is_ok()).count();
        let wrong = world.count_events(&email, ActivityKind::WrongCode).await;
        assert!(
            right == 1 && wrong < 5 || right == 0 && wrong == 5,
            "{right} correct and {wrong} incorrect codes were checked"
        );
    }
}

/// Property 4: an incorrect code is counted although the answer is an error.
#[apply(on_both!)]
async fn each_incorrect_code_spends_a_try(world: &World) {
    world.create_account(ADA).await;
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
async fn a_new_code_does_not_restore_tries(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    browser.guess_wrong(&code, 3).await;
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

#[apply(on_both!)]
async fn a_reset_begun_before_its_account_exists_can_set_the_password(world: &World) {
    let mut browser = world.browser();
    browser.begin_reset(ADA).await.unwrap();
    world.create_account(ADA).await;
    world.clock.advance_ms(30_000);
    browser.resend_reset().await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_reset(&code).await.unwrap();
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
}

/// Property 19.
#[apply(on_both!)]
async fn the_tenth_incorrect_code_in_a_row_sends_a_notice(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    browser.guess_wrong(&code, 5).await;
    world.clock.advance_ms(30_000);
    let (mut browser, code) = world.resetting(ADA).await;
    browser.guess_wrong(&code, 4).await;
    assert_eq!(world.notices_to(ADA).await, []);
    browser.guess_wrong(&code, 1).await;
    assert_eq!(world.notices_to(ADA).await, [world.failures(FailureCause::ResetCodes)]);
}

#[apply(on_both!)]
async fn a_code_expires_after_exactly_ten_minutes(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let (mut ada, adas) = world.resetting(ADA).await;
    let (mut grace, graces) = world.resetting(GRACE).await;
    world.clock.advance_ms(10 * 60_000 - 1);
    assert_step!(ada.answer_reset(&adas), ResetStep::ChoosePassword);
    world.clock.advance_ms(1);
    assert_eq!(grace.answer_reset(&graces).await, Err(Refusal::CodeLate));
    grace.resend_reset().await.unwrap();
    let code = world.code_mailed_to(GRACE).await;
    assert_step!(grace.answer_reset(&code), ResetStep::ChoosePassword);
}

/// Property 1: tries every code in every flow.
#[apply(on_both!)]
async fn a_code_works_only_in_its_own_flow(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let (ada, grace, stranger) = (
        world.confirming(ADA).await,
        world.confirming(GRACE).await,
        world.resetting(ADA).await,
    );
    let new = world.signing_up("new@example.com").await;
    // A copy of a browser, in a second flow.
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
async fn a_strangers_request_does_not_affect_the_owners_code(world: &World) {
    world.create_account(ADA).await;
    let (mut owner, owners) = world.resetting(ADA).await;
    world.clock.advance_ms(30_000);
    let (mut stranger, strangers) = world.resetting(ADA).await;
    // A stranger's guess isn't compared with the owner's codes: it spends a try like any other.
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
async fn a_code_of_the_browsers_earlier_request_is_recognized_twice(world: &World) {
    world.create_account(ADA).await;
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
async fn an_older_code_spends_tries_after_being_recognized_twice(world: &World) {
    world.create_account(ADA).await;
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
async fn a_password_change_invalidates_codes(world: &World) {
    world.create_account(ADA).await;
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
async fn deactivating_an_account_invalidates_codes(world: &World) {
    world.create_account(ADA).await;
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
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let (first, second) = code.split_at(4);
    assert_eq!(
        browser.answer_reset(first).await,
        Err(Refusal::CodeWrongLength { digits: 8 })
    );
    let pasted = format!("Your code is {first}\u{a0}{second}.");
    assert_step!(browser.answer_reset(&pasted), ResetStep::ChoosePassword);
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
