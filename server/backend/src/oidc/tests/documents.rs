//! False, endless and missing documents of a provider.

use super::lying_provider::Answer;
use super::*;
use ProviderError::{Rejected, Unavailable};
use serde_json::json;

/// Without waiting for the usual limits.
const SHORT: TimeLimits = TimeLimits {
    request: Duration::from_millis(100),
    total: Duration::from_secs(5),
};

#[tokio::test]
async fn a_false_document_is_refused() {
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
