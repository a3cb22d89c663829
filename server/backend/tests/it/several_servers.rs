//! What servers on one PostgreSQL do beside each other.

use crate::database::Database;
use crate::world::{ADA, WRONG_PASSWORD, World};
use account::{Email, Letter, Notice, Refusal};
use backend::store::{Db, letters, throttles};
use backend::{Caller, Error, Fault, Held, retried};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_steps_over_what_another_one_holds() {
    let world = World::on_postgres().await;
    let (db, now) = (world.backend.db(), world.now());
    let to = Email::parse(ADA).unwrap();
    let mut tx = db.begin().await.unwrap();
    for _ in 0..3 {
        let letter = Letter::Notice(Notice::ManyFailures { at: now });
        letters::write(&mut tx, &world.keys, None, &to, "en", &letter, now)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let Db::Postgres(pool) = db else { unreachable!() };
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM letters LIMIT 1 FOR UPDATE")
        .execute(&mut *other)
        .await
        .unwrap();
    let claimed = tokio::time::timeout(Duration::from_secs(20), letters::claim(db, &world.keys, now, 9)).await;
    assert_eq!(claimed.expect("it waited for the other one").unwrap().len(), 2);
    drop(other);
    world.end().await;
}

/// As distributed databases are, that take PostgreSQL's language.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_strict_database_puts_back_is_done_again() {
    let world = World::on(Database::strict_postgres().await).await;
    let world_of_many = world.with(|settings| settings.limits.client_a_minute = 1_000).await;
    let mut asked = tokio::task::JoinSet::new();
    // All of one client: its count is what they meet at.
    for number in 0..8 {
        let backend = world_of_many.backend.clone();
        asked.spawn(async move {
            let (caller, held, email) = (Caller::default(), Held::default(), format!("p{number}@example.com"));
            retried(|| backend.begin_reset(&caller, &held, &email)).await.map(drop)
        });
    }
    while let Some(outcome) = asked.join_next().await {
        outcome.unwrap().unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn only_what_was_put_back_is_done_again_and_not_for_ever() {
    let put_back = || Error::Fault(Fault::Conflict(sqlx::Error::PoolClosed));
    let tried = AtomicUsize::new(0);
    let count = || tried.fetch_add(1, Ordering::Relaxed);

    let outcome = retried(async || if count() < 2 { Err(put_back()) } else { Ok(7) }).await;
    assert_eq!((outcome.unwrap(), tried.swap(0, Ordering::Relaxed)), (7, 3));

    // Nobody knows whether that was kept.
    let away = async || {
        count();
        Err::<(), _>(Error::Fault(Fault::Away(sqlx::Error::PoolClosed)))
    };
    assert!(retried(away).await.is_err());
    assert_eq!(tried.swap(0, Ordering::Relaxed), 1);

    let never = async || {
        count();
        Err::<(), _>(put_back())
    };
    assert!(matches!(retried(never).await, Err(Error::Fault(Fault::Conflict(_)))));
    assert_eq!(tried.load(Ordering::Relaxed), 8);
}

/// Property 18: what is done again spends one try.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_judged_again_spends_one_try() {
    let world = World::on(Database::strict_postgres().await).await;
    world.person(ADA).await;
    let mut browsers = Vec::new();
    for _ in 0..4 {
        let mut browser = world.browser();
        browser.begin_sign_in(ADA).await.unwrap();
        browsers.push(browser);
    }
    let mut tried = tokio::task::JoinSet::new();
    for browser in browsers {
        tried.spawn(async move { retried(|| browser.try_password(WRONG_PASSWORD)).await.map(drop) });
    }
    while let Some(outcome) = tried.join_next().await {
        assert!(matches!(outcome.unwrap(), Err(Error::Refused(Refusal::SignInWrong))));
    }
    let mut tx = world.backend.db().read().await.unwrap();
    let counted = throttles::failures(&mut tx, &format!("password {ADA}")).await.unwrap();
    drop(tx);
    assert_eq!(counted, 4);
    world.end().await;
}
