//! Each lie of a provider or a browser must be refused by the check that is there for it.

use super::lying_provider::{Answer, Lie};
use super::*;
use ProviderError::{Denied, Rejected, Unavailable};
use serde_json::json;

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Without waiting for the usual limits.
const SHORT: TimeLimits = TimeLimits {
    request: Duration::from_millis(100),
    total: Duration::from_secs(5),
};

async fn refused(algorithm: &str, cases: &[(&str, Lie, ProviderError)]) {
    for (name, lie, error) in cases {
        let world = World::new(algorithm).await;
        world.provider.facts().lie = *lie;
        assert_eq!(world.sign_in(false).await, Err(*error), "{name}");
    }
}

fn after_iat(claims: &serde_json::Value, seconds: i64) -> serde_json::Value {
    (claims["iat"].as_i64().unwrap() + seconds).into()
}

#[tokio::test]
async fn an_id_token_with_a_false_claim_is_refused() {
    const LONG: &str = concat!(
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        "01234567890123456789012345678901234567890123456789012345"
    );
    assert_eq!(LONG.len(), 256);
    let other_client = Rejected("the ID token is for another client");
    let issued_elsewhere = Rejected("the ID token was issued to another client");
    let subject = Rejected("the ID token has no usable subject");
    let nonce = Rejected("the ID token has another nonce");
    let issuer = Rejected("the ID token is from another issuer");
    let malformed = Rejected("the ID token is malformed");
    refused(
        "ES256",
        &[
            (
                "other issuer",
                Lie::Claims(|c| c["iss"] = "https://evil.example".into()),
                issuer,
            ),
            (
                "issuer without a scheme",
                Lie::Claims(|c| c["iss"] = c["iss"].as_str().unwrap().trim_start_matches("http://").into()),
                issuer,
            ),
            (
                "several issuers",
                Lie::Claims(|c| c["iss"] = json!([c["iss"], "https://evil.example"])),
                malformed,
            ),
            ("no issuer", Lie::Claims(|c| drop(c["iss"].take())), issuer),
            (
                "other audience",
                Lie::Claims(|c| c["aud"] = "other".into()),
                other_client,
            ),
            ("no audience", Lie::Claims(|c| drop(c["aud"].take())), other_client),
            (
                "no audience in the list",
                Lie::Claims(|c| c["aud"] = json!([])),
                other_client,
            ),
            (
                "several audiences without azp",
                Lie::Claims(|c| c["aud"] = json!([CLIENT_ID, "other"])),
                Rejected("the ID token has several audiences and does not say for whom it was issued"),
            ),
            (
                "several audiences, wrong azp",
                Lie::Claims(|c| {
                    c["aud"] = json!([CLIENT_ID, "other"]);
                    c["azp"] = "other".into();
                }),
                issued_elsewhere,
            ),
            (
                "wrong azp",
                Lie::Claims(|c| c["azp"] = "other".into()),
                issued_elsewhere,
            ),
            ("wrong nonce", Lie::Claims(|c| c["nonce"] = "other".into()), nonce),
            ("no nonce", Lie::Claims(|c| drop(c["nonce"].take())), nonce),
            (
                "expired",
                Lie::Claims(|c| c["exp"] = after_iat(c, -60)),
                Rejected("the ID token has expired"),
            ),
            (
                "no expiry",
                Lie::Claims(|c| drop(c["exp"].take())),
                Rejected("the ID token has no expiry"),
            ),
            (
                "no time of issue",
                Lie::Claims(|c| drop(c["iat"].take())),
                Rejected("the ID token has no time of issue"),
            ),
            (
                "iat in the future",
                Lie::Claims(|c| c["iat"] = after_iat(c, 61)),
                Rejected("the ID token was issued in the future"),
            ),
            (
                "nbf in the future",
                Lie::Claims(|c| c["nbf"] = after_iat(c, 61)),
                Rejected("the ID token is not valid yet"),
            ),
            (
                "auth_time in the future",
                Lie::Claims(|c| c["auth_time"] = after_iat(c, 61)),
                Rejected("the ID token's authentication is in the future"),
            ),
            ("no subject", Lie::Claims(|c| drop(c["sub"].take())), subject),
            ("empty subject", Lie::Claims(|c| c["sub"] = "".into()), subject),
            ("overlong subject", Lie::Claims(|c| c["sub"] = LONG.into()), subject),
            ("subject outside ASCII", Lie::Claims(|c| c["sub"] = "é".into()), subject),
            (
                "wrong at_hash",
                Lie::Claims(|c| c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into()),
                Rejected("the ID token belongs to another access token"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_id_token_with_a_false_signature_is_refused() {
    let algorithm = Rejected("the ID token's algorithm is not allowed");
    let unknown = Rejected("the ID token's key is unknown");
    let invalid = Rejected("the ID token's signature is invalid");
    refused(
        "RS256",
        &[
            (
                "alg none",
                Lie::Unsigned,
                Rejected("the ID token's header is malformed"),
            ),
            ("HS256 with the public key", Lie::PublicKeyAsSecret, algorithm),
            (
                "another family's algorithm",
                Lie::Header(|h| h["alg"] = "ES256".into()),
                unknown,
            ),
            ("RS512", Lie::Header(|h| h["alg"] = "RS512".into()), algorithm),
            (
                "an extension",
                Lie::Header(|h| h["crit"] = json!(["b64"])),
                Rejected("the ID token is malformed"),
            ),
            (
                "a key for encryption",
                Lie::Jwk(|key| key["use"] = "enc".into()),
                unknown,
            ),
            (
                "a key for another algorithm",
                Lie::Jwk(|key| key["alg"] = "PS256".into()),
                unknown,
            ),
            (
                "a key for other operations",
                Lie::Jwk(|key| key["key_ops"] = json!(["encrypt"])),
                unknown,
            ),
        ],
    )
    .await;
    for algorithm in ["ES256", "EdDSA"] {
        refused(
            algorithm,
            &[
                ("wrong key", Lie::UnpublishedKey, invalid),
                ("wrong kid", Lie::Header(|h| h["kid"] = "k2".into()), unknown),
                (
                    "changed after signing",
                    Lie::SignedClaims(|c| c["sub"] = "0".into()),
                    invalid,
                ),
                ("another curve", Lie::Jwk(|key| key["crv"] = "P-384".into()), unknown),
            ],
        )
        .await;
    }
}

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

#[tokio::test]
async fn a_fresh_sign_in_needs_a_recent_authentication() {
    for (lie, result) in [
        (Lie::Claims(|c| c["auth_time"] = after_iat(c, -60)), Ok(())),
        (
            Lie::Claims(|c| c["auth_time"] = after_iat(c, -61)),
            Err(Rejected("the user was not authenticated again")),
        ),
        (
            Lie::Claims(|c| drop(c["auth_time"].take())),
            Err(Rejected("the user was not authenticated again")),
        ),
    ] {
        let world = World::new("ES256").await;
        world.provider.facts().lie = lie;
        assert!(world.sign_in(false).await.is_ok());
        assert_eq!(world.sign_in(true).await.map(drop), result);
    }
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    for lie in [
        Lie::Claims(|c| c["exp"] = after_iat(c, -59)),
        Lie::Claims(|c| c["exp"] = (after_iat(c, -59).as_f64().unwrap() + 0.5).into()),
        Lie::Claims(|c| c["iat"] = after_iat(c, 60)),
        Lie::Claims(|c| c["nbf"] = after_iat(c, 60)),
    ] {
        let world = World::new("ES256").await;
        world.provider.facts().lie = lie;
        assert!(world.sign_in(false).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_for_several_audiences_names_this_client() {
    let world = World::new("ES256").await;
    world.provider.facts().lie = Lie::Claims(|c| {
        c["aud"] = json!(["other", CLIENT_ID]);
        c["azp"] = CLIENT_ID.into();
    });
    assert!(world.sign_in(false).await.is_ok());
}

#[tokio::test]
async fn an_invalid_discovery_document_is_rejected() {
    let unsafe_address = Rejected("the discovery document names an unsafe address");
    let long = Rejected("a response of the provider is too long");
    let moved = Rejected("the provider redirected a request from this server");
    let failure = Unavailable("the provider reported a failure");
    refused(
        "ES256",
        &[
            (
                "discovery with another issuer",
                Lie::Discovery(|d| d["issuer"] = "https://evil.example".into()),
                Rejected("the discovery document names another issuer"),
            ),
            (
                "an issuer with a slash added",
                Lie::Discovery(|d| d["issuer"] = format!("{}/", d["issuer"].as_str().unwrap()).into()),
                Rejected("the discovery document names another issuer"),
            ),
            (
                "http away from loopback",
                Lie::Discovery(|d| d["token_endpoint"] = "http://id.example.com/".into()),
                unsafe_address,
            ),
            (
                "a script",
                Lie::Discovery(|d| d["authorization_endpoint"] = "javascript:alert(1)".into()),
                unsafe_address,
            ),
            (
                "no token endpoint",
                Lie::Discovery(|d| drop(d["token_endpoint"].take())),
                Rejected("the discovery document is malformed"),
            ),
            ("5 MB discovery", Lie::Endpoint(DISCOVERY, Answer::Huge), long),
            ("5 MB JWKS", Lie::Endpoint("/keys", Answer::Huge), long),
            ("5 MB token response", Lie::Endpoint("/token", Answer::Huge), long),
            ("redirect at discovery", Lie::Endpoint(DISCOVERY, Answer::Moved), moved),
            (
                "redirect at the token endpoint",
                Lie::Endpoint("/token", Answer::Moved),
                moved,
            ),
            ("redirect at JWKS", Lie::Endpoint("/keys", Answer::Moved), moved),
            (
                "discovery fails",
                Lie::Endpoint(DISCOVERY, Answer::Status(503)),
                failure,
            ),
            (
                "the token endpoint fails",
                Lie::Endpoint("/token", Answer::Status(500)),
                failure,
            ),
            (
                "the client secret is incorrect",
                Lie::Endpoint("/token", Answer::Status(401)),
                Rejected("the provider refused the client secret"),
            ),
            (
                "JWKS is missing",
                Lie::Endpoint("/keys", Answer::Status(404)),
                Rejected("the provider refused a request of this server"),
            ),
        ],
    )
    .await;
}

#[test]
fn a_provider_on_the_internet_names_only_encrypted_addresses_elsewhere() {
    let issuer = "https://id.example.com";
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
    ] {
        for (address, is_allowed) in [
            ("https://login.example.com/a", true),
            ("http://id.example.com/a", false),
            ("http://127.0.0.1/a", false),
            ("https://localhost/a", false),
            ("https://[::1]:8443/a", false),
        ] {
            let mut document = json!({
                "issuer": issuer,
                "authorization_endpoint": "https://id.example.com/a",
                "token_endpoint": "https://id.example.com/t",
                "jwks_uri": "https://id.example.com/j",
            });
            document[name] = address.into();
            let document = serde_json::from_value(document).unwrap();
            assert_eq!(
                discovery::checked(document, issuer).is_ok(),
                is_allowed,
                "{name} {address}"
            );
        }
    }
}

#[tokio::test]
async fn user_information_about_another_subject_is_refused() {
    let subject = Rejected("the user information is about another subject");
    for (lie, error) in [
        (Lie::Userinfo(|person| person["sub"] = "other".into()), subject),
        (
            Lie::Userinfo(|person| drop(person["sub"].take())),
            Rejected("the user information is malformed"),
        ),
        (
            Lie::Endpoint("/userinfo", Answer::Huge),
            Rejected("a response of the provider is too long"),
        ),
        (
            Lie::Endpoint("/userinfo", Answer::Status(500)),
            Unavailable("the provider reported a failure"),
        ),
    ] {
        let world = World::new("ES256").await;
        world.provider.facts().email_in_token = false;
        world.provider.facts().lie = lie;
        assert_eq!(world.sign_in(false).await, Err(error));
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_unavailable() {
    let slow = Unavailable("the provider did not answer in time");
    for path in [DISCOVERY, "/keys", "/token"] {
        let world = World::with("ES256", SHORT, None).await;
        world.provider.facts().lie = Lie::Endpoint(path, Answer::Silence);
        assert_eq!(world.sign_in(false).await, Err(slow), "{path}");
    }
    // All requests together have a limit, too.
    let limits = TimeLimits {
        request: Duration::from_secs(600),
        total: Duration::from_millis(100),
    };
    let world = World::with("ES256", limits, None).await;
    world.provider.facts().lie = Lie::Endpoint("/token", Answer::Silence);
    assert_eq!(world.sign_in(false).await, Err(Unavailable("the provider is too slow")));
    let clock = Arc::new(TestClock::at(Timestamp(0)));
    let list = vec![settings("http://127.0.0.1:1")];
    let down = Providers::new(list, ORIGIN, &TrustedRoots::public(), clock).unwrap();
    let ask = Ask {
        login_hint: None,
        language: "en",
    };
    let attempt = Attempt::new("test", false, Timestamp(0));
    let url = down.find("test").unwrap().authorization_url(&attempt, &ask).await;
    assert_eq!(url, Err(Unavailable("the provider cannot be reached")), "provider down");
}
