//! The four ways to hash passwords: what a hash says, what checking it costs, and the check.

use super::UnfitHash;
use crate::Fault;
use crate::hashing::{Engine, argon2_is_of, hashing};
use argon2::password_hash::{Error, Output, PasswordHash, PasswordHashString};
use bcrypt::HashParts;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

/// Most memory for one check, in KiB. As many as there are cores are checked at once.
const MOST_MEMORY_KIB: u64 = 256 * 1024;
/// Most memory that Argon2 goes over in all its passes, in KiB: about a second of a core.
const MOST_ARGON2_KIB: u64 = 4 * 1024 * 1024;
/// The same for scrypt, which is slower.
const MOST_SCRYPT_KIB: u64 = 512 * 1024;
/// Most cost of bcrypt, whose work is two to this power: about two seconds of a core.
const MOST_BCRYPT_COST: u32 = 15;
/// Most rounds of PBKDF2: about two seconds of a core. Django's default was a million in 2025.
const MOST_PBKDF2_ROUNDS: u64 = 4_000_000;

/// A hash, taken apart.
#[derive(Debug)]
pub(super) enum Scheme {
    /// RFC 9106.
    Argon2(PasswordHashString),
    /// As OpenBSD made it.
    Bcrypt { hash: String, cost: u32, over: BcryptOver },
    /// RFC 8018.
    Pbkdf2 {
        prf: Prf,
        rounds: u32,
        salt: Vec<u8>,
        result: Output,
    },
    /// RFC 7914.
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        result: Output,
    },
}

/// What bcrypt is given.
#[derive(Debug, Clone, Copy)]
pub(super) enum BcryptOver {
    /// The password. What comes after its 72nd byte does not count: of passwords that begin alike for so long, each is right,
    /// here as in the other system, and the first that signs in is from then on the only one.
    Password,
    /// The hexadecimal SHA-256 of the password, so that all of it counts.
    Sha256,
}

/// What PBKDF2 goes round with: HMAC with this hash.
#[derive(Debug, Clone, Copy)]
pub(super) enum Prf {
    Sha1,
    Sha256,
    Sha512,
}

impl Scheme {
    pub(super) fn argon2(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        argon2::Params::try_from(&hash).ok()?;
        (hash.salt.is_some() && hash.hash.is_some()).then(|| Self::Argon2(hash.into()))
    }

    pub(super) fn bcrypt(text: &str, over: BcryptOver) -> Option<Self> {
        let cost = text.parse::<HashParts>().ok()?.get_cost();
        (4..=31).contains(&cost).then(|| Self::Bcrypt {
            hash: text.to_owned(),
            cost,
            over,
        })
    }

    pub(super) fn pbkdf2(prf: Prf, rounds: &str, salt: Vec<u8>, result: &[u8]) -> Option<Self> {
        let rounds = rounds.parse().ok().filter(|rounds| *rounds > 0)?;
        Some(Self::Pbkdf2 {
            prf,
            rounds,
            salt,
            result: Output::new(result).ok()?,
        })
    }

    pub(super) fn scrypt(log_n: u8, r: &str, p: &str, salt: Vec<u8>, result: &[u8]) -> Option<Self> {
        let (r, p) = (r.parse().ok()?, p.parse().ok()?);
        Some(Self::Scrypt {
            params: scrypt::Params::new(log_n, r, p, scrypt::Params::RECOMMENDED_LEN).ok()?,
            salt,
            result: Output::new(result).ok()?,
        })
    }

    /// How many bytes the result has.
    pub(super) fn result_len(&self) -> usize {
        match self {
            Self::Argon2(hash) => hash.hash().map_or(0, |result| result.len()),
            Self::Bcrypt { .. } => 23,
            Self::Pbkdf2 { result, .. } | Self::Scrypt { result, .. } => result.len(),
        }
    }

    /// Refuses what would take too much memory, or so long that whoever comes after is sent away: nobody waits for a turn
    /// longer than two seconds.
    pub(super) fn require_affordable(&self) -> Result<(), UnfitHash> {
        let (affordable, bound) = match self {
            Self::Argon2(hash) => {
                let cost = argon2::Params::try_from(&hash.password_hash());
                let fits = cost.is_ok_and(|cost| {
                    let memory_kib = u64::from(cost.m_cost());
                    memory_kib <= MOST_MEMORY_KIB && memory_kib * u64::from(cost.t_cost()) <= MOST_ARGON2_KIB
                });
                (fits, "256 MiB, and memory times passes 4 GiB")
            }
            Self::Bcrypt { cost, .. } => (*cost <= MOST_BCRYPT_COST, "cost 15"),
            Self::Pbkdf2 {
                prf, rounds, result, ..
            } => {
                // Each piece of the result goes round by itself.
                let pieces = result.len().div_ceil(prf.len()) as u64;
                (u64::from(*rounds) * pieces <= MOST_PBKDF2_ROUNDS, "4,000,000 rounds")
            }
            Self::Scrypt { params, .. } => {
                let memory_kib = (128_u128 * u128::from(params.r())) << params.log_n() >> 10;
                let fits = memory_kib <= MOST_MEMORY_KIB.into()
                    && memory_kib * u128::from(params.p()) <= MOST_SCRYPT_KIB.into();
                (fits, "256 MiB, and memory times p 512 MiB")
            }
        };
        affordable.then_some(()).ok_or(UnfitHash::TooCostly { bound })
    }

    /// Whether it is the hash of exactly these characters. Results are compared in constant time, by [`Output`] and by bcrypt.
    pub(super) fn is_of(&self, engine: &mut Engine, password: &str) -> Result<bool, Fault> {
        match self {
            Self::Argon2(hash) => argon2_is_of(engine, &hash.password_hash(), password.as_bytes()),
            // C's libraries ended a password at its first NUL, and bcrypt goes round it: `a\0a` has the hash of `a`. No
            // form sends one.
            Self::Bcrypt { over, .. } if matches!(over, BcryptOver::Password) && password.contains('\0') => Ok(false),
            Self::Bcrypt { hash, over, .. } => {
                let input = match over {
                    BcryptOver::Password => Zeroizing::new(password.to_owned()),
                    BcryptOver::Sha256 => Zeroizing::new(hex::encode(Sha256::digest(password))),
                };
                bcrypt::verify(input.as_bytes(), hash).map_err(hashing)
            }
            Self::Pbkdf2 {
                prf,
                rounds,
                salt,
                result,
            } => {
                let password = password.as_bytes();
                let made = Output::init_with(result.len(), |made| {
                    match prf {
                        Prf::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, *rounds, made),
                        Prf::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, made),
                        Prf::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, *rounds, made),
                    }
                    Ok(())
                });
                Ok(made.map_err(hashing)? == *result)
            }
            Self::Scrypt { params, salt, result } => {
                let made = Output::init_with(result.len(), |made| {
                    scrypt::scrypt(password.as_bytes(), salt, params, made).map_err(|_| Error::Crypto)
                });
                Ok(made.map_err(hashing)? == *result)
            }
        }
    }
}

impl Prf {
    /// Bytes of one piece of the result.
    const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}
