//! Responses that a provider, another site or another browser has changed.

use super::*;
use ProviderError::{Denied, Rejected};

#[tokio::test]
async fn a_false_response_is_refused() {
    let state = Rejected("the response has another state");
    let repeated = Rejected("the response repeats a parameter");
    let code = Rejected("the response has no code");
    refused(
        "ES256",
        &[
            (
                "swapped state",
                Lie::Redirect(|q| q.replace("state=", "state=x")),
                state,
            ),
            ("no state", Lie::Redirect(|q| q.replace("state=", "other=")), state),
            ("code twice", Lie::Redirect(|q| q + "&code=code1"), repeated),
            ("state twice", Lie::Redirect(|q| format!("state=x&{q}")), repeated),
            ("no code", Lie::Redirect(|q| q.replace("code=", "other=")), code),
            (
                "an empty code",
                Lie::Redirect(|q| q.replace("code=code1", "code=")),
                code,
            ),
            (
                "no iss, where announced",
                Lie::Redirect(|q| q.replace("iss=", "other=")),
                Rejected("the response lacks its issuer"),
            ),
            (
                "iss of another provider",
                Lie::Redirect(|q| q.replace("iss=http", "iss=https")),
                Rejected("the response is from another issuer"),
            ),
            (
                "an invented code",
                Lie::Redirect(|q| q.replace("code=code1", "code=x")),
                Rejected("the provider refused the code"),
            ),
            (
                "canceled",
                Lie::Redirect(|q| q.replace("code=code1", "error=access_denied")),
                Denied,
            ),
            (
                "not signed in",
                Lie::Redirect(|q| q.replace("code=code1", "error=login_required")),
                Denied,
            ),
            (
                "another error",
                Lie::Redirect(|q| q.replace("code=code1", "error=invalid_scope")),
                Rejected("the provider refused the request"),
            ),
            (
                "an error in another browser",
                Lie::Redirect(|_| "error=access_denied&state=x".into()),
                state,
            ),
        ],
    )
    .await;
    // The issuer is checked even if the provider does not announce it.
    let world = World::new("ES256").await;
    world.provider.facts().lie = Lie::Discovery(|d| d["authorization_response_iss_parameter_supported"] = false.into());
    let attempt = world.attempt(false);
    let query = world.respond(&attempt).await.unwrap();
    let mixed_up = query.replace("iss=http", "iss=https");
    let redeemed = world.test().redeem(&attempt, &mixed_up).await;
    assert_eq!(redeemed, Err(Rejected("the response is from another issuer")));
    assert!(
        world
            .test()
            .redeem(&attempt, query.split("&iss").next().unwrap())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_response_is_accepted_once_and_only_from_its_browser() {
    let world = World::new("ES256").await;
    let (attempt, other) = (world.attempt(false), world.attempt(false));
    let query = world.respond(&attempt).await.unwrap();
    let redeem = async |attempt: &Attempt| world.test().redeem(attempt, &query).await.map(drop);
    assert_eq!(
        redeem(&other).await,
        Err(Rejected("the response has another state")),
        "another browser's state"
    );
    let mut empty = attempt.clone();
    empty.state.clear();
    let without = query.replace(&attempt.state, "");
    let redeemed = world.test().redeem(&empty, &without).await;
    assert_eq!(
        redeemed,
        Err(Rejected("the response has another state")),
        "no state in the attempt"
    );
    let mut elsewhere = attempt.clone();
    elsewhere.provider = "other".into();
    assert_eq!(
        redeem(&elsewhere).await,
        Err(Rejected("the attempt is for another provider"))
    );
    assert_eq!(redeem(&attempt).await, Ok(()));
    assert_eq!(
        redeem(&attempt).await,
        Err(Rejected("the provider refused the code")),
        "replayed code"
    );
    // A code that another browser's verifier does not fit, and an attempt without one.
    for verifier in [other.verifier.as_str(), ""] {
        let mut attempt = world.attempt(false);
        let query = world.respond(&attempt).await.unwrap();
        attempt.verifier = verifier.into();
        let redeemed = world.test().redeem(&attempt, &query).await;
        assert_eq!(redeemed, Err(Rejected("the provider refused the code")), "verifier");
    }
    let attempt = world.attempt(false);
    let query = world.respond(&attempt).await.unwrap();
    world.clock.advance_ms(Attempt::LIFETIME_MS + 1);
    let redeemed = world.test().redeem(&attempt, &query).await;
    assert_eq!(redeemed, Err(Rejected("the attempt is too old")));
}
