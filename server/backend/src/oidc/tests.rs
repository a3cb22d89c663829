mod caches;
mod documents;
mod id_tokens;
mod lying_provider;
mod responses;

use super::*;
use crate::TestClock;
use account::Secret;
use lying_provider::{CLIENT_ID, Lie, LyingProvider, SUBJECT, pairs};

const ORIGIN: &str = "https://accounts.example.com";
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A provider on loopback, and this service's view of it.
struct World {
    provider: LyingProvider,
    providers: Providers,
    clock: Arc<TestClock>,
}

fn settings(issuer: &str) -> ProviderSettings {
    ProviderSettings {
        id: "test".into(),
        name: "Test".into(),
        issuer: issuer.into(),
        client_id: CLIENT_ID.into(),
        client_secret: Some("a secret".into()),
        scopes: ProviderSettings::DEFAULT_SCOPES.into(),
        listed: true,
    }
}

impl World {
    async fn new(algorithm: &str) -> Self {
        Self::with(algorithm, TIME_LIMITS, Some("a secret")).await
    }

    async fn with(algorithm: &str, limits: TimeLimits, secret: Option<&str>) -> Self {
        let clock = Arc::new(TestClock::at(Timestamp(1_800_000_000_000)));
        let provider = LyingProvider::start(algorithm, clock.clone()).await;
        let settings = ProviderSettings {
            client_secret: secret.map(Secret::from),
            ..settings(&provider.issuer)
        };
        let shared: Arc<dyn Clock> = clock.clone();
        let providers =
            Providers::with_limits(vec![settings], ORIGIN, &TrustedRoots::public(), &shared, limits).unwrap();
        Self {
            provider,
            providers,
            clock,
        }
    }

    fn attempt(&self, fresh: bool) -> Attempt {
        Attempt::new("test", fresh, self.clock.now())
    }

    fn test(&self) -> &Provider {
        self.providers.find("test").unwrap()
    }

    /// Signs in at the provider and returns the query string of the response.
    async fn respond(&self, attempt: &Attempt) -> Result<String, ProviderError> {
        let ask = Ask {
            login_hint: None,
            language: "en",
        };
        Ok(self
            .provider
            .sign_in(&self.test().authorization_url(attempt, &ask).await?))
    }

    async fn sign_in(&self, fresh: bool) -> Result<Identity, ProviderError> {
        let attempt = self.attempt(fresh);
        let query = self.respond(&attempt).await?;
        self.test().redeem(&attempt, &query).await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Each lie must be refused by the check that is there for it.
async fn refused(algorithm: &str, cases: &[(&str, Lie, ProviderError)]) {
    for (name, lie, error) in cases {
        let world = World::new(algorithm).await;
        world.provider.facts().lie = *lie;
        assert_eq!(world.sign_in(false).await, Err(*error), "{name}");
    }
}

#[tokio::test]
async fn a_correct_provider_identifies_the_person() {
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        for fresh in [false, true] {
            let world = World::new(algorithm).await;
            let identity = Identity {
                issuer: world.provider.issuer.clone(),
                subject: SUBJECT.into(),
                email: Some(EmailAddress::parse("ada@example.com").unwrap()),
                email_verified: Some(true),
                name: Some(Name::parse("Ada Lovelace").unwrap()),
                authenticated_at: Some(world.now()),
            };
            assert_eq!(world.sign_in(fresh).await, Ok(identity), "{algorithm}");
        }
    }
}

#[tokio::test]
async fn an_address_missing_in_the_id_token_is_read_from_the_user_information() {
    let world = World::new("ES256").await;
    world.provider.facts().email_in_token = false;
    let identity = world.sign_in(false).await.unwrap();
    assert_eq!(identity.email.unwrap().as_str(), "ada@example.com");
    assert_eq!(identity.email_verified, Some(true));
    assert_eq!(identity.name.unwrap().as_str(), "Ada Lovelace");
    // Without the endpoint, the person is still identified.
    let world = World::new("ES256").await;
    world.provider.facts().email_in_token = false;
    world.provider.facts().lie = Lie::Discovery(|document| drop(document["userinfo_endpoint"].take()));
    let identity = world.sign_in(false).await.unwrap();
    assert_eq!((identity.email, identity.email_verified), (None, None));
}

#[tokio::test]
async fn an_unusable_address_or_name_is_left_out() {
    let world = World::new("ES256").await;
    world.provider.facts().lie = Lie::Claims(|claims| {
        claims["email"] = "ada@localhost, eve@example.com".into();
        claims["name"] = "Visit www.evil.example".into();
    });
    let identity = world.sign_in(false).await.unwrap();
    assert_eq!(identity.subject, SUBJECT);
    assert_eq!(
        (identity.email, identity.email_verified, identity.name),
        (None, None, None)
    );
}

#[tokio::test]
async fn an_address_is_verified_only_if_the_provider_says_so() {
    async fn world_saying(claim: fn(&mut serde_json::Value)) -> Option<bool> {
        let world = World::new("ES256").await;
        world.provider.facts().lie = Lie::Claims(claim);
        world.sign_in(false).await.unwrap().email_verified
    }
    assert_eq!(
        world_saying(|claims| claims["email_verified"] = "true".into()).await,
        Some(true)
    );
    assert_eq!(
        world_saying(|claims| claims["email_verified"] = "false".into()).await,
        Some(false)
    );
    assert_eq!(
        world_saying(|claims| claims["email_verified"] = false.into()).await,
        Some(false)
    );
    assert_eq!(world_saying(|claims| claims["email_verified"] = 1.into()).await, None);
    assert_eq!(world_saying(|claims| drop(claims["email_verified"].take())).await, None);
}

#[tokio::test]
async fn the_request_binds_the_response_to_the_browser() {
    let world = World::new("ES256").await;
    let (attempt, again) = (world.attempt(true), world.attempt(false));
    let ask = Ask {
        login_hint: Some("ada+1@example.com"),
        language: "ar",
    };
    let url = world.test().authorization_url(&attempt, &ask).await.unwrap();
    assert!(
        url.starts_with(&format!("{}/authorize?tenant=1&", world.provider.issuer)),
        "{url}"
    );
    let sent = pairs(reqwest::Url::parse(&url).unwrap().query().unwrap());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&attempt.verifier));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        (
            "redirect_uri",
            "https://accounts.example.com/signin/provider/test/callback",
        ),
        ("scope", "openid email profile"),
        ("state", &attempt.state),
        ("nonce", &attempt.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
        ("max_age", "0"),
        ("login_hint", "ada+1@example.com"),
        ("ui_locales", "ar"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    assert!(!url.contains(&attempt.verifier) && !url.contains("secret"));
    let url = world
        .test()
        .authorization_url(
            &again,
            &Ask {
                login_hint: None,
                ..ask
            },
        )
        .await
        .unwrap();
    let other = pairs(reqwest::Url::parse(&url).unwrap().query().unwrap());
    assert!(
        ["prompt", "max_age", "login_hint"]
            .iter()
            .all(|name| !other.contains_key(*name))
    );
    assert!(
        ["state", "nonce", "code_challenge"]
            .iter()
            .all(|name| sent[*name] != other[*name])
    );
}

#[tokio::test]
async fn the_client_authenticates_as_the_provider_supports() {
    const POST: Lie = Lie::Discovery(|document| {
        document["token_endpoint_auth_methods_supported"] = serde_json::json!(["client_secret_post"]);
    });
    // The base64 of `client+of+rekey:s%3A%2B`.
    let basic = Some("Basic Y2xpZW50K29mK3Jla2V5OnMlM0ElMkI=");
    for (secret, lie, header, id_sent, secret_sent) in [
        (Some("s:+"), Lie::None, basic, None, None),
        (Some("s:+"), POST, None, Some(CLIENT_ID), Some("s:+")),
        (None, Lie::None, None, Some(CLIENT_ID), None),
    ] {
        let world = World::with("ES256", TIME_LIMITS, secret).await;
        world.provider.facts().lie = lie;
        world.sign_in(false).await.unwrap();
        let (headers, form) = world.provider.facts().token_request.clone();
        assert_eq!(headers.get("authorization").map(|sent| sent.to_str().unwrap()), header);
        assert_eq!(form.get("client_id").map(|sent| &**sent), id_sent);
        assert_eq!(form.get("client_secret").map(|sent| &**sent), secret_sent);
        assert_eq!(form["grant_type"], "authorization_code");
    }
}

#[test]
fn invalid_settings_are_reported() {
    type Change = fn(&mut ProviderSettings);
    let with = |change: Change| {
        let mut list = vec![settings("https://id.example.com/tenant")];
        change(&mut list[0]);
        list
    };
    let new = |list| {
        Providers::new(
            list,
            ORIGIN,
            &TrustedRoots::public(),
            Arc::new(TestClock::at(Timestamp(0))),
        )
    };
    for issuer in [
        "https://accounts.example.com",
        "https://id.example.com:8443/a/",
        "http://[::1]:3000/a",
        "http://localhost",
    ] {
        assert!(new(vec![settings(issuer)]).is_ok(), "{issuer}");
    }
    let invalid: [(Change, &str); 12] = [
        (
            |provider| provider.id = "Google".into(),
            "id of the provider `Google` is not",
        ),
        (|provider| provider.id = "a/b".into(), "id"),
        (|provider| provider.id = String::new(), "id"),
        (|provider| provider.name = "\n".into(), "name"),
        (|provider| provider.issuer = "accounts.google.com".into(), "issuer"),
        (
            |provider| provider.issuer = "http://id.example.com".into(),
            "issuer of the provider `test` is not https",
        ),
        (
            |provider| provider.issuer = "http://127.0.0.1.example.com".into(),
            "issuer",
        ),
        (|provider| provider.issuer = "https://id.example.com?a".into(), "issuer"),
        (
            |provider| provider.issuer = "https://me@id.example.com".into(),
            "issuer",
        ),
        (|provider| provider.client_id = String::new(), "client_id"),
        (|provider| provider.client_secret = Some("".into()), "client_secret"),
        (|provider| provider.scopes = "email profile".into(), "scopes"),
    ];
    for (change, text) in invalid {
        let error = new(with(change)).err().unwrap();
        assert!(error.starts_with(text), "{text}: {error}");
    }
    let (first, mut second) = (settings("https://id.example.com"), settings("https://id.example.com"));
    second.id = "second".into();
    let error = new(vec![first.clone(), second.clone()]).err().unwrap();
    assert!(
        error.starts_with("issuer of the provider `second` is the issuer of another"),
        "{error}"
    );
    second.issuer = "https://other.example.com".into();
    second.listed = false;
    let providers = new(vec![first, second]).unwrap();
    assert_eq!(providers.by_issuer("https://other.example.com").unwrap().id(), "second");
    assert_eq!(providers.listed().map(Provider::id).collect::<Vec<_>>(), ["test"]);
    assert!(providers.find("third").is_none() && providers.by_issuer("other.example.com").is_none());
}

#[test]
fn a_signing_key_publishes_what_verifies_its_tokens() {
    let key = SigningKey::generate().unwrap();
    let token = key.sign(&serde_json::json!({"sub": "1"})).unwrap();
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.jwk()).unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.kid, jwk.common.key_id);
    let mut validation = jsonwebtoken::Validation::new(header.alg);
    validation.required_spec_claims.clear();
    let verified = |key: &jsonwebtoken::jwk::Jwk| {
        let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
        jsonwebtoken::decode::<serde_json::Value>(&token, &key, &{
            let mut validation = validation.clone();
            validation.validate_exp = false;
            validation
        })
    };
    assert!(verified(&jwk).is_ok());
    let other = serde_json::from_value(SigningKey::generate().unwrap().jwk()).unwrap();
    assert!(verified(&other).is_err());
}
