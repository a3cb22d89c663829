//! The profile: names, and what products learn of them.

use crate::product::{claims, code, redeem, user_info, with_clients};
use crate::world::{ADA, World};
use account::{ActivityKind, Refusal, SecurityDone};

#[apply(on_both!)]
async fn names_are_changed_and_logged(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    // Also sent twice.
    for _ in 0..2 {
        let saved = browser.request().profile().change_name("  Ada   King ").await;
        let saved = browser.take(saved).unwrap();
        assert_eq!(
            (saved.name.as_str(), saved.done),
            ("Ada King", Some(SecurityDone::NameSaved))
        );
        let saved = browser.request().profile().change_preferred_name("Countess").await;
        let saved = browser.take(saved).unwrap();
        let expected = ("Countess", Some(SecurityDone::PreferredNameSaved));
        assert_eq!((saved.preferred_name.as_str(), saved.done), expected);
    }
    assert_eq!(world.count_events(ADA, ActivityKind::NameChanged).await, 2);
    let cleared = browser.request().profile().change_preferred_name(" ").await;
    assert_eq!(browser.take(cleared).unwrap().preferred_name, "");
    let view = browser.request().profile().view().await.unwrap();
    assert_eq!((view.name.as_str(), view.done), ("Ada King", None));
}

#[apply(on_both!)]
async fn what_users_say_about_their_work_is_kept(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let saved = browser.request().profile().change_job_title(" Analyst ").await;
    assert_eq!(browser.take(saved).unwrap().done, Some(SecurityDone::JobTitleSaved));
    let saved = browser.request().profile().change_company("Engines").await;
    let saved = browser.take(saved).unwrap();
    assert_eq!(saved.done, Some(SecurityDone::CompanySaved));
    assert_eq!(
        (saved.job_title.as_str(), saved.company.as_str()),
        ("Analyst", "Engines")
    );
    let cleared = browser.request().profile().change_job_title("").await;
    assert_eq!(browser.take(cleared).unwrap().job_title, "");
    let refused = browser.request().profile().change_company("www.evil.example").await;
    assert_eq!(browser.take(refused), Err(Refusal::NameUnfit));
    assert_eq!(world.count_events(ADA, ActivityKind::NameChanged).await, 3);
    // An organization says it for its members.
    world.set_managed(ADA).await;
    let refusal = Refusal::ManagedByOrganization {
        organization: crate::world::organization().name,
    };
    let refused = browser.request().profile().change_company("").await;
    assert_eq!(browser.take(refused), Err(refusal.clone()));
    let refused = browser.request().profile().change_job_title("Owner").await;
    assert_eq!(browser.take(refused), Err(refusal));
}

#[apply(on_both!)]
async fn an_unfit_name_changes_nothing(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let before = browser.request().profile().view().await.unwrap();
    for (typed, refusal) in [
        (" ", Refusal::NameMissing),
        ("www.evil.example", Refusal::NameUnfit),
        (&"a".repeat(101), Refusal::NameUnfit),
    ] {
        let refused = browser.request().profile().change_name(typed).await;
        assert_eq!(browser.take(refused), Err(refusal), "{typed}");
    }
    let refused = browser.request().profile().change_preferred_name("<b>").await;
    assert_eq!(browser.take(refused), Err(Refusal::NameUnfit));
    assert_eq!(browser.request().profile().view().await.unwrap(), before);
    assert_eq!(world.count_events(ADA, ActivityKind::NameChanged).await, 0);
}

/// Attack: someone at an open browser buries what they did under events of names.
#[apply(on_both!)]
async fn names_change_ten_times_a_day(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    for number in 0..10 {
        let saved = browser.request().profile().change_name(&format!("Ada {number}")).await;
        browser.take(saved).unwrap();
    }
    let refused = browser.request().profile().change_preferred_name("Countess").await;
    assert!(matches!(browser.take(refused), Err(Refusal::TooMany { .. })));
    let view = browser.request().profile().view().await.unwrap();
    assert_eq!((view.name.as_str(), view.preferred_name.as_str()), ("Ada 9", ""));
}

#[apply(on_both!)]
async fn without_a_session_nothing_is_shown_or_changed(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    let refused = browser.request().profile().change_name("Eve").await;
    assert_eq!(browser.take(refused), Err(Refusal::SignedOut));
    let refused = browser.request().profile().change_preferred_name("Eve").await;
    assert_eq!(browser.take(refused), Err(Refusal::SignedOut));
    assert!(browser.request().profile().view().await.is_err());
}

#[apply(on_both!)]
async fn products_learn_the_names_and_the_time_of_their_change(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = world.signed_in(ADA).await;
    let before = claims(&redeem(&world, &code(&browser).await).await.unwrap());
    assert!(before["nickname"].is_null());
    world.clock.advance_minutes(1);
    let saved = browser.request().profile().change_preferred_name("Countess").await;
    browser.take(saved).unwrap();
    let tokens = redeem(&world, &code(&browser).await).await.unwrap();
    let after = claims(&tokens);
    assert_eq!(after["nickname"], "Countess");
    let seconds = |claims: &serde_json::Value| claims["updated_at"].as_i64().unwrap();
    assert_eq!(seconds(&after) - seconds(&before), 60);
    assert_eq!(user_info(&world, &tokens).await.unwrap()["nickname"], "Countess");
    world.clock.advance_minutes(1);
    world.set_managed(ADA).await;
    let managed = user_info(&world, &tokens).await.unwrap();
    assert_eq!(seconds(&managed), world.now().0 / 1_000);
}
