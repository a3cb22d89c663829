use crate::TokenChange;
use account::Refusal;
use thiserror::Error;

/// Two kinds, never mixed: the person is told a [`Refusal`]; we are told a [`Fault`].
#[derive(Debug, Error)]
pub enum Error {
    /// A no that the person is told, with its words and its field.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The same right answer once more: it has had its effect. Told as [`Refusal::StepElsewhere`], with the tokens that the
    /// first answer brought, and which may have been lost with it.
    #[error("repeated")]
    Repeated(Vec<TokenChange>),
    /// Ours. Logged once, where it becomes a reference that the screen shows.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What went wrong on our side. Its text holds nothing that a person typed.
#[derive(Debug, Error)]
pub enum Fault {
    /// The database refused what it was asked.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// The database is away, full, locked or has no connection left: told with 503 and `Retry-After`.
    #[error("the database is unavailable: {0}")]
    Away(#[source] sqlx::Error),
    /// The database put a unit of work back because of others beside it: it is done [`retried`](crate::retried).
    #[error("rolled back by the database: {0}")]
    Conflict(#[source] sqlx::Error),
    /// A row that we wrote does not read.
    #[error("a stored {what} cannot be read")]
    Corrupt {
        /// What it should have been.
        what: &'static str,
    },
    /// A key of the key file is gone that something stored still needs.
    #[error("no key {id} in the key file")]
    KeyGone {
        /// Its name.
        id: String,
    },
    /// The file of the database is being restored, or is in use by others and cannot be.
    #[error("its file is in use: a server is running on it, or it is being restored")]
    InUse,
    /// Hashing failed, which it does for no password.
    #[error("hashing: {0}")]
    Hashing(String),
    /// The hashing queue is full or too slow: told with 503 and `Retry-After`.
    #[error("the hashing queue is full")]
    Busy {
        /// When to come again, in seconds.
        retry_after_s: i64,
    },
}

impl Fault {
    /// Every [`kind`](Self::kind).
    pub const KINDS: [&'static str; 8] = [
        "database", "away", "conflict", "corrupt", "key_gone", "in_use", "hashing", "busy",
    ];

    /// Its name, for metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Database(_) => "database",
            Self::Away(_) => "away",
            Self::Conflict(_) => "conflict",
            Self::Corrupt { .. } => "corrupt",
            Self::KeyGone { .. } => "key_gone",
            Self::InUse => "in_use",
            Self::Hashing(_) => "hashing",
            Self::Busy { .. } => "busy",
        }
    }

    /// When to come again, in seconds, where that is what helps.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<i64> {
        match self {
            Self::Busy { retry_after_s } => Some(*retry_after_s),
            Self::Away(_) | Self::Conflict(_) => Some(5),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let code = match &error {
            // The same form at the same moment on another server: tried again, it finds the flow.
            E::Database(told) if told.constraint() == Some("flows_pkey") => return Self::Conflict(error),
            E::Database(told) => told.code().map(std::borrow::Cow::into_owned),
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                return Self::Away(error);
            }
            _ => None,
        };
        match code.as_deref().unwrap_or_default() {
            "40001" | "40P01" => Self::Conflict(error),
            // PostgreSQL: lost connections, too many of them, no disk or memory, being shut down or started, read-only.
            code if code.len() == 5 && ["08", "53", "57P", "25006"].iter().any(|class| code.starts_with(class)) => {
                Self::Away(error)
            }
            // SQLite: locked (5, 6), no memory (7), the disk fails (10) or is full (13), the file does not open (14).
            code if matches!(
                code.parse::<u32>().map(|code| code & 0xff),
                Ok(5 | 6 | 7 | 10 | 13 | 14)
            ) =>
            {
                Self::Away(error)
            }
            _ => Self::Database(error),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Fault(error.into())
    }
}
