//! Detects whether the server accepts writes, unlike a standby.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection, Row};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const INTERVAL: Duration = Duration::from_secs(1);
/// Response timeout.
const ANSWER: Duration = Duration::from_secs(2);
/// Number of responses before reconnecting, because the host name may resolve to another server by then.
const ANSWERS_PER_CONNECTION: u32 = 5;

/// The last known write availability.
pub(super) struct Writable(Mutex<Answer>);

struct Answer {
    writable: bool,
    /// Connections opened before this time lead to a read-only server or to another one.
    stale_before: Option<Instant>,
}

impl Default for Writable {
    fn default() -> Self {
        Self(Mutex::new(Answer {
            writable: true,
            stale_before: None,
        }))
    }
}

impl Writable {
    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, writable: bool, is_another: bool) {
        let mut answer = self.answer();
        if !writable || is_another {
            answer.stale_before = Some(Instant::now());
        }
        if answer.writable != writable {
            answer.writable = writable;
            drop(answer);
            if writable {
                tracing::info!("the database accepts writes again");
            } else {
                tracing::error!(
                    "the database does not accept writes: it is a standby or read-only; after a failover, its name must \
                     point to the new primary"
                );
            }
        }
    }

    /// Fails while the server accepts no writes.
    pub(super) fn demand(&self) -> Result<(), sqlx::Error> {
        if self.answer().writable {
            Ok(())
        } else {
            Err(not_writable())
        }
    }

    /// Whether a connection of this age leads to a read-only server or to another one.
    pub(super) fn is_stale(&self, age: Duration) -> bool {
        let stale_before = self.answer().stale_before;
        stale_before.is_some_and(|at| at.elapsed() <= age)
    }

    /// Polls every second. After a failover, drops older connections: the former primary may return as a standby, or the name may
    /// resolve to another server.
    pub(super) async fn watch(&self, options: &PgConnectOptions) {
        let (mut connection, mut answers, mut seen) = (None, 0, None);
        loop {
            sleep(INTERVAL).await;
            let Ok(Ok((writable, server))) = timeout(ANSWER, ask(options, &mut connection)).await else {
                // The readiness check reports unresponsive servers.
                connection = None;
                continue;
            };
            self.answered(writable, seen.as_ref().is_some_and(|seen| *seen != server));
            seen = Some(server);
            answers += 1;
            if !writable || answers % ANSWERS_PER_CONNECTION == 0 {
                connection = None;
            }
        }
    }
}

/// Returns whether the server accepts writes, and its identity.
async fn ask(options: &PgConnectOptions, connection: &mut Option<PgConnection>) -> Result<(bool, String), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(options.connect().await?),
    };
    let server = connection
        .fetch_one("SELECT concat(inet_server_addr(), ' ', inet_server_port(), ' ', pg_postmaster_start_time())")
        .await?;
    Ok((is_writable(connection).await?, server.try_get(0)?))
}

pub(super) fn not_writable() -> sqlx::Error {
    io::Error::new(
        io::ErrorKind::ReadOnlyFilesystem,
        "the database does not accept writes: its name points to a standby or a fenced primary",
    )
    .into()
}

pub(super) async fn is_writable(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = connection.fetch_one("SHOW transaction_read_only").await?;
    let read_only: String = row.try_get(0)?;
    Ok(read_only == "off")
}
