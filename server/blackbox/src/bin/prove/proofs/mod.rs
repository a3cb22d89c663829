//! The proofs, in the order of the properties.

mod addresses;
mod bytes;
mod clients;
mod clocks;
mod codes;
mod crashes;
mod databases;
mod disk;
mod emails;
mod enumeration;
mod limits;
mod mail_server;
mod managed;
mod once;
mod owner;
mod privacy;
mod products;
mod providers;
mod secrets;
mod sessions;
mod sites;
mod tokens;
mod web;

use crate::proof::Proof;

/// Returns all proofs, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static Proof> {
    let mut all: Vec<&Proof> = [
        addresses::PROOFS,
        bytes::PROOFS,
        clients::PROOFS,
        clocks::PROOFS,
        codes::PROOFS,
        crashes::PROOFS,
        databases::PROOFS,
        disk::PROOFS,
        emails::PROOFS,
        enumeration::PROOFS,
        limits::PROOFS,
        mail_server::PROOFS,
        managed::PROOFS,
        once::PROOFS,
        owner::PROOFS,
        privacy::PROOFS,
        products::PROOFS,
        providers::PROOFS,
        secrets::PROOFS,
        web::PROOFS,
        sessions::PROOFS,
        sites::PROOFS,
        tokens::PROOFS,
    ]
    .into_iter()
    .flatten()
    .collect();
    all.sort_by_key(|proof| proof.number);
    all.into_iter()
}
