//! Codes: what they open, how often they may be tried, when they die. Shown by resets; sign-in and sign-up use the same.

use crate::browser::Browser;
use crate::on_both_databases;
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address, other_code, together};
use account::{ActivityKind, FailureCause, Refusal, ResetStep, SignInStep, SignUpStep};

on_both_databases!(
    wrong_codes_of_a_sign_up_are_not_the_owners,
    a_code_works_once_however_often_it_is_sent,
    five_tries_are_five_however_many_come_at_once,
    wrong_guesses_are_spent_even_though_refused,
    a_new_code_does_not_give_the_tries_back,
    twenty_five_wrong_codes_an_hour_pause_an_address,
    fifty_wrong_codes_a_day_pause_an_address,
    many_wrong_codes_in_a_row_switch_codes_off_until_the_password_is_proven,
    the_tenth_wrong_code_in_a_row_is_told_to_the_owner,
    a_code_works_until_the_exact_minute,
    a_code_opens_nothing_but_what_it_was_mailed_for,
    only_the_newest_code_works_also_from_another_browser,
    an_older_code_is_recognised_twice_and_then_costs,
    a_code_dies_with_a_change_of_the_password,
    a_code_dies_when_the_account_is_switched_off,
    a_code_is_taken_as_people_paste_it,
);

/// Property 2.
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

/// Property 4: the count goes down although the answer is an error, and to nothing.
async fn wrong_guesses_are_spent_even_though_refused(world: &World) {
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

/// Property 4: over flows, browsers and purposes, and also for who has the right one.
async fn twenty_five_wrong_codes_an_hour_pause_an_address(world: &World) {
    world.person(ADA).await;
    for _ in 0..2 {
        let (mut browser, code) = world.resetting(ADA).await;
        guess_wrong(&mut browser, &code, 5).await;
        let (mut browser, code) = world.confirming(ADA).await;
        for guess in 1..=5 {
            browser.answer_sign_in(&other_code(&code, guess)).await.unwrap_err();
        }
        world.clock.advance_ms(30_000);
    }
    let (mut browser, code) = world.confirming(ADA).await;
    for guess in 1..=5 {
        browser.answer_sign_in(&other_code(&code, guess)).await.unwrap_err();
    }
    let (mut browser, code) = world.resetting(ADA).await;
    assert_eq!(
        browser.answer_reset(&code).await,
        Err(Refusal::CodesPaused { seconds: 3_540 })
    );
    let (mut browser, code) = world.confirming(ADA).await;
    assert_eq!(
        browser.answer_sign_in(&code).await,
        Err(Refusal::CodesPaused { seconds: 3_540 })
    );
    world.person(GRACE).await;
    world.choosing(GRACE).await;
    world.clock.advance_ms(3_540_000);
    world.choosing(ADA).await;
}

/// Property 4.
async fn fifty_wrong_codes_a_day_pause_an_address(world: &World) {
    world.person(ADA).await;
    for _ in 0..10 {
        let (mut browser, code) = world.resetting(ADA).await;
        guess_wrong(&mut browser, &code, 5).await;
        world.clock.advance_minutes(61);
    }
    let (mut browser, code) = world.confirming(ADA).await;
    let refusal = browser.answer_sign_in(&code).await.unwrap_err();
    assert_eq!(
        refusal,
        Refusal::CodesPaused {
            seconds: (24 * 60 - 610) * 60
        }
    );
    world.clock.advance_minutes(24 * 60 - 610);
    world.choosing(ADA).await;
}

/// Whoever guesses on and on has the mailbox's screen or all the time in the world; the password is what he lacks.
async fn many_wrong_codes_in_a_row_switch_codes_off_until_the_password_is_proven(world: &World) {
    let world = world.with(|settings| settings.limits.wrong_codes_in_a_row = 5).await;
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    guess_wrong(&mut browser, &code, 5).await;
    world.clock.advance_minutes(24 * 60);
    let (mut browser, code) = world.resetting(ADA).await;
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::CodesOff));
    let (mut other, password_code) = world.confirming(ADA).await;
    assert!(matches!(
        other.answer_sign_in(&password_code).await,
        Ok(SignInStep::SignedIn { .. })
    ));
    assert!(matches!(
        browser.answer_reset(&code).await,
        Ok(ResetStep::ChoosePassword { .. })
    ));
}

/// Property 19.
async fn the_tenth_wrong_code_in_a_row_is_told_to_the_owner(world: &World) {
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

/// Property 1: every code in every flow; only the diagonal opens.
async fn a_code_opens_nothing_but_what_it_was_mailed_for(world: &World) {
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
    // One browser that stands in two flows, and one that stands in another's.
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

/// Property 5.
async fn only_the_newest_code_works_also_from_another_browser(world: &World) {
    world.person(ADA).await;
    let (mut first, older) = world.resetting(ADA).await;
    world.clock.advance_ms(30_000);
    let (mut second, newer) = world.resetting(ADA).await;
    assert_eq!(first.answer_reset(&older).await, Err(Refusal::CodeReplaced));
    assert_eq!(
        first.answer_reset(&newer).await,
        Err(Refusal::CodeWrong { tries_left: 4 })
    );
    assert_eq!(
        second.answer_reset(&older).await,
        Err(Refusal::CodeWrong { tries_left: 4 })
    );
    assert!(second.answer_reset(&newer).await.is_ok());
}

/// Property 5.
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
async fn a_code_dies_when_the_account_is_switched_off(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let (mut at_the_door, password_code) = world.confirming(ADA).await;
    for off in [true, false] {
        world.backend.disable_person(&address(ADA), off).await.unwrap();
        assert_eq!(browser.answer_reset(&code).await, Err(Refusal::CodeReplaced));
        assert_eq!(at_the_door.answer_sign_in(&password_code).await, Err(Refusal::FlowGone));
    }
}

async fn a_code_is_taken_as_people_paste_it(world: &World) {
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

/// Property 18: a stranger who begins sign-ups for the address locks nobody out.
async fn wrong_codes_of_a_sign_up_are_not_the_owners(world: &World) {
    world.person(ADA).await;
    let strict = world.with(|settings| settings.limits.wrong_codes_an_hour = 3).await;
    let mut stranger = strict.browser();
    stranger.begin_sign_up(ADA).await.unwrap();
    for _ in 0..4 {
        stranger.answer_sign_up("000000").await.unwrap_err();
    }
    let (mut owner, code) = strict.resetting(ADA).await;
    assert!(owner.answer_reset(&code).await.is_ok());
}
