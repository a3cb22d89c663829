//! Several servers on one PostgreSQL database.

use crate::database::Database;
use crate::world::{ADA, NEW_PASSWORD, WRONG_PASSWORD, World};
use account::{CodeCounter, Email, EmailAddress, FailureCause, Notice, Refusal};
use backend::store::postgres::Server;
use backend::store::{Engine, codes, outbox};
use backend::{BrowserTokens, Caller, Error, Fault, retried};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_skips_emails_locked_by_another() {
    let world = World::on_postgres().await;
    let (db, now) = (world.backend.db(), world.now());
    let to = EmailAddress::parse(ADA).unwrap();
    let mut tx = db.begin().await.unwrap();
    for _ in 0..3 {
        let message = Email::Notice(Notice::ManyFailures {
            at: now,
            cause: FailureCause::Passwords,
        });
        outbox::write(&mut tx, &world.keys, None, &to, "en", &message, now)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let Engine::Postgres(Server { pool, .. }) = &db.engine else {
        unreachable!()
    };
    let mut other = pool.begin().await.unwrap();
    sqlx::query("select id from outbox limit 1 for update")
        .execute(&mut *other)
        .await
        .unwrap();
    let claimed = tokio::time::timeout(Duration::from_secs(20), outbox::claim(db, &world.keys, now, 9)).await;
    assert_eq!(claimed.expect("it waited for the other one").unwrap().len(), 2);
    drop(other);
    world.end().await;
}

/// Attack: a stranger disconnects while a request waits for a lock, and an idle pooled connection keeps the lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_cancelled_while_waiting_leaves_no_transaction() {
    let world = World::on_postgres().await;
    let email = EmailAddress::parse(ADA).unwrap();
    let mut tx = world.backend.db().begin().await.unwrap();
    codes::take_turn(&mut tx, CodeCounter::Anyone, &email).await.unwrap();
    let (mut browser, mut more) = (world.browser(), world.browser());
    let waiting = tokio::spawn(async move { browser.begin_reset(ADA).await });
    until(
        &world,
        "select count(*) = 1 from pg_stat_activity where wait_event = 'advisory'",
    )
    .await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(tx);
    until(
        &world,
        "select count(*) = 0 from pg_stat_activity where state like 'idle in transaction%' or wait_event = 'advisory'",
    )
    .await;
    more.begin_reset(ADA).await.unwrap();
    world.end().await;
}

/// Polls the database until the condition holds.
async fn until(world: &World, question: &str) {
    let Engine::Postgres(Server { pool, .. }) = &world.backend.db().engine else {
        unreachable!()
    };
    let question =
        format!("{question} and datname = current_database()").replace(" or ", " and datname = current_database() or ");
    for _ in 0..2_000 {
        if sqlx::query_scalar(sqlx::AssertSqlSafe(question.clone()))
            .fetch_one(pool)
            .await
            .unwrap()
        {
            return;
        }
    }
    panic!("never so: {question}");
}

/// Common in distributed databases that are compatible with PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn a_serialization_failure_is_retried() {
    let world = World::on(Database::strict_postgres().await).await;
    let world_of_many = world.with(|settings| settings.limits.client_a_minute = 1_000).await;
    let mut asked = tokio::task::JoinSet::new();
    // The requests share one client, so that they conflict on its count.
    for number in 0..8 {
        let backend = world_of_many.backend.clone();
        asked.spawn(async move {
            let (caller, held, email) = (
                Caller::default(),
                BrowserTokens::default(),
                format!("p{number}@example.com"),
            );
            retried(|| backend.request(&caller, &held).reset().begin(&email, ""))
                .await
                .map(drop)
        });
    }
    while let Some(outcome) = asked.join_next().await {
        outcome.unwrap().unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn only_serialization_failures_are_retried_up_to_a_limit() {
    let put_back = || Error::Fault(Fault::Conflict(sqlx::Error::PoolClosed));
    let tried = AtomicUsize::new(0);
    let count = || tried.fetch_add(1, Ordering::Relaxed);

    let outcome = retried(async || if count() < 2 { Err(put_back()) } else { Ok(7) }).await;
    assert_eq!((outcome.unwrap(), tried.swap(0, Ordering::Relaxed)), (7, 3));

    // The outcome of the commit is unknown.
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

/// Property 18: a retried transaction spends one try, in a sign-in and in a password change.
#[tokio::test(flavor = "multi_thread")]
async fn a_retried_password_check_spends_one_try() {
    let world = World::on_postgres().await;
    world.create_account(ADA).await;
    let owner = world.signed_in(ADA).await;
    let stranger = world.at_the_password(ADA).await;
    let Engine::Postgres(Server { pool, .. }) = &world.backend.db().engine else {
        unreachable!()
    };
    // Fail every other event with a serialization failure. A sequence isn't rolled back, so it counts the tries.
    sqlx::raw_sql(
        "CREATE SEQUENCE tries;
         CREATE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('tries') % 2 = 1 THEN RAISE EXCEPTION 'put back' USING ERRCODE = '40001'; END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER put_back BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION put_back();",
    )
    .execute(pool)
    .await
    .unwrap();
    let failures = "select cast(sum(failures) as bigint) from throttles";

    let result = retried(|| stranger.try_password(WRONG_PASSWORD)).await.map(drop);
    assert!(matches!(result, Err(Error::Refused(Refusal::SignInWrong))));
    assert_eq!(world.database.number(failures).await, 1);
    let strangers = "select count from limits where key = 'password ada@example.com'";
    assert_eq!(world.database.number(strangers).await, 1);

    let (wrong, new) = (WRONG_PASSWORD.into(), NEW_PASSWORD.into());
    let change = || owner.request().password_change().change(&wrong, &new, &new, true);
    let result = retried(change).await.map(drop);
    assert!(matches!(result, Err(Error::Refused(Refusal::CurrentWrong))));
    // One more failure in a row, and one of the browser's own tries.
    assert_eq!(world.database.number(failures).await, 3);
    let tried = world.database.number("select last_value from tries").await;
    assert_eq!(tried, 4, "each try was restored once");
    world.end().await;
}
