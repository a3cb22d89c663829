use crate::TokenChange;
use account::Refusal;
use thiserror::Error;

/// Two kinds of errors, never mixed: a [`Refusal`] is for the user, a [`Fault`] for the operator.
#[derive(Debug, Error)]
pub enum Error {
    /// A refusal, with its text and field for the user.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A repeated correct answer, which has already taken effect. Shown as [`Refusal::StepElsewhere`], with the tokens of the
    /// first response, which may have been lost.
    #[error("repeated")]
    Repeated(Vec<TokenChange>),
    /// A server fault, logged once, under a reference that the screen shows.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A server failure. Contains no user input.
#[derive(Debug, Error)]
pub enum Fault {
    /// The database reported an error.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// The database is unreachable, full, locked or out of connections. The response is 503 with `Retry-After`.
    #[error("the database is unavailable: {0}")]
    Away(#[source] sqlx::Error),
    /// The database rolled back a unit of work because of concurrent ones. The unit is [`retried`](crate::retried).
    #[error("rolled back by the database: {0}")]
    Conflict(#[source] sqlx::Error),
    /// A row that the service wrote cannot be parsed.
    #[error("a stored {what} cannot be read")]
    Corrupt {
        /// The expected type.
        what: &'static str,
    },
    /// The key file lacks a key that stored data needs.
    #[error("no key {id} in the key file")]
    KeyGone {
        /// The key's name.
        id: String,
    },
    /// The database file is being restored, or is in use and cannot be restored.
    #[error("its file is in use: a server is running on it, or it is being restored")]
    InUse,
    /// Hashing failed, independently of the password.
    #[error("hashing: {0}")]
    Hashing(String),
    /// The hashing queue is full or too slow. The response is 503 with `Retry-After`.
    #[error("the hashing queue is full")]
    Busy {
        /// Seconds until a retry.
        retry_after_s: i64,
    },
}

impl Fault {
    /// All values of [`kind`](Self::kind).
    pub const KINDS: [&'static str; 8] = [
        "database", "away", "conflict", "corrupt", "key_gone", "in_use", "hashing", "busy",
    ];

    /// Returns the label in metrics.
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

    /// Seconds until a retry, if a retry helps.
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
            // The same form arrived simultaneously at another server: a retry finds its flow.
            E::Database(told) if told.constraint() == Some("flows_pkey") => return Self::Conflict(error),
            E::Database(told) => told.code().map(std::borrow::Cow::into_owned),
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                return Self::Away(error);
            }
            _ => None,
        };
        match code.as_deref().unwrap_or_default() {
            "40001" | "40P01" => Self::Conflict(error),
            // PostgreSQL: lost or too many connections, out of disk or memory, shutting down or starting, read-only.
            code if code.len() == 5 && ["08", "53", "57P", "25006"].iter().any(|class| code.starts_with(class)) => {
                Self::Away(error)
            }
            // SQLite: locked (5, 6), out of memory (7), disk failing (10) or full (13), file cannot be opened (14).
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
