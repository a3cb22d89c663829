//! phpass portable hashes (Openwall): iterated MD5.

use crate::Fault;
use crate::hashing::hashing;
use argon2::password_hash::phc::Output;
use md5::{Digest, Md5};

/// The base64 alphabet of phpass.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A parsed hash.
#[derive(Debug)]
pub(super) struct Phpass {
    rounds_log2: u32,
    salt: [u8; 8],
    result: Output,
}

impl Phpass {
    /// Length of a result in bytes.
    pub(super) const RESULT_LEN: usize = 16;
    /// Base-2 logarithm of the maximum number of rounds: about a second of CPU time for the longest password.
    pub(super) const MOST_ROUNDS_LOG2: u32 = 20;

    /// Parses the text after `$P$` or `$H$`: one digit for the rounds, eight characters of salt, 22 of the result.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (rounds, rest) = text.as_bytes().split_first()?;
        let (salt, result) = rest.split_at_checked(8)?;
        Some(Self {
            rounds_log2: digit(*rounds).filter(|log2| (7..=30).contains(log2))?,
            salt: salt.try_into().ok()?,
            result: decode(result)?,
        })
    }

    pub(super) const fn rounds_log2(&self) -> u32 {
        self.rounds_log2
    }

    /// Verifies exactly these characters; [`Output`] compares in constant time.
    pub(super) fn is_of(&self, password: &str) -> Result<bool, Fault> {
        let mut digest = Md5::new().chain_update(self.salt).chain_update(password).finalize();
        for _ in 0..1_u64 << self.rounds_log2 {
            digest = Md5::new().chain_update(digest).chain_update(password).finalize();
        }
        Ok(Output::new(&digest).map_err(hashing)? == self.result)
    }
}

/// Returns the value of a digit.
fn digit(byte: u8) -> Option<u32> {
    DIGITS.iter().position(|digit| *digit == byte)?.try_into().ok()
}

/// Decodes 22 digits to 16 bytes. In each group of three bytes, the first digit holds the lowest six bits.
fn decode(text: &[u8]) -> Option<Output> {
    let mut bytes = Vec::new();
    for group in text.chunks(4) {
        let mut value = 0;
        for (place, byte) in group.iter().enumerate() {
            value |= digit(*byte)? << (6 * place);
        }
        bytes.extend_from_slice(&value.to_le_bytes()[..group.len() * 6 / 8]);
    }
    Output::new(&bytes)
        .ok()
        .filter(|result| result.len() == Phpass::RESULT_LEN && text.len() == 22)
}
