//! Lookup of leaked passwords: in the operator's file, or from a range service with k-anonymity.

use crate::TrustedRoots;
use crate::trust::is_encrypted_or_local;
use account::Secret;
use sha1::{Digest, Sha1};
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Timeout of a range service, while a user is waiting.
const TIME: Duration = Duration::from_secs(1);
/// Maximum length of a response; a padded one has about 40 KiB.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// Number of hexadecimal digits of the SHA-1 that are sent.
const PREFIX: usize = 5;

/// The source of leaked passwords; off by default.
#[derive(Debug, Clone)]
pub enum LeakedPasswords {
    /// No lookup.
    Off,
    /// A file in memory, with one password or one upper-case hexadecimal SHA-1 per line.
    File(Arc<HashSet<[u8; 20]>>),
    /// A range service, such as Have I Been Pwned, which receives only the first five characters of the SHA-1.
    Range {
        /// `https://…/range/`, to which five characters are appended.
        url: String,
        /// An HTTP client with a timeout of one second.
        client: reqwest::Client,
    },
}

/// The result of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// The password is on the list.
    Found,
    /// The password is not on the list.
    NotFound,
    /// The service didn't answer in time. The password is accepted and checked at the next sign-in.
    Unknown,
}

impl LeakedPasswords {
    /// Reads a file. Each line is a password, or a hexadecimal SHA-1, optionally followed by `:` and a count.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn from_file(path: &Path) -> io::Result<Self> {
        let mut digests = HashSet::new();
        for line in BufReader::new(std::fs::File::open(path)?).split(b'\n') {
            let line = line?;
            // Lines in other encodings are skipped, because they cannot be passwords in NFC.
            let text = str::from_utf8(line.strip_suffix(b"\r").unwrap_or(&line)).unwrap_or_default();
            let (hash, seen) = text.split_once(':').unwrap_or((text, ""));
            match listed(hash).filter(|_| seen.bytes().all(|b| b.is_ascii_digit())) {
                Some(digest) => digests.insert(digest),
                None => {
                    !text.is_empty() && digests.insert(digest(Secret::from(text).as_password(account::nfc).expose()))
                }
            };
        }
        Ok(Self::File(Arc::new(digests)))
    }

    /// Uses a range service, such as `https://api.pwnedpasswords.com/range/`.
    ///
    /// # Errors
    /// If the URL is invalid, or is `http` to another machine. Attack: someone on the network reports every password, or none,
    /// as leaked.
    pub fn range(url: &str, roots: &TrustedRoots) -> Result<Self, String> {
        Self::range_within(url, roots, TIME)
    }

    fn range_within(url: &str, roots: &TrustedRoots, time: Duration) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| error.to_string())?;
        if !is_encrypted_or_local(&parsed) {
            return Err("a range service is reached by https".into());
        }
        let client = roots
            .http()?
            .timeout(time)
            .user_agent(concat!("Rekey/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        let slash = if url.ends_with('/') { "" } else { "/" };
        Ok(Self::Range {
            url: format!("{url}{slash}"),
            client,
        })
    }

    /// Looks up a password (NFC).
    pub async fn look_up(&self, password: &str) -> Leak {
        match self {
            Self::Off => Leak::NotFound,
            Self::File(digests) if digests.contains(&digest(password)) => Leak::Found,
            Self::File(_) => Leak::NotFound,
            Self::Range { url, client } => {
                let hex = Zeroizing::new(hex::encode_upper(digest(password)));
                let (prefix, suffix) = hex.split_at(PREFIX);
                match ask(client, &format!("{url}{prefix}")).await {
                    Ok(answer) if names(&answer, suffix) => Leak::Found,
                    Ok(_) => Leak::NotFound,
                    Err(why) => {
                        tracing::warn!(
                            why,
                            "the range service for leaked passwords did not answer; the password was accepted"
                        );
                        Leak::Unknown
                    }
                }
            }
        }
    }
}

/// Queries the service. Errors exclude the URL, which ends in a part of the password's SHA-1.
async fn ask(client: &reqwest::Client, url: &str) -> Result<String, String> {
    let told = |error: reqwest::Error| {
        if error.is_timeout() {
            "too slow".to_owned()
        } else {
            error.without_url().to_string()
        }
    };
    // Padding. Attack: an eavesdropper infers the requested range from the response's length.
    let mut response = client
        .get(url)
        .header("Add-Padding", "true")
        .send()
        .await
        .map_err(told)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("status {}", response.status().as_u16()));
    }
    let mut answer = Vec::new();
    while let Some(part) = response.chunk().await.map_err(told)? {
        answer.extend_from_slice(&part);
        if answer.len() > LONGEST_ANSWER {
            return Err("too long".into());
        }
    }
    String::from_utf8(answer).map_err(|_| "no text".into())
}

/// Whether a range response (`SUFFIX:COUNT` lines) contains the suffix. A count of 0 is padding.
fn names(answer: &str, suffix: &str) -> bool {
    answer
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .any(|(other, count)| {
            other.eq_ignore_ascii_case(suffix) && count.trim().parse::<u64>().is_ok_and(|count| count > 0)
        })
}

fn digest(password: &str) -> [u8; 20] {
    Sha1::digest(password).into()
}

fn listed(hash: &str) -> Option<[u8; 20]> {
    let mut digest = [0; 20];
    hex::decode_to_slice(hash, &mut digest).ok().map(|()| digest)
}

#[cfg(test)]
mod tests;
