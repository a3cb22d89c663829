use account::Refusal;
use thiserror::Error;

/// Two kinds, never mixed: the person is told a [`Refusal`]; we are told a [`Fault`].
#[derive(Debug, Error)]
pub enum Error {
    /// A no that the person is told, with its words and its field.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Ours. Logged once, where it becomes a reference that the screen shows.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What went wrong on our side. Its text holds nothing that a person typed.
#[derive(Debug, Error)]
pub enum Fault {
    /// The database refused or is away.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A row that we wrote does not read.
    #[error("a stored {what} does not read")]
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
    /// Hashing failed, which it does for no password.
    #[error("hashing: {0}")]
    Hashing(String),
    /// The hashing queue is full or too slow: told with 503 and `Retry-After`.
    #[error("hashing is at its limit")]
    Busy {
        /// When to come again, in seconds.
        retry_after_s: i64,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Fault(error.into())
    }
}
