//! Sign-ins in the queue of the password hasher.

use crate::sign_in_waits::count;
use crate::world::{ADA, PASSWORD, WRONG_PASSWORD, World};
use account::{Refusal, SignInStep};
use backend::{Error, Fault, HashPermit, Hashing};

/// Property 9: a faster refusal without a hash would reveal the kind of address.
#[apply(on_both!)]
async fn every_kind_of_address_costs_a_hash(world: &World) {
    world.one_of_each_kind().await;
    for kind in ["unknown", "local", "google", "managed", "disabled"] {
        let mut browser = world.at_the_password(&format!("{kind}@example.com")).await;
        let before = count(world, "rekey_hashing_duration_seconds_count").await;
        assert_eq!(browser.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
        let after = count(world, "rekey_hashing_duration_seconds_count").await;
        assert_eq!(after - before, 1.0, "{kind}");
    }
}

/// Property 23: in a flood of sign-ins only admitted requests use the database.
#[apply(on_both!)]
async fn a_full_queue_refuses_before_any_query(world: &World) {
    world.create_account(ADA).await;
    let browser = world.at_the_password(ADA).await;
    let begun = "rekey_database_begin_seconds_count";
    let first = count(world, begun).await;
    // Counting is also a query.
    let counting = count(world, begun).await - first;
    let busy = every_place(&world.hashing).await;
    browser.try_password(PASSWORD).await.unwrap_err();
    drop(busy);
    assert_eq!(count(world, begun).await - first, 2.0 * counting);
}

/// Takes every slot in the hasher's queue, each from a different network.
async fn every_place(hashing: &Hashing) -> Vec<HashPermit> {
    let mut places = Vec::new();
    while let Ok(place) = hashing.place(&format!("network {}", places.len())).await {
        places.push(place);
    }
    places
}

#[apply(on_both!)]
async fn a_busy_service_spends_no_try(world: &World) {
    world.create_account(ADA).await;
    let browser = world.at_the_password(ADA).await;
    let busy = every_place(&world.hashing).await;
    // More than the free tries: if these counted, the sixth would have to wait.
    for _ in 0..7 {
        let result = browser.try_password(PASSWORD).await;
        assert!(
            matches!(result, Err(Error::Fault(Fault::Busy { .. }))),
            "{:?}",
            result.err()
        );
    }
    drop(busy);
}

#[apply(on_both!)]
async fn a_timeout_in_the_hashing_queue_spends_no_try(world: &World) {
    world.create_account(ADA).await;
    let strict = world.with(|settings| settings.limits.free_passwords = 1).await;
    let mut browser = strict.at_the_password(ADA).await;
    let cores = [
        world.hashing.place("one").await.unwrap(),
        world.hashing.place("two").await.unwrap(),
    ];
    for place in &cores {
        world.hashing.core(place).await.unwrap();
    }
    let result = browser.try_password(PASSWORD).await;
    assert!(
        matches!(result, Err(Error::Fault(Fault::Busy { .. }))),
        "{:?}",
        result.err()
    );
    drop(cores);
    assert_step!(browser.password(PASSWORD), SignInStep::EnterCode);
}
