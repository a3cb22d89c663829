//! What can be typed at a terminal.

use crate::commands::keys::Keys;
use crate::commands::mail::Mail;
use crate::commands::{self, Failed, backup};
use crate::config::{self, Config, ConfigPurpose, Problem, variable};
use crate::import::{self, Import};
use crate::terminal::printable;
use crate::traces::Traces;
use crate::{keys, logs, serve};
use account::Keyring;
use backend::Take;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
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
        /// Development run: on this machine only, with demo people, mails kept in data/emails and shown at /dev/emails
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
    /// Import accounts from another system, with the password hashes that they have there
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
        /// Leave sessions, trusted devices, flows, codes and e-mails as they are in the backup: only for a service that moves
        #[arg(long)]
        keep_sessions: bool,
        /// Also passwords that no key of this service made, as after an import: the person who made the backup may know them
        #[arg(long)]
        accept_foreign_hashes: bool,
    },
    /// End every session, flow and code; trust no device any longer: everybody signs in again
    EndSessions {
        /// The database was restored from a backup: give up the e-mails that wait in it, too
        #[arg(long)]
        restored: bool,
    },
    /// Look after the server's keys
    #[command(subcommand)]
    Keys(Keys),
    /// Test the way to the mail server, and manage e-mails that wait
    #[command(subcommand)]
    Mail(Mail),
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
    /// Show what there is of an account: kind, last sign-in, sessions, devices, flows and e-mails that wait
    Show {
        /// Its address
        address: String,
    },
    /// Change the address of an account: both addresses are told, sessions stay, flows and codes on their way end
    Email {
        /// Its address
        address: String,
        /// The new one, which counts as proven
        new: String,
        /// Really: whoever has the new address has the account
        #[arg(long)]
        yes: bool,
    },
    /// Delete an account and everything of it: sessions, devices, flows, codes, activity, e-mails
    Delete {
        /// Its address
        address: String,
        /// Really: there is no way back
        #[arg(long)]
        yes: bool,
    },
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

/// Checks a command line without running it.
///
/// # Errors
/// What the parser says, which is also how it answers `--help` and `--version`.
pub fn check(arguments: &[&str]) -> Result<(), clap::Error> {
    Cli::try_parse_from(arguments).map(drop)
}

/// Does what the command line asks for.
pub async fn run() -> ExitCode {
    // Attack: another account of this machine reads the database, its log or a backup. Whatever the shell's mask is.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let outcome = match Cli::parse().command {
        Command::Serve { dev, watch } => serve(dev, watch).await,
        Command::Migrate => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::migrate(&config).await,
            Err(failed) => Err(failed),
        },
        Command::Seed => match load_config(ConfigPurpose::Command, KeyFile::Make) {
            Ok((config, Some(keys))) => commands::seed(config, keys).await,
            other => other.map(drop),
        },
        Command::User(user) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::user(config, keys, user).await,
            other => other.map(drop),
        },
        Command::Import(what) if what.dry_run => import::run(None, &what).await,
        Command::Import(what) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::import(config, keys, &what).await,
            other => other.map(drop),
        },
        Command::Backup { file } => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => backup::back_up(&config, &file).await,
            Err(failed) => Err(failed),
        },
        Command::Restore {
            file,
            keep_sessions,
            accept_foreign_hashes: foreign_hashes,
        } => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => {
                let take = Take {
                    keep_sessions,
                    foreign_hashes,
                };
                backup::restore(config, keys, &file, take).await
            }
            other => other.map(drop),
        },
        Command::EndSessions { restored } => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => backup::end_sessions(&config, restored).await,
            Err(failed) => Err(failed),
        },
        Command::Keys(command) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::keys::run(config, keys, command).await,
            other => other.map(drop),
        },
        Command::Mail(Mail::Test(test)) => match load_config(ConfigPurpose::Command, KeyFile::NoFiles) {
            Ok((config, _)) => commands::mail::test(&config, &test).await,
            Err(failed) => Err(failed),
        },
        Command::Mail(Mail::Queue { addresses }) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::mail::queue(&config, keys, addresses).await,
            other => other.map(drop),
        },
        Command::Mail(Mail::Retry(which)) => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::mail::retry(&config, which).await,
            Err(failed) => Err(failed),
        },
        Command::Mail(Mail::Drop { which, yes }) => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::mail::mark_failed(&config, which, yes).await,
            Err(failed) => Err(failed),
        },
        Command::Health => match load_config(ConfigPurpose::Command, KeyFile::NoFiles) {
            Ok((config, _)) => commands::health(&config).await,
            Err(failed) => Err(failed),
        },
        Command::CheckConfig { list: true, .. } => commands::list_keys(),
        Command::CheckConfig { dev, list: false } => {
            let key_file = if dev { KeyFile::NeededIfThere } else { KeyFile::Needed };
            load_config(purpose(dev), key_file).and_then(|(config, _)| commands::show(&config))
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
    let (config, keys) = load_config(purpose(dev), if dev { KeyFile::Make } else { KeyFile::Needed })?;
    let Some(keys) = keys else { return Ok(()) };
    let traces = Traces::start(&config)?;
    let log = logs::start(&config, traces.as_ref());
    let served = serve::run(config, keys, log, dev, watch).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    served
}

pub(crate) const fn purpose(dev: bool) -> ConfigPurpose {
    if dev {
        ConfigPurpose::ServeDev
    } else {
        ConfigPurpose::Serve
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyFile {
    Unused,
    /// Nor any other file.
    NoFiles,
    Needed,
    NeededIfThere,
    Make,
}

/// Why root keeps away from a file's folder. Attack: the service's user, taken over, puts links where root's commands write, and
/// gets files of root, or lets them be overwritten. What root writes there would be out of the service's reach, too.
fn whose_else(file: &Path) -> Option<String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let owner = std::fs::metadata(folder).ok()?.uid();
    if !rustix::process::geteuid().is_root() || owner == 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == owner.to_string()).then(|| name.to_owned())
    });
    let (user, become_it) = match user {
        Some(user) => (user.clone(), format!("runuser -u {user} --")),
        None => (
            format!("user {owner}"),
            format!("setpriv --reuid {owner} --regid {owner} --clear-groups"),
        ),
    };
    let words: Vec<String> = std::env::args().skip(1).collect();
    Some(format!(
        "the folder {} belongs to {user}, and this is root; type `{become_it} rekey {}`",
        folder.display(),
        words.join(" ")
    ))
}

/// Whether the database is a file that has something in it.
fn is_filled(config: &Config) -> bool {
    let file = backend::store::Db::file(config.database_url.expose());
    file.and_then(|file| std::fs::metadata(file).ok())
        .is_some_and(|file| file.len() > 0)
}

/// The configuration and the keys, or every problem with them at once.
fn load_config(purpose: ConfigPurpose, key_file: KeyFile) -> Result<(Config, Option<Keyring>), Failed> {
    let (config, mut problems) = config::load(&config::environment(), purpose);
    let path = &config.key_file;
    let database = backend::store::Db::file(config.database_url.expose());
    for (key, file) in [("key_file", Some(path.clone())), ("database_url", database)] {
        // Who looks and changes nothing may be root.
        let changes = !matches!(key_file, KeyFile::NoFiles | KeyFile::NeededIfThere);
        if let Some(text) = file.filter(|_| changes).and_then(|file| whose_else(&file)) {
            let key = variable(key);
            problems.push(Problem { key, text });
        }
    }
    let keys = match key_file {
        KeyFile::Unused | KeyFile::NoFiles => Ok(None),
        KeyFile::NeededIfThere if !path.exists() => Ok(None),
        // A new key opens nothing of what is there.
        KeyFile::Make if !path.exists() && is_filled(&config) => Err(format!(
            "{} does not exist, but the database does: put the key file back, or take the database away",
            path.display()
        )),
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
