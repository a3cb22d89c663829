//! The server's keys: which there are, what needs them, a new one.

use super::{Failed, need_database, say};
use crate::config::Config;
use crate::{keys, start};
use account::Keyring;
use backend::Backend;
use clap::Subcommand;

/// Look after the server's keys.
#[derive(Subcommand)]
pub enum Keys {
    /// List the keys' names and what still needs each
    List,
    /// Add a new key and use it from now on; running servers take it up within a second
    Rotate,
    /// Add a new key that is not used yet: for servers that have a copy of the key file each
    Add,
    /// Use this key from now on, when every server has it
    Use {
        /// Its name, as `rekey keys list` shows it
        name: String,
    },
    /// Take a key away that nothing needs any more
    Remove {
        /// Its name, as `rekey keys list` shows it
        name: String,
        /// Also when something needs it: those passwords work no longer, and their people reset them
        #[arg(long)]
        force: bool,
    },
}

/// `rekey keys …`.
pub async fn run(config: Config, ring: Keyring, command: Keys) -> Result<(), Failed> {
    let path = config.key_file.clone();
    match command {
        Keys::List => list(&config, &ring).await,
        Keys::Rotate => {
            let name = keys::rotate(&path)?;
            say(&format!(
                "{name} is used from now on; running servers take it up within a second. Keep a copy of {}, and not beside \
                 the database's backups.\nOlder keys still verify what they made, and passwords move to {name} as people sign \
                 in; `rekey keys list` shows what needs which.\n",
                path.display()
            ))
        }
        Keys::Add => {
            let name = keys::add(&path)?;
            say(&format!(
                "{name} is added to {}. Bring the file to every server, then: rekey keys use {name}\n",
                path.display()
            ))
        }
        Keys::Use { name } => {
            keys::make_current(&path, &name)?;
            say(&format!("{name} is used from now on.\n"))
        }
        Keys::Remove { name, force } => {
            need_database(&config)?;
            let backend = start::backend(&config, ring.clone()).await?;
            if !force {
                refuse_if_needed(&backend, &name).await?;
            }
            keys::remove(&path, &name)?;
            backend.forget_key(&name).await.map_err(|fault| fault.to_string())?;
            say(&format!("{name} is taken away.\n"))
        }
    }
}

async fn list(config: &Config, ring: &Keyring) -> Result<(), Failed> {
    need_database(config)?;
    let backend = start::backend(config, ring.clone()).await?;
    for name in ring.ids() {
        let uses = backend.key_uses(name).await.map_err(|fault| fault.to_string())?;
        let state = if name == ring.current().id() { "in use" } else { "older" };
        say(&format!(
            "{name}\t{state}\t{} passwords\t{} codes\t{} e-mails\n",
            uses.passwords, uses.codes, uses.emails
        ))?;
    }
    let (_, without_key) = backend.count_hashes().await.map_err(|fault| fault.to_string())?;
    if without_key > 0 {
        say(&format!(
            "\t\t{without_key} passwords of another system, without a key\n"
        ))?;
    }
    warn_of_missing(&backend, ring).await
}

/// Tells of passwords that no key of the file verifies: the file is another one than the database was written with.
pub(super) async fn warn_of_missing(backend: &Backend, ring: &Keyring) -> Result<(), Failed> {
    let (with_key, _) = backend.count_hashes().await.map_err(|fault| fault.to_string())?;
    let mut known = 0;
    for name in ring.ids() {
        known += backend
            .key_uses(name)
            .await
            .map_err(|fault| fault.to_string())?
            .passwords;
    }
    if with_key > known {
        say(&format!(
            "Take care: {} passwords need a key that is not in the key file; their people cannot sign in.\n",
            with_key - known
        ))?;
    }
    Ok(())
}

async fn refuse_if_needed(backend: &Backend, name: &str) -> Result<(), Failed> {
    let uses = backend.key_uses(name).await.map_err(|fault| fault.to_string())?;
    if uses.none() {
        return Ok(());
    }
    Err(Failed::Other(format!(
        "{name} is needed by {} passwords, {} codes and {} e-mails; --force takes it away all the same.",
        uses.passwords, uses.codes, uses.emails
    )))
}
