//! Accounts that an organization no longer manages. Property 39.

use crate::managed::{MEMBER, finish_sign_in, use_organization};
use crate::organizations::{act, administrator, id_of};
use crate::provider_peer::{Linked, person};
use crate::world::{ADA, PASSWORD, World, address, organization};
use account::{Notice, ProviderStep, Refusal, SignInStep};

/// An organization with a provider, and a member who has signed in through it.
async fn with_member(world: &World) -> Linked {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    linked
        .with_engines(&mut linked.world.browser(), person("1", MEMBER))
        .await
        .unwrap();
    linked
}

#[apply(on_both!)]
async fn a_former_members_account_is_its_owners_alone(world: &World) {
    let linked = with_member(world).await;
    let email = address(MEMBER);
    assert!(linked.world.backend.accounts().take_back(&email).await.unwrap());
    let mut former = linked.world.browser();
    let result = linked.with_engines(&mut former, person("1", MEMBER)).await;
    assert!(matches!(result, Ok(ProviderStep::SignInToConnect { .. })), "{result:?}");
    assert!(!former.is_signed_in().await);
    let mut owner = linked.world.choosing(MEMBER).await;
    owner.choose(PASSWORD).await.unwrap();
    // The address leads to the organization's provider, unless its owner says that the account is their own.
    assert_step!(owner.begin_sign_in(MEMBER), SignInStep::Through);
    assert_step!(owner.begin_own_sign_in(MEMBER), SignInStep::EnterPassword);
    finish_sign_in(&linked.world, &mut owner).await.unwrap();
}

#[apply(on_both!)]
async fn an_unlisted_provider_opens_no_private_account(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.declare(ADA, linked.engines.issuer()).await;
    let result = linked.with_engines(&mut linked.world.browser(), person("1", ADA)).await;
    let provider = "Engines".to_owned();
    assert_eq!(result, Err(Refusal::ProviderFailed { provider }));
}

#[apply(on_both!)]
async fn a_listed_previous_provider_opens_no_account_given_back(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("other"), "engines.example").await;
    let mut browser = linked.world.browser();
    linked.with_other(&mut browser, person("1", MEMBER)).await.unwrap();
    let organizations = linked.world.backend.organizations();
    let of = organizations.find(&organization().name).await.unwrap().unwrap();
    organizations.set_provider(&of.id, None).await.unwrap();
    let email = address(MEMBER);
    assert!(linked.world.backend.accounts().take_back(&email).await.unwrap());
    let mut former = linked.world.browser();
    assert_step!(
        linked.with_other(&mut former, person("1", MEMBER)),
        ProviderStep::SignInToConnect
    );
    assert!(!former.is_signed_in().await);
}

#[apply(on_both!)]
async fn a_removed_members_account_is_its_owners_alone(world: &World) {
    let linked = with_member(world).await;
    let (of, mut ada) = administrator(&linked.world).await;
    let id = id_of(&ada, MEMBER).await;
    act!(ada, remove(&id)).unwrap();
    let mut former = linked.world.browser();
    let result = linked.with_engines(&mut former, person("1", MEMBER)).await;
    assert!(matches!(result, Ok(ProviderStep::SignInToConnect { .. })), "{result:?}");
    let [.., Notice::Left { organization, .. }] = &*linked.world.notices_to(MEMBER).await else {
        panic!("the owner is not told");
    };
    assert_eq!(*organization, of.organization.name);
}

#[apply(on_both!)]
async fn a_previous_provider_of_an_organization_opens_no_account_given_back(world: &World) {
    let linked = with_member(world).await;
    let organizations = linked.world.backend.organizations();
    let of = organizations.find(&organization().name).await.unwrap().unwrap();
    organizations.set_provider(&of.id, Some("other")).await.unwrap();
    let email = address(MEMBER);
    assert!(linked.world.backend.accounts().take_back(&email).await.unwrap());
    let mut former = linked.world.browser();
    let result = linked.with_engines(&mut former, person("1", MEMBER)).await;
    assert_eq!(result, Err(use_organization()));
    assert!(!former.is_signed_in().await);
}
