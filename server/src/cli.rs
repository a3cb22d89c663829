//! What can be typed at a terminal.

use crate::commands::keys::Keys;
use crate::commands::{self, Failed, backup};
use crate::config::{self, Config, Problem, Wanted, variable};
use crate::import::{self, Import};
use crate::terminal::printable;
use crate::traces::Traces;
use crate::{keys, logs, serve};
use account::Keyring;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Accounts: sign in, reset a forgotten password, change it.
#[derive(Parser)]
#[command(name = "rekey", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve pages until told to stop
    Serve {
        /// Development run: on this machine only, with demo people, mails kept in data/letters and shown at /dev/letters
        #[arg(long)]
        dev: bool,
        /// Pages reload when the program was started again; for `make watch`
        #[arg(long, requires = "dev", hide = true)]
        watch: bool,
    },
    /// Bring the database's tables up to date
    Migrate,
    /// Add the demo people of the development run
    Seed,
    /// Look after accounts
    #[command(subcommand)]
    User(User),
    /// Bring people from another system, with the password hashes that they have there
    Import(Import),
    /// Copy the database into a new file, also while a server runs on it (SQLite; PostgreSQL has `pg_dump`)
    Backup {
        /// Where to; it must not exist
        file: PathBuf,
    },
    /// Put a backup in the place of the database, which is kept beside it (SQLite; PostgreSQL has `pg_restore`)
    Restore {
        /// What `rekey backup` has made
        file: PathBuf,
        /// Leave sessions, trusted devices, flows, codes and letters as they are in the backup: only for a service that moves
        #[arg(long)]
        keep_sessions: bool,
    },
    /// End every session, flow and code; trust no device any longer: everybody signs in again
    EndSessions {
        /// The database was restored from a backup: give up the letters that wait in it, too
        #[arg(long)]
        restored: bool,
    },
    /// Look after the server's keys
    #[command(subcommand)]
    Keys(Keys),
    /// Ask the server that runs on this machine, at REKEY_LISTEN, whether it is ready; for health checks of containers
    Health,
    /// Say what is wrong with the configuration, or what it is
    CheckConfig {
        /// As for `serve --dev`
        #[arg(long)]
        dev: bool,
        /// Print all keys with their defaults and meaning, as a Markdown table
        #[arg(long)]
        list: bool,
    },
}

/// Look after accounts.
#[derive(Subcommand)]
pub enum User {
    /// Add an account; its address counts as proven
    Add(NewUser),
    /// List accounts: e-mail, name, who keeps the password, state
    List,
    /// Hand an account over to an organization: its password here, its sessions and its codes are gone at once
    HandOver(HandOver),
    /// Switch an account off: its sessions end, its codes die
    Disable {
        /// Whose
        #[arg(long)]
        email: String,
        /// Switch it on again instead
        #[arg(long)]
        undo: bool,
    },
}

/// An account to hand over.
#[derive(Args)]
pub struct HandOver {
    /// Whose
    #[arg(long)]
    pub email: String,
    /// To this organization
    #[arg(long)]
    pub organization: String,
    /// Who helps with passwords there
    #[arg(long)]
    pub administrator_name: String,
    /// Where to write to that person
    #[arg(long)]
    pub administrator_email: String,
}

/// An account to add.
#[derive(Args)]
pub struct NewUser {
    /// The e-mail address
    #[arg(long)]
    pub email: String,
    /// The person's name
    #[arg(long)]
    pub name: String,
    /// Read the password from standard input; without it the person sets one by "Forgot password?"
    #[arg(long, conflicts_with_all = ["google", "organization"])]
    pub password_stdin: bool,
    /// Google keeps the password
    #[arg(long, conflicts_with = "organization")]
    pub google: bool,
    /// This organization keeps the password
    #[arg(long, requires_all = ["administrator_name", "administrator_email"])]
    pub organization: Option<String>,
    /// Who helps with passwords there
    #[arg(long, requires = "organization")]
    pub administrator_name: Option<String>,
    /// Where to write to that person
    #[arg(long, requires = "organization")]
    pub administrator_email: Option<String>,
    /// Language of screens and mails: en, ar
    #[arg(long, value_parser = crate::http::LANGUAGES)]
    pub language: Option<String>,
}

/// Does what the command line asks for.
pub async fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve { dev, watch } => serve(dev, watch).await,
        Command::Migrate => match settle(Wanted::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::migrate(&config).await,
            Err(failed) => Err(failed),
        },
        Command::Seed => match settle(Wanted::Command, KeyFile::Make) {
            Ok((config, Some(keys))) => commands::seed(config, keys).await,
            other => other.map(drop),
        },
        Command::User(user) => match settle(Wanted::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::user(config, keys, user).await,
            other => other.map(drop),
        },
        Command::Import(what) if what.dry_run => import::run(None, &what).await,
        Command::Import(what) => match settle(Wanted::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::import(config, keys, &what).await,
            other => other.map(drop),
        },
        Command::Backup { file } => match settle(Wanted::Command, KeyFile::Unused) {
            Ok((config, _)) => backup::back_up(&config, &file).await,
            Err(failed) => Err(failed),
        },
        Command::Restore { file, keep_sessions } => match settle(Wanted::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => backup::restore(config, keys, &file, keep_sessions).await,
            other => other.map(drop),
        },
        Command::EndSessions { restored } => match settle(Wanted::Command, KeyFile::Unused) {
            Ok((config, _)) => backup::end_sessions(&config, restored).await,
            Err(failed) => Err(failed),
        },
        Command::Keys(command) => match settle(Wanted::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::keys::run(config, keys, command).await,
            other => other.map(drop),
        },
        Command::Health => match settle(Wanted::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::health(&config).await,
            Err(failed) => Err(failed),
        },
        Command::CheckConfig { list: true, .. } => commands::list_keys(),
        Command::CheckConfig { dev, list: false } => {
            let key_file = if dev { KeyFile::NeededIfThere } else { KeyFile::Needed };
            settle(wanted(dev), key_file).and_then(|(config, _)| commands::show(&config))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let _ = write!(std::io::stderr(), "{}", printable(&failed.to_string()));
            ExitCode::FAILURE
        }
    }
}

async fn serve(dev: bool, watch: bool) -> Result<(), Failed> {
    let (config, keys) = settle(wanted(dev), if dev { KeyFile::Make } else { KeyFile::Needed })?;
    let Some(keys) = keys else { return Ok(()) };
    let traces = Traces::start(&config)?;
    logs::start(&config, traces.as_ref());
    let served = serve::run(config, keys, dev, watch).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    served
}

const fn wanted(dev: bool) -> Wanted {
    if dev { Wanted::ServeDev } else { Wanted::Serve }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyFile {
    Unused,
    Needed,
    NeededIfThere,
    Make,
}

/// The configuration and the keys, or every problem with them at once.
fn settle(wanted: Wanted, key_file: KeyFile) -> Result<(Config, Option<Keyring>), Failed> {
    let (config, mut problems) = config::load(&config::environment(), wanted);
    let path = &config.key_file;
    let keys = match key_file {
        KeyFile::Unused => Ok(None),
        KeyFile::NeededIfThere if !path.exists() => Ok(None),
        // Nothing is made for a start that is refused anyway.
        KeyFile::Make if problems.is_empty() => keys::read_or_make(path).map(Some),
        KeyFile::Make if !path.exists() => Ok(None),
        _ => keys::read(path).map(Some),
    };
    let keys = keys.unwrap_or_else(|text| {
        problems.push(Problem {
            key: variable("key_file"),
            text,
        });
        None
    });
    if problems.is_empty() {
        Ok((config, keys))
    } else {
        Err(Failed::Configuration(problems))
    }
}
