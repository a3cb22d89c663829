//! The environment of all proofs: the program, a PostgreSQL, and the speed of this machine.

use blackbox::postgres::{Lasting, Postgres};
use blackbox::{Fault, machine, path};
use std::path::PathBuf;
use std::time::Instant;

/// Time of one hash on an idle core of the reference machine, in ms.
const USUAL_HASH_MS: f64 = 12.0;

/// See the module documentation.
pub struct Ground {
    pub binary: PathBuf,
    /// The browser's files.
    pub site: PathBuf,
    /// Whether to run fewer repetitions.
    pub quick: bool,
    pub postgres: Postgres,
    pub calibration: Calibration,
}

/// The machine's current speed, which scales time bounds so that a busy machine causes no false failure.
pub struct Calibration {
    /// Duration of one hash in ms.
    pub hash_ms: f64,
    /// Slowdown against the reference machine; at least 1.
    pub slower: f64,
}

impl std::fmt::Display for Calibration {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let load = machine::load().unwrap_or_default();
        let (hash, slower) = (self.hash_ms, self.slower);
        write!(form, "one hash {hash:.1} ms, bounds on time × {slower:.2}, load {load}")
    }
}

impl Ground {
    pub fn prepare(quick: bool) -> Result<Self, Fault> {
        Ok(Self {
            binary: path("REKEY_BIN", "target/release/rekey")?,
            site: path("REKEY_SITE", "target/site")?,
            quick,
            postgres: Postgres::start(&std::env::temp_dir(), Lasting::Process)?,
            calibration: Calibration::take()?,
        })
    }

    /// Chooses between the values for a quick run and for a full one.
    pub const fn times<T: Copy>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Scales a bound of the reference machine, in ms.
    pub fn scaled_ms(&self, ms: f64) -> f64 {
        ms * self.calibration.slower
    }
}

/// Returns the service's parameters for hashes.
pub fn hash_parameters() -> Result<argon2::Params, Fault> {
    argon2::Params::new(19_456, 2, 1, None).map_err(|error| error.to_string())
}

impl Calibration {
    /// Measures the median of a few hashes with the service's parameters.
    fn take() -> Result<Self, Fault> {
        let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, hash_parameters()?);
        let mut taken = Vec::new();
        for _ in 0..15 {
            let mut hash = [0; 32];
            let began = Instant::now();
            argon
                .hash_password_into(b"a password", b"sixteen bytes...", &mut hash)
                .map_err(|error| error.to_string())?;
            taken.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        taken.sort_by(f64::total_cmp);
        let hash_ms = taken[taken.len() / 2];
        Ok(Self {
            hash_ms,
            slower: (hash_ms / USUAL_HASH_MS).max(1.0),
        })
    }
}
