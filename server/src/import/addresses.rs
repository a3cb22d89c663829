//! Detection of duplicate addresses in a file.

use account::EmailAddress;
use backend::ImportedAccount;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The addresses read so far, each with the number of its record, as 16-byte digests: a million take about 50 MiB.
pub(super) struct Addresses {
    unit: &'static str,
    numbers: HashMap<[u8; 16], u64>,
}

impl Addresses {
    /// Creates an empty set. `unit` is the unit of record numbers: line or user.
    pub(super) fn new(unit: &'static str) -> Self {
        Self {
            unit,
            numbers: HashMap::new(),
        }
    }

    /// Returns the account, or a message that names the earlier record with this address.
    ///
    /// Attack: on a system that distinguishes addresses by case, a stranger registers the owner's address in capitals with their
    /// own password. The operator must decide which of the two is the owner.
    pub(super) fn admit(&mut self, account: ImportedAccount, number: u64) -> Result<ImportedAccount, String> {
        match self.numbers.entry(digest(&account.email)) {
            Entry::Vacant(entry) => {
                entry.insert(number);
                Ok(account)
            }
            Entry::Occupied(entry) => {
                let (email, unit, first) = (&account.email, self.unit, entry.get());
                Err(format!(
                    "{email} is also the address of {unit} {first}; only {unit} {first} is imported"
                ))
            }
        }
    }
}

fn digest(email: &EmailAddress) -> [u8; 16] {
    let digest = Sha256::digest(email.as_str());
    std::array::from_fn(|index| digest[index])
}
