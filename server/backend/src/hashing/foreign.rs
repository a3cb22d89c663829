//! Password hashes from other systems, replaced by native hashes at the next sign-in.

mod firebase;
mod phpass;
mod schemes;

use super::Engine;
use crate::Fault;
use account::Secret;
use firebase::Firebase;
use phpass::Phpass;
use schemes::{BcryptOver, Prf, Scheme, ShaCrypt};

/// A readable password hash from another system, with bounded verification cost.
#[derive(Debug)]
pub struct ForeignHash {
    scheme: Scheme,
    text: String,
}

/// The reason for rejecting a foreign hash. Never contains any part of the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitHash {
    /// An unsupported format, or no hash at all.
    #[error(
        "has an unknown format (known are argon2, bcrypt, scrypt, PBKDF2, phpass, SHA-crypt, {{SSHA}}, and the formats of \
         Django, WordPress, ASP.NET Core Identity, better-auth and Firebase)"
    )]
    Unknown,
    /// A single, unsalted hash.
    #[error(
        "has no salt, so it can be looked up in precomputed tables; leave it empty, and the user sets a new password"
    )]
    Unsalted,
    /// Begins like a supported format but cannot be parsed.
    #[error("is damaged: it begins like {kind}, but the rest cannot be parsed")]
    Damaged {
        /// The format.
        kind: &'static str,
    },
    /// Too short: several passwords may match.
    #[error(
        "is shorter than {} bytes, so more than one password could match",
        ForeignHash::MIN_RESULT_LEN
    )]
    TooShort,
    /// Verification takes more memory or time than a sign-in may cost.
    #[error("costs more to verify than a sign-in may cost (at most {bound})")]
    TooCostly {
        /// The upper bound.
        bound: &'static str,
    },
}

impl ForeignHash {
    /// Minimum length of a result in bytes: that of a 128-bit key.
    const MIN_RESULT_LEN: usize = 16;
    /// Maximum length. The longest supported format has about 250 bytes.
    const MAX_LEN: usize = 512;

    /// Parses a hash in one of these formats:
    ///
    /// | | |
    /// |---|---|
    /// | Django | `argon2$argon2id$…`, `bcrypt_sha256$$2b$…`, `bcrypt$$2b$…`, `pbkdf2_sha256$…`, `pbkdf2_sha1$…`, `scrypt$…` |
    /// | bcrypt's own | `$2a$…`, `$2b$…`, `$2y$…` |
    /// | PHC strings | `$argon2id$…`, `$argon2i$…`, `$argon2d$…`, `$scrypt$ln=…`, `$pbkdf2-sha256$i=…`, `$pbkdf2-sha512$i=…` |
    /// | passlib | `$pbkdf2$…`, `$pbkdf2-sha256$…`, `$pbkdf2-sha512$…` with bare numbers, and the PHC strings |
    /// | Werkzeug | `pbkdf2:sha256:…`, `scrypt:…` |
    /// | WordPress, phpBB | `$wp$2y$…`, `$P$…`, `$H$…` |
    /// | ASP.NET Core Identity | base64 of versions 2 and 3 |
    /// | better-auth | 32 hexadecimal digits, `:`, 128 hexadecimal digits |
    /// | Firebase, as Supabase writes it | `$fbscrypt$v=1,…` |
    /// | crypt(3) | `$5$…`, `$6$…` |
    /// | LDAP (RFC 2307) | `{SSHA}…`, `{SSHA256}…`, `{SSHA512}…`, and `{CRYPT}` with a hash of crypt(3) or bcrypt |
    ///
    /// # Errors
    /// [`UnfitHash`]. Attack: a hash that needs 4 GiB or 2³¹ rounds stops the server at each sign-in with its address.
    pub fn parse(text: &str) -> Result<Self, UnfitHash> {
        if text.len() > Self::MAX_LEN {
            return Err(UnfitHash::Unknown);
        }
        // Django prefixes its hasher's name to a complete hash.
        let whole = text.strip_prefix("argon2").filter(|rest| rest.starts_with("$argon2"));
        let whole = whole.or_else(|| text.strip_prefix("bcrypt$"));
        // So do LDAP directories.
        let whole = whole.or_else(|| scheme_of_ldap(text, "CRYPT")).unwrap_or(text);
        let scheme = read(whole).ok_or_else(|| why_unread(whole))?;
        if scheme.result_len() < Self::MIN_RESULT_LEN {
            return Err(UnfitHash::TooShort);
        }
        scheme.require_affordable()?;
        Ok(Self {
            scheme,
            text: whole.to_owned(),
        })
    }

    /// Returns the hash as text, for [`Self::parse`].
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Verifies the password as typed, because most systems hash it so, and then its NFC, because keyboards encode the same
    /// password differently and some systems normalize it. Timing reveals only whether the input is NFC.
    pub(super) fn is_of(&self, engine: &mut Engine, typed: &Secret) -> Result<bool, Fault> {
        let normalized = typed.as_password(account::nfc);
        Ok(self.scheme.is_of(engine, typed.expose())?
            || (normalized != *typed && self.scheme.is_of(engine, normalized.expose())?))
    }
}

/// Parses the text by its format.
fn read(text: &str) -> Option<Scheme> {
    const LDAP: [(&str, Prf); 3] = [("SSHA", Prf::Sha1), ("SSHA256", Prf::Sha256), ("SSHA512", Prf::Sha512)];
    let ldap = LDAP
        .iter()
        .find_map(|(name, hash)| Some((*hash, scheme_of_ldap(text, name)?)));
    if let Some((hash, blob)) = ldap {
        return Scheme::salted(hash, &base64(blob)?);
    }
    if let Some(hash) = text.strip_prefix("$fbscrypt$") {
        return Firebase::parse(hash).map(Scheme::Firebase);
    }
    let parts: Vec<&str> = text.split('$').collect();
    match parts[..] {
        ["", "argon2d" | "argon2i" | "argon2id", ..] => Scheme::argon2(text),
        ["", "2a" | "2b" | "2y", ..] => Scheme::bcrypt(text, BcryptOver::Password),
        ["bcrypt_sha256", "", "2a" | "2b" | "2y", ..] => {
            Scheme::bcrypt(text.strip_prefix("bcrypt_sha256$")?, BcryptOver::Sha256)
        }
        ["", "wp", "2y", ..] => Scheme::bcrypt(text.strip_prefix("$wp")?, BcryptOver::WordPress),
        ["", "P" | "H", hash] => Phpass::parse(hash).map(Scheme::Phpass),
        ["", "5", ..] => Scheme::sha_crypt(text, ShaCrypt::Sha256),
        ["", "6", ..] => Scheme::sha_crypt(text, ShaCrypt::Sha512),
        ["pbkdf2_sha256", rounds, salt, result] => Scheme::pbkdf2(Prf::Sha256, rounds, salt.into(), &base64(result)?),
        ["pbkdf2_sha1", rounds, salt, result] => Scheme::pbkdf2(Prf::Sha1, rounds, salt.into(), &base64(result)?),
        ["scrypt", n, salt, r, p, result] => Scheme::scrypt(log2(n)?, r, p, salt.into(), &base64(result)?),
        ["", "scrypt", params, salt, result] => {
            let (ln, rest) = params.strip_prefix("ln=")?.split_once(",r=")?;
            let (r, p) = rest.split_once(",p=")?;
            Scheme::scrypt(ln.parse().ok()?, r, p, base64(salt)?, &base64(result)?)
        }
        ["", kind, rounds, salt, result] => {
            let prf = match kind {
                "pbkdf2" | "pbkdf2-sha1" => Prf::Sha1,
                "pbkdf2-sha256" => Prf::Sha256,
                "pbkdf2-sha512" => Prf::Sha512,
                _ => return None,
            };
            // `i=600000`, `i=600000,l=32`, or passlib's plain number.
            let rounds = rounds.strip_prefix("i=").unwrap_or(rounds);
            let rounds = rounds.split_once(",l=").map_or(rounds, |(rounds, _)| rounds);
            Scheme::pbkdf2(prf, rounds, base64(salt)?, &base64(result)?)
        }
        [method, salt, result] => {
            let result = hex::decode(result).ok()?;
            match method.split(':').collect::<Vec<_>>()[..] {
                ["pbkdf2", "sha1", rounds] => Scheme::pbkdf2(Prf::Sha1, rounds, salt.into(), &result),
                ["pbkdf2", "sha256", rounds] => Scheme::pbkdf2(Prf::Sha256, rounds, salt.into(), &result),
                ["pbkdf2", "sha512", rounds] => Scheme::pbkdf2(Prf::Sha512, rounds, salt.into(), &result),
                ["scrypt", n, r, p] => Scheme::scrypt(log2(n)?, r, p, salt.into(), &result),
                _ => None,
            }
        }
        [text] => match text.split_once(':') {
            Some((salt, result)) if is_hex(salt, 16) && is_hex(result, 64) => {
                Scheme::better_auth(salt, &hex::decode(result).ok()?)
            }
            Some(_) => None,
            None => Scheme::asp_net(&base64(text)?),
        },
        _ => None,
    }
}

/// Returns the text after `{NAME}`, in any case (RFC 2307).
fn scheme_of_ldap<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (found, rest) = text.strip_prefix('{')?.split_once('}')?;
    found.eq_ignore_ascii_case(name).then_some(rest)
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the text is an unsalted hash: from a directory, or hexadecimal with the length of MD5, SHA-1, SHA-256 or SHA-512.
fn is_unsalted(text: &str) -> bool {
    let directory = ["SHA", "SHA256", "SHA512", "MD5"];
    directory.iter().any(|name| scheme_of_ldap(text, name).is_some())
        || [16, 20, 32, 64].iter().any(|bytes| is_hex(text, *bytes))
}

/// Explains why a text could not be parsed, based on its beginning.
fn why_unread(text: &str) -> UnfitHash {
    const BEGINNINGS: [(&str, &str); 20] = [
        ("$wp$", "WordPress' bcrypt"),
        ("$P$", "phpass"),
        ("$H$", "phpass"),
        ("$5$", "SHA-crypt"),
        ("$6$", "SHA-crypt"),
        ("$fbscrypt$", "Firebase's scrypt"),
        ("{SSHA", "salted SHA"),
        ("{ssha", "salted SHA"),
        ("$argon2", "argon2"),
        ("$2a$", "bcrypt"),
        ("$2b$", "bcrypt"),
        ("$2y$", "bcrypt"),
        ("bcrypt_sha256$", "bcrypt_sha256"),
        ("pbkdf2_sha256$", "pbkdf2_sha256"),
        ("pbkdf2_sha1$", "pbkdf2_sha1"),
        ("scrypt$", "scrypt"),
        ("scrypt:", "scrypt"),
        ("$scrypt$", "scrypt"),
        ("$pbkdf2", "pbkdf2"),
        ("pbkdf2:", "pbkdf2"),
    ];
    if is_unsalted(text) {
        return UnfitHash::Unsalted;
    }
    let begun = BEGINNINGS.iter().find(|(beginning, _)| text.starts_with(beginning));
    begun.map_or(UnfitHash::Unknown, |(_, kind)| UnfitHash::Damaged { kind })
}

/// Decodes base64 with or without padding, in the standard, URL-safe or passlib alphabet (`.` instead of `+`).
fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    use base64::{Engine as _, alphabet};
    const ANY: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    ANY.decode(text.replace(['.', '-'], "+").replace('_', "/")).ok()
}

/// Converts scrypt's N, a power of two in Django and Werkzeug, to its logarithm.
fn log2(n: &str) -> Option<u8> {
    let n: u64 = n.parse().ok()?;
    n.is_power_of_two().then_some(n.trailing_zeros().try_into().ok()?)
}

#[cfg(test)]
mod tests;
