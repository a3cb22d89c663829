//! Commands to list, add, select and remove server keys.

use super::{Failed, need_database, say};
use crate::config::Config;
use crate::{keys, start};
use account::Keyring;
use backend::Backend;
use clap::Subcommand;

/// Manage the server's keys.
#[derive(Subcommand)]
pub enum Keys {
    /// List the keys and their remaining uses
    List,
    /// Add a new key and use it from now on; running servers load it within a second
    Rotate,
    /// Add a new key without using it yet; for servers that each have a copy of the key file
    Add,
    /// Use a key from now on, once every server has it
    Use {
        /// Name of the key, as shown by `rekey keys list`
        name: String,
    },
    /// Remove an unused key
    Remove {
        /// Name of the key, as shown by `rekey keys list`
        name: String,
        /// Remove it even if it is in use; users with its passwords must reset them
        #[arg(long)]
        force: bool,
    },
    /// After a leak: delete the keys that sign ID tokens, and make another; running servers use it within a minute
    ReplaceSigningKey,
}

/// Runs `rekey keys …`.
pub async fn run(config: Config, ring: Keyring, command: Keys) -> Result<(), Failed> {
    let path = config.key_file.clone();
    match command {
        Keys::List => list(&config, &ring).await,
        Keys::Rotate => {
            let name = keys::rotate(&path)?;
            say(&format!(
                "{name} is now the current key; running servers load it within a second. Keep a copy of {}, apart from the \
                 backups of the database.\nOlder keys still verify existing passwords, which move to {name} as users sign \
                 in. `rekey keys list` shows what still needs each key.\n",
                path.display()
            ))
        }
        Keys::Add => {
            let name = keys::add(&path)?;
            say(&format!(
                "Added {name} to {}. Copy the file to every server, then run: rekey keys use {name}\n",
                path.display()
            ))
        }
        Keys::Use { name } => {
            keys::make_current(&path, &name)?;
            say(&format!("{name} is now the current key.\n"))
        }
        Keys::ReplaceSigningKey => {
            need_database(&config)?;
            let backend = start::backend(&config, ring.clone()).await?;
            let replaced = backend.replace_signing_key().await;
            let name = replaced.map_err(|fault| fault.to_string())?;
            say(&format!(
                "ID tokens are now signed with {name}. Running servers use it within a minute, and products read it within five more.\n"
            ))
        }
        Keys::Remove { name, force } => {
            need_database(&config)?;
            let backend = start::backend(&config, ring.clone()).await?;
            if !force {
                refuse_if_needed(&backend, &name).await?;
            }
            keys::remove(&path, &name)?;
            backend
                .upkeep()
                .forget_key(&name)
                .await
                .map_err(|fault| fault.to_string())?;
            say(&format!("Removed {name}.\n"))
        }
    }
}

async fn list(config: &Config, ring: &Keyring) -> Result<(), Failed> {
    need_database(config)?;
    let backend = start::backend(config, ring.clone()).await?;
    for name in ring.ids() {
        let uses = backend
            .upkeep()
            .key_uses(name)
            .await
            .map_err(|fault| fault.to_string())?;
        let state = if name == ring.current().id() {
            "current"
        } else {
            "older"
        };
        say(&format!(
            "{name}\t{state}\t{} passwords\t{} codes\t{} e-mails\t{} refresh tokens\n",
            uses.passwords, uses.codes, uses.emails, uses.refresh_tokens
        ))?;
    }
    let (_, without_key) = backend
        .upkeep()
        .count_hashes()
        .await
        .map_err(|fault| fault.to_string())?;
    if without_key > 0 {
        say(&format!("\t\t{without_key} imported passwords, without a key\n"))?;
    }
    warn_of_missing(&backend, ring).await
}

/// Warns about passwords that no key in the file can verify: the key file belongs to another database.
pub(super) async fn warn_of_missing(backend: &Backend, ring: &Keyring) -> Result<(), Failed> {
    let (with_key, _) = backend
        .upkeep()
        .count_hashes()
        .await
        .map_err(|fault| fault.to_string())?;
    let mut known = 0;
    for name in ring.ids() {
        known += backend
            .upkeep()
            .key_uses(name)
            .await
            .map_err(|fault| fault.to_string())?
            .passwords;
    }
    if with_key > known {
        say(&format!(
            "Warning: {} passwords need a key that is not in the key file. These users cannot sign in.\n",
            with_key - known
        ))?;
    }
    Ok(())
}

async fn refuse_if_needed(backend: &Backend, name: &str) -> Result<(), Failed> {
    let uses = backend
        .upkeep()
        .key_uses(name)
        .await
        .map_err(|fault| fault.to_string())?;
    if uses.none() {
        return Ok(());
    }
    Err(Failed::Other(format!(
        "{name} is needed by {} passwords, {} codes, {} e-mails and {} refresh tokens. Use --force to remove it anyway.",
        uses.passwords, uses.codes, uses.emails, uses.refresh_tokens
    )))
}
