//! Codes, incorrect codes, and flows waiting for a code.

use super::fixtures::{NOW, begin, code, flow, id, insert_flow, with_ada};
use crate::world::{ADA, GRACE, World, address};
use account::{CodeCounter, IssuedCode, Purpose, Timestamp, WaitingFlow};
use backend::store::flows::Flow;
use backend::store::{codes, flows, waiting};

/// Properties 2 and 5.
#[apply(on_both!)]
async fn codes_are_superseded_and_used_once(world: &World) {
    let mut tx = with_ada(world).await;
    let ada = address(ADA);
    for (number, (purpose, one)) in [(Purpose::Reset, "a"), (Purpose::SignIn, "b"), (Purpose::Reset, "c")]
        .into_iter()
        .enumerate()
    {
        insert_flow(&mut tx, purpose, &flow(one)).await.unwrap();
        codes::issue(&mut tx, purpose, &ada, one, &code(one, number))
            .await
            .unwrap();
    }
    codes::supersede_in(&mut tx, "b", NOW.plus_ms(3)).await.unwrap();
    codes::issue(&mut tx, Purpose::SignIn, &address(GRACE), "b", &code("d", 3))
        .await
        .unwrap();
    let superseded = |codes: Vec<IssuedCode>| codes.into_iter().map(|code| code.superseded_at).collect::<Vec<_>>();
    assert_eq!(
        superseded(codes::of_flow(&mut tx, "a").await.unwrap()),
        [None],
        "by no code of another flow"
    );
    assert_eq!(
        superseded(codes::of_flow(&mut tx, "b").await.unwrap()),
        [None, Some(NOW.plus_ms(3))]
    );
    let newest_first = codes::of_flow(&mut tx, "b").await.unwrap();
    assert_eq!(
        newest_first.iter().map(|code| code.id.as_str()).collect::<Vec<_>>(),
        ["d", "b"]
    );
    assert!(!codes::mark_used(&mut tx, "b", NOW).await.unwrap());
    assert!(codes::mark_used(&mut tx, "c", NOW).await.unwrap());
    assert!(!codes::mark_used(&mut tx, "c", NOW).await.unwrap());
    codes::supersede(&mut tx, &ada, NOW).await.unwrap();
    assert_eq!(superseded(codes::of_flow(&mut tx, "a").await.unwrap()), [Some(NOW)]);
    assert_eq!(
        superseded(codes::of_flow(&mut tx, "b").await.unwrap()),
        [None, Some(NOW.plus_ms(3))],
        "the newest is of another address"
    );
    assert_eq!(superseded(codes::of_flow(&mut tx, "c").await.unwrap()), [None]);
}

/// Property 4.
#[apply(on_both!)]
async fn incorrect_codes_of_a_day_are_counted(world: &World) {
    let mut tx = begin(world).await;
    let (ada, hour) = (address(ADA), 3_600_000);
    let start = Timestamp(100 * hour + 1_000);
    for hours in [0, 0, 5, 24] {
        codes::count_wrong(&mut tx, CodeCounter::Anyone, &ada, start.plus_ms(hours * hour))
            .await
            .unwrap();
    }
    codes::take_turn(&mut tx, CodeCounter::Anyone, &ada).await.unwrap();
    codes::take_turn(&mut tx, CodeCounter::Anyone, &ada).await.unwrap();
    for (counter, email, hours, wrong) in [
        (CodeCounter::Anyone, ADA, 0, 4),
        (CodeCounter::Anyone, ADA, 24, 4),
        (CodeCounter::Anyone, ADA, 25, 2),
        (CodeCounter::Anyone, ADA, 49, 0),
        (CodeCounter::AfterPassword, ADA, 0, 0),
        (CodeCounter::Anyone, GRACE, 0, 0),
    ] {
        let now = start.plus_ms(hours * hour);
        let seen = waiting::find(&mut tx, counter, &address(email), now, now)
            .await
            .unwrap();
        assert_eq!(seen.wrong_codes, wrong, "{counter:?} {email} after {hours} h");
    }
    let hours = |hours: i64| Timestamp(hours * hour);
    assert_eq!(codes::prune_wrong(&mut tx, hours(100)).await.unwrap(), 0);
    assert_eq!(codes::prune_wrong(&mut tx, hours(101)).await.unwrap(), 1);
}

/// Property 29.
#[apply(on_both!)]
async fn waiting_flows_are_found_by_address_and_counter(world: &World) {
    let mut tx = with_ada(world).await;
    let another = |id: &str, change: fn(&mut Flow)| {
        let mut flow = flow(id);
        change(&mut flow);
        flow
    };
    for flow in [
        another("later", |flow| flow.created_at = NOW.plus_ms(1)),
        another("first", |_| ()),
        another("no code yet", |flow| flow.progress.codes_sent = 0),
        another("used up", |flow| flow.progress.tries_left = 0),
        another("over", |flow| flow.progress.ends_at = NOW),
        another("Grace's", |flow| flow.email = address(GRACE)),
        another("answered", |_| ()),
        another("ended", |_| ()),
    ] {
        insert_flow(&mut tx, Purpose::Reset, &flow).await.unwrap();
    }
    flows::pass_code(&mut tx, "answered", NOW).await.unwrap();
    flows::end(&mut tx, "ended", NOW).await.unwrap();
    let sign_in = another("after the password", |_| ());
    let mailbox_first = another("mailbox first", |flow| {
        (flow.progress.mailbox_first, flow.created_at) = (true, NOW.plus_ms(2))
    });
    for flow in [&sign_in, &mailbox_first] {
        insert_flow(&mut tx, Purpose::SignIn, flow).await.unwrap();
    }
    let sign_up = another("sign-up", |_| ());
    insert_flow(&mut tx, Purpose::SignUp, &sign_up).await.unwrap();
    flows::set_code(
        &mut tx,
        &Flow {
            code_length: 10,
            known_device: true,
            ..flow("first")
        },
    )
    .await
    .unwrap();
    for (counter, ids) in [
        (
            CodeCounter::Anyone,
            &["answered", "first", "later", "mailbox first"][..],
        ),
        (CodeCounter::AfterPassword, &["after the password"]),
        (CodeCounter::SignUp, &["sign-up"]),
    ] {
        let found = waiting::find(&mut tx, counter, &address(ADA), NOW, NOW).await.unwrap();
        assert_eq!(found.account.unwrap().account.id, id(ADA));
        let waiting = found.flows;
        assert_eq!(waiting.iter().map(|flow| flow.id.as_str()).collect::<Vec<_>>(), ids);
        if counter == CodeCounter::Anyone {
            let first = WaitingFlow {
                id: "first".into(),
                client: "192.0.2.1".into(),
                known_device: true,
                tries_left: 5,
                digits: 10,
                has_passed: false,
                created_at: NOW,
            };
            assert_eq!(waiting[1], first);
            assert!(
                waiting[0].has_passed && waiting[0].tries_left == 6,
                "with the try of the correct code"
            );
        }
    }
    flows::stop_counting(&mut tx, "answered").await.unwrap();
    let found = waiting::find(&mut tx, CodeCounter::Anyone, &address(ADA), NOW, NOW)
        .await
        .unwrap();
    assert_eq!(found.flows.len(), 3);
}
