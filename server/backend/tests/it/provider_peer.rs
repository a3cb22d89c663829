//! OpenID providers on loopback that this service signs in with, over real HTTP.

use crate::browser::{Browser, FlowResult};
use crate::world::World;
use account::{ConfirmStep, ConnectStep, ProviderIntent, ProviderStep, Secret, SecurityView};
use axum::extract::{Form, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use backend::oidc::{ProviderSettings, Providers, SigningKey};
use backend::{Clock, TrustedRoots};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A provider.
#[derive(Clone)]
pub struct Peer(Arc<Parts>);

struct Parts {
    issuer: String,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    /// Claims by code.
    granted: Mutex<HashMap<String, Value>>,
}

/// An account at a provider.
#[derive(Clone, Copy)]
pub struct Person {
    pub subject: &'static str,
    pub email: &'static str,
    pub email_verified: bool,
}

/// A verified account at a provider.
pub const fn person(subject: &'static str, email: &'static str) -> Person {
    Person {
        subject,
        email,
        email_verified: true,
    }
}

impl Peer {
    pub async fn start(clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let peer = Self(Arc::new(Parts {
            issuer,
            key: SigningKey::generate().unwrap(),
            clock,
            granted: Mutex::default(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(peer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        peer
    }

    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Signs a person in at the authorization address, and returns the query of the redirect.
    pub fn sign_in(&self, url: &str, person: Person) -> String {
        let (_, query) = url.split_once('?').unwrap();
        let asked: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let now = self.0.clock.now().0 / 1_000;
        let code = format!("code {}", self.0.granted.lock().unwrap().len());
        let claims = json!({
            "iss": self.0.issuer,
            "sub": person.subject,
            "aud": asked["client_id"],
            "exp": now + 60,
            "iat": now,
            "auth_time": now,
            "nonce": asked["nonce"],
            "email": person.email,
            "email_verified": person.email_verified,
            "name": "Pat Provider",
        });
        self.0.granted.lock().unwrap().insert(code.clone(), claims);
        let mut response = form_urlencoded::Serializer::new(String::new());
        response
            .append_pair("code", &code)
            .append_pair("state", &asked["state"]);
        response.finish()
    }
}

async fn discovery(State(peer): State<Peer>) -> Json<Value> {
    let issuer = peer.issuer();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    }))
}

async fn keys(State(peer): State<Peer>) -> Json<Value> {
    Json(json!({ "keys": [peer.0.key.jwk()] }))
}

async fn token(State(peer): State<Peer>, Form(asked): Form<HashMap<String, String>>) -> Json<Value> {
    let claims = peer.0.granted.lock().unwrap().remove(&asked["code"]);
    Json(match claims {
        Some(claims) => json!({
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": peer.0.key.sign(&claims).unwrap(),
        }),
        None => json!({ "error": "invalid_grant" }),
    })
}

/// A world whose sign-in page has Google, played by a peer, and an organization's provider.
pub struct Linked {
    pub world: World,
    pub google: Peer,
    pub engines: Peer,
    other: Peer,
}

impl Linked {
    pub async fn to(world: &World) -> Self {
        let google = Peer::start(world.clock.clone()).await;
        let engines = Peer::start(world.clock.clone()).await;
        let settings = |id: &str, name: &str, peer: &Peer| ProviderSettings {
            id: id.into(),
            name: name.into(),
            issuer: peer.issuer().into(),
            client_id: "rekey".into(),
            client_secret: None,
            scopes: ProviderSettings::DEFAULT_SCOPES.into(),
            listed: id != "engines",
        };
        let other = Peer::start(world.clock.clone()).await;
        let gone = ProviderSettings {
            // Nothing listens there.
            issuer: "http://127.0.0.1:1".into(),
            ..settings("gone", "Gone", &google)
        };
        let list = vec![
            settings("google", "Google", &google),
            settings("engines", "Engines", &engines),
            settings("other", "Other", &other),
            gone,
        ];
        let clock: Arc<dyn Clock> = world.clock.clone();
        let origin = world.backend.settings().origin.clone();
        let providers = Providers::new(list, &origin, &TrustedRoots::public(), clock).unwrap();
        Self {
            world: world.with_providers(providers),
            google,
            engines,
            other,
        }
    }

    /// Signs a browser in at Google.
    pub async fn with_google(&self, browser: &mut Browser, person: Person) -> FlowResult<ProviderStep> {
        let url = browser
            .begin_provider("google", ProviderIntent::SignIn, &browser.next.clone())
            .await?;
        let query = self.google.sign_in(&url, person);
        browser.finish_provider("google", &query).await
    }

    /// Signs a browser in at a third provider.
    pub async fn with_other(&self, browser: &mut Browser, person: Person) -> FlowResult<ProviderStep> {
        let url = browser
            .begin_provider("other", ProviderIntent::SignIn, &browser.next.clone())
            .await?;
        let query = self.other.sign_in(&url, person);
        browser.finish_provider("other", &query).await
    }

    /// Connects an account at Google to the signed-in account.
    pub async fn connect_google(&self, browser: &mut Browser, person: Person) -> FlowResult<ProviderStep> {
        let url = browser.begin_provider("google", ProviderIntent::Connect, "").await?;
        let query = self.google.sign_in(&url, person);
        browser.finish_provider("google", &query).await
    }

    /// Signs a browser in at the organization's provider.
    pub async fn with_engines(&self, browser: &mut Browser, person: Person) -> FlowResult<ProviderStep> {
        let url = browser
            .begin_provider("engines", ProviderIntent::SignIn, &browser.next.clone())
            .await?;
        let query = self.engines.sign_in(&url, person);
        browser.finish_provider("engines", &query).await
    }
}

impl Browser {
    pub async fn begin_provider(&mut self, id: &str, intent: ProviderIntent, next: &str) -> FlowResult<String> {
        let begun = self.request().provider().begin(id, intent, next).await;
        let (url, attempt) = crate::browser::without_fault(begun)?;
        self.held.apply(&attempt);
        Ok(url)
    }

    pub async fn finish_provider(&mut self, id: &str, query: &str) -> FlowResult<ProviderStep> {
        let transition = self.request().provider().finish(id, query).await;
        self.take(transition)
    }

    pub async fn offered(&self) -> FlowResult<ConnectStep> {
        crate::browser::without_fault(self.request().connections().step().await)
    }

    pub async fn accept_connection(&mut self) -> FlowResult<ConnectStep> {
        let transition = self.request().connections().accept().await;
        self.take(transition)
    }

    pub async fn disconnect(&mut self, id: &str) -> FlowResult<SecurityView> {
        let transition = self.request().connections().disconnect(id).await;
        self.take(transition)
    }

    pub async fn add_password(&mut self, password: &str) -> FlowResult<SecurityView> {
        let password = Secret::from(password);
        let transition = self.request().password_change().add(&password, &password).await;
        self.take(transition)
    }

    pub async fn confirm_step(&self) -> FlowResult<ConfirmStep> {
        let current = self.request().confirmation().step("/security").await;
        crate::browser::without_fault(current.map(|current| current.step))
    }

    pub async fn confirm_with_password(&mut self, password: &str) -> FlowResult<ConfirmStep> {
        let transition = self
            .request()
            .confirmation()
            .password(&password.into(), "/security")
            .await;
        self.take(transition)
    }

    pub async fn send_confirmation(&mut self) -> FlowResult<ConfirmStep> {
        let transition = self.request().confirmation().send("/security").await;
        self.take(transition)
    }

    pub async fn answer_confirmation(&mut self, code: &str) -> FlowResult<ConfirmStep> {
        let transition = self.request().confirmation().answer(&code.into()).await;
        self.take(transition)
    }
}
