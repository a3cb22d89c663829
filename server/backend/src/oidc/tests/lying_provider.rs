//! A provider on loopback that is correct except for one lie.

use crate::{Clock, TestClock};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

pub const CLIENT_ID: &str = "client of rekey";
pub const SUBJECT: &str = "1234567890";

/// What the provider does differently.
#[derive(Clone, Copy)]
pub enum Lie {
    None,
    /// Changes the header of the ID token.
    Header(fn(&mut Value)),
    /// Changes the claims of the ID token.
    Claims(fn(&mut Value)),
    /// Changes the claims after signing.
    SignedClaims(fn(&mut Value)),
    /// Has no signature.
    Unsigned,
    /// Signs with HMAC, with the public key as the secret.
    PublicKeyAsSecret,
    /// Signs with a key that is not published, under the name of a published one.
    UnpublishedKey,
    /// Changes the discovery document.
    Discovery(fn(&mut Value)),
    /// Changes the published key.
    Jwk(fn(&mut Value)),
    /// Changes the user information.
    Userinfo(fn(&mut Value)),
    /// Changes the query string of the redirect to this service.
    Redirect(fn(String) -> String),
    /// Answers differently at a path.
    Endpoint(&'static str, Answer),
}

#[derive(Clone, Copy)]
pub enum Answer {
    /// A correct response, followed by 5 MB of white space.
    Huge,
    /// A redirect to an address with the correct response.
    Moved,
    /// None.
    Silence,
    /// Only a status.
    Status(u16),
}

/// A key pair. The names are those of JWS (RFC 7518).
pub enum Pair {
    Rs256(RsaKeyPair),
    Ps256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Pair {
    pub fn of(algorithm: &str) -> Self {
        let random = SystemRandom::new();
        let rsa = || RsaKeyPair::from_pkcs8(include_bytes!("../../../tests/fixtures/rsa_test_key.der")).unwrap();
        match algorithm {
            "RS256" => Self::Rs256(rsa()),
            "PS256" => Self::Ps256(rsa()),
            "ES256" => {
                let rules = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                let key = EcdsaKeyPair::generate_pkcs8(rules, &random).unwrap();
                Self::Es256(EcdsaKeyPair::from_pkcs8(rules, key.as_ref(), &random).unwrap())
            }
            "EdDSA" => {
                let key = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Self::EdDsa(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
            }
            other => panic!("{other}"),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256(_) => "RS256",
            Self::Ps256(_) => "PS256",
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |pair: &RsaKeyPair, padding: &'static dyn signature::RsaEncoding| {
            let mut signed = vec![0; pair.public().modulus_len()];
            pair.sign(padding, &random, message, &mut signed).unwrap();
            signed
        };
        match self {
            Self::Rs256(pair) => rsa(pair, &signature::RSA_PKCS1_SHA256),
            Self::Ps256(pair) => rsa(pair, &signature::RSA_PSS_SHA256),
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rs256(pair) | Self::Ps256(pair) => {
                let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": encode(&key.n), "e": encode(&key.e)})
            }
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
            Self::EdDsa(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())}),
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.algorithm().into();
        jwk
    }
}

pub struct Facts {
    pub lie: Lie,
    pub key: Pair,
    pub kid: String,
    /// Whether the ID token contains the address.
    pub email_in_token: bool,
    /// The paths of all requests.
    pub requests: Vec<String>,
    /// Headers and form of the last token request.
    pub token_request: (HeaderMap, HashMap<String, String>),
    codes: HashMap<String, HashMap<String, String>>,
    issued: usize,
}

#[derive(Clone)]
pub struct LyingProvider {
    pub issuer: String,
    pub clock: Arc<TestClock>,
    facts: Arc<Mutex<Facts>>,
}

impl LyingProvider {
    pub async fn start(algorithm: &str, clock: Arc<TestClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let facts = Facts {
            lie: Lie::None,
            key: Pair::of(algorithm),
            kid: "k1".into(),
            email_in_token: true,
            requests: Vec::new(),
            token_request: (HeaderMap::new(), HashMap::new()),
            codes: HashMap::new(),
            issued: 0,
        };
        let provider = Self {
            issuer: format!("http://{}/tenant", listener.local_addr().unwrap()),
            clock,
            facts: Arc::new(Mutex::new(facts)),
        };
        let router = Router::new().fallback(answer).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    pub fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    /// Returns the number of requests for a path.
    pub fn requests(&self, path: &str) -> usize {
        self.facts().requests.iter().filter(|other| *other == path).count()
    }

    /// Signs the person in and returns the query string with which the browser returns to this service.
    pub fn sign_in(&self, url: &str) -> String {
        let request = pairs(reqwest::Url::parse(url).unwrap().query().unwrap());
        let mut facts = self.facts();
        facts.issued += 1;
        let code = format!("code{}", facts.issued);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &request["state"])
            .append_pair("iss", &self.issuer)
            .finish();
        facts.codes.insert(code, request);
        match facts.lie {
            Lie::Redirect(change) => change(query),
            _ => query,
        }
    }

    fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "authorization_response_iss_parameter_supported": true,
            "response_types_supported": ["code"],
        })
    }

    fn token(&self, headers: HeaderMap, form: HashMap<String, String>) -> Response {
        let mut facts = self.facts();
        facts.token_request = (headers, form.clone());
        // A code is valid once.
        let request = form.get("code").and_then(|code| facts.codes.remove(code));
        let challenge = |verifier: &String| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let Some(request) = request.filter(|request| {
            form.get("code_verifier").map(challenge).as_ref() == request.get("code_challenge")
                && form.get("redirect_uri") == request.get("redirect_uri")
        }) else {
            return (StatusCode::BAD_REQUEST, json!({"error": "invalid_grant"}).to_string()).into_response();
        };
        let token = json!({
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": self.id_token(&facts, &request["nonce"]),
        });
        token.to_string().into_response()
    }

    fn id_token(&self, facts: &Facts, nonce: &str) -> String {
        let now = self.clock.now().0 / 1_000;
        let half = match facts.key {
            Pair::EdDsa(_) => Sha512::digest("access")[..32].to_vec(),
            _ => Sha256::digest("access")[..16].to_vec(),
        };
        let mut header = json!({"alg": facts.key.algorithm(), "kid": facts.kid, "typ": "JWT"});
        let mut claims = json!({
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": nonce,
            "at_hash": BASE64_URL_SAFE_NO_PAD.encode(half),
            "name": "Ada Lovelace",
        });
        if facts.email_in_token {
            claims["email"] = "Ada@example.com".into();
            claims["email_verified"] = true.into();
        }
        match facts.lie {
            Lie::Header(change) => change(&mut header),
            Lie::Claims(change) => change(&mut claims),
            Lie::Unsigned => header["alg"] = "none".into(),
            Lie::PublicKeyAsSecret => header["alg"] = "HS256".into(),
            _ => {}
        }
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = [encode(&header), encode(&claims)].join(".");
        let signature = match facts.lie {
            Lie::Unsigned => Vec::new(),
            Lie::PublicKeyAsSecret => {
                let secret = facts.key.jwk(&facts.kid)["n"].as_str().unwrap().to_owned();
                let secret = BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap();
                let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
                mac.update(message.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
            Lie::UnpublishedKey => Pair::of(facts.key.algorithm()).sign(message.as_bytes()),
            _ => facts.key.sign(message.as_bytes()),
        };
        let message = match facts.lie {
            Lie::SignedClaims(change) => {
                change(&mut claims);
                [encode(&header), encode(&claims)].join(".")
            }
            _ => message,
        };
        [message, BASE64_URL_SAFE_NO_PAD.encode(signature)].join(".")
    }

    fn userinfo(&self, headers: &HeaderMap) -> Response {
        if headers
            .get(header::AUTHORIZATION)
            .is_none_or(|sent| sent != "Bearer access")
        {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let mut person = json!({
            "sub": SUBJECT,
            "email": "ada@example.com",
            "email_verified": "true",
            "name": "Ada of Userinfo",
        });
        if let Lie::Userinfo(change) = self.facts().lie {
            change(&mut person);
        }
        person.to_string().into_response()
    }
}

async fn answer(State(provider): State<LyingProvider>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix("/tenant").unwrap_or_default();
    let form = axum::body::to_bytes(body, 1 << 16).await.unwrap();
    let form = pairs(std::str::from_utf8(&form).unwrap());
    let lie = {
        let mut facts = provider.facts();
        facts.requests.push(path.to_owned());
        match facts.lie {
            Lie::Endpoint(place, answer) if place == path && parts.uri.query() != Some("moved") => Some(answer),
            _ => None,
        }
    };
    match lie {
        Some(Answer::Silence) => return std::future::pending().await,
        Some(Answer::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Answer::Moved) => {
            let to = format!("{}{path}?moved", provider.issuer);
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
        }
        Some(Answer::Huge) | None => {}
    }
    let response = match path {
        "/.well-known/openid-configuration" => {
            let mut document = provider.discovery();
            if let Lie::Discovery(change) = provider.facts().lie {
                change(&mut document);
            }
            document.to_string().into_response()
        }
        "/keys" => {
            let facts = provider.facts();
            let mut jwk = facts.key.jwk(&facts.kid);
            if let Lie::Jwk(change) = facts.lie {
                change(&mut jwk);
            }
            // Keys that this service cannot use.
            let others = [
                json!({"kty": "future", "kid": "k0"}),
                json!({"kty": "oct", "k": "AAAA", "kid": "k1"}),
            ];
            json!({"keys": [others[0], others[1], jwk]}).to_string().into_response()
        }
        "/token" => provider.token(parts.headers, form),
        "/userinfo" => provider.userinfo(&parts.headers),
        _ => StatusCode::NOT_FOUND.into_response(),
    };
    if lie.is_none() {
        return response;
    }
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    [body.as_ref(), &vec![b' '; 5_000_000]].concat().into_response()
}

/// Parses a form, in which each name may be used once.
pub fn pairs(form: &str) -> HashMap<String, String> {
    let mut pairs = HashMap::new();
    for (name, value) in form_urlencoded::parse(form.as_bytes()) {
        assert!(pairs.insert(name.into_owned(), value.into_owned()).is_none(), "{form}");
    }
    pairs
}
