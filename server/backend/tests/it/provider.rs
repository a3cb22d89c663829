//! Sign-in with a provider, and connected accounts. Property 7.

use crate::browser::FlowResult;
use crate::provider_peer::{Linked, Person, person};
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, World};
use account::{
    ActivityKind, ConnectStep, Email, Notice, PasswordAccess, ProviderIntent, ProviderStep, Refusal, SignInStep,
    SignUpStep,
};
use backend::Error;

const NEW: &str = "new@example.com";

/// The step of a user whose address has an account here.
fn to_connect(provider: &str) -> FlowResult<ProviderStep> {
    Ok(ProviderStep::SignInToConnect {
        provider: provider.into(),
        next: String::new(),
    })
}

fn provider() -> String {
    "Google".to_owned()
}

#[apply(on_both!)]
async fn a_new_user_gets_an_account_without_a_password(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    assert_step!(
        linked.with_google(&mut browser, person("1", NEW)),
        ProviderStep::SignedIn
    );
    assert!(browser.is_signed_in().await);
    let view = browser.security().await.unwrap();
    assert!(matches!(view.password.own, PasswordAccess::NotSet(Some(provider)) if provider.name == "Google"));
    assert_eq!(view.connections.len(), 1);
    // The browser that created the account isn't a new device.
    assert_eq!(linked.world.notices_to(NEW).await, []);
    assert_eq!(linked.world.count_events(NEW, ActivityKind::SignedUp).await, 1);
    assert_eq!(linked.world.count_events(NEW, ActivityKind::ProviderSignedIn).await, 1);
}

#[apply(on_both!)]
async fn a_returning_user_is_recognized_by_subject_and_not_by_address(world: &World) {
    let linked = Linked::to(world).await;
    linked
        .with_google(&mut linked.world.browser(), person("1", NEW))
        .await
        .unwrap();
    let mut browser = linked.world.browser();
    let moved = person("1", "moved@example.com");
    assert_step!(linked.with_google(&mut browser, moved), ProviderStep::SignedIn);
    let view = browser.security().await.unwrap();
    assert_eq!(view.email.as_str(), NEW);
    assert_eq!(view.connections[0].email, "moved@example.com");
    // Another subject with the first address is another user, whom the account here must let in first.
    let mut other = linked.world.browser();
    let result = linked.with_google(&mut other, person("2", NEW)).await;
    assert_eq!(result, to_connect("Google"));
    assert!(!other.is_signed_in().await);
}

/// Attack: an account at the provider with another user's address.
#[apply(on_both!)]
async fn a_local_account_is_connected_only_after_its_own_sign_in(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let mut browser = linked.world.browser();
    let result = linked.with_google(&mut browser, person("1", ADA)).await;
    assert_eq!(result, to_connect("Google"));
    assert!(!browser.is_signed_in().await);
    browser.password(PASSWORD).await.unwrap();
    let code = linked.world.code_mailed_to(ADA).await;
    assert_eq!(
        browser.answer_sign_in(&code).await,
        Ok(SignInStep::SignedIn {
            next: "/security/connect".into()
        })
    );
    let offered = ConnectStep::Ask {
        provider: provider(),
        email: ADA.into(),
        organization: None,
    };
    assert_eq!(browser.offered().await, Ok(offered));
    assert_eq!(browser.security().await.unwrap().connections, []);
    browser.accept_connection().await.unwrap();
    assert_eq!(browser.offered().await, Ok(ConnectStep::Nothing));
    let notices = linked.world.notices_to(ADA).await;
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::ProviderConnected { .. })),
        "{notices:?}"
    );
    // From now on, both ways lead in.
    let mut another = linked.world.browser();
    assert_step!(
        linked.with_google(&mut another, person("1", ADA)),
        ProviderStep::SignedIn
    );
    assert_eq!(another.security().await.unwrap().password.own, PasswordAccess::Editable);
    linked.world.signed_in(ADA).await;
}

/// Attack: the address is not the user's, and the provider does not check it.
#[apply(on_both!)]
async fn an_unverified_address_is_proven_with_a_code(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    for email in [ADA, NEW] {
        let unverified = Person {
            email_verified: false,
            ..person("1", email)
        };
        let mut browser = linked.world.browser();
        assert_eq!(
            linked.with_google(&mut browser, unverified).await,
            Ok(ProviderStep::ProveEmail)
        );
        assert!(!browser.is_signed_in().await);
        assert!(matches!(browser.sign_up_step().await, SignUpStep::EnterCode(_)));
    }
    let messages = linked.world.emails_to(ADA).await;
    assert!(matches!(messages.as_slice(), [Email::AlreadyHere(..)]), "{messages:?}");
}

#[apply(on_both!)]
async fn an_account_added_by_an_operator_is_connected_at_its_first_sign_in(world: &World) {
    let linked = Linked::to(world).await;
    linked
        .world
        .declare("declared@example.com", linked.google.issuer())
        .await;
    let unverified = Person {
        email_verified: false,
        ..person("1", "declared@example.com")
    };
    let mut browser = linked.world.browser();
    assert_eq!(
        linked.with_google(&mut browser, unverified).await,
        Ok(ProviderStep::ProveEmail)
    );
    let declared = person("1", "declared@example.com");
    assert_step!(linked.with_google(&mut browser, declared), ProviderStep::SignedIn);
    let other = person("2", "declared@example.com");
    let result = linked.with_google(&mut linked.world.browser(), other).await;
    assert_eq!(result, to_connect("Google"));
}

#[apply(on_both!)]
async fn a_deactivated_account_and_a_closed_sign_up_are_refused(world: &World) {
    let linked = Linked::to(world).await;
    linked
        .with_google(&mut linked.world.browser(), person("1", NEW))
        .await
        .unwrap();
    let email = crate::world::address(NEW);
    assert!(linked.world.backend.accounts().disable(&email, true).await.unwrap());
    let mut browser = linked.world.browser();
    assert_eq!(
        linked.with_google(&mut browser, person("1", NEW)).await,
        Err(Refusal::AccountDeactivated)
    );
    linked.world.create_disabled_account("off@example.com").await;
    let result = linked.with_google(&mut browser, person("2", "off@example.com")).await;
    assert_eq!(result, Err(Refusal::AccountDeactivated));
    let mut settings = (*linked.world.backend.settings()).clone();
    settings.sign_up = false;
    linked.world.backend.replace_settings(settings);
    let result = linked.with_google(&mut browser, person("3", "other@example.com")).await;
    assert_eq!(result, Err(Refusal::SignUpClosed));
    assert!(!browser.is_signed_in().await);
}

/// Attacks: another browser's response, one that arrives twice, late, or at another provider's address.
#[apply(on_both!)]
async fn a_response_counts_once_in_the_browser_that_asked(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    let url = browser
        .begin_provider("google", ProviderIntent::SignIn, "/security")
        .await
        .unwrap();
    let query = linked.google.sign_in(&url, person("1", NEW));
    let expired = Err(Refusal::ProviderExpired);
    assert_eq!(linked.world.browser().finish_provider("google", &query).await, expired);
    let mut other = linked.world.browser();
    other
        .begin_provider("google", ProviderIntent::SignIn, "")
        .await
        .unwrap();
    assert_eq!(other.finish_provider("google", &query).await, expired);
    assert_eq!(browser.clone().finish_provider("engines", &query).await, expired);
    let before = browser.clone();
    assert_eq!(
        browser.finish_provider("google", &query).await,
        Ok(ProviderStep::SignedIn {
            next: "/security".into()
        })
    );
    // The response is lost and sent again: the same session.
    let mut again = before.clone();
    assert_step!(again.finish_provider("google", &query), ProviderStep::SignedIn);
    assert_eq!(again.security().await.unwrap().sessions.len(), 1);
    assert_eq!(browser.finish_provider("google", &query).await, expired);
    // After a sign-out, the old response opens nothing.
    again.sign_out().await;
    assert_eq!(before.clone().finish_provider("google", &query).await, expired);
    let mut late = linked.world.browser();
    let url = late.begin_provider("google", ProviderIntent::SignIn, "").await.unwrap();
    let query = linked.google.sign_in(&url, person("1", NEW));
    linked.world.clock.advance_ms(600_000);
    assert_eq!(late.finish_provider("google", &query).await, expired);
}

#[apply(on_both!)]
async fn a_canceled_sign_in_and_an_unknown_provider_are_explained(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    let url = browser
        .begin_provider("google", ProviderIntent::SignIn, "")
        .await
        .unwrap();
    let answered = linked.google.sign_in(&url, person("1", NEW));
    let (_, state) = answered.split_once('&').unwrap();
    let canceled = format!("error=access_denied&{state}");
    assert_eq!(
        browser.finish_provider("google", &canceled).await,
        Err(Refusal::ProviderDenied { provider: provider() })
    );
    let result = browser.begin_provider("unknown", ProviderIntent::SignIn, "").await;
    assert_eq!(result, Err(Refusal::ProviderExpired));
}

#[apply(on_both!)]
async fn an_account_is_connected_and_disconnected_on_the_security_page(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let mut browser = linked.world.signed_in(ADA).await;
    linked
        .connect_google(&mut browser, person("1", "ada@mail.example"))
        .await
        .unwrap();
    let view = browser.security().await.unwrap();
    assert_eq!(view.connections[0].email, "ada@mail.example");
    // Attack: an account at the provider that opens one account is moved to another.
    linked.world.create_account(NEW).await;
    let mut other = linked.world.signed_in(NEW).await;
    assert_eq!(
        linked.connect_google(&mut other, person("1", "ada@mail.example")).await,
        Err(Refusal::IdentityTaken { provider: provider() })
    );
    let id = view.connections[0].id.clone();
    other.disconnect(&id).await.unwrap();
    assert_eq!(browser.security().await.unwrap().connections.len(), 1);
    let view = browser.disconnect(&id).await.unwrap();
    assert_eq!(view.connections, []);
    let notices = linked.world.notices_to(ADA).await;
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::ProviderDisconnected { .. })),
        "{notices:?}"
    );
}

#[apply(on_both!)]
async fn the_last_way_to_sign_in_cannot_be_disconnected(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    linked.with_google(&mut browser, person("1", NEW)).await.unwrap();
    let id = browser.security().await.unwrap().connections[0].id.clone();
    assert_eq!(browser.disconnect(&id).await, Err(Refusal::LastMethod));
    browser.add_password(NEW_PASSWORD).await.unwrap();
    assert_eq!(browser.security().await.unwrap().password.own, PasswordAccess::Editable);
    browser.disconnect(&id).await.unwrap();
    let result = linked.world.browser().sign_in(&linked.world, NEW, NEW_PASSWORD).await;
    assert!(matches!(result, Ok(SignInStep::SignedIn { .. })), "{result:?}");
}

#[apply(on_both!)]
async fn a_password_is_added_once_and_its_owner_is_notified(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    linked.with_google(&mut browser, person("1", NEW)).await.unwrap();
    let twin = browser.clone();
    let (mut first, mut second) = (browser.clone(), twin);
    let (a, b) = tokio::join!(first.add_password(NEW_PASSWORD), second.add_password(PASSWORD));
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1, "{a:?} {b:?}");
    assert_eq!(browser.add_password(NEW_PASSWORD).await, Err(Refusal::StepElsewhere));
    let notices = linked.world.notices_to(NEW).await;
    assert!(
        matches!(notices.as_slice(), [Notice::PasswordAdded { .. }]),
        "{notices:?}"
    );
}

/// Attack: a thief of a session connects an account of their own and keeps the access.
#[apply(on_both!)]
async fn connecting_needs_the_same_user_and_a_recent_proof(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let mut browser = linked.world.signed_in(ADA).await;
    let url = browser
        .begin_provider("google", ProviderIntent::Connect, "")
        .await
        .unwrap();
    let query = linked.google.sign_in(&url, person("1", "ada@mail.example"));
    // On a shared browser, somebody else signs in meanwhile.
    linked.world.create_account(NEW).await;
    let other = linked.world.signed_in(NEW).await;
    let mut shared = browser.clone();
    shared.held.session.clone_from(&other.held.session);
    assert_eq!(
        shared.finish_provider("google", &query).await,
        Err(Refusal::ProviderExpired)
    );
    linked.world.clock.advance_ms(600_000);
    let result = browser.begin_provider("google", ProviderIntent::Connect, "").await;
    assert_eq!(result, Err(Refusal::ProofTooOld));
    assert_eq!(
        linked
            .world
            .browser()
            .begin_provider("google", ProviderIntent::Connect, "")
            .await,
        Err(Refusal::SignedOut)
    );
}

/// A fault of the database is a fault, and not a refusal.
#[apply(on_both!)]
async fn a_sign_in_without_a_database_is_a_fault(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    let url = browser
        .begin_provider("google", ProviderIntent::SignIn, "")
        .await
        .unwrap();
    let query = linked.google.sign_in(&url, person("1", NEW));
    linked.world.backend.db().close().await;
    let result = browser.request().provider().finish("google", &query).await;
    assert!(matches!(result, Err(Error::Fault(_))));
}

/// The sign-up of an unverified address sends its owner to the account that exists, which then offers the connection.
#[apply(on_both!)]
async fn an_unverified_account_is_offered_after_the_next_sign_in(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let unverified = Person {
        email_verified: false,
        ..person("1", ADA)
    };
    let mut browser = linked.world.browser();
    assert_step!(linked.with_google(&mut browser, unverified), ProviderStep::ProveEmail);
    let step = browser.sign_in(&linked.world, ADA, PASSWORD).await;
    let connect = SignInStep::SignedIn {
        next: "/security/connect".into(),
    };
    assert_eq!(step, Ok(connect));
    browser.accept_connection().await.unwrap();
    assert_step!(
        linked.with_google(&mut linked.world.browser(), unverified),
        ProviderStep::SignedIn
    );
}

/// The owner has no password to type.
#[apply(on_both!)]
async fn an_account_of_another_provider_is_connected_after_signing_in_there(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.declare(NEW, linked.google.issuer()).await;
    let mut browser = linked.world.browser();
    let result = linked.with_other(&mut browser, person("1", NEW)).await;
    assert_eq!(result, to_connect("Other"));
    assert!(matches!(browser.sign_in_step().await, SignInStep::AskEmail { .. }));
    let next = "/security/connect".to_owned();
    let result = linked.with_google(&mut browser, person("2", NEW)).await;
    assert_eq!(result, Ok(ProviderStep::SignedIn { next }));
    browser.accept_connection().await.unwrap();
    assert_eq!(browser.security().await.unwrap().connections.len(), 2);
}

/// Attack: an account at an organization's provider opens an account that the organization does not manage.
#[apply(on_both!)]
async fn a_provider_without_a_button_cannot_be_connected(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let mut browser = linked.world.signed_in(ADA).await;
    let result = browser.begin_provider("engines", ProviderIntent::Connect, "").await;
    assert_eq!(result, Err(Refusal::ProviderExpired));
}

#[apply(on_both!)]
async fn a_provider_that_does_not_respond_is_named(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    let result = browser.begin_provider("gone", ProviderIntent::SignIn, "").await;
    let provider = "Gone".to_owned();
    assert_eq!(result, Err(Refusal::ProviderUnavailable { provider }));
}

/// A provider that the operator has removed leaves its accounts a way in.
#[apply(on_both!)]
async fn a_removed_provider_is_no_way_to_sign_in(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    linked.with_google(&mut browser, person("1", NEW)).await.unwrap();
    // On a server that is not configured for it.
    let mut owner = world.choosing(NEW).await;
    owner.choose(NEW_PASSWORD).await.unwrap();
    world.browser().sign_in(world, NEW, NEW_PASSWORD).await.unwrap();
}
