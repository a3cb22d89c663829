//! Firebase's scrypt: the project's signer key, encrypted with a key that scrypt derives from the password.

use super::base64;
use crate::Fault;
use crate::hashing::hashing;
use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use argon2::password_hash::phc::Output;
use ctr::Ctr128BE;
use zeroize::Zeroizing;

/// A parsed hash.
#[derive(Debug)]
pub(super) struct Firebase {
    params: scrypt::Params,
    /// The user's salt, followed by the project's separator.
    salt: Vec<u8>,
    signer_key: Zeroizing<Vec<u8>>,
    result: Output,
}

impl Firebase {
    /// Parses the text after `$fbscrypt$` as Supabase writes it: `v=1,n=14,r=8,p=1,ss=SEPARATOR,sk=SIGNER KEY$SALT$RESULT`, with
    /// the capitalized values in base64.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let [params, salt, result] = text.split('$').collect::<Vec<_>>()[..] else {
            return None;
        };
        let [version, n, r, p, separator, signer_key] = params.split(',').collect::<Vec<_>>()[..] else {
            return None;
        };
        let number = |text: &str, name: &str| text.strip_prefix(name)?.parse::<u32>().ok();
        let mut salt = base64(salt)?;
        salt.extend(base64(separator.strip_prefix("ss=")?)?);
        let signer_key = Zeroizing::new(base64(signer_key.strip_prefix("sk=")?)?);
        if signer_key.len() > Output::MAX_LENGTH {
            return None;
        }
        Some(Self {
            params: scrypt::Params::new(
                number(n, "n=").filter(|_| version == "v=1")?.try_into().ok()?,
                number(r, "r=")?,
                number(p, "p=")?,
            )
            .ok()?,
            salt,
            signer_key,
            result: Output::new(&base64(result)?).ok()?,
        })
    }

    pub(super) const fn params(&self) -> &scrypt::Params {
        &self.params
    }

    /// A result of a length other than the signer key's matches no password.
    pub(super) fn result_len(&self) -> usize {
        self.result.len().min(self.signer_key.len())
    }

    /// Verifies exactly these characters; [`Output`] compares in constant time.
    pub(super) fn is_of(&self, password: &str) -> Result<bool, Fault> {
        let mut derived = Zeroizing::new([0; 32]);
        scrypt::scrypt(password.as_bytes(), &self.salt, &self.params, &mut derived[..]).map_err(hashing)?;
        let mut made = self.signer_key.clone();
        Ctr128BE::<Aes256>::new((&*derived).into(), &[0; 16].into()).apply_keystream(&mut made);
        Ok(Output::new(&made).map_err(hashing)? == self.result)
    }
}
