//! Mass termination by an operator, and pruning.

use super::fixtures::{NOW, begin, code, device, flow, id, insert_flow, session, with_ada};
use crate::world::{ADA, World, address};
use account::{Email, FailureCause, Notice, Purpose, Timestamp};
use backend::store::limits::Rule;
use backend::store::{WriteTx, accounts, codes, devices, flows, limits, outbox, sessions, throttles};

#[apply(on_both!)]
async fn only_expired_rows_are_pruned(world: &World) {
    let mut tx = with_ada(world).await;
    let ended = NOW.plus_ms(1_000);
    insert_flow(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    codes::issue(&mut tx, Purpose::Reset, &address(ADA), "f", &code("c", 0))
        .await
        .unwrap();
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    let rule = Rule::new("a".into(), 1, 1_000);
    limits::take(&mut tx, &[rule], NOW).await.unwrap();
    let message = Email::Notice(Notice::ManyFailures {
        at: NOW,
        cause: FailureCause::Passwords,
    });
    outbox::write(&mut tx, &world.keys, None, &address(ADA), "en", &message, NOW)
        .await
        .unwrap();
    assert_eq!(flows::prune(&mut tx, ended).await.unwrap(), 0);
    assert_eq!(sessions::prune(&mut tx, ended).await.unwrap(), 0);
    let used_at = Timestamp(session("s").last_seen_at);
    assert_eq!(sessions::prune_idle(&mut tx, used_at.plus_ms(-1)).await.unwrap(), 0);
    assert_eq!(limits::prune(&mut tx, ended).await.unwrap(), 0);
    assert_eq!(outbox::prune(&mut tx, ended).await.unwrap(), 0, "it waits");
    let later = ended.plus_ms(1);
    assert_eq!(flows::prune(&mut tx, later).await.unwrap(), 1);
    assert!(codes::of_flow(&mut tx, "f").await.unwrap().is_empty());
    assert_eq!(sessions::prune(&mut tx, later).await.unwrap(), 1);
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    assert_eq!(sessions::prune_idle(&mut tx, used_at).await.unwrap(), 1);
    assert_eq!(limits::prune(&mut tx, later).await.unwrap(), 1);
    throttles::count(&mut tx, "key", NOW).await.unwrap();
    assert_eq!(throttles::prune(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(throttles::prune(&mut tx, later).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let claimed = outbox::claim(world.backend.db(), &world.keys, NOW, 9).await.unwrap();
    outbox::mark_sent(world.backend.db(), &[claimed[0].id.clone()], NOW)
        .await
        .unwrap();
    let mut tx = begin(world).await;
    assert_eq!(outbox::prune(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(outbox::prune(&mut tx, later).await.unwrap(), 1);
}

#[apply(on_both!)]
async fn rows_under_a_key_are_counted(world: &World) {
    let mut tx = with_rows(world).await;
    assert_eq!(codes::count_live(&mut tx, "k1", NOW).await.unwrap(), 1);
    assert_eq!(codes::count_live(&mut tx, "k2", NOW).await.unwrap(), 0);
    assert_eq!(codes::count_live(&mut tx, "k1", NOW.plus_minutes(10)).await.unwrap(), 0);
    assert_eq!(outbox::count_waiting(&mut tx, "k1.").await.unwrap(), 1);
    assert_eq!(outbox::count_waiting(&mut tx, "k2.").await.unwrap(), 0);
    assert_eq!(accounts::count_hashes(&mut tx, "ha").await.unwrap(), 1);
    assert_eq!(accounts::count_hashes(&mut tx, "").await.unwrap(), 1);
    assert_eq!(accounts::count_hashes(&mut tx, "h_").await.unwrap(), 0);
}

#[apply(on_both!)]
async fn rows_of_all_accounts_can_be_ended_at_once(world: &World) {
    let mut tx = with_rows(world).await;
    assert_eq!(sessions::end_all(&mut tx).await.unwrap(), [id(ADA).0]);
    devices::untrust_all(&mut tx).await.unwrap();
    assert!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().is_empty());
    assert_eq!(flows::end_all(&mut tx, NOW).await.unwrap(), ["f"]);
    assert!(flows::end_all(&mut tx, NOW).await.unwrap().is_empty());
    codes::supersede_all(&mut tx, NOW).await.unwrap();
    assert_eq!(codes::count_live(&mut tx, "k1", NOW).await.unwrap(), 0);
    assert_eq!(outbox::drop_all(&mut tx, NOW).await.unwrap(), 1);
    assert_eq!(outbox::count_waiting(&mut tx, "").await.unwrap(), 0);
}

/// One row of each kind.
async fn with_rows(world: &World) -> WriteTx {
    let mut tx = with_ada(world).await;
    insert_flow(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    codes::issue(&mut tx, Purpose::Reset, &address(ADA), "f", &code("c", 0))
        .await
        .unwrap();
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    let device = device("d", Some(NOW.0 + 9));
    devices::insert(&mut tx, "device", &device, NOW).await.unwrap();
    let message = Email::Notice(Notice::ManyFailures {
        at: NOW,
        cause: FailureCause::Passwords,
    });
    outbox::write(&mut tx, &world.keys, None, &address(ADA), "en", &message, NOW)
        .await
        .unwrap();
    tx
}
