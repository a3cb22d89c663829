//! Property 31: a step-up invalidates copies of a browser's tokens, and a lost response can be requested again.

use crate::browser::Browser;
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, other_code, together};
use account::{ActivityKind, Purpose, Refusal, ResetStep, SecurityDone, SignInStep, SignUpStep};

/// Advances past the time in which a lost response can be requested again.
pub async fn later(world: &World) {
    world.clock.advance_ms(30_000);
}

#[apply(on_both!)]
async fn a_copy_made_before_the_code_cannot_choose_a_password(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let mut copy = browser.clone();
    browser.answer_reset(&code).await.unwrap();
    assert_ne!(browser.held.flow(Purpose::Reset), copy.held.flow(Purpose::Reset));
    // The copy sees the earlier step and can't continue.
    assert!(matches!(copy.reset_step().await, ResetStep::EnterCode(_)));
    assert_eq!(copy.choose(NEW_PASSWORD).await, Err(Refusal::StepElsewhere));
    assert_eq!(copy.resend_reset().await, Err(Refusal::StepElsewhere));
    later(world).await;
    assert_eq!(
        copy.reset_step().await,
        ResetStep::AskEmail {
            email: Some(ADA.into())
        }
    );
    assert_eq!(copy.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));
    assert_eq!(copy.answer_reset(&code).await, Err(Refusal::FlowGone));
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
    assert!(matches!(copy.reset_step().await, ResetStep::AskEmail { .. }));
}

#[apply(on_both!)]
async fn a_copy_made_before_the_code_cannot_finish_a_sign_up(world: &World) {
    let (mut browser, code) = world.signing_up(ADA).await;
    let mut copy = browser.clone();
    browser.answer_sign_up(&code).await.unwrap();
    assert!(matches!(copy.sign_up_step().await, SignUpStep::EnterCode(_)));
    assert_eq!(
        copy.finish_sign_up("Eve", NEW_PASSWORD).await,
        Err(Refusal::StepElsewhere)
    );
    later(world).await;
    assert_eq!(copy.finish_sign_up("Eve", NEW_PASSWORD).await, Err(Refusal::FlowGone));
    assert!(matches!(copy.sign_up_step().await, SignUpStep::AskEmail { .. }));
    assert_step!(browser.finish_sign_up("Ada", NEW_PASSWORD), SignUpStep::Done);
}

#[apply(on_both!)]
async fn a_copy_made_before_the_password_cannot_answer_a_code(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.at_the_password(ADA).await;
    let mut copy = browser.clone();
    browser.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    assert!(matches!(copy.sign_in_step().await, SignInStep::EnterPassword { .. }));
    assert_eq!(copy.answer_sign_in(&code).await, Err(Refusal::StepElsewhere));
    assert_eq!(copy.resend_sign_in().await, Err(Refusal::StepElsewhere));
    later(world).await;
    assert_eq!(copy.answer_sign_in(&code).await, Err(Refusal::FlowGone));
    assert_eq!(copy.password(PASSWORD).await, Err(Refusal::FlowGone));
    assert_eq!(
        copy.sign_in_step().await,
        SignInStep::AskEmail {
            email: Some(ADA.into()),
            resume: None
        }
    );
    browser.answer_sign_in(&code).await.unwrap();
    assert!(browser.is_signed_in().await && !copy.is_signed_in().await);
}

#[apply(on_both!)]
async fn resending_a_correct_code_returns_the_lost_token(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    // The response is lost.
    browser.clone().answer_reset(&code).await.unwrap();
    world.clock.advance_ms(29_999);
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::StepElsewhere));
    assert!(matches!(browser.reset_step().await, ResetStep::ChoosePassword { .. }));
    later(world).await;
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
}

#[apply(on_both!)]
async fn resending_a_correct_sign_up_code_returns_the_lost_token(world: &World) {
    let (mut browser, code) = world.signing_up(ADA).await;
    browser.clone().answer_sign_up(&code).await.unwrap();
    assert_eq!(browser.answer_sign_up(&code).await, Err(Refusal::StepElsewhere));
    assert!(matches!(browser.sign_up_step().await, SignUpStep::ChooseDetails { .. }));
}

#[apply(on_both!)]
async fn resending_a_correct_password_returns_the_lost_token(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.at_the_password(ADA).await;
    browser.clone().password(PASSWORD).await.unwrap();
    assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    assert!(matches!(browser.sign_in_step().await, SignInStep::EnterPassword { .. }));
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert!(matches!(browser.sign_in_step().await, SignInStep::EnterCode(_)));
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in(&code).await.unwrap();
    assert!(browser.is_signed_in().await);
    // One code, and a notice of the new device.
    assert_eq!(world.emails_to(ADA).await.len(), 2);
}

/// Resending the last form causes no second sign-in.
#[apply(on_both!)]
async fn resending_the_last_code_returns_the_lost_session(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    browser.begin_sign_in_to(ADA, "/security").await.unwrap();
    browser.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    let mut first = browser.clone();
    let (mut wrong, mut late) = (browser.clone(), browser.clone());
    first.answer_sign_in_and_trust(&code).await.unwrap();
    world.clock.advance_ms(29_999);
    assert!(wrong.answer_sign_in(&other_code(&code, 1)).await.is_err());
    assert!(!wrong.is_signed_in().await);
    assert_eq!(
        browser.answer_sign_in_and_trust(&code).await,
        Err(Refusal::StepElsewhere)
    );
    assert_eq!(browser.held.session, first.held.session);
    assert_eq!(browser.held.device, first.held.device);
    assert_eq!(
        browser.sign_in_step().await,
        SignInStep::SignedIn {
            next: "/security".into()
        }
    );
    let view = browser.security().await.unwrap();
    assert_eq!((view.sessions.len(), view.devices.len()), (1, 1));
    assert_eq!(world.emails_to(ADA).await.len(), 2);
    later(world).await;
    assert_eq!(late.answer_sign_in(&code).await, Err(Refusal::StepElsewhere));
    assert!(!late.is_signed_in().await);
}

/// A browser at the password step after the code, because strangers have used up the tries.
async fn mailbox_proven_first(world: &World) -> (Browser, String) {
    world.after_five_guesses(ADA).await;
    let mut browser = world.at_the_password(ADA).await;
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in(&code).await.unwrap();
    (browser, code)
}

/// On a trusted device, and after the mailbox was proven first.
#[apply(on_both!)]
async fn resending_the_last_password_returns_the_lost_session(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_out().await;
    browser.begin_sign_in(ADA).await.unwrap();
    let mut first = browser.clone();
    assert_step!(first.password(PASSWORD), SignInStep::SignedIn);
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.held.session, first.held.session);
    assert_eq!(browser.held.device, first.held.device);

    let (mut browser, _) = mailbox_proven_first(world).await;
    let mut first = browser.clone();
    assert_step!(first.password(PASSWORD), SignInStep::SignedIn);
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.held.session, first.held.session);
}

/// Attack: an attacker has the flow's token and either the password or the mailbox.
#[apply(on_both!)]
async fn one_factor_alone_does_not_return_a_lost_session(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.at_the_password(ADA).await;
    browser.password(PASSWORD).await.unwrap();
    let mut copy = browser.clone();
    browser.answer_sign_in(&world.code_mailed_to(ADA).await).await.unwrap();
    assert_eq!(copy.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert!(!copy.is_signed_in().await);

    let (mut browser, code) = mailbox_proven_first(world).await;
    let mut copy = browser.clone();
    browser.password(PASSWORD).await.unwrap();
    assert_eq!(copy.answer_sign_in(&code).await, Err(Refusal::StepElsewhere));
    assert!(!copy.is_signed_in().await);
}

/// Attack: an attacker has the password and a copy of the flow's or the visit's token from the address step.
#[apply(on_both!)]
async fn a_trusted_devices_session_is_not_returned_to_another_browser(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_out().await;
    browser.begin_sign_in(ADA).await.unwrap();
    let mut flow_alone = browser.clone();
    flow_alone.held.device = None;
    let mut visit_alone = world.browser();
    visit_alone.held.visit.clone_from(&browser.held.visit);
    browser.password(PASSWORD).await.unwrap();
    for thief in [&mut flow_alone, &mut visit_alone] {
        if thief.held.flow(Purpose::SignIn).is_none() {
            thief.begin_sign_in(ADA).await.unwrap();
        }
        let result = thief.password(PASSWORD).await;
        assert!(!matches!(result, Ok(SignInStep::SignedIn { .. })), "{result:?}");
        assert_eq!((&thief.held.session, &thief.held.device), (&None, &None));
    }
}

/// Property 3, including codes already used.
#[apply(on_both!)]
async fn guesses_after_the_correct_last_code_are_counted(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.confirming(ADA).await;
    let mut copy = browser.clone();
    browser.answer_sign_in(&code).await.unwrap();
    for guess in 1..5 {
        assert!(copy.answer_sign_in(&other_code(&code, guess)).await.is_err());
    }
    assert!(copy.answer_sign_in(&code).await.is_err());
    assert!(!copy.is_signed_in().await);
}

#[apply(on_both!)]
async fn an_ended_session_is_not_returned_again(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.confirming(ADA).await;
    let mut copy = browser.clone();
    browser.answer_sign_in(&code).await.unwrap();
    browser.sign_out().await;
    assert!(copy.answer_sign_in(&code).await.is_err());
    assert!(!copy.is_signed_in().await);
}

#[apply(on_both!)]
async fn resending_a_password_change_returns_the_lost_session(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut first = browser.clone();
    let (mut guess, mut late) = (browser.clone(), browser.clone());
    first.change_password_and(PASSWORD, NEW_PASSWORD, true).await.unwrap();
    assert_eq!(
        guess
            .change_password_and(PASSWORD, "another new password of hers", true)
            .await
            .err(),
        Some(Refusal::SignedOut)
    );
    assert!(!guess.is_signed_in().await);
    let view = browser.change_password_and(PASSWORD, NEW_PASSWORD, true).await.unwrap();
    assert_eq!(view.done, Some(SecurityDone::PasswordChanged));
    assert_eq!(browser.held.session, first.held.session);
    assert_eq!(browser.held.device, first.held.device);
    let changes = view
        .activity
        .iter()
        .filter(|event| event.kind == ActivityKind::PasswordChanged);
    assert_eq!(changes.count(), 1);
    later(world).await;
    assert_eq!(
        late.change_password_and(PASSWORD, NEW_PASSWORD, true).await.err(),
        Some(Refusal::SignedOut)
    );
}

/// Attack: an attacker with a copy of the session's token from before the change guesses the new password.
#[apply(on_both!)]
async fn guesses_by_resending_a_password_change_are_throttled(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    for guess in 0..5 {
        let result = copy
            .change_password(PASSWORD, &format!("guess number {guess} of a thief"))
            .await;
        assert_eq!(result.err(), Some(Refusal::SignedOut));
    }
    let result = copy.change_password(PASSWORD, NEW_PASSWORD).await;
    assert!(matches!(result, Err(Refusal::PasswordWait { .. })), "{result:?}");
    // The owner sees them and doesn't have to wait.
    let view = browser.change_password(NEW_PASSWORD, PASSWORD).await.unwrap();
    assert_eq!(view.attempts.map(|attempts| attempts.count), Some(5));
}

/// Property 3.
#[apply(on_both!)]
async fn guesses_with_the_previous_token_are_counted(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let mut copy = browser.clone();
    browser.answer_reset(&code).await.unwrap();
    for guess in 1..5 {
        let result = copy.answer_reset(&other_code(&code, guess)).await;
        let expected = if guess < 4 {
            Refusal::CodeWrong {
                tries_left: 4 - i64::from(guess),
            }
        } else {
            Refusal::TriesUsedUp
        };
        assert_eq!(result, Err(expected));
    }
    assert_eq!(copy.answer_reset(&code).await, Err(Refusal::StepElsewhere));
    assert!(
        matches!(copy.reset_step().await, ResetStep::EnterCode(_)),
        "it has no token"
    );
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
}

/// Properties 2 and 27.
#[apply(on_both!)]
async fn concurrent_correct_codes_leave_one_token(world: &World) {
    world.create_account(ADA).await;
    let (browser, code) = world.resetting(ADA).await;
    let results = together(4, |_| {
        let (mut browser, code) = (browser.clone(), code.clone());
        async move {
            let result = browser.answer_reset(&code).await;
            (result, browser)
        }
    })
    .await;
    let right = results.iter().filter(|(result, _)| result.is_ok()).count();
    assert_eq!(right, 1);
    // The browser can continue after any of the responses.
    let first = &results[0].1.held.flow(Purpose::Reset);
    for (result, browser) in &results {
        assert!(result.is_ok() || *result == Err(Refusal::StepElsewhere), "{result:?}");
        assert_eq!(&browser.held.flow(Purpose::Reset), first);
        assert!(matches!(browser.reset_step().await, ResetStep::ChoosePassword { .. }));
    }
}

#[apply(on_both!)]
async fn a_page_gets_an_event_when_its_flow_gets_a_new_token(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let tab = browser.clone();
    let seen = tab.flow_version(Purpose::Reset, None).await;
    browser.answer_reset(&code).await.unwrap();
    let heard = tab.flow_version(Purpose::Reset, Some(seen)).await;
    assert!(heard < 0, "{heard}");
    assert_ne!(browser.flow_version(Purpose::Reset, Some(heard)).await, heard);
    later(world).await;
    assert_eq!(tab.flow_version(Purpose::Reset, None).await, 0);
}
