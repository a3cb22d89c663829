//! Implements the account flows: applies the decisions of the `account` crate, stores state in SQL and sends e-mail.

rust_i18n::i18n!("locales", fallback = "en");

mod account_changes;
mod accounts;
mod backup;
mod caller;
mod clock;
mod deletions;
mod dns;
mod emails;
mod error;
pub mod flows;
mod guessing;
mod hashing;
mod import;
mod keys;
mod leaked;
mod limits;
mod mail;
mod mail_groups;
pub mod mail_queue;
mod metrics;
mod moments;
pub mod oauth;
pub mod oidc;
mod organizations;
mod outbox_worker;
mod proof;
mod random;
mod retried;
mod seal;
mod settings;
pub mod store;
mod trust;
mod upkeep;

pub use account_changes::{AccountDetails, AddressChange};
pub use accounts::{Accounts, NewAccount};
pub use backup::{BackupError, Restored, Take, back_up, restore};
pub use caller::{BrowserTokens, Caller, CurrentStep, TokenChange, TokenKind, Transition, Visitor};
pub use clock::{Clock, SystemClock, TestClock};
pub use deletions::DeletionRequest;
pub use dns::{Dns, proof_name};
pub use emails::{RenderedEmail, gallery, render};
pub use error::{Error, Fault};
pub use flows::BrowserRequest;
pub use hashing::{EngineChoice, ForeignHash, HashPermit, Hashing, UnfitHash, Verdict};
pub use import::ImportedAccount;
pub use keys::Keys;
pub use leaked::LeakedPasswords;
pub use limits::Limits;
pub use mail::{Certificate, KeptEmail, Line, Listener, Mailer, Smtp, SmtpError, check_ehlo_name};
pub use mail_groups::{MailGroup, Subscription};
pub use metrics::{Metrics, TRACE};
pub use moments::{Precision, time_zones, written};
pub use organizations::{NewAdministrator, OrganizationDetails, Organizations, TxtRecord};
pub use outbox_worker::OutboxWorker;
pub use random::fault_reference;
pub use retried::retried;
pub use settings::{LiveSettings, Settings};
pub use trust::TrustedRoots;
pub use upkeep::{Ended, KeyUses, Upkeep, end_sessions};

use std::sync::Arc;
use store::Db;
use tokio::sync::{Notify, broadcast};

/// The account service. Clones share state.
#[derive(Clone)]
pub struct Backend {
    parts: Arc<Parts>,
    /// Wakes the outbox worker after a commit that queued an e-mail.
    emails_written: Arc<Notify>,
    /// Publishes the digest of each changed flow to the pages waiting on this server.
    flows_moved: broadcast::Sender<String>,
    kept_key: Arc<oauth::KeptKey>,
    metrics: Arc<Metrics>,
}

/// The parts of a [`Backend`], including its only sources of time and keys.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The only source of the current time.
    pub clock: Arc<dyn Clock>,
    /// The server keys, which are not stored in the database.
    pub keys: Keys,
    /// Password hashing, with admission control.
    pub hashing: Hashing,
    /// The operator's list of leaked passwords, if any.
    pub leaked: LeakedPasswords,
    /// The DNS server for verifying domains.
    pub dns: Dns,
    /// The identity providers, if any.
    pub providers: oidc::Providers,
    /// The clients of the OpenID provider, if any.
    pub clients: oauth::Clients,
    /// Names, limits and policies.
    pub settings: LiveSettings,
}

impl Backend {
    /// Builds a service from its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (flows_moved, _) = broadcast::channel(256);
        Self {
            parts: Arc::new(parts),
            emails_written: Arc::new(Notify::new()),
            flows_moved,
            kept_key: Arc::default(),
            metrics: Arc::default(),
        }
    }

    /// Returns the current names, limits and policies.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.parts.settings.current()
    }

    /// Replaces the current settings.
    pub fn replace_settings(&self, settings: Settings) {
        self.parts.settings.replace(settings);
    }

    /// Returns the database, for start-up, readiness checks and tests.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.parts.db
    }

    fn now(&self) -> account::Timestamp {
        self.parts.clock.now()
    }
}
