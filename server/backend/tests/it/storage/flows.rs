//! Sign-in, reset and sign-up flows.

use super::fixtures::{NOW, flow, id, insert_flow, with_ada};
use crate::world::{ADA, World, address};
use account::{Purpose, Timestamp};
use backend::Fault;
use backend::store::flows::Flow;
use backend::store::{WriteTx, accounts, flows};

/// Properties 2, 3, 11.
#[apply(on_both!)]
async fn a_password_advances_only_a_live_flow_of_an_active_account(world: &World) {
    let mut tx = with_ada(world).await;
    let (end, late) = (NOW.plus_ms(999), NOW.plus_ms(1_000));
    insert_flow(&mut tx, Purpose::SignIn, &with_codes_sent("s", 0))
        .await
        .unwrap();
    assert!(flows::find(&mut tx, "s", Purpose::Reset).await.unwrap().is_none());
    assert!(found(&mut tx, "s", Purpose::SignIn).await.progress.is_live(end));
    assert!(spend_try(&mut tx, "s", Purpose::SignIn, NOW).await.unwrap().is_none());
    assert!(
        flows::take_send(&mut tx, "s", Purpose::SignIn, 30, NOW)
            .await
            .unwrap()
            .is_none()
    );
    assert!(!flows::finish_without_code(&mut tx, "s", NOW).await.unwrap());
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW), None)
        .await
        .unwrap();
    for (verified, at, on, passes) in [
        ("hash", NOW, false, false),
        ("another hash", NOW, true, false),
        ("hash", late, true, false),
        ("hash", NOW, true, true),
        ("hash", NOW, true, false),
    ] {
        if on {
            accounts::set_disabled(&mut tx, &id(ADA), None, None).await.unwrap();
        }
        let passed = flows::pass_password(&mut tx, "s", &id(ADA), verified, at).await;
        assert_eq!(passed.unwrap().is_some(), passes, "{verified} at {at:?}, on: {on}");
    }
}

/// Property 3.
#[apply(on_both!)]
async fn a_code_can_be_resent_after_a_wait(world: &World) {
    let mut tx = with_ada(world).await;
    insert_flow(&mut tx, Purpose::SignIn, &with_codes_sent("s", 0))
        .await
        .unwrap();
    flows::pass_password(&mut tx, "s", &id(ADA), "hash", NOW)
        .await
        .unwrap()
        .unwrap();
    let sent = flows::take_send(&mut tx, "s", Purpose::SignIn, 30, NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((sent.progress.codes_sent, sent.resend_at), (1, NOW.plus_seconds(30)));
    assert!(
        flows::take_send(&mut tx, "s", Purpose::SignIn, 30, NOW.plus_ms(999))
            .await
            .unwrap()
            .is_none()
    );
}

/// Property 3.
#[apply(on_both!)]
async fn a_flow_has_five_tries(world: &World) {
    let (mut tx, end, late) = (with_sent_code(world).await, NOW.plus_ms(999), NOW.plus_ms(1_000));
    assert!(spend_try(&mut tx, "s", Purpose::SignIn, late).await.unwrap().is_none());
    assert!(spend_try(&mut tx, "s", Purpose::Reset, NOW).await.unwrap().is_none());
    for tries_left in (0..5).rev() {
        let spent = spend_try(&mut tx, "s", Purpose::SignIn, end).await.unwrap().unwrap();
        assert_eq!(spent.progress.tries_left, tries_left);
    }
    assert!(spend_try(&mut tx, "s", Purpose::SignIn, NOW).await.unwrap().is_none());
}

#[apply(on_both!)]
async fn the_next_code_is_delayed_but_never_earlier(world: &World) {
    let mut tx = with_sent_code(world).await;
    for (until, expected) in [(NOW.plus_minutes(5), NOW.plus_minutes(5)), (NOW, NOW.plus_minutes(5))] {
        flows::delay_send(&mut tx, "s", until).await.unwrap();
        assert_eq!(found(&mut tx, "s", Purpose::SignIn).await.resend_at, expected);
    }
}

/// A member of an organization without a provider signs in with a code alone.
#[apply(on_both!)]
async fn a_mailbox_first_sign_in_finishes_once_without_a_password(world: &World) {
    let mut tx = with_ada(world).await;
    insert_flow(&mut tx, Purpose::SignIn, &with_codes_sent("s", 1))
        .await
        .unwrap();
    assert!(!flows::finish_without_password(&mut tx, "s", NOW).await.unwrap());
    assert!(flows::ask_mailbox_first(&mut tx, "s", None, "en", NOW).await.unwrap());
    assert!(!flows::finish_without_password(&mut tx, "s", NOW).await.unwrap());
    assert!(flows::pass_code(&mut tx, "s", NOW).await.unwrap());
    assert!(flows::finish_without_password(&mut tx, "s", NOW).await.unwrap());
    assert!(!flows::finish_without_password(&mut tx, "s", NOW).await.unwrap());
}

#[apply(on_both!)]
async fn at_most_two_tries_are_restored(world: &World) {
    let mut tx = with_sent_code(world).await;
    for _ in 0..5 {
        spend_try(&mut tx, "s", Purpose::SignIn, NOW).await.unwrap().unwrap();
    }
    for given_back in [1, 2, 2] {
        flows::give_try_back(&mut tx, "s").await.unwrap();
        assert_eq!(
            found(&mut tx, "s", Purpose::SignIn).await.progress.tries_left,
            given_back
        );
    }
}

/// Property 2.
#[apply(on_both!)]
async fn a_sign_in_finishes_only_once_after_its_code(world: &World) {
    let mut tx = with_sent_code(world).await;
    assert!(finish(&mut tx, Purpose::SignIn).await.is_none());
    assert!(flows::pass_code(&mut tx, "s", NOW).await.unwrap());
    assert!(!flows::pass_code(&mut tx, "s", NOW).await.unwrap());
    flows::set_next(&mut tx, "s", "/security").await.unwrap();
    assert!(finish(&mut tx, Purpose::Reset).await.is_none());
    assert_eq!(finish(&mut tx, Purpose::SignIn).await.unwrap().next_path, "/security");
    assert!(finish(&mut tx, Purpose::SignIn).await.is_none());
}

#[apply(on_both!)]
async fn flows_can_be_ended_by_id_or_once_proven(world: &World) {
    let mut tx = with_ada(world).await;
    for one in ["a", "b", "c"] {
        insert_flow(&mut tx, Purpose::Reset, &flow(one)).await.unwrap();
    }
    flows::end(&mut tx, "a", NOW).await.unwrap();
    assert!(!found(&mut tx, "a", Purpose::Reset).await.progress.is_live(NOW));
    // A flow without proof stays unchanged.
    assert!(flows::pass_code(&mut tx, "b", NOW).await.unwrap());
    assert_eq!(flows::end_proven(&mut tx, &address(ADA), NOW).await.unwrap(), ["b"]);
    let waiting = found(&mut tx, "c", Purpose::Reset).await;
    assert_eq!((waiting.progress.ended_at, waiting.version), (None, flow("c").version));
    assert!(spend_try(&mut tx, "b", Purpose::Reset, NOW).await.unwrap().is_none());
}

/// Property 18.
#[apply(on_both!)]
async fn a_sign_in_can_ask_for_the_code_before_the_password(world: &World) {
    let mut tx = with_ada(world).await;
    let mut begun = flow("m");
    (begun.progress.codes_sent, begun.account) = (0, None);
    insert_flow(&mut tx, Purpose::SignIn, &begun).await.unwrap();
    for asked in [true, false] {
        let done = flows::ask_mailbox_first(&mut tx, "m", Some(&id(ADA)), "ar", NOW).await;
        assert_eq!(done.unwrap(), asked);
    }
    let passed = flows::pass_password(&mut tx, "m", &id(ADA), "hash", NOW).await;
    assert!(passed.unwrap().is_none(), "the code comes first");
    assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), None);
    flows::take_send(&mut tx, "m", Purpose::SignIn, 30, NOW)
        .await
        .unwrap()
        .unwrap();
    flows::spend_try(&mut tx, "m", Purpose::SignIn, "m", NOW, NOW)
        .await
        .unwrap()
        .unwrap();
    assert!(flows::pass_code(&mut tx, "m", NOW).await.unwrap());
    let finished = flows::finish(&mut tx, "m", Purpose::SignIn, NOW).await.unwrap();
    assert!(finished.is_none(), "a code without a password does not sign in");
    flows::ask_password(&mut tx, "m", true).await.unwrap();
    for left in [4, 3, 2, 1, 0] {
        assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), Some(left));
    }
    assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), None);
    flows::give_password_back(&mut tx, "m").await.unwrap();
    assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), Some(0));
    let passed = flows::pass_password(&mut tx, "m", &id(ADA), "hash", NOW).await;
    let passed = passed.unwrap().unwrap();
    assert_eq!((passed.trust, passed.language.as_str()), (true, "ar"));
    assert!(flows::finish_without_code(&mut tx, "m", NOW).await.unwrap());
}

/// Property 31.
#[apply(on_both!)]
async fn a_flow_continues_under_a_new_token(world: &World) {
    let mut tx = with_ada(world).await;
    insert_flow(&mut tx, Purpose::Reset, &flow("one")).await.unwrap();
    assert!(flows::pass_code(&mut tx, "one", NOW).await.unwrap());
    flows::step_up(&mut tx, "one", "two", NOW).await.unwrap();
    for (digest, held) in [("one", false), ("two", true)] {
        let found = flows::find(&mut tx, digest, Purpose::Reset).await.unwrap().unwrap();
        assert_eq!((found.id.as_str(), found.is_held_by(digest)), ("one", held));
    }
    assert!(flows::find(&mut tx, "two", Purpose::SignIn).await.unwrap().is_none());
    // After the step-up, only the initial token may resend its code, and only for a while.
    let (since, past) = (NOW.plus_ms(-1), NOW);
    for (digest, since, judged) in [("one", past, false), ("two", since, false), ("one", since, true)] {
        let spent = flows::spend_try(&mut tx, "one", Purpose::Reset, digest, since, NOW).await;
        assert_eq!(spent.unwrap().is_some(), judged, "{digest}");
    }
}

#[test]
fn at_most_six_codes_are_sent_and_each_resend_requires_a_wait() {
    let (sends, waits, used_up) = (
        flow("x"),
        Flow {
            resend_at: NOW.plus_ms(1),
            ..flow("x")
        },
        with_codes_sent("x", 6),
    );
    assert_eq!(
        [sends, waits, used_up].map(|flow| flow.may_send(NOW)),
        [true, false, false]
    );
}

/// Spends a try with the initial token.
async fn spend_try(tx: &mut WriteTx, id: &str, purpose: Purpose, now: Timestamp) -> Result<Option<Flow>, Fault> {
    flows::spend_try(tx, id, purpose, id, now, now).await
}

fn with_codes_sent(id: &str, codes_sent: i64) -> Flow {
    let mut flow = flow(id);
    flow.progress.codes_sent = codes_sent;
    flow
}

/// Ada's sign-in after its code was sent.
async fn with_sent_code(world: &World) -> WriteTx {
    let mut tx = with_ada(world).await;
    insert_flow(&mut tx, Purpose::SignIn, &with_codes_sent("s", 0))
        .await
        .unwrap();
    flows::pass_password(&mut tx, "s", &id(ADA), "hash", NOW)
        .await
        .unwrap()
        .unwrap();
    flows::take_send(&mut tx, "s", Purpose::SignIn, 30, NOW)
        .await
        .unwrap()
        .unwrap();
    tx
}

async fn finish(tx: &mut WriteTx, purpose: Purpose) -> Option<Flow> {
    flows::finish(tx, "s", purpose, NOW).await.unwrap()
}

async fn found(tx: &mut WriteTx, id: &str, purpose: Purpose) -> Flow {
    flows::find(tx, id, purpose).await.unwrap().unwrap()
}
