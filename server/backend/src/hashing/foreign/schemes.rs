//! The supported password hashing schemes: parsing, cost limits and verification.

use super::UnfitHash;
use super::firebase::Firebase;
use super::phpass::Phpass;
use crate::Fault;
use crate::hashing::{Engine, argon2_is_of, hashing};
use argon2::password_hash::phc::{Error, Output, PasswordHash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use hmac::{Hmac, KeyInit, Mac};
use sha_crypt::PasswordVerifier;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Maximum memory per verification, in KiB. One verification runs per core.
const MOST_MEMORY_KIB: u64 = 256 * 1024;
/// Maximum memory that Argon2 processes in all passes, in KiB: about a second of CPU time.
const MOST_ARGON2_KIB: u64 = 4 * 1024 * 1024;
/// Maximum memory that scrypt processes. Lower, because it is slower.
const MOST_SCRYPT_KIB: u64 = 512 * 1024;
/// Maximum cost of bcrypt, a base-2 logarithm: about two seconds of CPU time.
const MOST_BCRYPT_COST: u32 = 15;
/// Maximum rounds of PBKDF2: about two seconds of CPU time. Django's default was a million in 2025.
const MOST_PBKDF2_ROUNDS: u64 = 4_000_000;
/// Maximum rounds of SHA-crypt: about two seconds of CPU time for the longest password.
const MOST_SHA_CRYPT_ROUNDS: u32 = 1_000_000;
/// Maximum password length in bytes for SHA-crypt and phpass, which process the whole password in every round: four bytes per
/// allowed character. Attack: a sign-in with a password of 2 MB takes minutes.
const MOST_REREAD: usize = 512;

/// A parsed hash.
#[derive(Debug)]
pub(super) enum Scheme {
    /// RFC 9106.
    Argon2(PasswordHash),
    /// OpenBSD's bcrypt.
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
        form: Form,
    },
    /// Firebase's scheme, based on scrypt.
    Firebase(Firebase),
    /// phpass portable hashes, over MD5: WordPress before 6.8, phpBB.
    Phpass(Phpass),
    /// `$5$` and `$6$` of crypt(3), as specified by Ulrich Drepper.
    ShaCrypt { hash: String, rounds: u32 },
    /// A single hash over the password and a salt, as in LDAP directories.
    Salted { hash: Prf, salt: Vec<u8>, result: Output },
}

/// The form in which a password is hashed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// As typed.
    Typed,
    /// NFKC (Unicode Standard Annex 15).
    Nfkc,
}

/// The two variants of SHA-crypt.
#[derive(Debug, Clone, Copy)]
pub(super) enum ShaCrypt {
    Sha256,
    Sha512,
}

/// The input of bcrypt.
#[derive(Debug, Clone, Copy)]
pub(super) enum BcryptOver {
    /// The password. Bytes after the 72nd are ignored, as in the other system: passwords with the same first 72 bytes all match,
    /// until one of them signs in and the hash is replaced.
    Password,
    /// The hexadecimal SHA-256 of the password, so that its full length counts.
    Sha256,
    /// The base64 of an HMAC-SHA384 of the trimmed password (WordPress since 6.8).
    WordPress,
}

/// A hash function; PBKDF2 uses it in an HMAC.
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
        (hash.salt.is_some() && hash.hash.is_some()).then_some(Self::Argon2(hash))
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
            params: scrypt::Params::new(log_n, r, p).ok()?,
            salt,
            result: Output::new(result).ok()?,
            form: Form::Typed,
        })
    }

    /// Parses better-auth's scheme: the salt in hexadecimal form, with fixed parameters.
    pub(super) fn better_auth(salt: &str, result: &[u8]) -> Option<Self> {
        Some(Self::Scrypt {
            params: scrypt::Params::new(14, 16, 1).ok()?,
            salt: salt.into(),
            result: Output::new(result).ok()?,
            form: Form::Nfkc,
        })
    }

    /// Parses ASP.NET Core Identity's format. Version 3: hash function, rounds and salt length (big-endian, 4 bytes
    /// each), salt, result. Version 2: a 16-byte salt and a 32-byte result, with SHA-1 and 1,000 rounds.
    pub(super) fn asp_net(blob: &[u8]) -> Option<Self> {
        let number = |at: usize| blob.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        let (prf, rounds, salt, result) = match blob {
            [0, rest @ ..] if rest.len() == 48 => (Prf::Sha1, 1_000, &rest[..16], &rest[16..]),
            [1, ..] => {
                let prf = match number(1)? {
                    0 => Prf::Sha1,
                    1 => Prf::Sha256,
                    2 => Prf::Sha512,
                    _ => return None,
                };
                let (salt, result) = blob[13.min(blob.len())..].split_at_checked(number(9)?.try_into().ok()?)?;
                (prf, number(5)?, salt, result)
            }
            _ => return None,
        };
        let result = Output::new(result).ok().filter(|_| rounds > 0)?;
        Some(Self::Pbkdf2 {
            prf,
            rounds,
            salt: salt.into(),
            result,
        })
    }

    /// Parses `$6$SALT$RESULT` or `$6$rounds=ROUNDS$SALT$RESULT`.
    pub(super) fn sha_crypt(text: &str, kind: ShaCrypt) -> Option<Self> {
        let parts: Vec<&str> = text.split('$').skip(2).collect();
        let (rounds, salt, result) = match parts[..] {
            [salt, result] => (5_000, salt, result),
            [rounds, salt, result] => (rounds.strip_prefix("rounds=")?.parse().ok()?, salt, result),
            _ => return None,
        };
        // The last digit holds the remaining bits of 256 or 512. Rejected here if the crate would reject it at each sign-in.
        let (length, last) = match kind {
            ShaCrypt::Sha256 => (43, "./0123456789ABCD"),
            ShaCrypt::Sha512 => (86, "./01"),
        };
        let in_alphabet = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
        };
        let fits = rounds >= 1_000
            && (1..=16).contains(&salt.len())
            && in_alphabet(salt)
            && result.len() == length
            && in_alphabet(result)
            && result.ends_with(|digit| last.contains(digit));
        fits.then(|| Self::ShaCrypt {
            hash: text.to_owned(),
            rounds,
        })
    }

    /// Parses a result followed by the salt.
    pub(super) fn salted(hash: Prf, blob: &[u8]) -> Option<Self> {
        let (result, salt) = blob.split_at_checked(hash.len())?;
        Some(Self::Salted {
            hash,
            salt: Some(salt).filter(|salt| !salt.is_empty())?.into(),
            result: Output::new(result).ok()?,
        })
    }

    /// Returns the length of the result in bytes.
    pub(super) fn result_len(&self) -> usize {
        match self {
            Self::Argon2(hash) => hash.hash.map_or(0, |result| result.len()),
            Self::Bcrypt { .. } => 23,
            Self::Phpass(_) => Phpass::RESULT_LEN,
            Self::ShaCrypt { .. } => 32,
            Self::Firebase(hash) => hash.result_len(),
            Self::Pbkdf2 { result, .. } | Self::Scrypt { result, .. } | Self::Salted { result, .. } => result.len(),
        }
    }

    /// Rejects hashes that need too much memory, or so much time that requests behind them would exceed the wait of two seconds.
    pub(super) fn require_affordable(&self) -> Result<(), UnfitHash> {
        let (affordable, bound) = match self {
            Self::Argon2(hash) => {
                let cost = argon2::Params::try_from(hash);
                let fits = cost.is_ok_and(|cost| {
                    let memory_kib = u64::from(cost.m_cost());
                    memory_kib <= MOST_MEMORY_KIB && memory_kib * u64::from(cost.t_cost()) <= MOST_ARGON2_KIB
                });
                (fits, "256 MiB of memory, and 4 GiB for memory × passes")
            }
            Self::Bcrypt { cost, .. } => (*cost <= MOST_BCRYPT_COST, "cost 15"),
            Self::Pbkdf2 {
                prf, rounds, result, ..
            } => {
                // PBKDF2 runs all rounds for each block of the result.
                let pieces = result.len().div_ceil(prf.len()) as u64;
                (u64::from(*rounds) * pieces <= MOST_PBKDF2_ROUNDS, "4,000,000 rounds")
            }
            Self::Scrypt { params, .. } => (is_affordable_scrypt(params), MOST_SCRYPT),
            Self::Firebase(hash) => (is_affordable_scrypt(hash.params()), MOST_SCRYPT),
            Self::Phpass(hash) => (hash.rounds_log2() <= Phpass::MOST_ROUNDS_LOG2, "2^20 rounds"),
            Self::ShaCrypt { rounds, .. } => (*rounds <= MOST_SHA_CRYPT_ROUNDS, "1,000,000 rounds"),
            Self::Salted { .. } => (true, ""),
        };
        affordable.then_some(()).ok_or(UnfitHash::TooCostly { bound })
    }

    /// Verifies exactly these characters. [`Output`] and bcrypt compare results in constant time.
    pub(super) fn is_of(&self, engine: &mut Engine, password: &str) -> Result<bool, Fault> {
        match self {
            Self::Argon2(hash) => argon2_is_of(engine, hash, password.as_bytes()),
            // C libraries end a password at its first NUL, and bcrypt repeats its input: `a\0a` has the hash of `a`.
            // Forms cannot send a NUL.
            Self::Bcrypt { over, .. } if matches!(over, BcryptOver::Password) && password.contains('\0') => Ok(false),
            Self::Bcrypt { hash, over, .. } => {
                let input = match over {
                    BcryptOver::Password => Zeroizing::new(password.to_owned()),
                    BcryptOver::Sha256 => Zeroizing::new(hex::encode(Sha256::digest(password))),
                    BcryptOver::WordPress => {
                        let mut mac = Hmac::<Sha384>::new_from_slice(b"wp-sha384").map_err(hashing)?;
                        mac.update(trimmed(password).as_bytes());
                        Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes()))
                    }
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
            Self::Scrypt {
                params,
                salt,
                result,
                form,
            } => {
                let password = match form {
                    Form::Typed => Zeroizing::new(password.to_owned()),
                    Form::Nfkc => Zeroizing::new(password.nfkc().collect::<String>()),
                };
                let made = Output::init_with(result.len(), |made| {
                    scrypt::scrypt(password.as_bytes(), salt, params, made).map_err(|_| Error::ParamsMaxExceeded)
                });
                Ok(made.map_err(hashing)? == *result)
            }
            Self::Firebase(hash) => hash.is_of(password),
            Self::Phpass(_) | Self::ShaCrypt { .. } if password.len() > MOST_REREAD => Ok(false),
            Self::Phpass(hash) => hash.is_of(trimmed(password)),
            Self::ShaCrypt { hash, .. } => {
                match sha_crypt::ShaCrypt::default().verify_password(password.as_bytes(), hash.as_str()) {
                    Ok(()) => Ok(true),
                    Err(sha_crypt::password_hash::Error::PasswordInvalid) => Ok(false),
                    Err(error) => Err(hashing(error)),
                }
            }
            Self::Salted { hash, salt, result } => {
                let input = Zeroizing::new([password.as_bytes(), salt].concat());
                let made = match hash {
                    Prf::Sha1 => Output::new(&Sha1::digest(&input)),
                    Prf::Sha256 => Output::new(&Sha256::digest(&input)),
                    Prf::Sha512 => Output::new(&Sha512::digest(&input)),
                };
                Ok(made.map_err(hashing)? == *result)
            }
        }
    }
}

/// The limit as reported for scrypt.
const MOST_SCRYPT: &str = "256 MiB of memory, and 512 MiB for memory × p";

fn is_affordable_scrypt(params: &scrypt::Params) -> bool {
    let memory_kib = (128_u128 * u128::from(params.r())) << params.log_n() >> 10;
    memory_kib <= MOST_MEMORY_KIB.into() && memory_kib * u128::from(params.p()) <= MOST_SCRYPT_KIB.into()
}

/// Strips the same white space as PHP's `trim`, like WordPress.
fn trimmed(password: &str) -> &str {
    password.trim_matches([' ', '\t', '\n', '\r', '\0', '\u{b}'])
}

impl Prf {
    /// Returns the length of the function's result in bytes.
    const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}
