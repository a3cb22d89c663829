//! Signing in: steps, devices and effects.

use crate::crowd::{Crowd, alike};
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address, other_code, together};
use account::{Email, Notice, Purpose, Refusal, SignInStep};
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

#[apply(on_both!)]
async fn a_sign_in_takes_a_password_and_a_mailed_code(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    assert_eq!(
        browser.begin_sign_in(" Ada@Example.com").await,
        Ok(SignInStep::EnterPassword { email: address(ADA) })
    );
    assert_step!(browser.password(PASSWORD), SignInStep::EnterCode);
    assert!(!browser.is_signed_in().await);
    let messages = world.emails_to(ADA).await;
    assert!(
        matches!(messages.as_slice(), [Email::Code(code)] if code.purpose == Purpose::SignIn),
        "{messages:?}"
    );
    let code = world.code_mailed_to(ADA).await;
    assert_eq!(
        browser.answer_sign_in(&code).await,
        Ok(SignInStep::SignedIn {
            next: "/profile".into()
        })
    );
    assert!(browser.is_signed_in().await);
    assert!(browser.held.flow(Purpose::SignIn).is_none());
    assert_eq!(
        browser.sign_in_step().await,
        SignInStep::SignedIn {
            next: "/profile".into()
        }
    );
}

/// Property 9, including the mailbox proof.
#[apply(on_both!)]
async fn an_incorrect_password_is_answered_the_same_for_every_kind_of_address(world: &World) {
    let mut crowd = Crowd::new(world).await;
    alike!(crowd, |browser, email| browser.begin_sign_in(email).await);
    alike!(crowd, |browser, _| Ok(browser.sign_in_step().await));
    for _ in 0..5 {
        let result = alike!(crowd, |browser, _| browser.password(WRONG_PASSWORD).await);
        assert_eq!(result, "Err(SignInWrong)");
    }
    let result = alike!(crowd, |browser, _| browser.password(WRONG_PASSWORD).await);
    assert!(result.starts_with("Ok(ProveMailbox("), "{result}");
    alike!(crowd, |browser, _| browser.answer_sign_in("00000000").await);
    world.clock.advance_minutes(1);
    alike!(crowd, |browser, _| browser.resend_sign_in().await);
    alike!(crowd, |browser, _| Ok(browser.sign_in_step().await));
    world.clock.advance_minutes(1);
    alike!(crowd, |browser, _| browser.restart_sign_in().await);
    let result = alike!(crowd, |browser, email| browser.begin_sign_in(email).await);
    assert!(result.starts_with("Ok(ProveMailbox("), "{result}");
    alike!(crowd, |browser, _| browser.answer_sign_in("123456").await);
    alike!(crowd, |browser, _| browser.resend_sign_in().await);
    alike!(crowd, |browser, _| Ok(browser.sign_in_step().await));
}

/// Property 8: the owner of a deactivated or assigned account can't tell that its password was correct.
#[apply(on_both!)]
async fn an_account_without_a_local_password_refuses_every_password(world: &World) {
    world.create_google_account("google@example.com").await;
    world.create_disabled_account("disabled@example.com").await;
    world.create_account("managed@example.com").await;
    world.assign("managed@example.com").await;
    for email in [
        "google@example.com",
        "disabled@example.com",
        "managed@example.com",
        "unknown@example.com",
    ] {
        assert_eq!(
            world.browser().sign_in(world, email, PASSWORD).await,
            Err(Refusal::SignInWrong),
            "{email}"
        );
        assert_eq!(world.emails_to(email).await, []);
    }
}

/// Property 11.
#[apply(on_both!)]
async fn sign_in_steps_cannot_be_skipped_or_replayed(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::FlowGone));
    browser.begin_sign_in(ADA).await.unwrap();
    assert_eq!(browser.answer_sign_in("123456").await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.resend_sign_in().await, Err(Refusal::StepElsewhere));
    assert_eq!(browser.password("").await, Err(Refusal::PasswordMissing));
    browser.password(PASSWORD).await.unwrap();
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::StepElsewhere));
    let mut copy = browser.clone();
    let code = world.code_mailed_to(ADA).await;
    assert_eq!(browser.security().await, Err(Refusal::SignedOut));
    browser.answer_sign_in(&code).await.unwrap();
    assert_eq!(copy.answer_sign_in(&code).await, Err(Refusal::StepElsewhere));
    assert_eq!(copy.password(PASSWORD).await, Err(Refusal::StepElsewhere));
}

/// Property 11.
#[apply(on_both!)]
async fn a_sign_out_during_a_sign_in_ends_it(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.confirming(ADA).await;
    let mut tab = browser.clone();
    browser.sign_out().await;
    assert_eq!(browser.answer_sign_in(&code).await, Err(Refusal::FlowGone));
    assert_eq!(tab.answer_sign_in(&code).await, Err(Refusal::FlowGone));
}

#[apply(on_both!)]
async fn another_address_starts_a_new_flow(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.at_the_password(GRACE).await;
    let mut tab = browser.clone();
    assert_eq!(
        browser.restart_sign_in().await,
        Ok(SignInStep::AskEmail {
            email: None,
            resume: None
        })
    );
    assert_eq!(tab.password(PASSWORD).await, Err(Refusal::FlowGone));
    browser.begin_sign_in(ADA).await.unwrap();
    browser.password(PASSWORD).await.unwrap();
    assert_eq!(
        browser.answer_sign_in(GRACE).await,
        Ok(SignInStep::EnterPassword { email: address(GRACE) })
    );
}

#[apply(on_both!)]
async fn a_trusted_device_needs_no_code_for_thirty_days(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    world.clock.advance_ms(30 * 24 * 3_600_000 - 1);
    browser.begin_sign_in(ADA).await.unwrap();
    assert_step!(browser.password(PASSWORD), SignInStep::SignedIn);
    assert!(browser.is_signed_in().await);
    world.clock.advance_ms(1);
    browser.begin_sign_in(ADA).await.unwrap();
    assert_step!(browser.password(PASSWORD), SignInStep::EnterCode);
}

#[apply(on_both!)]
async fn trust_applies_to_one_account_on_one_device(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut adas = world.trusted(ADA).await;
    let mut known = world.signed_in(ADA).await;
    adas.begin_sign_in(GRACE).await.unwrap();
    assert_step!(adas.password(PASSWORD), SignInStep::EnterCode);
    known.begin_sign_in(ADA).await.unwrap();
    assert_step!(known.password(PASSWORD), SignInStep::EnterCode);
    let mut wrong = world.trusted(ADA).await;
    wrong.begin_sign_in(ADA).await.unwrap();
    assert_eq!(wrong.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
}

#[apply(on_both!)]
async fn a_forgotten_device_needs_a_code_again(world: &World) {
    world.create_account(ADA).await;
    let (mut lost, mut browser) = (world.trusted(ADA).await, world.signed_in(ADA).await);
    let devices = browser.security().await.unwrap().devices;
    assert_eq!(devices.iter().map(|device| device.here).collect::<Vec<_>>(), [false]);
    assert_eq!(browser.forget_device(&devices[0].id).await.unwrap().devices, []);
    lost.begin_sign_in(ADA).await.unwrap();
    assert_step!(lost.password(PASSWORD), SignInStep::EnterCode);
}

/// Property 19.
#[apply(on_both!)]
async fn a_new_device_sends_one_notice(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let notice = Notice::NewDevice {
        at: world.now(),
        browser: "Firefox on Linux".into(),
    };
    assert_eq!(world.notices_to(ADA).await, [notice]);
    browser.sign_out().await;
    browser.sign_in(world, ADA, PASSWORD).await.unwrap();
    assert_eq!(world.notices_to(ADA).await.len(), 1);
    world.signed_in(ADA).await;
    assert_eq!(world.notices_to(ADA).await.len(), 2);
}

#[apply(on_both!)]
async fn each_sign_in_issues_a_new_token_and_ends_the_old_session(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut browser = world.signed_in(ADA).await;
    for email in [ADA, GRACE] {
        let before = browser.clone();
        browser.sign_in(world, email, PASSWORD).await.unwrap();
        assert_ne!(browser.held.session, before.held.session);
        assert!(!before.is_signed_in().await);
        assert_eq!(browser.security().await.unwrap().sessions.len(), 1);
    }
}

/// Property 13.
#[apply(on_both!)]
async fn a_sign_in_redirects_to_the_requested_page(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    for (wanted, next) in [
        ("/security?tab=1", "/security?tab=1"),
        ("//evil.example", "/profile"),
        ("", "/profile"),
    ] {
        browser.begin_sign_in_to(ADA, wanted).await.unwrap();
        assert_eq!(
            browser.password(PASSWORD).await,
            Ok(SignInStep::SignedIn { next: next.into() })
        );
    }
}

/// Property 27.
#[apply(on_both!)]
async fn a_correct_password_sent_twice_mails_one_code(world: &World) {
    world.create_account(ADA).await;
    let browser = world.at_the_password(ADA).await;
    let results = together(4, |_| {
        let mut browser = browser.clone();
        async move { browser.password(PASSWORD).await }
    })
    .await;
    assert_eq!(
        results
            .iter()
            .filter(|result| matches!(result, Ok(SignInStep::EnterCode(_))))
            .count(),
        1
    );
    assert_eq!(
        results
            .iter()
            .filter(|result| **result == Err(Refusal::StepElsewhere))
            .count(),
        3
    );
    assert_eq!(world.emails_to(ADA).await.len(), 1);
}

/// Properties 2 and 27.
#[apply(on_both!)]
async fn a_correct_code_sent_twice_begins_one_session(world: &World) {
    world.create_account(ADA).await;
    let (browser, code) = world.confirming(ADA).await;
    let results = together(20, |_| {
        let (mut browser, code) = (browser.clone(), code.clone());
        async move { browser.answer_sign_in(&code).await.map(|_| browser) }
    })
    .await;
    let signed_in: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    assert_eq!(signed_in.len(), 1);
    assert_eq!(signed_in[0].security().await.unwrap().sessions.len(), 1);
}

#[apply(on_both!)]
async fn a_new_code_can_be_requested(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, older) = world.confirming(ADA).await;
    assert_eq!(browser.resend_sign_in().await, Err(Refusal::ResendWait { seconds: 30 }));
    world.clock.advance_ms(30_000);
    browser.resend_sign_in().await.unwrap();
    let newer = world.code_mailed_to(ADA).await;
    assert!(matches!(
        browser.answer_sign_in(&older).await,
        Err(Refusal::CodeOlder { .. })
    ));
    assert_eq!(
        browser.answer_sign_in(&other_code(&newer, 1)).await,
        Err(Refusal::CodeWrong { tries_left: 4 })
    );
    assert!(browser.answer_sign_in(&newer).await.is_ok());
}

#[apply(on_both!)]
async fn an_older_hash_is_replaced_at_sign_in(world: &World) {
    let elsewhere = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(1_024, 1, 1, None).unwrap(),
    );
    let old = elsewhere
        .hash_password_with_salt(PASSWORD.as_bytes(), b"some salt of ours")
        .unwrap()
        .to_string();
    world.create_account_with_hash(ADA, &old).await;
    world.refuses(ADA, WRONG_PASSWORD).await;
    assert_eq!(world.stored(ADA).await.password.unwrap(), old);
    world.signed_in(ADA).await;
    let new = world.stored(ADA).await.password.unwrap();
    assert!(new.starts_with("k1$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    world.signed_in(ADA).await;
    assert_eq!(world.stored(ADA).await.password.unwrap(), new);
    let mut browser = world.signed_in(ADA).await;
    browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
}

/// Property 8.
#[apply(on_both!)]
async fn an_account_assigned_after_its_password_step_cannot_sign_in(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.confirming(ADA).await;
    world.assign(ADA).await;
    assert_eq!(browser.answer_sign_in(&code).await, Err(Refusal::FlowGone));

    // Also if another program changed only the account's row.
    world.create_account(GRACE).await;
    let (mut browser, code) = world.confirming(GRACE).await;
    world.set_managed(GRACE).await;
    assert_eq!(browser.answer_sign_in(&code).await, Err(Refusal::FlowGone));
    assert!(!browser.is_signed_in().await);
}

#[apply(on_both!)]
async fn a_browser_can_be_known_to_two_accounts(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_in(world, GRACE, PASSWORD).await.unwrap();
    browser.begin_sign_in(ADA).await.unwrap();
    assert_step!(browser.password(PASSWORD), SignInStep::SignedIn);
    assert_eq!(world.notices_to(ADA).await.len(), 1, "it isn't a new device");
    // A copy of the earlier token isn't known to the new account.
    let mut copy = world.trusted(ADA).await;
    let kept = copy.clone();
    copy.begin_sign_in(GRACE).await.unwrap();
    copy.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(GRACE).await;
    copy.answer_sign_in_and_trust(&code).await.unwrap();
    let mut kept = kept;
    kept.begin_sign_in(GRACE).await.unwrap();
    assert_step!(kept.password(PASSWORD), SignInStep::EnterCode);
}

#[apply(on_both!)]
async fn changing_the_address_keeps_the_redirect(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_out().await;
    browser.begin_sign_in_to(GRACE, "/security").await.unwrap();
    browser.restart_sign_in().await.unwrap();
    browser.begin_sign_in(ADA).await.unwrap();
    let there = SignInStep::SignedIn {
        next: "/security".into(),
    };
    assert_eq!(browser.password(PASSWORD).await, Ok(there));
    // The next sign-in starts a new flow.
    browser.sign_out().await;
    browser.begin_sign_in(ADA).await.unwrap();
    let profile = SignInStep::SignedIn {
        next: "/profile".into(),
    };
    assert_eq!(browser.password(PASSWORD).await, Ok(profile));
}
