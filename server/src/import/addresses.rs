//! The addresses of a file, so that no two records claim one account.

use account::Email;
use backend::ImportedAccount;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The addresses read so far, each with the number of its record. A digest of 16 bytes stands for an address, so that a million
/// of them take about 50 MiB.
#[derive(Default)]
pub(super) struct Addresses(HashMap<[u8; 16], u64>);

impl Addresses {
    /// The account, or a sentence that names the earlier record with this address.
    ///
    /// Attack: where addresses are told apart by case, a stranger registers the owner's address in capitals with a password of
    /// their own. The operator decides which of the two is the owner.
    pub(super) fn admit(&mut self, account: ImportedAccount, number: u64) -> Result<ImportedAccount, String> {
        match self.0.entry(digest(&account.email)) {
            Entry::Vacant(entry) => {
                entry.insert(number);
                Ok(account)
            }
            Entry::Occupied(entry) => {
                let (email, first) = (&account.email, entry.get());
                Err(format!(
                    "{email} is the address of line {first} too; only line {first} is imported"
                ))
            }
        }
    }
}

fn digest(email: &Email) -> [u8; 16] {
    let digest = Sha256::digest(email.as_str());
    std::array::from_fn(|index| digest[index])
}
