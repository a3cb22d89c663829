//! The e-mails of a reset: their kinds, recipients and number.

use crate::world::{ADA, GRACE, NEW_PASSWORD, World, google, organization};
use account::{Email, Purpose, Refusal, ResetStep};

#[apply(on_both!)]
async fn each_kind_of_account_gets_a_matching_email(world: &World) {
    world.one_of_each_kind().await;
    for (email, fits) in [
        (
            "local@example.com",
            (|message| matches!(message, Email::Code(code) if code.purpose == Purpose::Reset)) as fn(&Email) -> bool,
        ),
        (
            "google@example.com",
            |message| matches!(message, Email::UseProvider(_, it) if *it == google()),
        ),
        (
            "managed@example.com",
            |message| matches!(message, Email::AskAdministrator(_, it) if *it == organization()),
        ),
        ("disabled@example.com", |message| {
            matches!(message, Email::Deactivated(_))
        }),
        ("unknown@example.com", |message| matches!(message, Email::NoAccount(_))),
    ] {
        world.browser().begin_reset(email).await.unwrap();
        let messages = world.emails_to(email).await;
        assert!(messages.len() == 1 && fits(&messages[0]), "{email}: {messages:?}");
    }
}

/// Property 6.
#[apply(on_both!)]
async fn a_code_is_mailed_to_the_normalized_address(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    for typed in [
        " \u{200b}Ada@EXAMPLE.com. ",
        "<ada\u{ff20}example\u{3002}com>",
        "mailto:ada@ex\u{ad}ample.com?cc=eve@example.com",
    ] {
        world.clock.advance_minutes(2);
        let step = browser.begin_reset(typed).await;
        assert!(matches!(step, Ok(ResetStep::EnterCode(mailed)) if mailed.email.as_str() == ADA));
    }
    assert!(browser.answer_reset(&world.code_mailed_to(ADA).await).await.is_ok());
    assert_eq!(world.emails_to("eve@example.com").await, []);
}

/// Property 6.
#[apply(on_both!)]
async fn an_address_that_could_reach_another_mailbox_is_refused(world: &World) {
    world.create_account(ADA).await;
    for typed in [
        "ada@example.com,eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "\"ada\"@example.com",
        "mailto:ada%40example.com",
    ] {
        assert_eq!(
            world.browser().begin_reset(typed).await,
            Err(Refusal::EmailMalformed),
            "{typed:?}"
        );
    }
    assert_eq!(
        world.browser().begin_reset("\u{ff41}da@example.com").await,
        Err(Refusal::EmailLocalPartNotAscii)
    );
    // A Cyrillic `а`: a different domain.
    world.browser().begin_reset("ada@ex\u{430}mple.com").await.unwrap();
    assert_eq!(world.emails_to("ada@xn--exmple-4nf.com").await.len(), 1);
    assert_eq!(world.browser().begin_reset(" ").await, Err(Refusal::EmailMissing));
    assert_eq!(world.emails_to(ADA).await, []);
    assert_eq!(world.emails_to("eve@example.com").await, []);
}

#[apply(on_both!)]
async fn an_address_in_the_code_field_starts_a_new_flow(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    browser.begin_reset("adda@example.com").await.unwrap();
    let before = browser.held.clone();
    let step = browser.answer_reset(" Ada@example.com").await;
    assert!(matches!(step, Ok(ResetStep::EnterCode(mailed)) if mailed.email.as_str() == ADA));
    assert_ne!(browser.held.flow(Purpose::Reset), before.flow(Purpose::Reset));
    let code = world.code_mailed_to(ADA).await;
    assert!(browser.answer_reset(&code).await.is_ok());
    browser.held = before;
    assert_eq!(
        browser.reset_step().await,
        ResetStep::AskEmail {
            email: Some("adda@example.com".into())
        }
    );
}

/// Property 27.
#[apply(on_both!)]
async fn beginning_a_reset_twice_sends_one_email(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let step = browser.reset_step().await;
    assert_eq!(browser.begin_reset(ADA).await, Ok(step));
    assert_eq!(world.emails_to(ADA).await.len(), 1);
    assert!(browser.answer_reset(&code).await.is_ok());
}

/// Property 29.
#[apply(on_both!)]
async fn a_strangers_request_does_not_delay_the_owner(world: &World) {
    world.create_account(ADA).await;
    world.resetting(ADA).await;
    world.resetting(ADA).await;
    assert_eq!(world.emails_to(ADA).await.len(), 2);
}

/// Property 18: the longest of several waits is announced. A browser without a visit also waits for its next form.
#[apply(on_both!)]
async fn the_announced_wait_is_long_enough(world: &World) {
    world.create_account(ADA).await;
    let mut waits = Vec::new();
    for _ in 0..11 {
        loop {
            let mut browser = world.browser();
            browser.caller.client = "192.0.2.1".into();
            browser.held.visit = None;
            match browser.begin_reset(ADA).await {
                Ok(_) => break,
                Err(Refusal::TooMany { seconds }) => waits.push(seconds),
                other => panic!("{other:?}"),
            }
            world.clock.advance_ms(waits[waits.len() - 1] * 1_000);
        }
    }
    let (hour, day) = (3_600 - 4 * 30, 23 * 3_600 - 4 * 30);
    assert_eq!(waits, [30, 30, 30, 30, hour, 30, 30, 30, 30, day]);
}

/// Property 18: resets and sign-ins share the count, for any address.
#[apply(on_both!)]
async fn a_client_can_begin_twenty_flows_a_minute(world: &World) {
    let mut browser = world.browser();
    for number in 0..10 {
        browser
            .begin_reset(&format!("nobody{number}@example.com"))
            .await
            .unwrap();
        browser
            .begin_sign_in(&format!("ada{number}@example.com"))
            .await
            .unwrap();
    }
    assert_eq!(browser.begin_reset(GRACE).await, Err(Refusal::TooMany { seconds: 60 }));
    assert_eq!(
        browser.begin_sign_up(GRACE).await,
        Err(Refusal::TooMany { seconds: 60 })
    );
    assert_eq!(world.emails_to(GRACE).await, []);
    assert!(world.browser().begin_reset(GRACE).await.is_ok());
    world.clock.advance_minutes(1);
    assert!(browser.begin_sign_in(GRACE).await.is_ok());
}

#[apply(on_both!)]
async fn the_wait_for_a_new_code_doubles(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, _) = world.resetting(ADA).await;
    for seconds in [30, 60, 120, 240] {
        assert_eq!(browser.resend_reset().await, Err(Refusal::ResendWait { seconds }));
        world.clock.advance_ms(seconds * 1_000 - 1);
        assert_eq!(browser.resend_reset().await, Err(Refusal::ResendWait { seconds: 1 }));
        world.clock.advance_ms(1);
        assert_step!(browser.resend_reset(), ResetStep::EnterCode);
    }
    assert!(browser.answer_reset(&world.code_mailed_to(ADA).await).await.is_ok());
}

#[apply(on_both!)]
async fn a_flow_sends_at_most_six_codes(world: &World) {
    let world = world.with(|settings| settings.limits.emails_an_hour = 100).await;
    world.create_account(ADA).await;
    let (mut browser, _) = world.resetting(ADA).await;
    for sends_left in (0..5).rev() {
        world.clock.advance_minutes(4);
        let step = browser.resend_reset().await;
        assert!(
            matches!(&step, Ok(ResetStep::EnterCode(mailed)) if mailed.sends_left == sends_left),
            "{step:?}"
        );
        world.deliver().await;
    }
    world.clock.advance_minutes(4);
    assert_eq!(browser.resend_reset().await, Err(Refusal::SendsUsedUp));
    assert_eq!(world.emails_to(ADA).await.len(), 6);
    assert!(browser.answer_reset(&world.code_mailed_to(ADA).await).await.is_ok());
}

/// Property 12.
#[apply(on_both!)]
async fn reading_a_step_sends_no_email(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    world.clock.advance_minutes(5);
    let (step, version) = (
        browser.reset_step().await,
        browser.flow_version(Purpose::Reset, None).await,
    );
    for _ in 0..3 {
        assert_eq!(browser.reset_step().await, step);
        browser.sign_in_step().await;
        assert_eq!(browser.flow_version(Purpose::Reset, None).await, version);
    }
    assert_eq!(world.emails_to(ADA).await.len(), 1);
    browser.answer_reset(&code).await.unwrap();
    browser.choose(NEW_PASSWORD).await.unwrap();
    browser.reset_step().await;
    assert_eq!(world.emails_to(ADA).await.len(), 2);
}

/// Two e-mails with different codes would confuse the user.
#[apply(on_both!)]
async fn a_newer_email_replaces_an_unsent_one(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    browser.begin_reset(ADA).await.unwrap();
    world.clock.advance_ms(30_000);
    browser.resend_reset().await.unwrap();
    assert_eq!(world.emails_to(ADA).await.len(), 1);
    assert!(browser.answer_reset(&world.code_mailed_to(ADA).await).await.is_ok());
}
