//! Ending all sessions: after a break-in, and after a restore.

use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address};
use account::{Account, AccountId, ActivityKind, SignInStep};
use backend::end_sessions;
use backend::store::accounts::Stored;
use backend::store::sessions::Session;
use backend::store::{accounts, events, sessions};

#[apply(on_both!)]
async fn ending_all_sessions_also_ends_trust_flows_and_codes(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut ada = world.trusted(ADA).await;
    let grace = world.signed_in(GRACE).await;
    let (mut resetting, code) = world.resetting(GRACE).await;
    let mut choosing = world.choosing(ADA).await;

    let ended = end_sessions(world.backend.db(), world.now(), false).await.unwrap();
    assert_eq!((ended.sessions, ended.flows, ended.emails), (2, 2, 0));
    assert!(!ada.is_signed_in().await && !grace.is_signed_in().await);
    assert!(resetting.answer_reset(&code).await.is_err());
    assert!(choosing.choose(NEW_PASSWORD).await.is_err());
    for email in [ADA, GRACE] {
        assert_eq!(world.count_events(email, ActivityKind::SessionsEnded).await, 1);
    }
    ada.begin_sign_in(ADA).await.unwrap();
    let step = ada.password(PASSWORD).await.unwrap();
    assert!(
        matches!(step, SignInStep::EnterCode(_)),
        "no device is trusted: {step:?}"
    );

    let again = end_sessions(world.backend.db(), world.now(), false).await.unwrap();
    assert_eq!((again.sessions, again.flows), (0, 1));
}

/// Property 19: the owner still gets notices when the operator ends all sessions.
#[apply(on_both!)]
async fn queued_emails_are_dropped_only_in_a_restored_database(world: &World) {
    for (restored, arrive) in [(false, 1), (true, 0)] {
        let email = if restored { ADA } else { GRACE };
        world.create_account(email).await;
        world.browser().begin_reset(email).await.unwrap();
        let ended = end_sessions(world.backend.db(), world.now(), restored).await.unwrap();
        assert_eq!(ended.emails, u64::from(restored));
        assert_eq!(world.emails_to(email).await.len(), arrive);
    }
}

/// More accounts than a statement can have parameters.
#[apply(on_both!)]
async fn ending_all_sessions_scales_to_many_accounts(world: &World) {
    let (db, now) = (world.backend.db(), world.now());
    let mut tx = db.begin().await.unwrap();
    let accounts: Vec<_> = (0..10_000)
        .map(|number| (stored_account(&number.to_string()), None))
        .collect();
    for some in accounts.chunks(2_500) {
        accounts::insert_all(&mut tx, some, now).await.unwrap();
    }
    for number in 0..10_000 {
        let session = Session {
            id: number.to_string(),
            account_id: number.to_string(),
            browser: String::new(),
            client: String::new(),
            signed_in_at: now.0,
            last_seen_at: now.0,
            ends_at: now.0 + 1,
            authenticated_at: now.0,
            methods: "password email_code".into(),
        };
        sessions::insert(&mut tx, &session.id, &session).await.unwrap();
    }
    tx.commit().await.unwrap();
    let ended = end_sessions(db, now, false).await.unwrap();
    assert_eq!(ended.sessions, 10_000);
    let activity = events::done(&mut db.read().await.unwrap(), &AccountId("9999".into()), "", 9)
        .await
        .unwrap();
    assert_eq!(activity.events.len(), 1);
}

fn stored_account(id: &str) -> Stored {
    Stored {
        account: Account {
            id: AccountId(id.into()),
            email: address(&format!("{id}@example.com")),
            name: String::new(),
            preferred_name: String::new(),
            managed_by: None,
            has_password: false,
            issuer: None,
            language: None,
            password_changed_at: None,
            disabled_at: None,
            delete_after: None,
        },
        password: None,
        unchecked: false,
        administers: false,
    }
}
