//! Deletion of an account: by its owner, who can keep it for some days, and by an operator. Property 45.

use crate::browser::Browser;
use crate::product::{self, PARTNER, asked, begin, query, returned, with_clients};
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address, together};
use account::{ActivityKind, DeletionStep, Notice, Refusal, ResetStep, SecurityDone, SignInStep, SignOutStep};
use backend::DeletionRequest;
use backend::flows::AuthorizationStep;

pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const TEN_MINUTES_MS: i64 = 10 * 60_000;

pub async fn request(browser: &mut Browser) -> Result<SignOutStep, Refusal> {
    let transition = browser.request().deletion().request().await;
    browser.take(transition)
}

async fn keep(browser: &mut Browser) -> Result<DeletionStep, Refusal> {
    let transition = browser.request().deletion().keep().await;
    browser.take(transition)
}

/// A browser that is signed in to an account that waits for its deletion.
async fn returned_to_leaving(world: &World, email: &str) -> Browser {
    let mut browser = world.signed_in(email).await;
    request(&mut browser).await.unwrap();
    browser.sign_in(world, email, PASSWORD).await.unwrap();
    browser
}

pub async fn sweep(world: &World) {
    world.backend.upkeep().sweep().await.unwrap();
}

async fn has_account(world: &World, email: &str) -> bool {
    let details = world.backend.accounts().details(&address(email)).await.unwrap();
    details.is_some()
}

#[apply(on_both!)]
async fn a_requested_deletion_ends_all_sessions_and_trust_at_once(world: &World) {
    world.create_account(ADA).await;
    let elsewhere = world.trusted(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    assert_eq!(request(&mut browser).await, Ok(SignOutStep::DeletionRequested));
    assert!(!browser.is_signed_in().await && !elsewhere.is_signed_in().await);
    let until = world.now().plus_days(30);
    assert_eq!(world.stored(ADA).await.account.delete_after, Some(until));
    let expected = Notice::DeletionRequested {
        at: world.now(),
        browser: Some("Firefox on Linux".into()),
        until,
    };
    assert!(world.notices_to(ADA).await.contains(&expected));
    assert_eq!(world.count_events(ADA, ActivityKind::DeletionRequested).await, 1);
    let mut trusted = elsewhere;
    trusted.begin_sign_in(ADA).await.unwrap();
    assert_step!(trusted.password(PASSWORD), SignInStep::EnterCode);
}

/// Attack: someone who holds a stolen session, or is at a browser that was left open.
#[apply(on_both!)]
async fn only_its_proven_owner_deletes_an_account(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    world.clock.advance_ms(TEN_MINUTES_MS);
    assert_eq!(request(&mut browser).await, Err(Refusal::ProofTooOld));
    assert_eq!(request(&mut world.browser()).await, Err(Refusal::SignedOut));
    assert_eq!(world.stored(ADA).await.account.delete_after, None);
    assert!(browser.is_signed_in().await);
}

#[apply(on_both!)]
async fn a_managed_account_is_deleted_by_no_door_of_its_user(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    world.set_managed(ADA).await;
    let refused = request(&mut browser).await;
    assert!(
        matches!(refused, Err(Refusal::ManagedByOrganization { .. })),
        "{refused:?}"
    );
    assert_eq!(world.stored(ADA).await.account.delete_after, None);
}

/// An organization that takes an account decides about it from then on.
#[apply(on_both!)]
async fn an_account_that_an_organization_takes_stays(world: &World) {
    world.create_account(ADA).await;
    request(&mut world.signed_in(ADA).await).await.unwrap();
    world.assign(ADA).await;
    world.clock.advance_ms(31 * DAY_MS);
    sweep(world).await;
    assert!(has_account(world, ADA).await);
}

#[apply(on_both!)]
async fn a_returning_owner_chooses_before_anything_else(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    request(&mut browser).await.unwrap();
    browser.next = "/security".into();
    let signed_in = browser.sign_in(world, ADA, PASSWORD).await.unwrap();
    let next = "/account/deletion?next=/security".to_owned();
    assert_eq!(signed_in, SignInStep::SignedIn { next });
    assert_eq!(browser.security().await, Err(Refusal::DeletionPending));
    let named = browser.request().profile().change_name("Countess").await;
    assert_eq!(browser.take(named).unwrap_err(), Refusal::DeletionPending);
    assert_eq!(request(&mut browser).await, Err(Refusal::DeletionPending));
    let step = browser.request().deletion().step().await.unwrap();
    let delete_after = world.stored(ADA).await.account.delete_after.unwrap();
    let email = address(ADA);
    assert_eq!(step, DeletionStep::Choose { email, delete_after });
    world.deliver().await;
    let done = Some(SecurityDone::AccountKept);
    assert_eq!(keep(&mut browser).await, Ok(DeletionStep::Nothing { done }));
    browser.security().await.unwrap();
    assert!(matches!(
        world.notices_to(ADA).await.last(),
        Some(Notice::DeletionCanceled { .. })
    ));
    world.clock.advance_ms(31 * DAY_MS);
    sweep(world).await;
    assert!(has_account(world, ADA).await);
    // Twice is once.
    let mut again = world.signed_in(ADA).await;
    keep(&mut again).await.unwrap();
    assert_eq!(world.count_events(ADA, ActivityKind::DeletionCanceled).await, 1);
}

#[apply(on_both!)]
async fn a_forgotten_password_does_not_prevent_keeping_the_account(world: &World) {
    world.create_account(ADA).await;
    request(&mut world.signed_in(ADA).await).await.unwrap();
    assert_step!(world.choosing(ADA).await.choose(NEW_PASSWORD), ResetStep::Done);
    let mut browser = world.browser();
    browser.sign_in(world, ADA, NEW_PASSWORD).await.unwrap();
    keep(&mut browser).await.unwrap();
    browser.security().await.unwrap();
}

/// Attack: a product gets a user who believes that the account is gone.
#[apply(on_both!)]
async fn a_product_waits_for_the_choice(world: &World) {
    world.create_account(ADA).await;
    let world = &with_clients(world);
    let mut browser = returned_to_leaving(world, ADA).await;
    for (changes, uri) in [
        (vec![], product::CALLBACK),
        (vec![("client_id", "partner"), ("redirect_uri", PARTNER)], PARTNER),
    ] {
        let AuthorizationStep::Ask { page, .. } = begin(&browser, &query(&changes)).await else {
            panic!("a code without a choice")
        };
        let waiting = page.strip_prefix("/oauth/continue/").unwrap();
        let resumed = browser.request().authorization().resume(waiting).await.unwrap();
        assert_eq!(asked(resumed), ("/account/deletion".to_owned(), waiting.to_owned()));
        let decided = browser
            .request()
            .authorization()
            .decide(waiting, "", true)
            .await
            .unwrap();
        assert_eq!(asked(decided).0, "/account/deletion");
        let connected = world.database.number("select count(*) from connected_products").await;
        assert_eq!(connected, 0);
        let silent = [changes.clone(), vec![("prompt", "none")]].concat();
        let error = returned(begin(&browser, &query(&silent)).await, uri);
        assert_eq!(error["error"], "interaction_required");
    }
    let AuthorizationStep::Ask { page, .. } = begin(&browser, &query(&[])).await else {
        panic!("a code without a choice")
    };
    let waiting = page.strip_prefix("/oauth/continue/").unwrap().to_owned();
    keep(&mut browser).await.unwrap();
    let step = browser.request().authorization().resume(&waiting).await.unwrap();
    assert!(returned(step, product::CALLBACK).contains_key("code"));
}

#[apply(on_both!)]
async fn the_owner_is_reminded_once_a_week_before(world: &World) {
    world.create_account(ADA).await;
    request(&mut world.signed_in(ADA).await).await.unwrap();
    let until = world.stored(ADA).await.account.delete_after.unwrap();
    let reminders = async || {
        sweep(world).await;
        let notices = world.notices_to(ADA).await;
        let is_reminder = |notice: &&Notice| matches!(notice, Notice::DeletionReminder { .. });
        notices.iter().filter(is_reminder).cloned().collect::<Vec<_>>()
    };
    world.clock.advance_ms(23 * DAY_MS);
    assert_eq!(reminders().await, []);
    world.clock.advance_ms(1);
    let at = world.now();
    assert_eq!(reminders().await, [Notice::DeletionReminder { at, until }]);
    world.clock.advance_ms(DAY_MS);
    assert_eq!(reminders().await.len(), 1);
    world.clock.advance_ms(6 * DAY_MS - 1);
    sweep(world).await;
    assert!(has_account(world, ADA).await, "until the last moment");
    world.clock.advance_ms(1);
    sweep(world).await;
    assert!(!has_account(world, ADA).await);
}

/// Two requests at the same time have one effect.
#[apply(on_both!)]
async fn a_second_request_changes_nothing(world: &World) {
    world.create_account(ADA).await;
    let browsers = [
        world.signed_in(ADA).await,
        world.signed_in(ADA).await,
        world.signed_in(ADA).await,
    ];
    let outcomes = together(6, |number| {
        let mut browser = browsers[number % 3].clone();
        async move { request(&mut browser).await }
    })
    .await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Ok(_) | Err(Refusal::SignedOut | Refusal::DeletionPending)))
    );
    assert_eq!(world.count_events(ADA, ActivityKind::DeletionRequested).await, 1);
    let notices = world.notices_to(ADA).await;
    let of_deletion = |notice: &&Notice| matches!(notice, Notice::DeletionRequested { .. });
    assert_eq!(notices.iter().filter(of_deletion).count(), 1);
}

/// Attack: the owner keeps the account while it is being deleted, and loses it although the page says that it stays.
#[apply(on_both!)]
async fn an_account_is_kept_or_deleted_but_never_both(world: &World) {
    let mut kept = 0;
    for number in 0..12 {
        let email = format!("ada{number}@example.com");
        world.create_account(&email).await;
        let browser = returned_to_leaving(world, &email).await;
        // A session of its own, because those of the owner end with the waiting time.
        world.clock.advance_ms(30 * DAY_MS + 1);
        let browser = {
            let mut fresh = browser;
            fresh.sign_in(world, &email, PASSWORD).await.unwrap();
            fresh
        };
        let outcomes = together(4, |task| {
            let (backend, mut browser) = (world.backend.clone(), browser.clone());
            async move {
                if task % 2 == 0 {
                    backend.upkeep().sweep().await.unwrap();
                    None
                } else {
                    Some(keep(&mut browser).await)
                }
            }
        })
        .await;
        let answers: Vec<_> = outcomes.into_iter().flatten().collect();
        let is_kept = has_account(world, &email).await;
        kept += i32::from(is_kept);
        for answer in answers {
            let expected = if is_kept {
                Ok(DeletionStep::Nothing {
                    done: Some(SecurityDone::AccountKept),
                })
            } else {
                Err(Refusal::SignedOut)
            };
            assert_eq!(answer, expected);
        }
        assert_eq!(browser.is_signed_in().await, is_kept);
    }
    // Both orders are possible; which ones occur is up to the databases.
    assert!((0..=12).contains(&kept));
}

/// Attack: a sign-in that finishes during the deletion leaves a session without an account, or an account without data.
#[apply(on_both!)]
async fn a_sign_in_during_the_deletion_leaves_nothing(world: &World) {
    for number in 0..8 {
        let email = format!("ada{number}@example.com");
        world.create_account(&email).await;
        request(&mut world.signed_in(&email).await).await.unwrap();
        world.clock.advance_ms(30 * DAY_MS + 1);
        let (confirming, code) = world.confirming(&email).await;
        let sign_ins = together(3, |task| {
            let (backend, mut browser, code) = (world.backend.clone(), confirming.clone(), code.clone());
            async move {
                if task == 0 {
                    backend.upkeep().sweep().await.unwrap();
                    return None;
                }
                Some((browser.answer_sign_in(&code).await, browser))
            }
        })
        .await;
        assert!(!has_account(world, &email).await);
        for (answer, browser) in sign_ins.into_iter().flatten() {
            assert!(!browser.is_signed_in().await, "{answer:?}");
        }
    }
    for table in ["sessions", "devices", "passwords", "events"] {
        let left = format!("select count(*) from {table}");
        let attempts = if table == "events" {
            " where account_id <> ''"
        } else {
            ""
        };
        assert_eq!(world.database.number(left + attempts).await, 0, "{table}");
    }
}

#[apply(on_both!)]
async fn an_operator_deletes_after_the_waiting_time_or_at_once(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    world.create_managed_account("managed@example.com").await;
    let browser = world.signed_in(ADA).await;
    let accounts = world.backend.accounts();
    let until = world.now().plus_days(30);
    let ada = address(ADA);
    assert_eq!(
        accounts.request_deletion(&ada).await.unwrap(),
        DeletionRequest::Until(until)
    );
    assert!(!browser.is_signed_in().await);
    let notice = Notice::DeletionRequested {
        at: world.now(),
        browser: None,
        until,
    };
    assert!(world.notices_to(ADA).await.contains(&notice));
    assert_eq!(
        accounts.request_deletion(&ada).await.unwrap(),
        DeletionRequest::Already(until)
    );
    let managed = address("managed@example.com");
    let refused = accounts.request_deletion(&managed).await.unwrap();
    assert_eq!(refused, DeletionRequest::Managed("Analytical Engines Ltd".into()));
    assert!(accounts.delete(&managed).await.unwrap(), "at once");
    let nobody = address("nobody@example.com");
    assert_eq!(
        accounts.request_deletion(&nobody).await.unwrap(),
        DeletionRequest::NoAccount
    );
    let mut owner = world.browser();
    owner.sign_in(world, ADA, PASSWORD).await.unwrap();
    keep(&mut owner).await.unwrap();
    assert!(has_account(world, GRACE).await);
}

#[apply(on_both!)]
async fn the_address_is_free_at_once(world: &World) {
    world.create_account(ADA).await;
    request(&mut world.signed_in(ADA).await).await.unwrap();
    world.clock.advance_ms(30 * DAY_MS + 1);
    sweep(world).await;
    let (mut browser, code) = world.signing_up(ADA).await;
    browser.answer_sign_up(&code).await.unwrap();
    browser.finish_sign_up("Another Ada", NEW_PASSWORD).await.unwrap();
    assert_eq!(world.stored(ADA).await.account.name, "Another Ada");
    assert_step!(world.browser().sign_in(world, ADA, NEW_PASSWORD), SignInStep::SignedIn);
}

/// Attack: an owner has kept the account since the backup, and the first sweep after the restore deletes it.
#[apply(on_both!)]
async fn after_a_restore_owners_have_another_week(world: &World) {
    world.create_account(ADA).await;
    request(&mut world.signed_in(ADA).await).await.unwrap();
    world.clock.advance_ms(40 * DAY_MS);
    backend::end_sessions(world.backend.db(), world.now(), true)
        .await
        .unwrap();
    let until = world.now().plus_days(7);
    world.clock.advance_ms(1);
    sweep(world).await;
    assert_eq!(world.stored(ADA).await.account.delete_after, Some(until));
    let at = world.now();
    assert_eq!(
        world.notices_to(ADA).await.last(),
        Some(&Notice::DeletionReminder { at, until })
    );
    world.clock.advance_ms(7 * DAY_MS);
    sweep(world).await;
    assert!(!has_account(world, ADA).await);
}
