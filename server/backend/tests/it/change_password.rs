//! Changing the password on the security page.

use crate::world::{ADA, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, google, organization, together};
use account::{ActivityKind, FailureCause, Notice, PasswordAccess, Refusal, SecurityDone, SignInStep};

#[apply(on_both!)]
async fn a_password_change_sends_a_notice(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let view = browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    assert_eq!(view.done, Some(SecurityDone::PasswordChanged));
    assert_eq!(view.password.changed_at, Some(world.now()));
    assert_eq!(
        view.activity
            .iter()
            .filter(|event| event.kind == ActivityKind::PasswordChanged)
            .count(),
        1
    );
    let notice = Notice::PasswordChanged {
        at: world.now(),
        browser: "Firefox on Linux".into(),
    };
    assert!(world.notices_to(ADA).await.contains(&notice));
    world.refuses(ADA, PASSWORD).await;
    assert_step!(world.browser().sign_in(world, ADA, NEW_PASSWORD), SignInStep::SignedIn);
    // The confirmation is shown once.
    assert_eq!(browser.security().await.unwrap().done, None);
}

/// Property 19: only a signed-in browser can make these tries.
#[apply(on_both!)]
async fn the_tenth_incorrect_current_password_sends_a_notice(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let before = world.notices_to(ADA).await.len();
    for _ in 0..10 {
        assert_eq!(world.notices_to(ADA).await.len(), before);
        world.clock.advance_minutes(60);
        browser.change_password(WRONG_PASSWORD, NEW_PASSWORD).await.unwrap_err();
    }
    let notice = world.failures(FailureCause::CurrentPasswords);
    assert!(world.notices_to(ADA).await.contains(&notice));
}

/// Property 10.
#[apply(on_both!)]
async fn the_current_browser_stays_signed_in_with_a_new_token(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, other) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    let stolen = browser.clone();
    let view = browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    assert_eq!(
        view.sessions.iter().map(|session| session.here).collect::<Vec<_>>(),
        [true]
    );
    assert!(browser.is_signed_in().await);
    assert!(!stolen.is_signed_in().await && !other.is_signed_in().await);
}

#[apply(on_both!)]
async fn other_browsers_stay_signed_in_on_request(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, other) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    let stolen = browser.clone();
    let view = browser
        .change_password_and(PASSWORD, NEW_PASSWORD, false)
        .await
        .unwrap();
    assert_eq!(view.sessions.len(), 2);
    assert!(browser.is_signed_in().await && other.is_signed_in().await);
    assert!(!stolen.is_signed_in().await);
}

#[apply(on_both!)]
async fn an_incorrect_current_password_is_refused_and_counted(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let results = together(10, |_| {
        let mut browser = browser.clone();
        async move { browser.change_password(WRONG_PASSWORD, NEW_PASSWORD).await }
    })
    .await;
    assert_eq!(
        results
            .iter()
            .filter(|result| **result == Err(Refusal::CurrentWrong))
            .count(),
        5,
        "{results:?}"
    );
    let wait = Refusal::PasswordWait { seconds: 30 };
    assert_eq!(browser.change_password(PASSWORD, NEW_PASSWORD).await, Err(wait));
    assert_eq!(world.count_events(ADA, ActivityKind::WrongPassword).await, 5);
    world.clock.advance_ms(30_000);
    assert!(browser.change_password(PASSWORD, NEW_PASSWORD).await.is_ok());
}

/// Property 18.
#[apply(on_both!)]
async fn sign_in_attempts_by_strangers_do_not_delay_the_owner(world: &World) {
    world.create_account(ADA).await;
    let (mut owner, mut stranger) = (world.signed_in(ADA).await, world.browser());
    stranger.begin_sign_in(ADA).await.unwrap();
    for _ in 0..5 {
        stranger.password(WRONG_PASSWORD).await.unwrap_err();
    }
    assert_step!(stranger.password(PASSWORD), SignInStep::ProveMailbox);
    assert!(owner.change_password(PASSWORD, NEW_PASSWORD).await.is_ok());
}

#[apply(on_both!)]
async fn only_a_signed_in_browser_can_change_the_password(world: &World) {
    world.create_account(ADA).await;
    let (mut between, _) = world.confirming(ADA).await;
    assert_eq!(
        between.change_password(PASSWORD, NEW_PASSWORD).await,
        Err(Refusal::SignedOut)
    );
    let mut browser = world.signed_in(ADA).await;
    let mut tab = browser.clone();
    browser.sign_out().await;
    assert_eq!(
        tab.change_password(PASSWORD, NEW_PASSWORD).await,
        Err(Refusal::SignedOut)
    );
    assert!(world.browser().sign_in(world, ADA, PASSWORD).await.is_ok());
}

#[apply(on_both!)]
async fn an_invalid_new_password_spends_no_try(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    for _ in 0..6 {
        let short = Refusal::PasswordTooShort { min: 15, have: 5 };
        assert_eq!(browser.change_password(WRONG_PASSWORD, "short").await, Err(short));
    }
    assert_eq!(
        browser.change_password("", NEW_PASSWORD).await,
        Err(Refusal::CurrentMissing)
    );
    assert_eq!(
        browser.change_password(PASSWORD, "").await,
        Err(Refusal::NewPasswordMissing)
    );
    assert_eq!(
        browser.change_password(PASSWORD, PASSWORD).await,
        Err(Refusal::PasswordSameAsNow)
    );
    assert_eq!(
        browser.change_password(PASSWORD, "passwordpassword1234").await,
        Err(Refusal::PasswordCommon)
    );
    assert!(browser.change_password(PASSWORD, NEW_PASSWORD).await.is_ok());
}

/// Property 8.
#[apply(on_both!)]
async fn a_password_managed_elsewhere_cannot_be_changed(world: &World) {
    world.create_google_account("google@example.com").await;
    world.create_managed_account("managed@example.com").await;
    let organization = organization();
    let held = Refusal::ManagedByOrganization {
        organization: organization.name.clone(),
    };
    for (email, own, refusal) in [
        (
            "google@example.com",
            PasswordAccess::NotSet(Some(google())),
            Refusal::PasswordNotSet,
        ),
        ("managed@example.com", PasswordAccess::ManagedBy(organization), held),
    ] {
        let mut browser = world.browser_with_session(email).await;
        assert_eq!(browser.security().await.unwrap().password.own, own);
        assert_eq!(browser.change_password("", NEW_PASSWORD).await, Err(refusal));
    }
}

/// Property 8.
#[apply(on_both!)]
async fn an_account_assigned_to_an_organization_cannot_change_its_password(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    world.set_managed(ADA).await;
    let organization = organization().name;
    assert_eq!(
        browser.change_password(PASSWORD, NEW_PASSWORD).await,
        Err(Refusal::ManagedByOrganization { organization })
    );
    world.assign(ADA).await;
    assert_eq!(
        browser.change_password(PASSWORD, NEW_PASSWORD).await,
        Err(Refusal::SignedOut)
    );
}

/// Property 27: the password of the failed change doesn't work.
#[apply(on_both!)]
async fn only_one_of_two_concurrent_changes_succeeds(world: &World) {
    world.create_account(ADA).await;
    let browsers = [world.signed_in(ADA).await, world.signed_in(ADA).await];
    let password = |number: usize| ["seven purple lanterns drift", "eight yellow trombones sink"][number];
    let results = together(2, |number| {
        let mut browser = browsers[number].clone();
        async move {
            browser
                .change_password_and(PASSWORD, password(number), false)
                .await
                .is_ok()
        }
    })
    .await;
    let winner = results.iter().position(|done| *done).unwrap();
    assert!(!results[1 - winner], "both changed it");
    assert!(world.browser().sign_in(world, ADA, password(winner)).await.is_ok());
    assert_eq!(
        world.browser().sign_in(world, ADA, password(1 - winner)).await,
        Err(Refusal::SignInWrong)
    );
}

#[apply(on_both!)]
async fn a_correct_current_password_spends_no_try(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    for _ in 0..7 {
        assert_eq!(
            browser.change_password(PASSWORD, "passwordpassword").await,
            Err(Refusal::PasswordCommon)
        );
    }
    assert!(browser.change_password(PASSWORD, NEW_PASSWORD).await.is_ok());
}
