//! Account flows done for real: the domain's decisions, kept in SQL and told by mail.

rust_i18n::i18n!("locales", fallback = "en");

mod account_changes;
mod accounts;
mod backup;
mod caller;
mod clock;
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
pub mod mail_queue;
mod metrics;
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
pub use accounts::NewAccount;
pub use backup::{BackupError, Restored, Take, back_up, restore};
pub use caller::{BrowserTokens, Caller, TokenChange, TokenKind, Transition, Visitor};
pub use clock::{Clock, SystemClock, TestClock};
pub use emails::{RenderedEmail, gallery, render};
pub use error::{Error, Fault};
pub use hashing::{EngineChoice, ForeignHash, HashPermit, Hashing, UnfitHash, Verdict};
pub use import::ImportedAccount;
pub use keys::Keys;
pub use leaked::LeakedPasswords;
pub use limits::Limits;
pub use mail::{Certificate, KeptEmail, Line, Listener, Mailer, Smtp, SmtpError, check_ehlo_name};
pub use metrics::{Metrics, TRACE};
pub use outbox_worker::OutboxWorker;
pub use retried::retried;
pub use settings::{LiveSettings, Settings};
pub use trust::TrustedRoots;
pub use upkeep::{Ended, KeyUses, end_sessions};

use std::sync::Arc;
use store::Db;
use tokio::sync::{Notify, broadcast};

/// The account service. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct Backend {
    parts: Arc<Parts>,
    /// Wakes the outbox worker after a commit that wrote an e-mail.
    emails_written: Arc<Notify>,
    /// Says which flow (by its digest) has transition, to the pages that listen on this server.
    flows_moved: broadcast::Sender<String>,
    metrics: Arc<Metrics>,
}

/// What a [`Backend`] is made of. Time and randomness come in here and nowhere else.
pub struct Parts {
    /// Where everything is kept.
    pub db: Db,
    /// The only reader of the time.
    pub clock: Arc<dyn Clock>,
    /// Server keys; not in the database.
    pub keys: Keys,
    /// Password hashing, admitted.
    pub hashing: Hashing,
    /// The operator's list of leaked passwords, if any.
    pub leaked: LeakedPasswords,
    /// Names, figures, policies.
    pub settings: LiveSettings,
}

impl Backend {
    /// A service made of its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (flows_moved, _) = broadcast::channel(256);
        Self {
            parts: Arc::new(parts),
            emails_written: Arc::new(Notify::new()),
            flows_moved,
            metrics: Arc::default(),
        }
    }

    /// Names, figures, policies, as they are at this moment.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.parts.settings.current()
    }

    /// Puts other settings in force.
    pub fn replace_settings(&self, settings: Settings) {
        self.parts.settings.replace(settings);
    }

    /// Where everything is kept; for start-up, readiness and tests.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.parts.db
    }

    fn now(&self) -> account::Timestamp {
        self.parts.clock.now()
    }
}
