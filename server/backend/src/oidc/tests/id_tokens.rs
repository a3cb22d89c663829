//! ID tokens with one lie each, and truthful ones at the limits.

use super::*;
use ProviderError::Rejected;
use serde_json::json;

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
async fn an_id_token_with_an_invalid_signature_is_rejected() {
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
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let changed = Lie::SignedClaims(|c| c["sub"] = "0".into());
        refused(algorithm, &[("changed after signing", changed, invalid)]).await;
    }
    for algorithm in ["ES256", "EdDSA"] {
        refused(
            algorithm,
            &[
                ("wrong key", Lie::UnpublishedKey, invalid),
                ("wrong kid", Lie::Header(|h| h["kid"] = "k2".into()), unknown),
                ("another curve", Lie::Jwk(|key| key["crv"] = "P-384".into()), unknown),
            ],
        )
        .await;
    }
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

/// Attack: an attempt without a nonce accepts the token of any sign-in that has none either.
#[tokio::test]
async fn an_empty_nonce_never_fits() {
    let world = World::new("ES256").await;
    let mut attempt = world.attempt(false);
    attempt.nonce.clear();
    let query = world.respond(&attempt).await.unwrap();
    let redeemed = world.test().redeem(&attempt, &query).await;
    assert_eq!(redeemed, Err(Rejected("the ID token has another nonce")));
}
