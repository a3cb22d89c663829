//! Signing up: the address is proven before the account is created.

use crate::browser::Browser;
use crate::crowd::{Crowd, alike};
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, World, address, google, other_code, together};
use account::{Email, Notice, PasswordAccess, Purpose, Refusal, SignInStep, SignUpStep};
use tokio::task::JoinHandle;

const NEW: &str = "new@example.com";

#[apply(on_both!)]
async fn a_proven_address_gets_an_account(world: &World) {
    let mut browser = world.browser();
    assert_step!(browser.begin_sign_up(NEW), SignUpStep::EnterCode);
    let messages = world.emails_to(NEW).await;
    assert!(
        matches!(messages.as_slice(), [Email::Code(code)] if code.purpose == Purpose::SignUp),
        "{messages:?}"
    );
    let code = world.code_mailed_to(NEW).await;
    assert_step!(browser.answer_sign_up(&code), SignUpStep::ChooseDetails);
    let step = browser.finish_sign_up(" Nell  New ", NEW_PASSWORD).await;
    assert_eq!(step, Ok(SignUpStep::Done { email: address(NEW) }));
    assert_eq!(browser.sign_up_step().await, SignUpStep::Done { email: address(NEW) });
    assert!(!browser.is_signed_in().await);
    assert_step!(browser.sign_in(world, NEW, NEW_PASSWORD), SignInStep::SignedIn);
    assert_eq!(world.stored(NEW).await.account.name, "Nell New");
}

/// Property 9.
#[apply(on_both!)]
async fn sign_up_steps_are_the_same_with_and_without_an_account(world: &World) {
    let mut crowd = Crowd::new(world).await;
    alike!(crowd, |browser, email| browser.begin_sign_up(email).await);
    alike!(crowd, |browser, _| Ok(browser.sign_up_step().await));
    let code = other_code(&world.code_mailed_to("unknown@example.com").await, 1);
    alike!(crowd, |browser, _| browser.answer_sign_up(&code).await);
    world.clock.advance_ms(30_000);
    alike!(crowd, |browser, _| browser.resend_sign_up().await);
    let code = other_code(&world.code_mailed_to("unknown@example.com").await, 2);
    for _ in 0..5 {
        alike!(crowd, |browser, _| browser.answer_sign_up(&code).await);
    }
    alike!(crowd, |browser, _| browser.resend_sign_up().await);
    alike!(crowd, |browser, _| browser
        .finish_sign_up("Nell New", NEW_PASSWORD)
        .await);
    alike!(crowd, |browser, _| Ok(browser.sign_up_step().await));
}

#[apply(on_both!)]
async fn signing_up_again_sends_an_email_about_the_existing_account(world: &World) {
    world.create_account(ADA).await;
    world.create_google_account("google@example.com").await;
    for (email, own) in [
        (ADA, PasswordAccess::Editable),
        ("google@example.com", PasswordAccess::NotSet(Some(google()))),
    ] {
        world.browser().begin_sign_up(email).await.unwrap();
        let messages = world.emails_to(email).await;
        assert!(
            matches!(messages.as_slice(), [Email::AlreadyHere(_, kept)] if *kept == own),
            "{messages:?}"
        );
    }
    world.create_disabled_account("disabled@example.com").await;
    world.browser().begin_sign_up("disabled@example.com").await.unwrap();
    let messages = world.emails_to("disabled@example.com").await;
    assert!(
        matches!(messages.as_slice(), [Email::AlreadyDeactivated(_)]),
        "{messages:?}"
    );
}

/// The browser that created the account isn't a new device.
#[apply(on_both!)]
async fn the_first_sign_in_sends_a_notice_only_from_another_browser(world: &World) {
    let (mut browser, code) = world.signing_up(NEW).await;
    browser.answer_sign_up(&code).await.unwrap();
    browser.finish_sign_up("Nell New", NEW_PASSWORD).await.unwrap();
    browser.sign_in(world, NEW, NEW_PASSWORD).await.unwrap();
    assert_eq!(world.notices_to(NEW).await, []);
    world.browser().sign_in(world, NEW, NEW_PASSWORD).await.unwrap();
    assert!(matches!(
        world.notices_to(NEW).await.as_slice(),
        [Notice::NewDevice { .. }]
    ));
    // For this account only: another account's first sign-in here sends a notice.
    world.create_account(ADA).await;
    browser.sign_in(world, ADA, PASSWORD).await.unwrap();
    assert!(matches!(
        world.notices_to(ADA).await.as_slice(),
        [Notice::NewDevice { .. }]
    ));
}

/// Property 11.
#[apply(on_both!)]
async fn sign_up_steps_cannot_be_skipped_or_replayed(world: &World) {
    let mut browser = world.browser();
    assert_eq!(browser.answer_sign_up("123456").await, Err(Refusal::FlowGone));
    assert_eq!(
        browser.finish_sign_up("Nell", NEW_PASSWORD).await,
        Err(Refusal::FlowGone)
    );
    browser.begin_sign_up(NEW).await.unwrap();
    assert_eq!(
        browser.finish_sign_up("Nell", NEW_PASSWORD).await,
        Err(Refusal::StepElsewhere)
    );
    let code = world.code_mailed_to(NEW).await;
    browser.answer_sign_up(&code).await.unwrap();
    assert_eq!(browser.answer_sign_up(&code).await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.resend_sign_up().await, Err(Refusal::StepElsewhere));
    browser.finish_sign_up("Nell", NEW_PASSWORD).await.unwrap();
    assert_eq!(
        browser.finish_sign_up("Nell", PASSWORD).await,
        Err(Refusal::StepElsewhere)
    );
    world.refuses(NEW, PASSWORD).await;
}

#[apply(on_both!)]
async fn the_name_and_password_must_be_valid(world: &World) {
    let (mut browser, code) = world.signing_up(NEW).await;
    browser.answer_sign_up(&code).await.unwrap();
    assert_eq!(
        browser.finish_sign_up(" ", NEW_PASSWORD).await,
        Err(Refusal::NameMissing)
    );
    assert_eq!(
        browser.finish_sign_up("www.example.com", NEW_PASSWORD).await,
        Err(Refusal::NameUnfit)
    );
    assert_eq!(
        browser.finish_sign_up("Nell", "").await,
        Err(Refusal::NewPasswordMissing)
    );
    assert_eq!(
        browser.finish_sign_up("Nell", "new@example.com").await,
        Err(Refusal::PasswordHoldsOwnWords)
    );
    assert!(browser.finish_sign_up("Nell", NEW_PASSWORD).await.is_ok());
}

/// Properties 27 and 35: the browser has no flow yet; both forms lead to the same one.
#[apply(on_both!)]
async fn an_address_submitted_twice_concurrently_gets_one_email(world: &World) {
    let browser = world.browser();
    let results = together(2, |_| {
        let mut browser = browser.clone();
        async move { browser.begin_sign_up(NEW).await.map(|_| browser) }
    })
    .await;
    assert_eq!(world.emails_to(NEW).await.len(), 1);
    let code = world.code_mailed_to(NEW).await;
    let mut begun = results.into_iter().map(Result::unwrap);
    let (first, mut second) = (begun.next().unwrap(), begun.next().unwrap());
    assert_eq!(first.held.flow(Purpose::SignUp), second.held.flow(Purpose::SignUp));
    assert!(second.answer_sign_up(&code).await.is_ok());
    assert!(world.browser().begin_sign_up(NEW).await.is_ok());
}

/// Property 27.
#[apply(on_both!)]
async fn concurrent_submissions_create_one_account(world: &World) {
    let (mut browser, code) = world.signing_up(NEW).await;
    browser.answer_sign_up(&code).await.unwrap();
    let results = together(5, |_| {
        let mut browser = browser.clone();
        async move { browser.finish_sign_up("Nell", NEW_PASSWORD).await.is_ok() }
    })
    .await;
    assert_eq!(results.iter().filter(|done| **done).count(), 1, "{results:?}");
    assert!(world.browser().sign_in(world, NEW, NEW_PASSWORD).await.is_ok());
}

/// Property 27.
#[apply(on_both!)]
async fn only_one_of_two_browsers_at_the_last_step_creates_the_account(world: &World) {
    let mut browsers = [world.browser(), world.browser()];
    for browser in &mut browsers {
        browser.begin_sign_up(NEW).await.unwrap();
        browser.answer_sign_up(&world.code_mailed_to(NEW).await).await.unwrap();
    }

    // A transaction that creates the account blocks both browsers, and rolls back.
    let mut pause = world.backend.db().begin().await.unwrap();
    world.insert(&mut pause, NEW, None).await;
    let finish = |mut browser: Browser| {
        tokio::spawn(async move { browser.finish_sign_up("Nell New", NEW_PASSWORD).await.is_ok() })
    };
    let both = browsers.map(finish);
    world
        .until_waiting(2, || both.iter().all(JoinHandle::is_finished))
        .await;
    drop(pause);
    let [first, second] = both;
    assert!(first.await.unwrap() != second.await.unwrap(), "exactly one creates it");
    assert!(world.browser().sign_in(world, NEW, NEW_PASSWORD).await.is_ok());
}

#[apply(on_both!)]
async fn a_sign_up_does_not_change_an_account_created_meanwhile(world: &World) {
    let (mut browser, code) = world.signing_up(ADA).await;
    browser.answer_sign_up(&code).await.unwrap();
    world.create_account(ADA).await;
    assert_eq!(
        browser.finish_sign_up("Nell", NEW_PASSWORD).await,
        Err(Refusal::FlowGone)
    );
    assert!(world.browser().sign_in(world, ADA, PASSWORD).await.is_ok());
}

#[apply(on_both!)]
async fn sign_up_can_be_closed(world: &World) {
    let world = world.with(|settings| settings.sign_up = false).await;
    let mut browser = world.browser();
    assert_eq!(browser.begin_sign_up(NEW).await, Err(Refusal::FlowGone));
    assert_eq!(world.emails_to(NEW).await, []);
    assert_eq!(browser.sign_up_step().await, SignUpStep::AskEmail { email: None });
}
