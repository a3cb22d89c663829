//! E-mail budgets: for strangers by mailbox and network, for known browsers, and after the correct password.

use crate::browser::Browser;
use crate::crowd::Crowd;
use crate::world::{ADA, NEW_PASSWORD, PASSWORD, World, together};
use account::{Purpose, Refusal, ResetStep, SignInStep};

/// A new browser in a network.
fn browser_in(world: &World, network: &str) -> Browser {
    let mut browser = world.browser();
    browser.caller.client = network.into();
    browser
}

/// Requests a reset from a network; `Err` contains the seconds to wait.
async fn reset(world: &World, network: &str, email: &str) -> Result<(), i64> {
    match browser_in(world, network).begin_reset(email).await {
        Ok(ResetStep::EnterCode(_)) => Ok(()),
        Err(Refusal::TooMany { seconds }) => Err(seconds),
        other => panic!("{other:?}"),
    }
}

async fn count(world: &World, email: &str) -> usize {
    world.emails_to(email).await.len()
}

/// Property 30.
#[apply(on_both!)]
async fn a_network_sends_a_mailbox_at_most_five_emails_an_hour_and_ten_a_day(world: &World) {
    world.create_account(ADA).await;
    let stranger = "192.0.2.1";
    for hour in 0..2 {
        for _ in 0..5 {
            assert_eq!(reset(world, stranger, ADA).await, Ok(()), "hour {hour}");
            world.clock.advance_minutes(1);
        }
        let day_is_over = hour == 1;
        assert_eq!(
            reset(world, stranger, ADA).await,
            Err(if day_is_over { 22 * 3_600 + 55 * 60 } else { 55 * 60 })
        );
        // Property 29: neither other networks nor other mailboxes have to wait.
        assert_eq!(reset(world, &format!("198.51.100.{hour}"), ADA).await, Ok(()));
        assert_eq!(
            reset(world, stranger, &format!("other{hour}@example.com")).await,
            Ok(())
        );
        world.clock.advance_minutes(55);
    }
    assert_eq!(count(world, ADA).await, 12);
    world.clock.advance_minutes(22 * 60);
    assert_eq!(reset(world, stranger, ADA).await, Ok(()));
}

/// Property 30: one IPv6 line has a /64, and some customers have a /48 with 65,536 of them.
#[apply(on_both!)]
async fn an_ipv6_network_with_many_lines_has_a_larger_budget(world: &World) {
    let line = |number: i64| format!("2001:db8:0:{number:x}::/64");
    for number in 0..10 {
        assert_eq!(reset(world, &line(number), ADA).await, Ok(()), "line {number}");
    }
    assert_eq!(reset(world, &line(10), ADA).await, Err(3_600));
    assert_eq!(reset(world, "2001:db8:1::/64", ADA).await, Ok(()));
    world.clock.advance_minutes(60);
    for number in 10..15 {
        assert_eq!(reset(world, &line(number), ADA).await, Ok(()), "line {number}");
    }
    assert_eq!(reset(world, &line(15), ADA).await, Err(23 * 3_600));
    // A single line gets the budget of one IPv4 address.
    for _ in 0..5 {
        assert_eq!(reset(world, "2001:db8:2::/64", ADA).await, Ok(()));
        world.clock.advance_minutes(1);
    }
    assert!(reset(world, "2001:db8:2::/64", ADA).await.is_err());
    assert_eq!(reset(world, "2001:db8:2:1::/64", ADA).await, Ok(()));
}

/// Property 30. Attack: one network sends a mailbox 240 sign-up e-mails a day, and more through aliases.
#[apply(on_both!)]
async fn spellings_purposes_and_resends_share_a_budget(world: &World) {
    world.create_account(ADA).await;
    let stranger = || browser_in(world, "192.0.2.1");
    assert!(stranger().begin_sign_up("ada+1@example.com").await.is_ok());
    assert!(stranger().begin_sign_up("ada+2@example.com").await.is_ok());
    assert!(stranger().begin_reset("Ada@Example.com").await.is_ok());
    let mut browser = stranger();
    assert!(browser.begin_sign_up(ADA).await.is_ok());
    world.clock.advance_minutes(1);
    assert!(browser.resend_sign_up().await.is_ok());
    world.clock.advance_minutes(2);
    let wait = Refusal::TooMany { seconds: 57 * 60 };
    assert_eq!(browser.resend_sign_up().await.unwrap_err(), wait);
    assert_eq!(stranger().begin_sign_up("ada+3@example.com").await.unwrap_err(), wait);
    assert_eq!(stranger().begin_reset(ADA).await.unwrap_err(), wait);
    for spelling in ["grace.h@gmail.com", "graceh@gmail.com", "g.r.a.c.e.h+x@gmail.com"] {
        assert!(stranger().begin_sign_up(spelling).await.is_ok());
    }
    for spelling in ["graceh@googlemail.com", "grac.eh@googlemail.com"] {
        assert!(stranger().begin_reset(spelling).await.is_ok());
    }
    assert!(stranger().begin_sign_up("gr.ace.h@gmail.com").await.is_err());
    // Aliases share a budget, but are separate addresses in every other respect.
    world.create_account("ada+work@example.com").await;
    assert!(
        world
            .browser()
            .sign_in(world, "ada+work@example.com", PASSWORD)
            .await
            .is_ok()
    );
}

/// Property 30. The screen shows the wait of the refusal, although the flow's own wait is over.
#[apply(on_both!)]
async fn a_refused_resend_postpones_the_next_one(world: &World) {
    let world = world.with(|settings| settings.limits.emails_an_hour = 1).await;
    let mut browser = browser_in(&world, "192.0.2.1");
    browser.begin_reset(ADA).await.unwrap();
    world.clock.advance_minutes(1);
    let seconds = 59 * 60;
    assert_eq!(browser.resend_reset().await.unwrap_err(), Refusal::TooMany { seconds });
    let ResetStep::EnterCode(mailed) = browser.reset_step().await else {
        panic!("the flow goes on");
    };
    assert_eq!(mailed.resend_in_s, seconds);
    assert_eq!(
        browser.resend_reset().await.unwrap_err(),
        Refusal::ResendWait { seconds }
    );
}

/// Property 30.
#[apply(on_both!)]
async fn a_mail_domain_has_a_budget_per_network_unless_it_is_a_large_provider(world: &World) {
    let world = world.with(|settings| settings.limits.emails_to_domain_a_day = 3).await;
    for number in 0..3 {
        assert_eq!(
            reset(&world, "192.0.2.1", &format!("p{number}@example.com")).await,
            Ok(())
        );
    }
    assert_eq!(reset(&world, "192.0.2.1", "p3@example.com").await, Err(86_400));
    assert_eq!(reset(&world, "192.0.2.2", "p3@example.com").await, Ok(()));
    assert_eq!(reset(&world, "192.0.2.1", "p3@example.org").await, Ok(()));
    for number in 0..9 {
        assert_eq!(
            reset(&world, "192.0.2.1", &format!("p{number}@gmail.com")).await,
            Ok(())
        );
    }
}

/// Uses up a mailbox's daily budget: ten networks with three e-mails each.
async fn use_up(world: &World, email: &str) {
    for _ in 0..3 {
        for number in 0..10 {
            assert_eq!(reset(world, &attacker(number), email).await, Ok(()), "network {number}");
        }
        world.clock.advance_minutes(1);
    }
}

fn attacker(number: usize) -> String {
    format!("203.0.113.{number}")
}

/// Property 30.
#[apply(on_both!)]
async fn strangers_share_thirty_emails_a_day_and_then_take_turns(world: &World) {
    world.create_account(ADA).await;
    use_up(world, ADA).await;
    let began = count(world, ADA).await;
    assert_eq!(began, 30);
    for slot in 0..6 {
        assert_eq!(
            reset(world, &format!("192.0.2.{slot}"), ADA).await,
            Ok(()),
            "slot {slot}"
        );
        assert_eq!(
            reset(world, &format!("198.51.100.{slot}"), ADA).await,
            Err(600),
            "slot {slot}"
        );
        // The network with the next turn doesn't return.
        world.clock.advance_ms(1_200_000);
    }
    assert_eq!(count(world, ADA).await, 36);
    // A new day.
    world.clock.advance_minutes(22 * 60);
    use_up(world, ADA).await;
}

/// Property 29.
#[apply(on_both!)]
async fn the_next_turn_goes_to_the_network_with_the_fewest_emails(world: &World) {
    world.create_account(ADA).await;
    use_up(world, ADA).await;
    let owner = "198.51.100.7";
    assert_eq!(reset(world, &attacker(0), ADA).await, Ok(()));
    assert_eq!(reset(world, &attacker(1), ADA).await, Err(600));
    assert_eq!(reset(world, &attacker(2), ADA).await, Err(1_200));
    world.clock.advance_ms(1);
    // The owner has had the fewest e-mails, and so gets the next turn.
    assert_eq!(reset(world, owner, ADA).await, Err(600));
    world.clock.advance_ms(1);
    // Among equals, the network that has waited longest.
    assert_eq!(reset(world, "198.51.100.8", ADA).await, Err(1_200));
    world.clock.advance_ms(599_000);
    assert_eq!(reset(world, owner, ADA).await, Err(1));
    world.clock.advance_ms(1_000);
    for early in ["198.51.100.8", &attacker(1), &attacker(2)] {
        assert!(reset(world, early, ADA).await.is_err(), "{early}");
    }
    assert_eq!(reset(world, owner, ADA).await, Ok(()));
    world.clock.advance_ms(600_000);
    assert!(reset(world, owner, ADA).await.is_err());
    assert_eq!(reset(world, "198.51.100.8", ADA).await, Ok(()));
    assert_eq!(count(world, ADA).await, 33);
}

/// Property 29: a network that misses its turn delays the others only once.
#[apply(on_both!)]
async fn a_turn_is_kept_for_ten_minutes(world: &World) {
    world.create_account(ADA).await;
    use_up(world, ADA).await;
    assert_eq!(reset(world, "192.0.2.1", ADA).await, Ok(()));
    for number in 0..4 {
        let wait = 600 * (number + 1);
        assert_eq!(
            reset(world, &format!("203.0.113.{}", 100 + number), ADA).await,
            Err(wait)
        );
        world.clock.advance_ms(1);
    }
    let owner = "198.51.100.7";
    assert_eq!(reset(world, owner, ADA).await, Err(3_000));
    // Four networks never return. The owner does, at the last moment.
    world.clock.advance_ms(3_600_000 - 5);
    assert_eq!(reset(world, owner, ADA).await, Ok(()));
    // A late network queues behind networks with as few e-mails.
    assert_eq!(reset(world, "203.0.113.100", ADA).await, Err(1));
    assert_eq!(reset(world, "198.51.100.9", ADA).await, Err(1));
    assert_eq!(reset(world, "203.0.113.101", ADA).await, Err(1_201));
    // An owner who is an hour late goes first among equals.
    world.clock.advance_minutes(70);
    assert_eq!(reset(world, "203.0.113.102", ADA).await, Ok(()));
}

/// Property 30.
#[apply(on_both!)]
async fn concurrent_requests_never_share_a_slot_or_a_turn(world: &World) {
    world.create_account(ADA).await;
    let browsers: Vec<_> = (0..40).map(|number| browser_in(world, &attacker(number))).collect();
    let results = together(browsers.len(), |number| {
        let mut browser = browsers[number].clone();
        async move { browser.begin_reset(ADA).await.is_ok() }
    })
    .await;
    // The thirty e-mails of a day, and one turn.
    assert_eq!(results.iter().filter(|ok| **ok).count(), 31);
    assert_eq!(count(world, ADA).await, 31);
}

/// Property 29.
#[apply(on_both!)]
async fn strangers_do_not_use_up_the_codes_after_a_correct_password(world: &World) {
    world.create_account(ADA).await;
    use_up(world, ADA).await;
    let owner = "198.51.100.7";
    for _ in 0..10 {
        let mut browser = browser_in(world, owner);
        browser.begin_sign_in(ADA).await.unwrap();
        assert!(browser.password(PASSWORD).await.is_ok());
        world.clock.advance_ms(4_000);
    }
    let mut browser = browser_in(world, owner);
    browser.begin_sign_in(ADA).await.unwrap();
    assert_eq!(
        browser.password(PASSWORD).await,
        Err(Refusal::TooMany { seconds: 3_560 })
    );
    // These codes don't use the other budget.
    world.clock.advance_minutes(22 * 60);
    assert_eq!(reset(world, owner, "somebody@example.com").await, Ok(()));
    let strict = world.with(|settings| settings.limits.codes_a_day = 11).await;
    for ok in [true, false] {
        let mut browser = browser_in(&strict, owner);
        browser.begin_sign_in(ADA).await.unwrap();
        assert_eq!(browser.password(PASSWORD).await.is_ok(), ok);
    }
}

/// Property 29.
#[apply(on_both!)]
async fn a_known_browser_has_a_separate_budget(world: &World) {
    world.create_account(ADA).await;
    let mut owner = world.signed_in(ADA).await;
    owner.sign_out().await;
    use_up(world, ADA).await;
    // In a network without any budget left.
    let stranger = attacker(0);
    assert_eq!(reset(world, &stranger, ADA).await, Ok(()));
    world.clock.advance_minutes(1);
    assert_eq!(reset(world, &stranger, ADA).await, Err(540));
    owner.caller.client.clone_from(&stranger);
    for _ in 0..5 {
        owner.held.flows.remove(&Purpose::Reset);
        assert!(owner.begin_reset(ADA).await.is_ok());
        world.clock.advance_minutes(1);
    }
    owner.held.flows.remove(&Purpose::Reset);
    assert_eq!(
        owner.begin_reset(ADA).await.unwrap_err(),
        Refusal::TooMany { seconds: 55 * 60 }
    );
    // The browser is known for this account only.
    assert!(owner.begin_reset("somebody@example.com").await.is_ok());
    assert_eq!(count(world, "somebody@example.com").await, 1);
}

/// Property 9.
#[apply(on_both!)]
async fn budgets_are_the_same_for_every_kind_of_address(world: &World) {
    let mut crowd = Crowd::new(world).await;
    for round in 0..3 {
        for number in 0..10 {
            crowd
                .all_alike(async |browser, email| {
                    browser.caller.client = attacker(number);
                    browser.held.flows.remove(&Purpose::Reset);
                    browser.begin_reset(email).await
                })
                .await;
        }
        world.clock.advance_minutes(1 + round);
    }
    for network in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2"] {
        crowd
            .all_alike(async |browser, email| {
                browser.caller.client = network.into();
                browser.held.flows.remove(&Purpose::Reset);
                browser.begin_reset(email).await
            })
            .await;
    }
    world.clock.advance_minutes(10);
    let result = crowd
        .all_alike(async |browser, email| {
            browser.caller.client = "192.0.2.2".into();
            browser.begin_reset(email).await
        })
        .await;
    assert!(result.contains("EnterCode"), "{result}");
}

/// Property 29: a thief with the old password doesn't use the new password's budget.
#[apply(on_both!)]
async fn a_new_password_has_a_new_code_budget(world: &World) {
    world.create_account(ADA).await;
    let world = world.with(|settings| settings.limits.codes_an_hour = 2).await;
    for _ in 0..2 {
        let mut thief = world.at_the_password(ADA).await;
        thief.password(PASSWORD).await.unwrap();
    }
    let mut owner = world.choosing(ADA).await;
    owner.choose(NEW_PASSWORD).await.unwrap();
    let mut owner = world.at_the_password(ADA).await;
    assert_step!(owner.password(NEW_PASSWORD), SignInStep::EnterCode);
}

#[apply(on_both!)]
async fn a_network_waiting_for_its_turn_has_a_request_limit(world: &World) {
    let world = world
        .with(|settings| {
            settings.limits.emails_to_mailbox_a_day = 1;
            settings.limits.client_a_minute = 3;
        })
        .await;
    reset(&world, "192.0.2.1", ADA).await.unwrap();
    reset(&world, "192.0.2.2", ADA).await.unwrap();
    let mut seconds = Vec::new();
    for _ in 0..4 {
        seconds.push(reset(&world, "192.0.2.3", ADA).await.unwrap_err());
    }
    assert!(seconds[..3].iter().all(|wait| *wait > 60), "its turn: {seconds:?}");
    assert!(seconds[3] <= 60, "its own limit: {seconds:?}");
}
