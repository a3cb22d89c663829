//! A service with accounts, a simulated clock and mail delivery.

mod mailbox;

use crate::database::Database;
use account::{
    Account, AccountId, ActivityKind, EmailAddress, Key, Keyring, Name, Organization, Provider, Secret, Timestamp,
};
use backend::oauth::Clients;
use backend::oidc::{GOOGLE, ProviderSettings, Providers};
use backend::store::outbox::Claimed;
use backend::store::postgres::Server;
use backend::store::{Engine, WriteTx, accounts, organizations};
use backend::{
    Backend, Clock, Dns, EngineChoice, Hashing, Keys, LeakedPasswords, NewAccount, Parts, Settings, TestClock,
    TrustedRoots,
};
use sha2::{Digest, Sha256};
use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::sync::{Barrier, OnceCell};

/// The initial password of every account.
pub const PASSWORD: &str = "correct horse battery staple";
/// The password after a change.
pub const NEW_PASSWORD: &str = "seven purple lanterns drift";
/// The password of no account.
pub const WRONG_PASSWORD: &str = "wrong horse battery staple";
/// The address of an existing account.
pub const ADA: &str = "ada@example.com";
/// The address of another account.
pub const GRACE: &str = "grace@example.com";
/// 24 November 2026, in the morning.
const START: Timestamp = Timestamp(1_795_514_520_000);

pub struct World {
    pub backend: Backend,
    pub clock: Arc<TestClock>,
    pub keys: Keys,
    pub hashing: Hashing,
    pub database: Arc<Database>,
    delivered: Arc<Mutex<Vec<Claimed>>>,
}

impl World {
    pub async fn on_sqlite() -> Self {
        Self::on(Database::sqlite()).await
    }

    pub async fn on_postgres() -> Self {
        Self::on(Database::postgres().await).await
    }

    pub async fn on(database: Database) -> Self {
        Self::at(Arc::new(database), Arc::default()).await
    }

    /// Restarts the service on the same database.
    pub async fn started_again(self) -> Self {
        self.backend.db().close().await;
        Self::at(self.database, self.delivered).await
    }

    async fn at(database: Arc<Database>, delivered: Arc<Mutex<Vec<Claimed>>>) -> Self {
        let keys = Keys::from(Keyring::new(Key::new("k1".into(), [7; 32]), vec![]));
        let clock = Arc::new(TestClock::at(START));
        let parts = Parts {
            db: database.open().await,
            clock: clock.clone(),
            hashing: hashing(&keys),
            keys,
            leaked: LeakedPasswords::Off,
            dns: Dns::System,
            providers: google_listed(clock.clone()),
            clients: Clients::default(),
            settings: Settings::default().into(),
        };
        Self::of(parts, clock, database, delivered)
    }

    fn of(parts: Parts, clock: Arc<TestClock>, database: Arc<Database>, delivered: Arc<Mutex<Vec<Claimed>>>) -> Self {
        Self {
            clock,
            keys: parts.keys.clone(),
            hashing: parts.hashing.clone(),
            database,
            delivered,
            backend: Backend::new(parts),
        }
    }

    /// Another server on the same database with other settings.
    pub async fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        self.another(|parts| {
            let mut settings = Settings::clone(&self.backend.settings());
            change(&mut settings);
            parts.settings = settings.into();
        })
    }

    /// Another server on the same database with a list of leaked passwords.
    pub async fn with_leaked(&self, leaked: LeakedPasswords) -> Self {
        self.another(|parts| parts.leaked = leaked)
    }

    /// Another server on the same database with providers.
    pub fn with_providers(&self, providers: Providers) -> Self {
        self.another(|parts| parts.providers = providers)
    }

    /// Another server on the same database with clients of the OpenID provider.
    pub fn with_clients(&self, clients: Clients) -> Self {
        self.another(|parts| parts.clients = clients)
    }

    /// Another server on the same database with a DNS server.
    pub fn with_dns(&self, dns: Dns) -> Self {
        self.another(|parts| parts.dns = dns)
    }

    /// Another server on the same database that reads the key file itself.
    pub fn with_keys(&self, keys: Keys) -> Self {
        self.another(|parts| (parts.hashing, parts.keys) = (hashing(&keys), keys))
    }

    fn another(&self, change: impl FnOnce(&mut Parts)) -> Self {
        let mut parts = Parts {
            db: self.backend.db().clone(),
            clock: self.clock.clone(),
            keys: self.keys.clone(),
            hashing: self.hashing.clone(),
            leaked: LeakedPasswords::Off,
            dns: Dns::System,
            providers: self.backend.providers().clone(),
            clients: Clients::default(),
            settings: Settings::clone(&self.backend.settings()).into(),
        };
        change(&mut parts);
        Self::of(parts, self.clock.clone(), self.database.clone(), self.delivered.clone())
    }

    pub async fn end(self) {
        self.backend.db().close().await;
        self.database.end().await;
    }

    /// Waits until `count` transactions wait for a lock, or one has finished. On SQLite they queue before they begin.
    pub async fn until_waiting(&self, count: i64, through: impl Fn() -> bool) {
        let Engine::Postgres(Server { pool, .. }) = &self.backend.db().engine else {
            return;
        };
        let waiting =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        while !through() && sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() < count {
            tokio::task::yield_now().await;
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl World {
    /// Adds an account with a password.
    pub async fn create_account(&self, email: &str) {
        // Hashed once for all accounts, to save time.
        static HASH: OnceCell<String> = OnceCell::const_new();
        let hash = HASH
            .get_or_init(async || self.hashing.hash("here", &PASSWORD.into()).await.unwrap())
            .await;
        self.create_account_with_hash(email, hash).await;
    }

    /// Adds an account with another system's hash.
    pub async fn create_account_with_hash(&self, email: &str, hash: &str) {
        let mut tx = self.backend.db().begin().await.unwrap();
        self.insert(&mut tx, email, Some(hash)).await;
        tx.commit().await.unwrap();
    }

    /// Adds an account with an id of its own, at an address that another account has left.
    pub async fn create_account_at_id(&self, id: &str, email: &str) {
        let mut tx = self.backend.db().begin().await.unwrap();
        self.insert_at_id(&mut tx, id, email, None).await;
        tx.commit().await.unwrap();
    }

    /// Adds an account in an open transaction.
    pub async fn insert(&self, tx: &mut WriteTx, email: &str, hash: Option<&str>) {
        self.insert_at_id(tx, &format!("id of {email}"), email, hash).await;
    }

    async fn insert_at_id(&self, tx: &mut WriteTx, id: &str, email: &str, hash: Option<&str>) {
        let account = Account {
            id: AccountId(id.to_owned()),
            email: address(email),
            name: name_of(email),
            preferred_name: String::new(),
            managed_by: None,
            has_password: hash.is_some(),
            issuer: None,
            language: None,
            password_changed_at: Some(self.now()),
            disabled_at: None,
            delete_after: None,
        };
        assert!(accounts::insert(tx, &account, hash, self.now()).await.unwrap());
    }

    /// Adds an account without a password, like an operator.
    pub async fn create_account_without_password(&self, email: &str) {
        self.add(email, None, None).await;
    }

    pub async fn create_google_account(&self, email: &str) {
        self.add(email, Some("https://accounts.google.com".into()), None).await;
    }

    pub async fn create_managed_account(&self, email: &str) {
        self.add(email, None, Some(organization())).await;
    }

    /// Adds `local@example.com`, `google@example.com`, `managed@example.com` and `disabled@example.com`.
    pub async fn one_of_each_kind(&self) {
        self.create_account("local@example.com").await;
        self.create_google_account("google@example.com").await;
        self.create_managed_account("managed@example.com").await;
        self.create_disabled_account("disabled@example.com").await;
    }

    pub async fn create_disabled_account(&self, email: &str) {
        self.create_account(email).await;
        assert!(self.backend.accounts().disable(&address(email), true).await.unwrap());
    }

    /// Assigns an account to the organization, like an operator.
    pub async fn assign(&self, email: &str) {
        let (email, organization) = (address(email), organization());
        let assigned = self
            .backend
            .accounts()
            .assign_to_organization(&email, &organization)
            .await;
        assert!(assigned.unwrap());
    }

    /// Changes only the account's row, like another program.
    pub async fn set_managed(&self, email: &str) {
        let id = self.stored(email).await.account.id;
        let mut tx = self.backend.db().begin().await.unwrap();
        let membership = organizations::ensure(&mut tx, &organization(), self.now())
            .await
            .unwrap();
        accounts::set_managed(&mut tx, &id, Some(&membership.id), self.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Adds an account for a provider, like an operator.
    pub async fn declare(&self, email: &str, issuer: &str) {
        self.add(email, Some(issuer.to_owned()), None).await;
    }

    /// Adds the organization with a verified domain, like an operator.
    pub async fn organization_with(&self, provider: Option<&str>, domain: &str) {
        let mut tx = self.backend.db().begin().await.unwrap();
        let of = organizations::ensure(&mut tx, &organization(), self.now())
            .await
            .unwrap();
        organizations::set_provider(&mut tx, &of.id, provider).await.unwrap();
        assert!(
            organizations::add_domain(&mut tx, &of.id, domain, "proof", self.now())
                .await
                .unwrap()
        );
        assert!(
            organizations::verify_domain(&mut tx, &of.id, domain, self.now())
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
    }

    async fn add(&self, email: &str, issuer: Option<String>, managed_by: Option<Organization>) {
        let account = NewAccount {
            email: address(email),
            name: Name::parse(&name_of(email)).unwrap(),
            password: None,
            issuer,
            managed_by,
            language: None,
        };
        assert!(self.backend.accounts().create(account).await.unwrap());
    }

    /// The account's current row.
    pub async fn stored(&self, email: &str) -> accounts::Stored {
        let mut tx = self.backend.db().read().await.unwrap();
        accounts::find_by_email(&mut tx, &address(email))
            .await
            .unwrap()
            .unwrap()
    }

    /// The number of events of a kind in the account's log.
    pub async fn count_events(&self, email: &str, kind: ActivityKind) -> usize {
        let (account, kind) = (self.stored(email).await.account.id.0, kind.as_str());
        let count = format!("select count(*) from events where account_id = '{account}' and kind = '{kind}'");
        usize::try_from(self.database.number(count).await).unwrap()
    }
}

fn hashing(keys: &Keys) -> Hashing {
    Hashing::new(keys.clone(), 2, EngineChoice::Auto).unwrap()
}

pub fn address(email: &str) -> EmailAddress {
    EmailAddress::parse(email).unwrap()
}

/// A token's digest, as stored in the database.
pub fn digest(token: Option<&Secret>) -> String {
    hex::encode(Sha256::digest(token.unwrap().expose()))
}

pub fn google() -> Provider {
    Provider {
        name: "Google".into(),
        password_url: Some("https://myaccount.google.com/signinoptions/password".into()),
    }
}

pub fn organization() -> Organization {
    Organization {
        name: "Analytical Engines Ltd".into(),
        administrator_name: "Charles Babbage".into(),
        administrator_email: "it-help@example.com".into(),
    }
}

fn name_of(email: &str) -> String {
    format!("{} Example", address(email).local_part())
}

/// The `n`th other code of the same length.
pub fn other_code(code: &str, n: u32) -> String {
    let digits = code.len();
    let value: u64 = code.parse().unwrap();
    let below = 10_u64.pow(u32::try_from(digits).unwrap());
    format!("{:0digits$}", (value + u64::from(n)) % below)
}

/// Runs `count` copies of a future concurrently.
pub async fn together<T, F>(count: usize, one: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (start, one) = (start.clone(), one(number));
            tokio::spawn(async move {
                start.wait().await;
                one.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(count);
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Google with a button on the sign-in page. Nothing is requested from it.
fn google_listed(clock: Arc<dyn Clock>) -> Providers {
    let google = ProviderSettings {
        id: "google".into(),
        name: "Google".into(),
        issuer: GOOGLE.into(),
        client_id: "rekey".into(),
        client_secret: None,
        scopes: ProviderSettings::DEFAULT_SCOPES.into(),
        listed: true,
    };
    let origin = Settings::default().origin;
    Providers::new(vec![google], &origin, &TrustedRoots::public(), clock).unwrap()
}
