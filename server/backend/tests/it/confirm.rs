//! Reauthentication before a sensitive action.

use crate::provider_peer::{Linked, person};
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, other_code};
use account::{ConfirmStep, ProviderIntent, ProviderStep, Refusal};

const TEN_MINUTES_MS: i64 = 600_000;
const NEW: &str = "new@example.com";

#[apply(on_both!)]
async fn a_proof_is_recent_for_ten_minutes(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    assert_step!(browser.confirm_step(), ConfirmStep::Done);
    world.clock.advance_ms(TEN_MINUTES_MS);
    let choose = ConfirmStep::Choose {
        email: crate::world::address(ADA),
        password: true,
        provider: None,
    };
    assert_eq!(browser.confirm_step().await, Ok(choose));
    assert_step!(browser.confirm_with_password(PASSWORD), ConfirmStep::Done);
    assert_step!(browser.confirm_step(), ConfirmStep::Done);
}

/// Attack: a thief of the session guesses the password.
#[apply(on_both!)]
async fn guesses_are_limited_together_with_those_of_a_password_change(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    world.clock.advance_ms(TEN_MINUTES_MS);
    for guess in 0..5 {
        let result = if guess % 2 == 0 {
            browser.confirm_with_password(WRONG_PASSWORD).await.map(drop)
        } else {
            browser.change_password(WRONG_PASSWORD, NEW_PASSWORD).await.map(drop)
        };
        assert_eq!(result, Err(Refusal::CurrentWrong));
    }
    let result = browser.confirm_with_password(PASSWORD).await;
    assert!(matches!(result, Err(Refusal::PasswordWait { .. })), "{result:?}");
}

#[apply(on_both!)]
async fn an_account_without_a_password_confirms_with_a_code(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    linked.with_google(&mut browser, person("1", NEW)).await.unwrap();
    linked.world.clock.advance_ms(TEN_MINUTES_MS);
    assert_eq!(browser.add_password(NEW_PASSWORD).await, Err(Refusal::ProofTooOld));
    assert_eq!(
        browser.confirm_with_password(PASSWORD).await,
        Err(Refusal::PasswordNotSet)
    );
    assert_step!(browser.send_confirmation(), ConfirmStep::EnterCode);
    let code = linked.world.code_mailed_to(NEW).await;
    let result = browser.answer_confirmation(&other_code(&code, 1)).await;
    assert!(matches!(result, Err(Refusal::CodeWrong { .. })), "{result:?}");
    assert_eq!(
        browser.answer_confirmation(&code).await,
        Ok(ConfirmStep::Done {
            next: "/security".into()
        })
    );
    browser.add_password(NEW_PASSWORD).await.unwrap();
}

/// Attack: a thief of the session has no mailbox, but a code of another purpose or account.
#[apply(on_both!)]
async fn only_a_code_for_this_confirmation_counts(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    world.clock.advance_ms(TEN_MINUTES_MS);
    let (_, reset) = world.resetting(ADA).await;
    world.deliver().await;
    browser.send_confirmation().await.unwrap();
    let result = browser.answer_confirmation(&reset).await;
    assert!(result.is_err(), "{result:?}");
    assert!(!matches!(browser.confirm_step().await, Ok(ConfirmStep::Done { .. })));
    // Signed out, the code confirms nothing.
    let code = world.code_mailed_to(ADA).await;
    let mut signed_out = browser.clone();
    signed_out.held.session = None;
    assert_eq!(signed_out.answer_confirmation(&code).await, Err(Refusal::SignedOut));
    // Nor for another user of the same browser.
    world.create_account(NEW).await;
    let other = world.signed_in(NEW).await;
    world.clock.advance_ms(TEN_MINUTES_MS / 2);
    let mut shared = browser.clone();
    shared.held.session.clone_from(&other.held.session);
    assert_eq!(shared.answer_confirmation(&code).await, Err(Refusal::FlowGone));
}

#[apply(on_both!)]
async fn the_provider_authenticates_its_user_again(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    linked.with_google(&mut browser, person("1", NEW)).await.unwrap();
    linked.world.clock.advance_ms(TEN_MINUTES_MS);
    let result = browser.confirm_step().await.unwrap();
    assert!(
        matches!(&result, ConfirmStep::Choose { provider: Some(google), .. } if google.id == "google"),
        "{result:?}"
    );
    for (subject, recent) in [("another", false), ("1", true)] {
        let url = browser
            .begin_provider("google", ProviderIntent::Confirm, "/security")
            .await
            .unwrap();
        assert!(url.contains("prompt=login") && url.contains("max_age=0"), "{url}");
        let query = linked.google.sign_in(&url, person(subject, NEW));
        let result = browser.finish_provider("google", &query).await;
        let expected = if recent {
            Ok(ProviderStep::Confirmed {
                next: "/security".into(),
            })
        } else {
            Err(Refusal::ProviderExpired)
        };
        assert_eq!(result, expected);
        assert_eq!(
            matches!(browser.confirm_step().await, Ok(ConfirmStep::Done { .. })),
            recent
        );
    }
}

/// Property 31. Attack: a copy of the session's token waits until its owner has proven who they are.
#[apply(on_both!)]
async fn a_copy_of_the_session_from_before_the_proof_is_invalid(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let mut browser = linked.world.signed_in(ADA).await;
    linked.connect_google(&mut browser, person("1", ADA)).await.unwrap();
    for way in ["password", "code", "provider"] {
        linked.world.clock.advance_ms(TEN_MINUTES_MS);
        linked.world.deliver().await;
        let copy = browser.clone();
        match way {
            "password" => drop(browser.confirm_with_password(PASSWORD).await.unwrap()),
            "code" => {
                browser.send_confirmation().await.unwrap();
                let code = linked.world.code_mailed_to(ADA).await;
                browser.answer_confirmation(&code).await.unwrap();
            }
            _ => {
                let url = browser
                    .begin_provider("google", ProviderIntent::Confirm, "")
                    .await
                    .unwrap();
                let query = linked.google.sign_in(&url, person("1", ADA));
                browser.finish_provider("google", &query).await.unwrap();
            }
        }
        assert!(browser.is_signed_in().await && !copy.is_signed_in().await, "{way}");
    }
    assert_eq!(browser.security().await.unwrap().sessions.len(), 1);
}

/// The response to the proof is lost and the form sent again: the same session.
#[apply(on_both!)]
async fn a_repeated_proof_leads_to_the_same_session(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let mut browser = linked.world.signed_in(ADA).await;
    linked.connect_google(&mut browser, person("1", ADA)).await.unwrap();
    linked.world.clock.advance_ms(TEN_MINUTES_MS);
    let mut again = browser.clone();
    browser.confirm_with_password(PASSWORD).await.unwrap();
    assert_eq!(
        again.clone().confirm_with_password(WRONG_PASSWORD).await,
        Err(Refusal::SignedOut)
    );
    assert_step!(again.confirm_with_password(PASSWORD), ConfirmStep::Done);
    assert!(again.is_signed_in().await);

    linked.world.clock.advance_ms(TEN_MINUTES_MS);
    linked.world.deliver().await;
    browser.send_confirmation().await.unwrap();
    let code = linked.world.code_mailed_to(ADA).await;
    let mut again = browser.clone();
    browser.answer_confirmation(&code).await.unwrap();
    assert_eq!(again.answer_confirmation(&code).await, Err(Refusal::StepElsewhere));
    assert!(again.is_signed_in().await);

    linked.world.clock.advance_ms(TEN_MINUTES_MS);
    let url = browser
        .begin_provider("google", ProviderIntent::Confirm, "")
        .await
        .unwrap();
    let query = linked.google.sign_in(&url, person("1", ADA));
    let mut again = browser.clone();
    browser.finish_provider("google", &query).await.unwrap();
    assert_step!(again.finish_provider("google", &query), ProviderStep::Confirmed);
    assert!(again.is_signed_in().await);
}
