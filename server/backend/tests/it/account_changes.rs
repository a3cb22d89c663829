//! An operator's commands for one account: show, change the address, delete.

use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address};
use account::{ActivityKind, Notice, Refusal, ResetStep, SignInStep};
use backend::AddressChange;
use backend::store::{account_changes, accounts};

const NEW: &str = "ada@lovelace.example";

#[apply(on_both!)]
async fn an_operator_sees_the_details_of_an_account(world: &World) {
    world.create_account(ADA).await;
    let missing = world.backend.accounts().details(&address("nobody@example.com")).await;
    assert!(missing.unwrap().is_none());
    world.trusted(ADA).await;
    let (_browser, _code) = world.resetting(ADA).await;
    world.browser().begin_reset(ADA).await.unwrap();
    let details = world.backend.accounts().details(&address(ADA)).await.unwrap().unwrap();
    assert_eq!((details.sessions.len(), details.devices.len()), (1, 1));
    assert!(details.last_sign_in.is_some_and(|at| at >= details.created_at));
    assert!(
        details.flows.iter().any(|(purpose, _)| purpose == "reset"),
        "{:?}",
        details.flows
    );
    assert!(
        details.emails.iter().any(|email| email.kind == Some("reset code")),
        "{:?}",
        details.emails
    );
}

#[apply(on_both!)]
async fn an_address_change_notifies_both_addresses(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    let changed = world
        .backend
        .accounts()
        .change_address(&address(ADA), &address(NEW))
        .await;
    assert_eq!(changed.unwrap(), AddressChange::Done);
    assert!(browser.is_signed_in().await, "sessions stay");
    let former = world.notices_to(ADA).await;
    assert!(former.iter().any(|notice| matches!(notice, Notice::AddressLeft { .. })));
    let new = world.notices_to(NEW).await;
    assert!(new.iter().any(|notice| matches!(notice, Notice::AddressTaken { .. })));
    assert_eq!(world.count_events(NEW, ActivityKind::AddressChanged).await, 1);
    let mut browser = world.browser();
    assert!(browser.sign_in(world, ADA, PASSWORD).await.is_err());
    assert_step!(world.browser().sign_in(world, NEW, PASSWORD), SignInStep::SignedIn);
    let gone = world
        .backend
        .accounts()
        .change_address(&address(ADA), &address("other@example.com"))
        .await;
    assert_eq!(gone.unwrap(), AddressChange::NoAccount);
}

/// Attack: the owner of the former mailbox uses codes mailed to it.
#[apply(on_both!)]
async fn codes_mailed_to_the_former_address_are_refused(world: &World) {
    world.create_account(ADA).await;
    let (mut entering, code) = world.resetting(ADA).await;
    let mut choosing = world.choosing(ADA).await;
    let (mut confirming, sign_in_code) = world.confirming(ADA).await;
    world
        .backend
        .accounts()
        .change_address(&address(ADA), &address(NEW))
        .await
        .unwrap();
    assert!(entering.answer_reset(&code).await.is_err());
    assert!(choosing.choose("a wholly different phrase").await.is_err());
    assert!(confirming.answer_sign_in(&sign_in_code).await.is_err());
    world.clock.advance_ms(60_000);
    // The flow belongs to the former address, which no longer has an account.
    let _ = entering.resend_reset().await;
    assert!(
        !matches!(world.emails_to(ADA).await.last(), Some(account::Email::Code(_))),
        "no code for the old mailbox"
    );
    assert_step!(world.browser().sign_in(world, NEW, PASSWORD), SignInStep::SignedIn);
}

/// Attack: a flow begins during the address change, which therefore doesn't end it.
#[apply(on_both!)]
async fn a_flow_of_the_former_address_is_refused(world: &World) {
    world.create_account(ADA).await;
    let mut choosing = world.choosing(ADA).await;
    let (mut confirming, code) = world.confirming(ADA).await;
    let mut tx = world.backend.db().begin().await.unwrap();
    let ada = accounts::find_by_email(&mut tx, &address(ADA)).await.unwrap().unwrap();
    assert!(
        account_changes::set_address(&mut tx, &ada.account.id, &address(NEW), account::Timestamp(1))
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    assert_eq!(choosing.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));
    assert_eq!(confirming.answer_sign_in(&code).await, Err(Refusal::FlowGone));
}

#[apply(on_both!)]
async fn an_address_in_use_is_not_assigned_to_another_account(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let changed = world
        .backend
        .accounts()
        .change_address(&address(ADA), &address(GRACE))
        .await;
    assert_eq!(changed.unwrap(), AddressChange::Taken);
    assert!(world.notices_to(GRACE).await.is_empty());
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
}

#[apply(on_both!)]
async fn deleting_an_account_deletes_all_its_data(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let browser = world.trusted(ADA).await;
    world.choosing(ADA).await;
    world.browser().begin_reset(ADA).await.unwrap();
    let id = world.stored(ADA).await.account.id.0;
    assert!(world.backend.accounts().delete(&address(ADA)).await.unwrap());
    assert!(!browser.is_signed_in().await);
    for (table, column, value) in [
        ("accounts", "email", ADA),
        ("outbox", "recipient", ADA),
        ("sessions", "account_id", &id),
        ("devices", "account_id", &id),
        ("flows", "account_id", &id),
        ("events", "account_id", &id),
    ] {
        let count = format!("select count(*) from {table} where {column} = '{value}'");
        assert_eq!(world.database.number(count).await, 0, "{table}");
    }
    let live =
        format!("select count(*) from codes where email = '{ADA}' and superseded_at is null and used_at is null");
    assert_eq!(world.database.number(live).await, 0);
    assert!(!world.backend.accounts().delete(&address(ADA)).await.unwrap());
    assert_eq!(world.stored(GRACE).await.account.email, address(GRACE));
}

/// Attack: the end of a stranger's flow reveals that an account existed.
#[apply(on_both!)]
async fn a_strangers_flow_does_not_reveal_a_deletion(world: &World) {
    world.create_account(ADA).await;
    let mut stranger = world.browser();
    stranger.begin_reset(ADA).await.unwrap();
    world.backend.accounts().delete(&address(ADA)).await.unwrap();
    assert!(matches!(stranger.reset_step().await, ResetStep::EnterCode(_)));
    let mut elsewhere = world.browser();
    elsewhere.begin_reset("unknown@example.com").await.unwrap();
    let wrong = stranger.answer_reset("00000000").await;
    assert_eq!(wrong, elsewhere.answer_reset("00000000").await);
}
