//! A copy of a browser's tokens is dead after the next step-up, and a lost answer can be requested again
//! (property 31).

use crate::browser::Browser;
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address, other_code, together};
use account::{ActivityKind, Notice, Purpose, Refusal, ResetStep, SecurityDone, SignInStep, SignUpStep};
use backend::store::Engine;
use backend::store::postgres::Server;
use backend::store::sqlite::File;

/// Waits longer than a lost answer can be requested again.
async fn later(world: &World) {
    world.clock.advance_ms(30_000);
}

#[apply(on_both!)]
async fn a_copy_from_before_the_code_cannot_choose_a_password(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let mut copy = browser.clone();
    browser.answer_reset(&code).await.unwrap();
    assert_ne!(browser.held.flow(Purpose::Reset), copy.held.flow(Purpose::Reset));
    // It sees the earlier step and can't continue.
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
    assert!(matches!(browser.choose(NEW_PASSWORD).await, Ok(ResetStep::Done { .. })));
    assert!(matches!(copy.reset_step().await, ResetStep::AskEmail { .. }));
}

#[apply(on_both!)]
async fn a_copy_from_before_the_code_cannot_finish_a_sign_up(world: &World) {
    let mut browser = world.browser();
    browser.begin_sign_up(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
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
    assert!(matches!(
        browser.finish_sign_up("Ada", NEW_PASSWORD).await,
        Ok(SignUpStep::Done { .. })
    ));
}

#[apply(on_both!)]
async fn a_copy_from_before_the_password_cannot_answer_a_code(world: &World) {
    world.person(ADA).await;
    let mut browser = world.browser();
    browser.begin_sign_in(ADA).await.unwrap();
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
async fn the_right_code_again_returns_the_lost_token(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    // Its answer is lost.
    browser.clone().answer_reset(&code).await.unwrap();
    world.clock.advance_ms(29_999);
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::StepElsewhere));
    assert!(matches!(browser.reset_step().await, ResetStep::ChoosePassword { .. }));
    later(world).await;
    assert!(matches!(browser.choose(NEW_PASSWORD).await, Ok(ResetStep::Done { .. })));
}

#[apply(on_both!)]
async fn the_right_code_of_a_sign_up_again_returns_the_lost_token(world: &World) {
    let mut browser = world.browser();
    browser.begin_sign_up(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.clone().answer_sign_up(&code).await.unwrap();
    assert_eq!(browser.answer_sign_up(&code).await, Err(Refusal::StepElsewhere));
    assert!(matches!(browser.sign_up_step().await, SignUpStep::ChooseDetails { .. }));
}

#[apply(on_both!)]
async fn the_right_password_again_returns_the_lost_token(world: &World) {
    world.person(ADA).await;
    let mut browser = world.browser();
    browser.begin_sign_in(ADA).await.unwrap();
    browser.clone().password(PASSWORD).await.unwrap();
    assert_eq!(
        browser.password("not the password at all").await,
        Err(Refusal::SignInWrong)
    );
    assert!(matches!(browser.sign_in_step().await, SignInStep::EnterPassword { .. }));
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert!(matches!(browser.sign_in_step().await, SignInStep::EnterCode(_)));
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in(&code).await.unwrap();
    assert!(browser.is_signed_in().await);
    // One code, and a notice of the new device.
    assert_eq!(world.emails_to(ADA).await.len(), 2);
}

/// One sign-in, however often its last form is sent.
#[apply(on_both!)]
async fn the_last_code_again_returns_the_lost_session(world: &World) {
    world.person(ADA).await;
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
    let mut stranger = world.browser();
    for _ in 0..5 {
        stranger.begin_sign_in(ADA).await.unwrap();
        assert_eq!(
            stranger.password("not the password at all").await,
            Err(Refusal::SignInWrong)
        );
    }
    let mut browser = world.browser();
    browser.begin_sign_in(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in(&code).await.unwrap();
    (browser, code)
}

/// On a trusted device, and after the mailbox was proven first.
#[apply(on_both!)]
async fn the_last_password_again_returns_the_lost_session(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_out().await;
    browser.begin_sign_in(ADA).await.unwrap();
    let mut first = browser.clone();
    assert!(matches!(
        first.password(PASSWORD).await,
        Ok(SignInStep::SignedIn { .. })
    ));
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.held.session, first.held.session);
    assert_eq!(browser.held.device, first.held.device);

    let (mut browser, _) = mailbox_proven_first(world).await;
    let mut first = browser.clone();
    assert!(matches!(
        first.password(PASSWORD).await,
        Ok(SignInStep::SignedIn { .. })
    ));
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.held.session, first.held.session);
}

/// Attack: an attacker with the flow's token, and only the password or only the mailbox.
#[apply(on_both!)]
async fn half_of_a_sign_in_does_not_return_its_session(world: &World) {
    world.person(ADA).await;
    let mut browser = world.browser();
    browser.begin_sign_in(ADA).await.unwrap();
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

/// Attack: an attacker with the password and a copy of the flow's token from the address step, or of the token from
/// which it is derived.
#[apply(on_both!)]
async fn a_trusted_devices_session_is_not_returned_to_another_browser(world: &World) {
    world.person(ADA).await;
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
        let told = thief.password(PASSWORD).await;
        assert!(!matches!(told, Ok(SignInStep::SignedIn { .. })), "{told:?}");
        assert_eq!((&thief.held.session, &thief.held.device), (&None, &None));
    }
}

/// Property 3, also for a code that has opened its flow.
#[apply(on_both!)]
async fn guesses_at_the_last_code_are_counted_after_it_was_right(world: &World) {
    world.person(ADA).await;
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
    world.person(ADA).await;
    let mut browser = world.browser();
    browser.begin_sign_in(ADA).await.unwrap();
    browser.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    let mut copy = browser.clone();
    browser.answer_sign_in(&code).await.unwrap();
    browser.sign_out().await;
    assert!(copy.answer_sign_in(&code).await.is_err());
    assert!(!copy.is_signed_in().await);
}

#[apply(on_both!)]
async fn a_change_sent_again_returns_the_lost_session(world: &World) {
    world.person(ADA).await;
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
async fn guesses_by_repeating_a_change_have_to_wait(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    for guess in 0..5 {
        let told = copy
            .change_password(PASSWORD, &format!("guess number {guess} of a thief"))
            .await;
        assert_eq!(told.err(), Some(Refusal::SignedOut));
    }
    let told = copy.change_password(PASSWORD, NEW_PASSWORD).await;
    assert!(matches!(told, Err(Refusal::PasswordWait { .. })), "{told:?}");
    // The owner sees them and doesn't have to wait.
    let view = browser.change_password(NEW_PASSWORD, PASSWORD).await.unwrap();
    assert_eq!(view.attempts.map(|attempts| attempts.count), Some(5));
}

#[apply(on_both!)]
async fn a_token_from_many_sign_ins_ago_is_recognised_as_a_copy(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    for _ in 0..3 {
        browser.sign_out().await;
        browser.sign_in(world, ADA, PASSWORD).await.unwrap();
    }
    later(world).await;
    assert!(!is_trusted(&mut copy, ADA).await);
    let view = browser.security().await.unwrap();
    assert!(
        view.activity
            .iter()
            .any(|event| event.kind == ActivityKind::DeviceCopied)
    );
    assert!(!is_trusted(&mut browser, ADA).await);
}

/// Property 3.
#[apply(on_both!)]
async fn guesses_with_the_previous_token_are_counted(world: &World) {
    world.person(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let mut copy = browser.clone();
    browser.answer_reset(&code).await.unwrap();
    for guess in 1..5 {
        let told = copy.answer_reset(&other_code(&code, guess)).await;
        let expected = if guess < 4 {
            Refusal::CodeWrong {
                tries_left: 4 - i64::from(guess),
            }
        } else {
            Refusal::TriesUsedUp
        };
        assert_eq!(told, Err(expected));
    }
    assert_eq!(copy.answer_reset(&code).await, Err(Refusal::StepElsewhere));
    assert!(
        matches!(copy.reset_step().await, ResetStep::EnterCode(_)),
        "it has no token"
    );
    assert!(matches!(browser.choose(NEW_PASSWORD).await, Ok(ResetStep::Done { .. })));
}

/// Properties 2 and 27.
#[apply(on_both!)]
async fn identical_right_codes_together_leave_one_token(world: &World) {
    world.person(ADA).await;
    let (browser, code) = world.resetting(ADA).await;
    let told = together(4, |_| {
        let (mut browser, code) = (browser.clone(), code.clone());
        async move {
            let told = browser.answer_reset(&code).await;
            (told, browser)
        }
    })
    .await;
    let right = told.iter().filter(|(told, _)| told.is_ok()).count();
    assert_eq!(right, 1);
    // Whichever answer the browser receives last, it can continue.
    let first = &told[0].1.held.flow(Purpose::Reset);
    for (told, browser) in &told {
        assert!(told.is_ok() || *told == Err(Refusal::StepElsewhere), "{told:?}");
        assert_eq!(&browser.held.flow(Purpose::Reset), first);
        assert!(matches!(browser.reset_step().await, ResetStep::ChoosePassword { .. }));
    }
}

#[apply(on_both!)]
async fn a_page_gets_an_event_when_its_flow_has_a_new_token(world: &World) {
    world.person(ADA).await;
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

/// Signs in with the password, and returns whether that was enough.
async fn is_trusted(browser: &mut Browser, email: &str) -> bool {
    browser.begin_sign_in(email).await.unwrap();
    matches!(browser.password(PASSWORD).await, Ok(SignInStep::SignedIn { .. }))
}

async fn copied_notices(world: &World) -> usize {
    let notices = world.notices_to(ADA).await;
    let copied = notices
        .iter()
        .filter(|notice| matches!(notice, Notice::DeviceCopied { .. }));
    copied.count()
}

#[apply(on_both!)]
async fn a_copy_from_before_the_box_was_ticked_is_not_trusted(world: &World) {
    world.person(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let mut copy = browser.clone();
    browser.begin_sign_in(ADA).await.unwrap();
    browser.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in_and_trust(&code).await.unwrap();
    assert_ne!(browser.held.device, copy.held.device);
    // It isn't accepted as a lost answer either.
    assert!(!is_trusted(&mut copy, ADA).await);
    assert!(is_trusted(&mut browser, ADA).await);
    assert_eq!(copied_notices(world).await, 0);
    later(world).await;
    assert!(!is_trusted(&mut copy, ADA).await);
}

#[apply(on_both!)]
async fn the_reuse_of_a_trusted_devices_old_token_sends_a_notice(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut thief = browser.clone();
    assert!(is_trusted(&mut browser, ADA).await);
    later(world).await;
    thief.begin_sign_in(ADA).await.unwrap();
    assert_eq!(
        thief.password("not the password at all").await,
        Err(Refusal::SignInWrong)
    );
    let devices = browser.security().await.unwrap().devices;
    assert!(devices.is_empty(), "{devices:?}");
    assert!(!is_trusted(&mut thief, ADA).await);
    assert!(!is_trusted(&mut browser, ADA).await);
    assert_eq!(copied_notices(world).await, 1, "once");
    assert_eq!(world.count_events(ADA, ActivityKind::DeviceCopied).await, 1);
}

#[apply(on_both!)]
async fn a_faster_thief_is_detected_when_the_owner_returns(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut thief = browser.clone();
    assert!(
        is_trusted(&mut thief, ADA).await,
        "the token and the password are right"
    );
    later(world).await;
    assert!(!is_trusted(&mut browser, ADA).await);
    assert_eq!(copied_notices(world).await, 1);
    assert!(!is_trusted(&mut thief, ADA).await);
}

#[apply(on_both!)]
async fn two_tabs_of_a_device_end_with_one_token(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut tab = browser.clone();
    assert!(is_trusted(&mut browser, ADA).await);
    // Sent before the answer to the first one arrived.
    tab.begin_sign_in(ADA).await.unwrap();
    tab.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    tab.answer_sign_in(&code).await.unwrap();
    assert_eq!(tab.held.device, browser.held.device);
    later(world).await;
    assert!(is_trusted(&mut tab, ADA).await);
    assert_eq!(copied_notices(world).await, 0);
}

#[apply(on_both!)]
async fn a_forgotten_device_stays_forgotten(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    let id = browser.security().await.unwrap().devices[0].id.clone();
    browser.forget_device(&id).await.unwrap();
    assert!(!is_trusted(&mut copy, ADA).await);
    // E-mails with equal times have no order.
    world.clock.advance_ms(1);
    browser.begin_sign_in(ADA).await.unwrap();
    browser.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in_and_trust(&code).await.unwrap();
    assert!(!is_trusted(&mut copy, ADA).await);
    assert!(is_trusted(&mut browser, ADA).await);
    assert!(!is_trusted(&mut copy, ADA).await);
}

#[apply(on_both!)]
async fn a_reset_and_a_deactivation_forget_every_device(world: &World) {
    world.person(ADA).await;
    let known = world.trusted(ADA).await;
    world.choosing(ADA).await.choose(NEW_PASSWORD).await.unwrap();
    assert_eq!(count_devices(world, &known).await, 0);

    world.person(GRACE).await;
    let known = world.trusted(GRACE).await;
    for off in [true, false] {
        world.backend.accounts().disable(&address(GRACE), off).await.unwrap();
    }
    assert_eq!(count_devices(world, &known).await, 0);
}

/// How many of the browser's device tokens are in the database.
async fn count_devices(world: &World, browser: &Browser) -> usize {
    let mut count = 0;
    for token in browser.held.device.as_ref().unwrap().expose().split('.') {
        for email in [ADA, GRACE] {
            let account = account::AccountId(format!("id of {email}"));
            let mut tx = world.backend.db().read().await.unwrap();
            let digest = crate::world::digest(Some(&token.into()));
            let found = backend::store::devices::find(&mut tx, &digest, &account).await;
            count += usize::from(found.unwrap().is_some());
        }
    }
    count
}

#[apply(on_both!)]
async fn a_change_forgets_other_devices_if_the_box_is_ticked(world: &World) {
    world.person(ADA).await;
    let other = world.trusted(ADA).await;
    let mut browser = world.trusted(ADA).await;
    browser
        .change_password_and(PASSWORD, NEW_PASSWORD, false)
        .await
        .unwrap();
    assert_eq!(count_devices(world, &other).await, 1);
    browser.change_password_and(NEW_PASSWORD, PASSWORD, true).await.unwrap();
    assert_eq!(count_devices(world, &other).await, 0);
    assert_eq!(count_devices(world, &browser).await, 1);
    assert!(is_trusted(&mut browser, ADA).await);
}

#[apply(on_both!)]
async fn a_copy_of_this_devices_token_dies_with_a_change(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    browser.change_password_and(PASSWORD, NEW_PASSWORD, true).await.unwrap();
    later(world).await;
    copy.begin_sign_in(ADA).await.unwrap();
    assert!(matches!(
        copy.password(NEW_PASSWORD).await,
        Ok(SignInStep::EnterCode(_))
    ));
}

/// From a release that didn't store it.
#[apply(on_both!)]
async fn a_device_without_a_recorded_use_is_not_forgotten_at_once(world: &World) {
    world.person(ADA).await;
    let browser = world.trusted(ADA).await;
    world.clock.advance_minutes(500 * 24 * 60);
    let unknown = "UPDATE devices SET used_at = NULL";
    match &world.backend.db().engine {
        Engine::Sqlite(File { writer, .. }) => {
            let mut kept = writer.acquire().await.unwrap();
            sqlx::query(unknown).execute(&mut kept.connection).await.unwrap();
        }
        Engine::Postgres(Server { pool, .. }) => {
            sqlx::query(unknown).execute(pool).await.unwrap();
        }
    }
    world.backend.upkeep().sweep().await.unwrap();
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 1);
    world.clock.advance_minutes(400 * 24 * 60 + 1);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 0);
}

#[apply(on_both!)]
async fn a_long_unused_device_is_forgotten(world: &World) {
    world.person(ADA).await;
    let mut browser = world.trusted(ADA).await;
    world.clock.advance_minutes(10 * 24 * 60);
    assert!(is_trusted(&mut browser, ADA).await);
    world.clock.advance_minutes(400 * 24 * 60);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 1);
    world.clock.advance_ms(1);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 0);
}

#[apply(on_both!)]
async fn tokens_of_other_accounts_stay_in_the_browser(world: &World) {
    world.person(ADA).await;
    world.person(GRACE).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_in(world, GRACE, PASSWORD).await.unwrap();
    browser.sign_in(world, GRACE, PASSWORD).await.unwrap();
    assert_eq!(browser.held.device.as_ref().unwrap().expose().split('.').count(), 2);
    assert!(is_trusted(&mut browser, ADA).await);
    assert_eq!(browser.held.device.as_ref().unwrap().expose().split('.').count(), 2);
}
