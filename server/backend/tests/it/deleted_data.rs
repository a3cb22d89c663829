//! What a deleted account leaves behind: nothing. Property 45.

use crate::browser::Browser;
use crate::deletion::{DAY_MS, request, sweep};
use crate::organizations::{self, MEMBER};
use crate::product::{self, with_clients};
use crate::world::{GRACE, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address};
use account::{AccountId, ActivityKind};
use backend::store::events::{self, Actor};
use backend::store::invitations;

/// The owner's words and ids, which nothing else in a scenario contains.
const OWNER: &str = "zelda.byteson@example.net";
const NAMES: [&str; 2] = ["Zelda Byteson", "Queen Zelda"];

/// Reads every row and column, on SQLite every byte of the files.
async fn traces(world: &World, id: &str) -> Vec<&'static str> {
    world.backend.db().forget_deleted().await.unwrap();
    let stolen = world.database.stolen().await;
    assert!(stolen.contains(GRACE), "the copy is empty");
    let mut found: Vec<_> = [OWNER, NAMES[0], NAMES[1]]
        .into_iter()
        .filter(|text| stolen.contains(text))
        .collect();
    if stolen.contains(id) {
        found.push("the account's id");
    }
    found
}

/// Uses everything that stores something about an account.
async fn live_a_little(world: &World) -> (Browser, String) {
    let (mut browser, code) = world.signing_up(OWNER).await;
    browser.answer_sign_up(&code).await.unwrap();
    browser.finish_sign_up(NAMES[0], PASSWORD).await.unwrap();
    let id = world.stored(OWNER).await.account.id.0;
    world.after_five_guesses(OWNER).await;
    let (mut resetting, code) = world.resetting(OWNER).await;
    resetting.guess_wrong(&code, 2).await;
    browser.sign_in(world, OWNER, PASSWORD).await.unwrap();
    assert!(browser.change_password(WRONG_PASSWORD, NEW_PASSWORD).await.is_err());
    let named = browser.request().profile().change_preferred_name(NAMES[1]).await;
    browser.take(named).unwrap();
    // A member, an administrator who acts on another member, and a former member.
    let (of, _) = organizations::administered(world).await;
    organizations::member(world, MEMBER).await;
    let member = world.stored(MEMBER).await.account.id;
    world.assign(OWNER).await;
    organizations::add_administrator(world, &of, OWNER).await;
    let mut tx = world.backend.db().begin().await.unwrap();
    let acting = AccountId(id.clone());
    let (kind, now) = (ActivityKind::MemberEnabled, world.now());
    events::append(
        &mut tx,
        &member,
        kind,
        Actor::Administrator(&acting),
        &browser.caller,
        now,
    )
    .await
    .unwrap();
    invitations::insert(&mut tx, &of.id, &address(OWNER), &member, now, now.plus_days(90))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(world.backend.accounts().take_back(&address(OWNER)).await.unwrap());
    world.clock.advance_ms(DAY_MS);
    let mut browser = world.trusted(OWNER).await;
    product::code(&browser).await;
    let code = product::code(&browser).await;
    product::redeem(world, &code).await.unwrap();
    browser.begin_reset(OWNER).await.unwrap();
    (browser, id)
}

/// Nothing of the person is in any row, and on SQLite in no byte of the files.
#[apply(on_both!)]
async fn nothing_of_a_deleted_account_is_left(world: &World) {
    world.create_account(GRACE).await;
    let world = &with_clients(world);
    let (mut browser, id) = live_a_little(world).await;
    assert_eq!(traces(world, &id).await.len(), 4);
    request(&mut browser).await.unwrap();
    world.clock.advance_ms(30 * DAY_MS + 1);
    // During the waiting time, strangers try the address.
    world.after_five_guesses(OWNER).await;
    sweep(world).await;
    let kept = traces(world, &id).await;
    assert!(kept.iter().all(|trace| !NAMES.contains(trace)), "{kept:?}");
    // For two days: counts and open requests, as for any address, and what products are still to be told.
    world.clock.advance_ms(2 * DAY_MS + 1);
    for _ in 0..3 {
        sweep(world).await;
    }
    assert_eq!(traces(world, &id).await, Vec::<&str>::new());
}
