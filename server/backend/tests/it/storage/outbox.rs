//! The outbox of pending e-mails.

use super::fixtures::{NOW, begin};
use crate::world::{ADA, World, address};
use account::{Email, FailureCause, Notice};
use backend::store::{mail_queue, outbox};

#[apply(on_both!)]
async fn emails_are_leased_retried_and_erased(world: &World) {
    let (db, keys, ada) = (world.backend.db(), &world.keys, address(ADA));
    let mut tx = begin(world).await;
    let message = |at| {
        Email::Notice(Notice::ManyFailures {
            at: NOW.plus_ms(at),
            cause: FailureCause::Passwords,
        })
    };
    for (flow, at) in [(Some("f"), 0), (Some("f"), 1), (None, 2), (None, 3)] {
        outbox::write(&mut tx, keys, flow, &ada, "ar", &message(at), NOW)
            .await
            .unwrap();
        if at == 0 {
            outbox::drop_unsent(&mut tx, "f", NOW).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    assert!(!outbox::are_due(db, NOW.plus_ms(-1)).await.unwrap());
    assert!(outbox::are_due(db, NOW).await.unwrap());
    assert_eq!(outbox::claim(db, keys, NOW.plus_ms(-1), 9).await.unwrap().len(), 0);
    assert_eq!(outbox::claim(db, keys, NOW, 1).await.unwrap().len(), 1);
    let rest = outbox::claim(db, keys, NOW, 9).await.unwrap();
    assert!(
        rest.len() == 2
            && rest
                .iter()
                .all(|one| one.attempts == 1 && one.language == "ar" && one.to == ada)
    );
    assert_eq!(
        outbox::claim(db, keys, NOW.plus_seconds(59), 9).await.unwrap().len(),
        0,
        "leased"
    );
    let again = outbox::claim(db, keys, NOW.plus_seconds(60), 9).await.unwrap();
    assert!(again.len() == 3 && again.iter().all(|one| one.attempts == 2 && one.message != message(0)));

    let waiting = outbox::waiting(db, 9).await.unwrap();
    assert_eq!((waiting.count, waiting.oldest_written_at), (3, Some(NOW)));
    assert_eq!(outbox::waiting(db, 2).await.unwrap().count, 2, "counts at most two");

    outbox::mark_sent(db, &[again[0].id.clone()], NOW).await.unwrap();
    outbox::mark_failed(db, &again[1].id, NOW).await.unwrap();
    for one in &again {
        outbox::retry_at(db, &one.id, NOW.plus_minutes(5), "why").await.unwrap();
    }
    assert_eq!(outbox::claim(db, keys, NOW.plus_ms(299_999), 9).await.unwrap().len(), 0);
    let last = outbox::claim(db, keys, NOW.plus_minutes(5), 9).await.unwrap();
    assert_eq!(last.iter().map(|one| &one.id).collect::<Vec<_>>(), [&again[2].id]);
}

#[apply(on_both!)]
async fn waiting_emails_can_be_listed_retried_and_dropped(world: &World) {
    let (db, keys, ada) = (world.backend.db(), &world.keys, address(ADA));
    let message = Email::Notice(Notice::PasswordReset {
        at: NOW,
        browser: String::new(),
    });
    let mut tx = begin(world).await;
    for _ in 0..3 {
        outbox::write(&mut tx, keys, None, &ada, "en", &message, NOW)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let leased = outbox::claim(db, keys, NOW, 2).await.unwrap();
    outbox::retry_at(db, &leased[0].id, NOW.plus_minutes(5), "why")
        .await
        .unwrap();
    let rows = mail_queue::list(db, 9).await.unwrap();
    let states: Vec<_> = rows
        .iter()
        .map(|row| (row.attempts, row.is_leased(NOW), row.last_error.as_deref()))
        .collect();
    // Ordered by due time.
    assert_eq!(states, [(0, false, None), (1, true, None), (1, false, Some("why"))]);
    assert_eq!(mail_queue::list(db, 2).await.unwrap().len(), 2);
    for (id, made) in [(&rows[0].id, 0), (&rows[1].id, 0), (&rows[2].id, 1)] {
        assert_eq!(mail_queue::make_due(db, Some(id), NOW).await.unwrap(), made);
    }
    assert_eq!(mail_queue::make_due(db, None, NOW).await.unwrap(), 1);
    assert_eq!(
        outbox::claim(db, keys, NOW, 9).await.unwrap().len(),
        2,
        "all but the leased one"
    );
    let mut tx = begin(world).await;
    for dropped in [1, 0] {
        assert_eq!(mail_queue::drop_one(&mut tx, &rows[1].id, NOW).await.unwrap(), dropped);
    }
    tx.commit().await.unwrap();
    assert_eq!(mail_queue::list(db, 9).await.unwrap().len(), 2);
}
