//! Accounts that an organization manages. Properties 8 and 39.

use crate::browser::{Browser, FlowResult};
use crate::organizations::{create, other};
use crate::provider_peer::{Linked, Person, person};
use crate::world::{ADA, PASSWORD, World, address, digest, organization, other_code};
use account::{
    ConnectStep, FailureCause, Notice, PasswordAccess, ProviderIntent, ProviderStep, Purpose, Refusal, SignInStep,
    SignUpStep,
};
use backend::store::accounts;

pub const MEMBER: &str = "mary@engines.example";

fn managed() -> Refusal {
    Refusal::ManagedByOrganization {
        organization: organization().name,
    }
}

pub fn use_organization() -> Refusal {
    Refusal::UseOrganization {
        organization: organization().name,
    }
}

/// Finishes a sign-in of the member that is at the password.
pub async fn finish_sign_in(world: &World, browser: &mut Browser) -> FlowResult<SignInStep> {
    browser.password(PASSWORD).await?;
    let code = world.code_mailed_to(MEMBER).await;
    browser.answer_sign_in(&code).await
}

#[apply(on_both!)]
async fn an_address_of_the_organizations_domain_leads_to_its_provider(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    let mut browser = linked.world.browser();
    let result = browser.begin_sign_in_to(MEMBER, "/security").await;
    assert_eq!(
        result,
        Ok(SignInStep::Through {
            organization: organization().name,
            page: "/signin/through/engines?next=/security".into()
        })
    );
    // Without provider in the configuration, a code is mailed instead.
    let mut elsewhere = world.browser();
    assert_step!(elsewhere.begin_sign_in(MEMBER), SignInStep::ProveMailbox);
    assert_eq!(browser.begin_sign_up(MEMBER).await, Err(use_organization()));
}

#[apply(on_both!)]
async fn a_new_member_is_managed_from_the_first_sign_in(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    let mut browser = linked.world.browser();
    assert_step!(
        linked.with_engines(&mut browser, person("1", MEMBER)),
        ProviderStep::SignedIn
    );
    let view = browser.security().await.unwrap();
    assert_eq!(view.password.own, PasswordAccess::ManagedBy(organization()));
    assert_eq!(browser.add_password(PASSWORD).await, Err(managed()));
    let id = view.connections[0].id.clone();
    assert_eq!(browser.disconnect(&id).await, Err(managed()));
}

/// Attack: an organization's provider claims addresses of other domains, or an account elsewhere has a member's address.
#[apply(on_both!)]
async fn only_the_organizations_provider_signs_in_to_its_domain(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    linked.world.create_account(ADA).await;
    for email in [ADA, "new@example.com"] {
        let result = linked
            .with_engines(&mut linked.world.browser(), person("1", email))
            .await;
        assert_eq!(
            result,
            Err(Refusal::ProviderFailed {
                provider: "Engines".into()
            })
        );
    }
    let result = linked
        .with_google(&mut linked.world.browser(), person("1", MEMBER))
        .await;
    assert_eq!(result, Err(use_organization()));
    // Also if it was connected before.
    let mut browser = linked.world.browser();
    linked
        .with_google(&mut browser, person("2", "old@example.com"))
        .await
        .unwrap();
    linked.world.set_managed("old@example.com").await;
    let result = linked
        .with_google(&mut linked.world.browser(), person("2", "old@example.com"))
        .await;
    assert_eq!(result, Err(use_organization()));
}

#[apply(on_both!)]
async fn a_member_assigned_by_an_operator_signs_in_through_the_organization(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    linked.world.create_account(ADA).await;
    linked.world.assign(ADA).await;
    linked.world.refuses(ADA, PASSWORD).await;
    let mut browser = linked.world.browser();
    assert_step!(
        linked.with_engines(&mut browser, person("1", ADA)),
        ProviderStep::SignedIn
    );
    // Taken back, the account has its password again.
    let email = address(ADA);
    assert!(linked.world.backend.accounts().take_back(&email).await.unwrap());
    assert!(!browser.is_signed_in().await);
    linked.world.signed_in(ADA).await;
}

#[apply(on_both!)]
async fn members_of_an_organization_without_a_provider_sign_in_with_a_code(world: &World) {
    world.organization_with(None, "engines.example").await;
    world.create_account(MEMBER).await;
    world.assign(MEMBER).await;
    let mut browser = world.browser();
    assert_step!(browser.begin_sign_in(MEMBER), SignInStep::ProveMailbox);
    let code = world.code_mailed_to(MEMBER).await;
    let before = browser.clone();
    assert_step!(browser.answer_sign_in(&code), SignInStep::SignedIn);
    assert!(browser.is_signed_in().await);
    // The response is lost and the code sent again: the same session.
    let mut again = before;
    assert_eq!(again.answer_sign_in(&code).await, Err(Refusal::StepElsewhere));
    assert!(again.is_signed_in().await);
    // Other addresses of the domain look the same, and get no code.
    let mut stranger = world.browser();
    assert_step!(
        stranger.begin_sign_in("nobody@engines.example"),
        SignInStep::ProveMailbox
    );
}

#[apply(on_both!)]
async fn a_password_of_before_is_refused_in_the_middle_of_a_sign_in(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.confirming(ADA).await;
    world.set_managed(ADA).await;
    assert_eq!(browser.answer_sign_in(&code).await, Err(Refusal::FlowGone));
    assert!(!browser.is_signed_in().await);
}

#[apply(on_both!)]
async fn an_account_taken_back_without_a_password_sets_one_with_a_code(world: &World) {
    world.create_managed_account("managed@example.com").await;
    let email = address("managed@example.com");
    assert!(world.backend.accounts().take_back(&email).await.unwrap());
    let mut browser = world.choosing("managed@example.com").await;
    browser.choose(PASSWORD).await.unwrap();
    world.signed_in("managed@example.com").await;
    assert_step!(browser.begin_sign_up("another@example.com"), SignUpStep::EnterCode);
}

/// Attack: an account at the organization's provider takes over an account that was there before.
#[apply(on_both!)]
async fn an_earlier_account_of_the_domain_is_managed_after_its_own_sign_in(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(MEMBER).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    let mut browser = linked.world.browser();
    let result = linked.with_engines(&mut browser, person("1", MEMBER)).await;
    let provider = "Engines".to_owned();
    assert_eq!(
        result,
        Ok(ProviderStep::SignInToConnect {
            provider,
            next: String::new()
        })
    );
    let next = "/security/connect".to_owned();
    let result = finish_sign_in(&linked.world, &mut browser).await;
    assert_eq!(result, Ok(SignInStep::SignedIn { next }));
    browser.accept_connection().await.unwrap();
    let own = browser.security().await.unwrap().password.own;
    assert_eq!(own, PasswordAccess::ManagedBy(organization()));
    assert_step!(
        linked.with_engines(&mut linked.world.browser(), person("1", MEMBER)),
        ProviderStep::SignedIn
    );
}

/// Attack: a former organization goes on signing in to an account that it has given back.
#[apply(on_both!)]
async fn a_member_has_no_password_at_their_own_sign_in_either(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    linked.world.create_account(MEMBER).await;
    linked.world.assign(MEMBER).await;
    let mut browser = linked.world.browser();
    assert_step!(browser.begin_own_sign_in(MEMBER), SignInStep::EnterPassword);
    assert_eq!(browser.password(PASSWORD).await, Err(Refusal::SignInWrong));
}

/// Attack: a user of the organization's provider sets a member's address there, or gets it later.
#[apply(on_both!)]
async fn another_user_of_the_provider_opens_no_members_account(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    linked.world.create_account(MEMBER).await;
    linked.world.assign(MEMBER).await;
    let failed = Err(Refusal::ProviderFailed {
        provider: "Engines".to_owned(),
    });
    let unverified = |subject, email| Person {
        email_verified: false,
        ..person(subject, email)
    };
    let mut intruder = linked.world.browser();
    for email in [MEMBER, "new@engines.example"] {
        assert_eq!(linked.with_engines(&mut intruder, unverified("2", email)).await, failed);
    }
    let mut owner = linked.world.browser();
    assert_step!(
        linked.with_engines(&mut owner, person("1", MEMBER)),
        ProviderStep::SignedIn
    );
    assert_eq!(linked.with_engines(&mut intruder, person("2", MEMBER)).await, failed);
    assert!(!intruder.is_signed_in().await);
}

/// Attack: a former employee continues with Google at a domain whose members sign in with a code.
#[apply(on_both!)]
async fn no_unmanaged_account_is_created_at_an_organizations_domain(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(None, "engines.example").await;
    let result = linked
        .with_google(&mut linked.world.browser(), person("1", MEMBER))
        .await;
    assert_eq!(result, Err(use_organization()));
}

/// Attack: on a shared browser, the organization gets the account of the next user.
#[apply(on_both!)]
async fn only_the_account_with_the_offered_address_joins(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(MEMBER).await;
    linked.world.create_account(ADA).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    let mut browser = linked.world.browser();
    assert_step!(
        linked.with_engines(&mut browser, person("1", MEMBER)),
        ProviderStep::SignInToConnect
    );
    browser.sign_in(&linked.world, ADA, PASSWORD).await.unwrap();
    assert_eq!(browser.offered().await, Ok(ConnectStep::Nothing));
    assert_eq!(browser.accept_connection().await, Err(Refusal::ProviderExpired));
    assert_eq!(browser.security().await.unwrap().password.own, PasswordAccess::Editable);
}

/// Attack: a session from before the organization managed the account keeps access to it.
#[apply(on_both!)]
async fn earlier_sessions_end_when_an_account_is_connected_to_its_organization(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(MEMBER).await;
    let before = linked.world.browser_with_session(MEMBER).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    let mut browser = linked.world.browser();
    linked.with_engines(&mut browser, person("1", MEMBER)).await.unwrap();
    finish_sign_in(&linked.world, &mut browser).await.unwrap();
    browser.accept_connection().await.unwrap();
    assert!(!before.is_signed_in().await);
    assert!(browser.is_signed_in().await);
    let notices = linked.world.notices_to(MEMBER).await;
    assert!(notices.iter().any(|notice| matches!(notice, Notice::Joined { .. })));
}

/// Attack: an organization's provider signs in to a private account that was connected to it before.
/// Attack: an organization leaves its provider, gives an account back, and signs in to it through that provider.
/// Attack: an organization removes a member and goes on signing in to the account through its provider.
/// Attack: the organization changed its provider, gave the account back, and signs in through the previous provider.
/// Property 19. A mailed code is all that a stranger needs here.
#[apply(on_both!)]
async fn ten_wrong_codes_send_a_notice_to_a_member_who_signs_in_with_a_code(world: &World) {
    world.organization_with(None, "engines.example").await;
    world.create_account(MEMBER).await;
    world.assign(MEMBER).await;
    for _ in 0..2 {
        world.clock.advance_ms(60_000);
        let mut stranger = world.browser();
        assert_step!(stranger.begin_sign_in(MEMBER), SignInStep::ProveMailbox);
        let code = world.code_mailed_to(MEMBER).await;
        for by in 1..=5 {
            let wrong = other_code(&code, by);
            assert!(stranger.answer_sign_in(&wrong).await.is_err());
        }
    }
    assert_eq!(
        world.notices_to(MEMBER).await,
        [world.failures(FailureCause::MailboxCodes)]
    );
}

/// Attack: while an account's code sign-in finishes, its organization loses it, and the session survives. On PostgreSQL, the
/// deletion of sessions does not see one that is inserted meanwhile.
#[apply(on_both!)]
async fn a_sign_in_that_finishes_meanwhile_begins_no_lasting_session(world: &World) {
    world.organization_with(None, "engines.example").await;
    world.create_account(MEMBER).await;
    world.assign(MEMBER).await;
    let mut browser = world.browser();
    assert_step!(browser.begin_sign_in(MEMBER), SignInStep::ProveMailbox);
    let code = world.code_mailed_to(MEMBER).await;
    // Lock the flow's row: the sign-in waits for it, and the operator's command for the sign-in.
    let mut pause = world.backend.db().begin().await.unwrap();
    backend::store::flows::give_try_back(&mut pause, &digest(browser.held.flow(Purpose::SignIn)))
        .await
        .unwrap();
    let sign_in = tokio::spawn(async move {
        drop(browser.answer_sign_in(&code).await);
        browser
    });
    world.until_waiting(1, || sign_in.is_finished()).await;
    let backend = world.backend.clone();
    let email = address(MEMBER);
    let command = tokio::spawn(async move { backend.accounts().take_back(&email).await });
    world.until_waiting(2, || command.is_finished()).await;
    drop(pause);
    let browser = sign_in.await.unwrap();
    assert!(command.await.unwrap().unwrap());
    assert!(!browser.is_signed_in().await);
}

/// Attack: an account that is assigned to an organization meanwhile is moved to another.
#[apply(on_both!)]
async fn an_account_assigned_meanwhile_is_not_connected(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(MEMBER).await;
    linked.world.organization_with(Some("engines"), "engines.example").await;
    let another = create(&linked.world, &other()).await;
    let mut browser = linked.world.browser();
    linked.with_engines(&mut browser, person("1", MEMBER)).await.unwrap();
    finish_sign_in(&linked.world, &mut browser).await.unwrap();
    let id = linked.world.stored(MEMBER).await.account.id;
    let mut assignment = linked.world.backend.db().begin().await.unwrap();
    accounts::set_managed(&mut assignment, &id, Some(&another.id), account::Timestamp(1))
        .await
        .unwrap();
    let accept = tokio::spawn(async move { browser.accept_connection().await });
    linked.world.until_waiting(1, || accept.is_finished()).await;
    assignment.commit().await.unwrap();
    let organization = other().name;
    assert_eq!(
        accept.await.unwrap(),
        Err(Refusal::ManagedByOrganization { organization })
    );
}

/// Attack: a member connects their organization's provider to a private account, and never becomes managed.
#[apply(on_both!)]
async fn a_provider_of_an_organization_is_not_connected(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.organization_with(Some("other"), "engines.example").await;
    linked.world.create_account(ADA).await;
    let mut ada = linked.world.browser_with_session(ADA).await;
    let result = ada.begin_provider("other", ProviderIntent::Connect, "").await;
    assert_eq!(result, Err(Refusal::ProviderExpired));
}
