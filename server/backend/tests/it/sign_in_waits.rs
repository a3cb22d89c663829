//! Incorrect passwords: tries and waits.

use crate::browser::{Browser, FlowResult};
use crate::metrics::{scrape, value};
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address, other_code, together};
use account::{ActivityKind, Email, FailureCause, Refusal, SignInStep};

/// Property 18: the tries of a known browser.
#[apply(on_both!)]
async fn waits_double_after_five_incorrect_passwords(world: &World) {
    let mut browser = known(world).await;
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
    assert_step!(browser.password(PASSWORD), SignInStep::EnterCode);
}

#[apply(on_both!)]
async fn a_wait_is_at_most_an_hour(world: &World) {
    let world = world.with(|settings| settings.limits.free_passwords = 1).await;
    let mut browser = known(&world).await;
    for _ in 0..8 {
        browser.begin_sign_in(ADA).await.unwrap();
        browser.password(WRONG_PASSWORD).await.unwrap_err();
        world.clock.advance_minutes(60);
    }
    browser.begin_sign_in(ADA).await.unwrap();
    assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    assert_eq!(
        browser.password(WRONG_PASSWORD).await,
        Err(Refusal::PasswordWait { seconds: 3_600 })
    );
}

/// Property 18: a new flow, cookie, client or spelling gets no new tries.
#[apply(on_both!)]
async fn strangers_tries_are_counted_by_address_and_not_by_browser(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut early = world.at_the_password(ADA).await;
    for typed in [ADA, "ADA@example.com", "ada@Example.com.", " ada@example.com", ADA] {
        wrong_password(world, typed).await;
    }
    assert!(proves_mailbox(&world.browser().begin_sign_in(ADA).await));
    world.clock.advance_minutes(1);
    assert!(proves_mailbox(&early.password(PASSWORD).await));
    assert!(world.browser().sign_in(world, GRACE, PASSWORD).await.is_ok());
    world.clock.advance_minutes(24 * 60);
    assert_eq!(
        world.browser().begin_sign_in(ADA).await,
        Ok(SignInStep::EnterPassword { email: address(ADA) })
    );
}

/// Property 18: no client has to wait, no password is checked without the mailbox, and the owner can sign in.
#[apply(on_both!)]
async fn after_strangers_guesses_the_mailbox_must_be_proven_first(world: &World) {
    world.create_account(ADA).await;
    let mut stranger = world.after_five_guesses(ADA).await;
    // The correct password isn't checked either.
    let before = count(world, "rekey_hashing_duration_seconds_count").await;
    assert!(proves_mailbox(&stranger.password(PASSWORD).await));
    assert_eq!(count(world, "rekey_hashing_duration_seconds_count").await, before);
    assert!(proves_mailbox(&Ok(stranger.sign_in_step().await)));
    assert_eq!(stranger.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    world.clock.advance_minutes(1);

    let mut owner = world.browser();
    let Ok(SignInStep::ProveMailbox(mailed)) = owner.begin_sign_in_to(ADA, "/security").await else {
        panic!("the mailbox is not asked for")
    };
    let messages = world.emails_to(ADA).await;
    let Some(Email::Code(message)) = messages.last() else {
        panic!("{messages:?}")
    };
    assert!(message.request.mailbox_first && message.request.reference == mailed.reference);
    let code = message.code.expose().to_owned();
    assert_eq!((code.len(), mailed.digits), (8, 8));
    assert!(proves_mailbox(&Ok(owner.sign_in_step().await)), "after a reload");
    assert_eq!(owner.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert_eq!(
        owner.answer_sign_in(&other_code(&code, 1)).await,
        Err(Refusal::CodeWrong { tries_left: 4 })
    );
    let password = SignInStep::EnterPassword { email: address(ADA) };
    assert_eq!(owner.answer_sign_in_and_trust(&code).await, Ok(password.clone()));
    assert!(!owner.is_signed_in().await);
    assert_eq!(owner.sign_in_step().await, password);
    assert_eq!(owner.answer_sign_in(&code).await, Err(Refusal::StepElsewhere));
    assert_eq!(owner.resend_sign_in().await, Err(Refusal::StepElsewhere));
    assert_eq!(owner.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    let signed_in = SignInStep::SignedIn {
        next: "/security".into(),
    };
    assert_eq!(owner.password(PASSWORD).await, Ok(signed_in));
    assert_eq!(owner.security().await.unwrap().devices.len(), 1, "trusted on request");
    // Strangers must still prove the mailbox; this browser is now known.
    assert!(proves_mailbox(&world.browser().begin_sign_in(ADA).await));
    owner.sign_out().await;
    assert_eq!(owner.begin_sign_in(ADA).await, Ok(password));
}

/// Property 18: a code allows five passwords; then another code is needed.
#[apply(on_both!)]
async fn a_proven_mailbox_allows_five_passwords(world: &World) {
    world.create_account(ADA).await;
    world.after_five_guesses(ADA).await;
    let mut browser = proven(world).await;
    for _ in 0..4 {
        assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    }
    assert_eq!(
        browser.password(WRONG_PASSWORD).await,
        Err(Refusal::PasswordTriesUsedUp)
    );
    assert!(browser.password(PASSWORD).await.is_err());
    assert!(matches!(
        browser.sign_in_step().await,
        SignInStep::AskEmail { email: Some(_), .. }
    ));
    world.clock.advance_minutes(1);
    let browser = proven(world).await;
    let results = together(20, |number| {
        let mut browser = browser.clone();
        async move { browser.password(&format!("wrong horse number {number}")).await }
    })
    .await;
    let wrong = results
        .iter()
        .filter(|result| **result == Err(Refusal::SignInWrong))
        .count();
    assert_eq!(wrong, 4, "{results:?}");
    assert_eq!(world.count_events(ADA, ActivityKind::WrongPassword).await, 15);
}

/// Property 8: proving the mailbox of an account without a local password gives no access; its e-mail says so.
#[apply(on_both!)]
async fn a_proven_mailbox_gives_no_access_without_a_local_password(world: &World) {
    world.one_of_each_kind().await;
    for kind in ["google", "disabled", "unknown"] {
        let email = format!("{kind}@example.com");
        let mut browser = world.at_the_password(&email).await;
        for _ in 0..5 {
            browser.password(WRONG_PASSWORD).await.unwrap_err();
        }
        assert!(proves_mailbox(&browser.password(PASSWORD).await), "{kind}");
        let messages = world.emails_to(&email).await;
        let answered = match messages.as_slice() {
            [Email::UseProvider(request, _)] => kind == "google" && request.mailbox_first,
            [Email::Deactivated(request)] => kind == "disabled" && request.mailbox_first,
            [Email::NoAccount(request)] => kind == "unknown" && request.mailbox_first,
            _ => false,
        };
        assert!(answered, "{kind}: {messages:?}");
    }
}

/// Through "Use a different e-mail", or an address in the code field.
#[apply(on_both!)]
async fn a_mailbox_proof_can_be_cancelled(world: &World) {
    world.create_account(ADA).await;
    world.after_five_guesses(ADA).await;
    let mut browser = world.browser();
    assert!(proves_mailbox(&browser.begin_sign_in(ADA).await));
    browser.restart_sign_in().await.unwrap();
    world.clock.advance_minutes(1);
    assert!(proves_mailbox(&browser.begin_sign_in(ADA).await));
    assert_eq!(
        browser.answer_sign_in(GRACE).await,
        Ok(SignInStep::EnterPassword { email: address(GRACE) })
    );
}

/// Property 9: the owner's actions don't change the tries of strangers.
#[apply(on_both!)]
async fn a_correct_password_restores_only_its_own_try(world: &World) {
    world.create_account(ADA).await;
    for _ in 0..4 {
        wrong_password(world, ADA).await;
    }
    for _ in 0..2 {
        assert!(world.at_the_password(ADA).await.password(PASSWORD).await.is_ok());
        world.clock.advance_minutes(1);
    }
    let mut stranger = world.at_the_password(ADA).await;
    assert_eq!(stranger.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    assert!(proves_mailbox(&stranger.password(WRONG_PASSWORD).await));
}

/// Property 18.
#[apply(on_both!)]
async fn at_most_five_concurrent_passwords_are_checked(world: &World) {
    world.create_account(ADA).await;
    let browser = world.at_the_password(ADA).await;
    let results = together(30, |number| {
        let mut browser = browser.clone();
        async move { browser.password(&format!("wrong horse number {number}")).await }
    })
    .await;
    let wrong = results
        .iter()
        .filter(|result| **result == Err(Refusal::SignInWrong))
        .count();
    let asked = results.iter().filter(|result| proves_mailbox(result)).count();
    let elsewhere = results
        .iter()
        .filter(|result| **result == Err(Refusal::StepElsewhere))
        .count();
    assert_eq!((wrong, asked, elsewhere), (5, 1, 24), "{results:?}");
    assert_eq!(world.count_events(ADA, ActivityKind::WrongPassword).await, 5);
    assert_eq!(world.emails_to(ADA).await.len(), 1);
}

/// Property 18.
#[apply(on_both!)]
async fn strangers_cannot_lock_out_a_known_browser(world: &World) {
    world.create_account(ADA).await;
    let mut owner = world.signed_in(ADA).await;
    owner.sign_out().await;
    world.after_five_guesses(ADA).await;
    assert!(owner.sign_in(world, ADA, PASSWORD).await.is_ok());
    // The owner's success doesn't help a stranger, and another account's device has no separate throttle key.
    assert!(proves_mailbox(&world.browser().begin_sign_in(ADA).await));
    world.clock.advance_minutes(1);
    world.create_account(GRACE).await;
    let mut grace = world.signed_in(GRACE).await;
    assert!(proves_mailbox(&grace.begin_sign_in(ADA).await));
}

/// Property 19.
#[apply(on_both!)]
async fn the_tenth_incorrect_password_sends_a_notice(world: &World) {
    world.create_account(ADA).await;
    for guess in 1..10 {
        wrong_password(world, ADA).await;
        if guess == 5 {
            world.clock.advance_minutes(24 * 60);
        }
    }
    assert_eq!(world.notices_to(ADA).await, []);
    wrong_password(world, ADA).await;
    assert_eq!(world.notices_to(ADA).await, [world.failures(FailureCause::Passwords)]);
}

/// Property 19: this notice asks for a new password immediately.
#[apply(on_both!)]
async fn the_tenth_incorrect_code_after_the_password_sends_a_notice(world: &World) {
    world.create_account(ADA).await;
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

/// Passwords of other providers' accounts or deactivated ones, and sign-up codes.
#[apply(on_both!)]
async fn attempts_that_cannot_succeed_send_no_notice(world: &World) {
    world.one_of_each_kind().await;
    for email in ["google@example.com", "managed@example.com", "disabled@example.com"] {
        for _ in 0..10 {
            let mut browser = world.at_the_password(email).await;
            browser.password(WRONG_PASSWORD).await.unwrap_err();
            world.clock.advance_minutes(5 * 60);
        }
        assert_eq!(world.count_events(email, ActivityKind::WrongPassword).await, 10);
        assert_eq!(world.notices_to(email).await, []);
    }
    world.create_account(ADA).await;
    for _ in 0..2 {
        let mut browser = world.browser();
        browser.begin_sign_up(ADA).await.unwrap();
        for n in 1..=5 {
            browser.answer_sign_up(&other_code("00000000", n)).await.unwrap_err();
        }
    }
    assert_eq!(world.count_events(ADA, ActivityKind::WrongCode).await, 10);
    assert_eq!(world.notices_to(ADA).await, []);
}

/// Attack: incorrect passwords on a stolen device lock out the owner's other browsers, or other accounts.
#[apply(on_both!)]
async fn each_known_browser_has_separate_waits(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
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

pub async fn count(world: &World, name: &str) -> f64 {
    value(&scrape(world).await, name)
}

/// Ada's browser, signed out, at the password step.
async fn known(world: &World) -> Browser {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    browser.sign_out().await;
    browser.begin_sign_in(ADA).await.unwrap();
    browser
}

/// Submits an incorrect password as a stranger.
async fn wrong_password(world: &World, email: &str) {
    let mut stranger = world.at_the_password(email).await;
    stranger.password(WRONG_PASSWORD).await.unwrap_err();
}

/// A new browser that has proven Ada's mailbox.
async fn proven(world: &World) -> Browser {
    let mut browser = world.browser();
    assert!(proves_mailbox(&browser.begin_sign_in(ADA).await));
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in(&code).await.unwrap();
    browser
}

fn proves_mailbox(result: &FlowResult<SignInStep>) -> bool {
    matches!(result, Ok(SignInStep::ProveMailbox(_)))
}

#[apply(on_both!)]
async fn a_reset_clears_the_password_delay(world: &World) {
    let mut known = known(world).await;
    for _ in 0..5 {
        known.password(WRONG_PASSWORD).await.unwrap_err();
    }
    assert!(matches!(
        known.password(PASSWORD).await,
        Err(Refusal::PasswordWait { .. })
    ));
    let mut resetting = world.choosing(ADA).await;
    resetting.choose(NEW_PASSWORD).await.unwrap();
    known.begin_sign_in(ADA).await.unwrap();
    assert_step!(known.password(NEW_PASSWORD), SignInStep::EnterCode);
}
