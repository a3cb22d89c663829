//! Property 31: detecting copies of device tokens, and forgetting devices.

use crate::browser::Browser;
use crate::stolen_tokens::later;
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address};
use account::{ActivityKind, Notice, Refusal, SignInStep};

/// Signs in with the password; returns whether no code was needed.
async fn is_trusted(browser: &mut Browser, email: &str) -> bool {
    browser.begin_sign_in(email).await.unwrap();
    matches!(browser.password(PASSWORD).await, Ok(SignInStep::SignedIn { .. }))
}

async fn copied_notices(world: &World) -> usize {
    let notices = world.notices_to(ADA).await;
    let copied = notices
        .iter()
        .filter(|notice| matches!(notice, Notice::DeviceCopied { .. }));
    copied.count()
}

#[apply(on_both!)]
async fn a_copy_made_before_trust_was_granted_is_not_trusted(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let mut copy = browser.clone();
    let code = browser.confirm(world, ADA).await;
    browser.answer_sign_in_and_trust(&code).await.unwrap();
    assert_ne!(browser.held.device, copy.held.device);
    // The copy isn't accepted as a retry after a lost response either.
    assert!(!is_trusted(&mut copy, ADA).await);
    assert!(is_trusted(&mut browser, ADA).await);
    assert_eq!(copied_notices(world).await, 0);
    later(world).await;
    assert!(!is_trusted(&mut copy, ADA).await);
}

#[apply(on_both!)]
async fn reusing_a_replaced_device_token_sends_a_notice(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut thief = browser.clone();
    assert!(is_trusted(&mut browser, ADA).await);
    later(world).await;
    thief.begin_sign_in(ADA).await.unwrap();
    assert_eq!(thief.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
    let devices = browser.security().await.unwrap().devices;
    assert!(devices.is_empty(), "{devices:?}");
    assert!(!is_trusted(&mut thief, ADA).await);
    assert!(!is_trusted(&mut browser, ADA).await);
    assert_eq!(copied_notices(world).await, 1, "once");
    assert_eq!(world.count_events(ADA, ActivityKind::DeviceCopied).await, 1);
}

#[apply(on_both!)]
async fn a_faster_thief_is_detected_when_the_owner_returns(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut thief = browser.clone();
    assert!(
        is_trusted(&mut thief, ADA).await,
        "the token and the password are correct"
    );
    later(world).await;
    assert!(!is_trusted(&mut browser, ADA).await);
    assert_eq!(copied_notices(world).await, 1);
    assert!(!is_trusted(&mut thief, ADA).await);
}

#[apply(on_both!)]
async fn two_tabs_of_a_device_get_the_same_token(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut tab = browser.clone();
    assert!(is_trusted(&mut browser, ADA).await);
    // Sent before the first response arrived.
    let code = tab.confirm(world, ADA).await;
    tab.answer_sign_in(&code).await.unwrap();
    assert_eq!(tab.held.device, browser.held.device);
    later(world).await;
    assert!(is_trusted(&mut tab, ADA).await);
    assert_eq!(copied_notices(world).await, 0);
}

#[apply(on_both!)]
async fn a_forgotten_device_stays_forgotten(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    let id = browser.security().await.unwrap().devices[0].id.clone();
    browser.forget_device(&id).await.unwrap();
    assert!(!is_trusted(&mut copy, ADA).await);
    // E-mails with equal times have no order.
    world.clock.advance_ms(1);
    let code = browser.confirm(world, ADA).await;
    browser.answer_sign_in_and_trust(&code).await.unwrap();
    assert!(!is_trusted(&mut copy, ADA).await);
    assert!(is_trusted(&mut browser, ADA).await);
    assert!(!is_trusted(&mut copy, ADA).await);
}

#[apply(on_both!)]
async fn a_reset_and_a_deactivation_forget_every_device(world: &World) {
    world.create_account(ADA).await;
    let known = world.trusted(ADA).await;
    world.choosing(ADA).await.choose(NEW_PASSWORD).await.unwrap();
    assert_eq!(count_devices(world, &known).await, 0);

    world.create_account(GRACE).await;
    let known = world.trusted(GRACE).await;
    for off in [true, false] {
        world.backend.accounts().disable(&address(GRACE), off).await.unwrap();
    }
    assert_eq!(count_devices(world, &known).await, 0);
}

/// The number of the browser's device tokens in the database.
async fn count_devices(world: &World, browser: &Browser) -> usize {
    let mut count = 0;
    for token in browser.held.device.as_ref().unwrap().expose().split('.') {
        for email in [ADA, GRACE] {
            let account = account::AccountId(format!("id of {email}"));
            let mut tx = world.backend.db().read().await.unwrap();
            let digest = crate::world::digest(Some(&token.into()));
            let found = backend::store::devices::find(&mut tx, &digest, &account).await;
            count += usize::from(found.unwrap().is_some());
        }
    }
    count
}

#[apply(on_both!)]
async fn a_password_change_forgets_other_devices_on_request(world: &World) {
    world.create_account(ADA).await;
    let other = world.trusted(ADA).await;
    let mut browser = world.trusted(ADA).await;
    browser
        .change_password_and(PASSWORD, NEW_PASSWORD, false)
        .await
        .unwrap();
    assert_eq!(count_devices(world, &other).await, 1);
    browser.change_password_and(NEW_PASSWORD, PASSWORD, true).await.unwrap();
    assert_eq!(count_devices(world, &other).await, 0);
    assert_eq!(count_devices(world, &browser).await, 1);
    assert!(is_trusted(&mut browser, ADA).await);
}

#[apply(on_both!)]
async fn a_password_change_invalidates_copies_of_the_device_token(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    browser.change_password_and(PASSWORD, NEW_PASSWORD, true).await.unwrap();
    later(world).await;
    copy.begin_sign_in(ADA).await.unwrap();
    assert_step!(copy.password(NEW_PASSWORD), SignInStep::EnterCode);
}

/// The device is from a release that didn't record uses.
#[apply(on_both!)]
async fn a_device_without_a_recorded_use_is_not_forgotten_immediately(world: &World) {
    world.create_account(ADA).await;
    let browser = world.trusted(ADA).await;
    world.clock.advance_minutes(500 * 24 * 60);
    let unknown = "update devices set used_at = null returning trusted_until";
    world.database.number(unknown).await;
    world.backend.upkeep().sweep().await.unwrap();
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 1);
    world.clock.advance_minutes(400 * 24 * 60 + 1);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 0);
}

#[apply(on_both!)]
async fn a_long_unused_device_is_forgotten(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    world.clock.advance_minutes(10 * 24 * 60);
    assert!(is_trusted(&mut browser, ADA).await);
    world.clock.advance_minutes(400 * 24 * 60);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 1);
    world.clock.advance_ms(1);
    world.backend.upkeep().sweep().await.unwrap();
    assert_eq!(count_devices(world, &browser).await, 0);
}

#[apply(on_both!)]
async fn a_sign_in_keeps_device_tokens_of_other_accounts(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut browser = world.trusted(ADA).await;
    browser.sign_in(world, GRACE, PASSWORD).await.unwrap();
    browser.sign_in(world, GRACE, PASSWORD).await.unwrap();
    assert_eq!(browser.held.device.as_ref().unwrap().expose().split('.').count(), 2);
    assert!(is_trusted(&mut browser, ADA).await);
    assert_eq!(browser.held.device.as_ref().unwrap().expose().split('.').count(), 2);
}
#[apply(on_both!)]
async fn a_token_from_many_sign_ins_ago_is_recognized_as_a_copy(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.trusted(ADA).await;
    let mut copy = browser.clone();
    for _ in 0..3 {
        browser.sign_out().await;
        browser.sign_in(world, ADA, PASSWORD).await.unwrap();
    }
    later(world).await;
    assert!(!is_trusted(&mut copy, ADA).await);
    let view = browser.security().await.unwrap();
    assert!(
        view.activity
            .iter()
            .any(|event| event.kind == ActivityKind::DeviceCopied)
    );
    assert!(!is_trusted(&mut browser, ADA).await);
}
