//! The file with everything that is stored about an account, and the whole activity. Property 45.

use crate::browser::{Browser, FlowResult, without_fault};
use crate::world::{ADA, PASSWORD, WRONG_PASSWORD, World};
use account::{ActivityKind, Notice, Refusal};
use backend::flows::AccountData;

pub async fn download(browser: &Browser) -> FlowResult<AccountData> {
    without_fault(browser.request().export().data().await)
}

/// Attack: someone who holds a stolen session, or is at a browser that was left open, takes the data.
#[apply(on_both!)]
async fn only_the_proven_owner_gets_the_data_and_is_told(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    world.deliver().await;
    download(&browser).await.unwrap();
    assert_eq!(world.count_events(ADA, ActivityKind::DataDownloaded).await, 1);
    let notices = world.notices_to(ADA).await;
    assert!(
        matches!(notices.last(), Some(Notice::DataDownloaded { .. })),
        "{notices:?}"
    );
    world.clock.advance_ms(10 * 60_000);
    assert_eq!(download(&browser).await.unwrap_err(), Refusal::ProofTooOld);
    assert_eq!(download(&world.browser()).await.unwrap_err(), Refusal::SignedOut);
    assert_eq!(world.count_events(ADA, ActivityKind::DataDownloaded).await, 1);
}

/// Attack: a signed-in user keeps the server busy with files.
#[apply(on_both!)]
async fn the_data_is_downloaded_five_times_a_day(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    for _ in 0..5 {
        download(&browser).await.unwrap();
    }
    assert!(matches!(download(&browser).await, Err(Refusal::TooMany { .. })));
    assert_eq!(world.count_events(ADA, ActivityKind::DataDownloaded).await, 5);
}

/// Attack: an account gets the data of another that is stored at the same time.
#[apply(on_both!)]
async fn the_file_has_nothing_of_others(world: &World) {
    let names: Vec<_> = (0..6).map(|number| format!("user{number}@example.com")).collect();
    let mut browsers = Vec::new();
    for name in &names {
        world.create_account(name).await;
        browsers.push(world.signed_in(name).await);
        world.after_five_guesses(name).await;
    }
    let files = crate::world::together(names.len(), |number| {
        let browser = browsers[number].clone();
        async move {
            browser
                .request()
                .export()
                .data()
                .await
                .map(|data| serde_json::to_string(&data).unwrap())
        }
    })
    .await;
    for (number, file) in files.into_iter().enumerate() {
        let file = file.unwrap();
        for (other, name) in names.iter().enumerate() {
            assert_eq!(
                file.contains(name.as_str()),
                other == number,
                "{name} in the file of {number}"
            );
        }
    }
}

#[apply(on_both!)]
async fn the_whole_activity_is_read_page_by_page(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    for number in 0..70 {
        world.clock.advance_ms(1_000);
        if number % 2 == 0 {
            let _ = browser.change_password(WRONG_PASSWORD, "another phrase of words").await;
            world.clock.advance_ms(60 * 60_000);
        } else {
            let mut tx = world.backend.db().begin().await.unwrap();
            let (id, kind) = (world.stored(ADA).await.account.id, ActivityKind::NameChanged);
            let actor = backend::store::events::Actor::User;
            backend::store::events::append(&mut tx, &id, kind, actor, &browser.caller, world.now())
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
    }
    assert!(
        browser.request().history().all().await.is_err(),
        "without a recent proof"
    );
    browser.confirm_with_password(PASSWORD).await.unwrap();
    let first = browser.request().history().page("").await.unwrap();
    assert_eq!((first.events.len(), first.newer), (50, false));
    let rest = browser.request().history().page(&first.older.unwrap()).await.unwrap();
    assert!(rest.newer && rest.older.is_none());
    let all = browser.request().history().all().await.unwrap();
    assert_eq!(all.len(), 50 + rest.events.len());
    assert!(all.is_sorted_by_key(|event| std::cmp::Reverse(event.at)));
    assert!(all.iter().any(|event| event.kind == "wrong_password"));
    for _ in 1..20 {
        browser.request().history().all().await.unwrap();
    }
    let refused = without_fault(browser.request().history().all().await);
    assert!(matches!(refused, Err(Refusal::TooMany { .. })));
    assert_eq!(
        without_fault(world.browser().request().history().page("").await).unwrap_err(),
        Refusal::SignedOut
    );
}
