//! Password reset: its steps and effects.

use crate::browser::Browser;
use crate::crowd::{Crowd, alike};
use crate::world::{
    ADA, GRACE, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address, digest, organization, other_code, together,
};
use account::{Notice, Purpose, Refusal, ResetStep, SignInStep};
use backend::store::{accounts, flows};
use tokio::task::JoinHandle;

/// The key file was lost and recreated.
#[apply(on_both!)]
async fn a_password_with_a_lost_key_can_be_reset(world: &World) {
    let lost = format!(
        "lost$argon2id$v=19$m=19456,t=2,p=1${}${}",
        "A".repeat(22),
        "A".repeat(43)
    );
    world.create_account_with_hash(ADA, &lost).await;
    let mut browser = world.choosing(ADA).await;
    browser.choose(NEW_PASSWORD).await.unwrap();
    let step = browser.sign_in(world, ADA, NEW_PASSWORD).await;
    assert!(matches!(step, Ok(SignInStep::SignedIn { .. })), "{step:?}");
}

#[apply(on_both!)]
async fn a_forgotten_password_is_reset_through_the_mailbox(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    assert_step!(browser.begin_reset(ADA), ResetStep::EnterCode);
    let code = world.code_mailed_to(ADA).await;
    assert_step!(browser.answer_reset(&code), ResetStep::ChoosePassword);
    assert_eq!(
        browser.choose(NEW_PASSWORD).await,
        Ok(ResetStep::Done { email: address(ADA) })
    );
    assert_eq!(browser.reset_step().await, ResetStep::Done { email: address(ADA) });
    let at = world.now();
    assert_eq!(
        world.notices_to(ADA).await,
        [Notice::PasswordReset {
            at,
            browser: "Firefox on Linux".into()
        }]
    );
    assert!(!browser.is_signed_in().await);
    assert_eq!(browser.sign_in(world, ADA, PASSWORD).await, Err(Refusal::SignInWrong));
    assert_eq!(
        browser.sign_in(world, ADA, NEW_PASSWORD).await,
        Ok(SignInStep::SignedIn {
            next: "/profile".into()
        })
    );
}

/// Property 10.
#[apply(on_both!)]
async fn a_reset_ends_every_session_and_removes_all_trust(world: &World) {
    world.create_account(ADA).await;
    let (mut at_work, at_home) = (world.trusted(ADA).await, world.signed_in(ADA).await);
    let mut forgetful = world.choosing(ADA).await;
    assert!(at_work.is_signed_in().await && at_home.is_signed_in().await);
    forgetful.choose(NEW_PASSWORD).await.unwrap();
    assert!(!at_work.is_signed_in().await && !at_home.is_signed_in().await);
    at_work.begin_sign_in(ADA).await.unwrap();
    let step = at_work.password(NEW_PASSWORD).await;
    assert!(
        matches!(step, Ok(SignInStep::EnterCode(_))),
        "no longer trusted: {step:?}"
    );
}

/// Property 9.
#[apply(on_both!)]
async fn reset_steps_are_the_same_for_every_kind_of_address(world: &World) {
    let mut crowd = Crowd::new(world).await;
    alike!(crowd, |browser, email| browser.begin_reset(email).await);
    alike!(crowd, |browser, _| Ok(browser.reset_step().await));
    alike!(crowd, |browser, email| browser.begin_reset(email).await);
    let code = other_code(&world.code_mailed_to("local@example.com").await, 1);
    for _ in 0..2 {
        alike!(crowd, |browser, _| browser.answer_reset(&code).await);
    }
    alike!(crowd, |browser, _| browser.resend_reset().await);
    world.clock.advance_ms(30_000);
    alike!(crowd, |browser, _| browser.resend_reset().await);
    let code = other_code(&world.code_mailed_to("local@example.com").await, 2);
    for _ in 0..4 {
        alike!(crowd, |browser, _| browser.answer_reset(&code).await);
    }
    alike!(crowd, |browser, _| browser.resend_reset().await);
    alike!(crowd, |browser, _| Ok(browser.reset_step().await));
    alike!(crowd, |browser, _| browser.choose(NEW_PASSWORD).await);
    alike!(crowd, |browser, email| browser.begin_reset(email).await);
    world.clock.advance_minutes(1);
    alike!(crowd, |browser, email| browser.begin_reset(email).await);
    alike!(crowd, |browser, _| Ok(browser.sign_in_step().await));
}

/// Property 11.
#[apply(on_both!)]
async fn reset_steps_cannot_be_skipped(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    assert_eq!(browser.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));
    assert_eq!(browser.answer_reset("12345678").await, Err(Refusal::FlowGone));
    assert_eq!(browser.resend_reset().await, Err(Refusal::FlowGone));
    browser.begin_reset(ADA).await.unwrap();
    assert_eq!(browser.choose(NEW_PASSWORD).await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.answer_reset("").await, Err(Refusal::CodeMissing));
    assert_eq!(
        browser.answer_reset("123456").await,
        Err(Refusal::CodeWrongLength { digits: 8 })
    );
    let code = world.code_mailed_to(ADA).await;
    browser.answer_reset(&code).await.unwrap();
    assert_eq!(browser.choose("").await, Err(Refusal::NewPasswordMissing));
}

/// Property 11.
#[apply(on_both!)]
async fn reset_steps_cannot_be_replayed(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    browser.answer_reset(&code).await.unwrap();
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::StepElsewhere));
    world.clock.advance_minutes(1);
    assert_eq!(browser.resend_reset().await, Err(Refusal::StepElsewhere));
    browser.choose(NEW_PASSWORD).await.unwrap();
    assert_eq!(browser.answer_reset(&code).await, Err(Refusal::StepElsewhere));
    assert_eq!(
        browser.choose("another seven purple lanterns").await,
        Err(Refusal::StepElsewhere)
    );
    assert_eq!(browser.resend_reset().await, Err(Refusal::StepElsewhere));
}

#[apply(on_both!)]
async fn a_reset_ends_after_an_hour(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.choosing(ADA).await;
    let mut slow = browser.clone();
    world.clock.advance_ms(60 * 60_000 - 1);
    assert!(matches!(browser.reset_step().await, ResetStep::ChoosePassword { .. }));
    world.clock.advance_ms(1);
    assert_eq!(
        browser.reset_step().await,
        ResetStep::AskEmail {
            email: Some(ADA.into())
        }
    );
    assert_eq!(slow.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));
    browser.begin_reset(ADA).await.unwrap();
}

#[apply(on_both!)]
async fn the_current_password_is_refused_as_the_new_password(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.choosing(ADA).await;
    assert_eq!(browser.choose(PASSWORD).await, Err(Refusal::PasswordSameAsNow));
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
}

/// Property 32: a refused password takes as much CPU time as a hash.
#[apply(on_both!)]
async fn only_refused_passwords_are_counted(world: &World) {
    let world = world
        .with(|settings| settings.limits.refused_passwords_an_hour = 2)
        .await;
    world.create_account(ADA).await;
    let mut browser = world.choosing(ADA).await;
    for _ in 0..3 {
        assert!(matches!(
            browser.choose("short").await,
            Err(Refusal::PasswordTooShort { .. })
        ));
    }
    for _ in 0..2 {
        assert_eq!(browser.choose("passwordpassword").await, Err(Refusal::PasswordCommon));
    }
    assert_eq!(
        browser.choose("passwordpassword").await,
        Err(Refusal::TooMany { seconds: 3_600 })
    );
    // Another account has its own count.
    world.create_account(GRACE).await;
    for password in [
        NEW_PASSWORD,
        "seven purple trombones drift",
        "green ladder forgotten tuesday",
    ] {
        let step = world.choosing(GRACE).await.choose(password).await;
        assert!(matches!(step, Ok(ResetStep::Done { .. })), "{step:?}");
        world.clock.advance_minutes(2);
    }
    world.clock.advance_minutes(60);
    let step = world.choosing(ADA).await.choose(NEW_PASSWORD).await;
    assert!(matches!(step, Ok(ResetStep::Done { .. })), "{step:?}");
}

#[apply(on_both!)]
async fn an_invalid_password_is_refused_and_a_valid_one_accepted(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.choosing(ADA).await;
    assert_eq!(
        browser.choose("short").await,
        Err(Refusal::PasswordTooShort { min: 15, have: 5 })
    );
    assert_eq!(
        browser.choose("passwordpassword1234").await,
        Err(Refusal::PasswordCommon)
    );
    let guessable = browser.choose("qwertyuiopasdfghjkl").await.unwrap_err();
    assert!(
        matches!(guessable, Refusal::PasswordGuessable { .. } | Refusal::PasswordCommon),
        "{guessable}"
    );
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
}

/// Properties 2 and 27.
#[apply(on_both!)]
async fn concurrent_submissions_set_one_new_password(world: &World) {
    world.create_account(ADA).await;
    let browser = world.choosing(ADA).await;
    let words = [
        "lanterns",
        "puddings",
        "trombones",
        "haystacks",
        "windmills",
        "umbrellas",
    ];
    let password = move |number: usize| format!("seven purple {} drift", words[number]);
    let results = together(words.len(), |number| {
        let mut browser = browser.clone();
        async move { browser.choose(&password(number)).await }
    })
    .await;
    let done: Vec<usize> = (0..words.len()).filter(|number| results[*number].is_ok()).collect();
    assert_eq!(done.len(), 1, "{results:?}");
    assert_eq!(world.notices_to(ADA).await.len(), 1);
    assert!(world.browser().sign_in(world, ADA, &password(done[0])).await.is_ok());
}

/// Property 27.
#[apply(on_both!)]
async fn only_one_of_two_browsers_at_the_last_step_sets_the_password(world: &World) {
    world.create_account(ADA).await;
    let first = world.choosing(ADA).await;
    world.clock.advance_ms(30_000);
    let second = world.choosing(ADA).await;

    // A transaction holds the account's row until both browsers wait for it; then both continue.
    let mut pause = world.backend.db().begin().await.unwrap();
    accounts::mark_checked(&mut pause, &world.stored(ADA).await.account.id)
        .await
        .unwrap();
    let choose = |mut browser: Browser| tokio::spawn(async move { browser.choose(NEW_PASSWORD).await.is_ok() });
    let both = [choose(first), choose(second)];
    world
        .until_waiting(2, || both.iter().all(JoinHandle::is_finished))
        .await;
    drop(pause);
    let [first, second] = both;
    assert!(first.await.unwrap() != second.await.unwrap(), "exactly one sets it");
    assert_eq!(world.notices_to(ADA).await.len(), 1);
}

/// Property 10: also if the old password's code arrives while the new password is being written.
#[apply(on_both!)]
async fn a_sign_in_code_that_races_with_a_reset_opens_no_session(world: &World) {
    world.create_account(ADA).await;
    let early = world.at_the_password(ADA).await;
    let (mut browser, code) = world.confirming(ADA).await;
    let sign_in = async move {
        drop(browser.answer_sign_in(&code).await);
        browser
    };
    assert!(
        !race_with_a_reset(world, &early, sign_in).await.is_signed_in().await,
        "the old password's session is still valid"
    );
}

/// Property 10: also if the old password needs no code.
#[apply(on_both!)]
async fn a_trusted_device_that_races_with_a_reset_opens_no_session(world: &World) {
    world.create_account(ADA).await;
    let early = world.at_the_password(ADA).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_out().await;
    browser.begin_sign_in(ADA).await.unwrap();
    let sign_in = async move {
        drop(browser.password(PASSWORD).await);
        browser
    };
    assert!(
        !race_with_a_reset(world, &early, sign_in).await.is_signed_in().await,
        "the old password's session is still valid"
    );
}

/// Resets the password, and starts the sign-in while the reset waits for an earlier flow's row.
async fn race_with_a_reset(
    world: &World,
    early: &Browser,
    sign_in: impl Future<Output = Browser> + Send + 'static,
) -> Browser {
    let mut new = world.choosing(ADA).await;
    let mut pause = world.backend.db().begin().await.unwrap();
    flows::give_try_back(&mut pause, &digest(early.held.flow(Purpose::SignIn)))
        .await
        .unwrap();
    let reset = tokio::spawn(async move { new.choose(NEW_PASSWORD).await });
    world.until_waiting(1, || reset.is_finished()).await;
    let sign_in = tokio::spawn(sign_in);
    world.until_waiting(2, || sign_in.is_finished()).await;
    drop(pause);
    reset.await.unwrap().unwrap();
    sign_in.await.unwrap()
}

/// Property 8.
#[apply(on_both!)]
async fn an_account_assigned_during_a_reset_gets_no_password(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.choosing(ADA).await;
    world.assign(ADA).await;
    assert_eq!(browser.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));

    // Also if another program changed only the account's row.
    world.create_account(GRACE).await;
    let mut browser = world.choosing(GRACE).await;
    world.set_managed(GRACE).await;
    let before = world.stored(GRACE).await.password;
    let organization = organization().name;
    assert_eq!(
        browser.choose(NEW_PASSWORD).await,
        Err(Refusal::ManagedByOrganization { organization })
    );
    assert_eq!(world.stored(GRACE).await.password, before);
}

/// Property 5.
#[apply(on_both!)]
async fn an_account_deactivated_during_a_reset_gets_no_password(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.choosing(ADA).await;
    world.backend.accounts().disable(&address(ADA), true).await.unwrap();
    assert_eq!(browser.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));
    world.backend.accounts().disable(&address(ADA), false).await.unwrap();
    assert_eq!(browser.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));
    assert!(world.browser().sign_in(world, ADA, PASSWORD).await.is_ok());
}

#[apply(on_both!)]
async fn the_sign_in_page_offers_to_resume_a_waiting_reset(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let step = browser.sign_in_step().await;
    assert!(matches!(step, SignInStep::AskEmail { resume: Some(_), .. }), "{step:?}");
    browser.answer_reset(&code).await.unwrap();
    let step = browser.sign_in_step().await;
    assert!(matches!(step, SignInStep::AskEmail { resume: None, .. }), "{step:?}");
}

/// Property 18.
#[apply(on_both!)]
async fn the_owner_can_sign_in_after_a_reset_while_strangers_guess(world: &World) {
    world.create_account(ADA).await;
    let mut stranger = world.at_the_password(ADA).await;
    for _ in 0..5 {
        assert_eq!(stranger.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    }
    let mut browser = world.choosing(ADA).await;
    browser.choose(NEW_PASSWORD).await.unwrap();
    world.clock.advance_minutes(1);
    assert!(browser.sign_in(world, ADA, NEW_PASSWORD).await.is_ok());
    // Strangers must still prove the mailbox.
    world.clock.advance_minutes(1);
    let step = world.browser().begin_sign_in(ADA).await;
    assert!(matches!(step, Ok(SignInStep::ProveMailbox(_))), "{step:?}");
}

#[apply(on_both!)]
async fn a_reset_sets_the_first_password_of_an_account(world: &World) {
    world.create_account_without_password(ADA).await;
    let mut browser = world.choosing(ADA).await;
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
    assert!(world.browser().sign_in(world, ADA, NEW_PASSWORD).await.is_ok());
}
