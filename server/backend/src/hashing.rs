//! Password hashing: Argon2id over a keyed HMAC, one concurrent hash per core. The queue also runs other password work that
//! takes more than a millisecond of CPU time.

mod engine;
mod foreign;
mod measured;
mod queue;
mod threads;

pub use foreign::{ForeignHash, UnfitHash};
pub use queue::HashPermit;

use crate::metrics::TRACE;
use crate::{Fault, Keys, random, seal};
use account::{Key, Secret};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use engine::{Engine, Hasher};
use measured::Measured;
use queue::{Busy, Queue};
use rand::Rng;
use std::sync::Arc;
use std::time::Duration;
use threads::Threads;
use tokio::time::Instant;
use tracing::Instrument;
use zeroize::Zeroizing;

/// Maximum number of requests waiting behind those being hashed.
const WAITING: usize = 64;
/// Maximum wait for a core before a request is refused.
const WAIT: Duration = Duration::from_secs(2);
/// Maximum wait for a place in the queue. Attack: clients that retry at once; refusing them without this delay took a third
/// of the CPU time from admitted requests.
const MOMENT: Duration = Duration::from_millis(250);
/// Number of requests per network waiting for a place, above which further ones wait longer before they are refused. Attack:
/// a client that retries at once on 300 connections. Other clients kept 72 % of their sign-ins without this bound, and 82 %
/// with it.
const CROWD: usize = 16;
const CROWD_MOMENT: Duration = Duration::from_secs(2);
/// Value of `Retry-After` for refused requests, in seconds.
const RETRY_AFTER_S: i64 = 2;
/// Memory in KiB, passes, lanes (OWASP; ASVS 5.0, appendix C).
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Domain separation from other uses of the same HMAC key.
const USAGE: &str = "password";

/// The prefix of a sealed hash from another system. No supported hash format begins with it.
const SEALED: &str = "sealed:";

/// Returns the prefixes of stored hashes that need this key: native and sealed.
pub(crate) fn stored_under(key_id: &str) -> [String; 2] {
    [format!("{key_id}$"), format!("{SEALED}{key_id}.")]
}

/// The hasher and its queue.
#[derive(Clone)]
pub struct Hashing {
    keys: Keys,
    queue: Queue,
    threads: Arc<Threads>,
    /// A hash that matches no password, verified for accounts without one.
    decoy: Arc<str>,
    measured: Measured,
}

/// The Argon2 implementation to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// The fast implementation if it passes its self-test, otherwise the reference.
    Auto,
    /// The reference implementation.
    Reference,
}

/// The result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password does not match.
    Wrong,
    /// The password matches, and its hash is up to date.
    Right,
    /// The password matches, but its hash is outdated and should be replaced.
    RightButOld,
}

impl Hashing {
    /// Starts `at_once` threads (one per core), which compute one hash each at a time. Up to 64 requests wait, for at most 2 s.
    ///
    /// # Errors
    /// If the system cannot create the threads.
    pub fn new(keys: impl Into<Keys>, at_once: usize, choice: EngineChoice) -> std::io::Result<Self> {
        let at_once = at_once.max(1);
        Ok(Self {
            keys: keys.into(),
            queue: Queue::new(at_once, WAITING),
            threads: Arc::new(Threads::start(at_once, choice)?),
            decoy: decoy().into(),
            measured: Measured::new(at_once),
        })
    }

    /// Hashes a new password for storage. The queue is fair among client networks; `network` is the client's.
    ///
    /// # Errors
    /// [`Fault::Busy`] if the queue is full.
    pub async fn hash(&self, network: &str, password: &Secret) -> Result<String, Fault> {
        let (key, password) = (self.keys.current(), password.as_password(account::nfc));
        let work = move |engine: &mut Engine| make(engine, &key, &password);
        self.admitted_at(self.place(network).await?, work).await?
    }

    /// Runs other work that takes more than a millisecond of CPU time, such as estimating a password's guessability.
    ///
    /// # Errors
    /// [`Fault::Busy`] if no core becomes free in time.
    pub async fn run_at<T: Send + 'static>(
        &self,
        place: HashPermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        self.admitted_at(place, |_| work()).await
    }

    /// Returns the stored form of a hash from another system.
    ///
    /// # Errors
    /// A [`Fault`] while sealing. Any hash is accepted.
    pub fn keep(&self, foreign: &ForeignHash) -> Result<String, Fault> {
        Ok(format!(
            "{SEALED}{}",
            seal::seal_foreign_hash(&self.keys, foreign.as_str())?
        ))
    }

    /// Verifies a password against its stored form. Attack: enumeration by timing; `None` (no password) takes the same work.
    ///
    /// # Errors
    /// [`Fault::Busy`] if the queue is full; [`Fault::KeyGone`], [`Fault::Corrupt`].
    pub async fn verify(&self, network: &str, password: &Secret, stored: Option<&str>) -> Result<Verdict, Fault> {
        self.verify_at(self.place(network).await?, password, stored).await
    }

    /// Works like [`Self::verify`], with a permit that was acquired earlier.
    ///
    /// # Errors
    /// [`Fault::Busy`] if no core becomes free in time; [`Fault::KeyGone`], [`Fault::Corrupt`].
    pub async fn verify_at(
        &self,
        place: HashPermit,
        password: &Secret,
        stored: Option<&str>,
    ) -> Result<Verdict, Fault> {
        let (keys, password) = (self.keys.clone(), password.clone());
        // Uses the current key, because a decoy with a missing key would be distinguishable from a real hash.
        let decoy = || format!("{}{}", self.keys.current().id(), self.decoy);
        let stored_or_decoy = stored.map_or_else(decoy, str::to_owned);
        let verdict = self
            .admitted_at(place, move |engine| compare(engine, &keys, &password, &stored_or_decoy))
            .await??;
        Ok(if stored.is_some() { verdict } else { Verdict::Wrong })
    }

    /// Acquires a place in the queue before a request's other work, so that refusing it under load costs nothing. `network` is
    /// the client's network; networks take turns.
    ///
    /// # Errors
    /// [`Fault::Busy`] if the queue is full.
    pub async fn place(&self, network: &str) -> Result<HashPermit, Fault> {
        self.queue.place(network).await.map_err(|busy| self.busy(busy))
    }

    /// Waits for a core and holds it for the permit's lifetime. For tests.
    ///
    /// # Errors
    /// [`Fault::Busy`] if no core becomes free in time.
    pub async fn core(&self, place: &HashPermit) -> Result<(), Fault> {
        place.core().await.map_err(|busy| self.busy(busy))
    }

    /// Runs work on a hashing thread, in turn. Attack: a flood of sign-ins takes all cores and memory.
    async fn admitted_at<T: Send + 'static>(
        &self,
        place: HashPermit,
        work: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let asked = Instant::now();
        self.core(&place).await?;
        self.measured.waited(asked.elapsed());
        // The permit moves into the work, because aborted requests continue to hash. Attack: aborting requests to run
        // more hashes than cores.
        let measured = self.measured.clone();
        let done = self.threads.run(move |engine| {
            let began = Instant::now();
            let result = work(engine);
            measured.hashed(began.elapsed());
            drop(place);
            result
        });
        done.instrument(tracing::debug_span!(target: TRACE, "hash")).await
    }

    fn busy(&self, busy: Busy) -> Fault {
        self.measured.refused(match busy {
            Busy::QueueFull => "queue_full",
            Busy::TooSlow => "too_slow",
        });
        Fault::Busy {
            retry_after_s: RETRY_AFTER_S,
        }
    }
}

/// Format: `key1$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, the HMAC key's name followed by a PHC string. Any other stored form
/// is a [`ForeignHash`] of the password itself: sealed, or in plain text if written to the database by hand.
fn make(engine: &mut Engine, key: &Key, password: &Secret) -> Result<String, Fault> {
    let salt = Salt::new(&bytes::<16>()).map_err(hashing)?;
    let hasher = Hasher::of(Algorithm::Argon2id, Version::V0x13, COST)?;
    let input = keyed(key, password);
    let output = run(engine, &hasher, input.as_bytes(), &salt, Params::DEFAULT_OUTPUT_LEN)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&hasher.params).map_err(hashing)?,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(format!("{}{hash}", key.id()))
}

fn compare(engine: &mut Engine, keys: &Keys, typed: &Secret, stored: &str) -> Result<Verdict, Fault> {
    let corrupt = || Fault::Corrupt { what: "password hash" };
    let (key_id, phc) = stored.split_at(stored.find("$argon2").unwrap_or_default());
    if key_id.is_empty() {
        let opened = stored.strip_prefix(SEALED);
        let opened = opened.map(|sealed| seal::open_foreign_hash(keys, sealed)).transpose()?;
        let foreign = opened.as_deref().map_or(stored, String::as_str);
        let foreign = ForeignHash::parse(foreign).map_err(|_| corrupt())?;
        return Ok(match foreign.is_of(engine, typed)? {
            true => Verdict::RightButOld,
            false => Verdict::Wrong,
        });
    }
    let hash = PasswordHash::new(phc).map_err(|_| corrupt())?;
    let key = keys.find(key_id).ok_or_else(|| Fault::KeyGone { id: key_id.into() })?;
    let input = keyed(&key, &typed.as_password(account::nfc));
    Ok(match argon2_is_of(engine, &hash, input.as_bytes())? {
        true if key_id == keys.current().id() && is_as_new(&hash) => Verdict::Right,
        true => Verdict::RightButOld,
        false => Verdict::Wrong,
    })
}

/// Whether the input has this Argon2 hash.
fn argon2_is_of(engine: &mut Engine, hash: &PasswordHash, input: &[u8]) -> Result<bool, Fault> {
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Err(Fault::Corrupt { what: "password hash" });
    };
    // Hashes without a version are of the first version.
    let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from);
    let hasher = Hasher {
        algorithm: Algorithm::new(hash.algorithm).map_err(hashing)?,
        version: version.map_err(hashing)?,
        params: Params::try_from(hash).map_err(hashing)?,
    };
    // The type's comparison is constant-time.
    Ok(run(engine, &hasher, input, &salt, expected.len())? == expected)
}

fn run(engine: &mut Engine, hasher: &Hasher, input: &[u8], salt: &[u8], length: usize) -> Result<Output, Fault> {
    let mut output = Zeroizing::new(vec![0; length]);
    engine.run(hasher, input, salt, &mut output)?;
    Output::new(&output).map_err(hashing)
}

fn is_as_new(hash: &PasswordHash) -> bool {
    let cost = Params::try_from(hash).map(|p| (p.m_cost(), p.t_cost(), p.p_cost()));
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && cost == Ok(COST)
        && hash
            .hash
            .is_some_and(|output| output.len() == Params::DEFAULT_OUTPUT_LEN)
}

/// Keys the password with a key outside the database. Attack: guessing passwords offline with a stolen copy of the database.
fn keyed(key: &Key, password: &Secret) -> Zeroizing<String> {
    let mac = Zeroizing::new(key.mac(USAGE, &[password.expose().as_bytes()]));
    Zeroizing::new(hex::encode(&mac[..]))
}

/// Creates a hash with a random result: it costs as much to verify as a real one, and matches no password.
fn decoy() -> String {
    let part = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
    };
    let (m, t, p) = COST;
    let salt = bytes::<16>();
    let hash = bytes::<32>();
    format!("$argon2id$v=19$m={m},t={t},p={p}${}${}", part(&salt), part(&hash))
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    random::generator().fill_bytes(&mut bytes);
    bytes
}

fn hashing(error: impl std::fmt::Display) -> Fault {
    Fault::Hashing(error.to_string())
}

#[cfg(test)]
mod tests;
