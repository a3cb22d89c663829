//! The five pre-hijacking attacks (Sudhodanan and Paverd, 2022): an attacker prepares an account for an address before its owner
//! comes. None leaves the attacker a way in. Property 7.

use crate::provider_peer::{Linked, Person, person};
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, World};
use account::{Notice, ProviderStep, Refusal};

const NEW: &str = "new@example.com";

/// Classic-federated merge: the attacker's account with a password and the owner's sign-in with a provider become one.
#[apply(on_both!)]
async fn an_account_with_a_password_is_not_merged(world: &World) {
    let linked = Linked::to(world).await;
    // Even an account that the attacker could create without proving the address.
    linked.world.create_account(NEW).await;
    let mut owner = linked.world.browser();
    let result = linked.with_google(&mut owner, person("1", NEW)).await;
    assert_eq!(
        result,
        Ok(ProviderStep::SignInToConnect {
            provider: "Google".into(),
            next: String::new()
        })
    );
    // The owner gets in by a reset, which ends the attacker's password.
    let mut owner = linked.world.choosing(NEW).await;
    owner.choose(NEW_PASSWORD).await.unwrap();
    linked.world.refuses(NEW, PASSWORD).await;
}

/// Unexpired session: the attacker stays signed in after the owner has reset the password.
#[apply(on_both!)]
async fn earlier_sessions_end_with_a_reset(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(NEW).await;
    let attacker = linked.world.signed_in(NEW).await;
    let mut owner = linked.world.choosing(NEW).await;
    owner.choose(NEW_PASSWORD).await.unwrap();
    assert!(!attacker.is_signed_in().await);
}

/// Trojan identifier: the attacker connects an account of their own at a provider, and uses it after the owner's reset.
#[apply(on_both!)]
async fn a_connection_is_announced_and_ends_with_a_reset(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(NEW).await;
    let mut attacker = linked.world.signed_in(NEW).await;
    linked
        .connect_google(&mut attacker, person("evil", "evil@example.com"))
        .await
        .unwrap();
    let notices = linked.world.notices_to(NEW).await;
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::ProviderConnected { .. }))
    );
    let mut owner = linked.world.choosing(NEW).await;
    owner.choose(NEW_PASSWORD).await.unwrap();
    let mut attacker = linked.world.browser();
    assert_step!(
        linked.with_google(&mut attacker, person("evil", "evil@example.com")),
        ProviderStep::SignedIn
    );
    assert_eq!(attacker.security().await.unwrap().email.as_str(), "evil@example.com");
}

/// Unexpired e-mail change: there is none by its owner. A code of a former address opens nothing.
#[apply(on_both!)]
async fn a_code_of_an_earlier_address_is_refused(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let (mut attacker, code) = linked.world.resetting(ADA).await;
    let (from, to) = (crate::world::address(ADA), crate::world::address(NEW));
    linked
        .world
        .backend
        .accounts()
        .change_address(&from, &to)
        .await
        .unwrap();
    assert!(attacker.answer_reset(&code).await.is_err());
}

/// Non-verifying provider: the attacker registers the owner's address at a provider that does not check it.
#[apply(on_both!)]
async fn an_unverified_address_creates_no_account(world: &World) {
    let linked = Linked::to(world).await;
    let unverified = Person {
        email_verified: false,
        ..person("evil", NEW)
    };
    let mut attacker = linked.world.browser();
    assert_eq!(
        linked.with_google(&mut attacker, unverified).await,
        Ok(ProviderStep::ProveEmail)
    );
    let mut owner = linked.world.browser();
    assert_step!(linked.with_google(&mut owner, person("1", NEW)), ProviderStep::SignedIn);
    assert_eq!(owner.security().await.unwrap().connections.len(), 1);
    // The attacker's sign-up is over.
    assert_eq!(
        attacker.finish_sign_up("Eve Evil", PASSWORD).await,
        Err(Refusal::StepElsewhere)
    );
}
